#!/usr/bin/env python3
"""The demonstrations of the delivery rules with real processes: semantics_drills.py NN [--soak].

Each function shows one numbered promise. Times are those of the promise unless a drill says that it runs with a shorter
heartbeat and lease: then the bound is computed from them. --soak runs the long variant.
"""
import contextlib
import http.client
import datetime
import os
import random
import signal
import sys
import time

from drill import BRISK, LEASE_MS, QUEUE, STORM, expect, expect_whole, finish, free_port, helper, load, peer, run, until

def drill_01_broker_killed_under_load(c, soak):
    """kill -9 of the broker at random moments: no acknowledged task and no result is lost."""
    rounds = 200 if soak else 8
    seed = int(os.environ.get("PV_SEED", "20261122"))
    rng = random.Random(seed)
    c.broker(*BRISK)
    provers = [c.prover(f"p{i}", "--slots", "2") for i in range(2)]
    process = load(c, "--tasks", 400 * rounds, "--threads", 8, "--sleep-ms", 5, "--seed", seed, "--patience", 300)
    kills = 0
    while kills < rounds and process.poll() is None:
        time.sleep(rng.uniform(0.05, 0.6))
        c.broker_process.kill()
        kills += 1
        c.broker(*BRISK, ready=False)
        if rng.random() < 0.5:
            until("the broker answers", c.answers)
    code, figures, err = finish(process, 60 + 20 * rounds)
    expect_whole(code, figures, err)
    expect(kills == rounds, f"only {kills} of {rounds} kills before the load was done: it was too small")
    expect(all(p.running() for p in provers), "a prover ended")
    executions = figures["attempts"] / figures["answered"]
    return {"seed": seed, "kills": kills, "tasks": figures["acked"], "lost": figures["acked"] - figures["answered"],
            "executions_per_task": round(executions, 4)}


def drill_kill_everyone(c, soak):
    """kill -9 of broker, provers and caller in turn and together: each acknowledged task ends once, with its own result."""
    rounds = 200 if soak else 10
    seed = int(os.environ.get("PV_SEED", "20261122"))
    rng = random.Random(seed)
    acked, done = c.path("acked"), c.path("done")
    kills = {"broker": 0, "prover": 0, "caller": 0}
    caller = None

    def start_caller():
        return load(c, "--tasks", 1000000, "--threads", 8, "--sleep-ms", 20, "--seed", seed, "--patience", 120, "--name",
                    "shop", "--acked", acked, "--done", done)

    def kill(who):
        nonlocal caller
        kills[who] += 1
        if who == "broker":
            c.broker_process.kill()
            return lambda: c.broker(*BRISK, ready=False)
        if who == "prover":
            name = rng.choice(sorted(provers))
            provers[name].kill()
            return lambda: provers.update({name: c.prover(name, "--slots", "2", ready=False)})
        caller.kill()
        caller.communicate()
        c.helpers.remove(caller)
        return start_again

    def start_again():
        nonlocal caller
        caller = start_caller()

    c.broker(*BRISK)
    provers = {name: c.prover(name, "--slots", "2") for name in ("p1", "p2")}
    start_again()
    for _ in range(rounds):
        time.sleep(rng.uniform(0.1, 0.8))
        victims = sorted(kills) if rng.random() < 0.1 else [rng.choice(sorted(kills))]
        again = [kill(victim) for victim in victims]
        time.sleep(rng.choice((0, 0.05, 0.5)))
        for start in again:
            start()
    return settled(c, caller, seed, acked, done, kills)


def lines_of(path):
    with open(path) as f:
        return f.read().split()


def settled(c, caller, seed, acked, done, kills):
    """The end of kill_everyone: the caller finishes what is open; then everything is asked for once more."""
    time.sleep(1)  # so that the last caller has begun
    caller.send_signal(signal.SIGTERM)
    code, last, err = finish(caller, 120)
    expect_whole(code, last, err)
    promised, ended = lines_of(acked), lines_of(done)
    expect(len(promised) > 100, f"only {len(promised)} tasks: that was no load")
    expect(len(set(ended)) == len(ended), "a task ended twice for its caller")
    expect(set(ended) == set(promised), f"{len(set(promised) - set(ended))} acknowledged tasks never ended")
    code, again, err = finish(load(c, "--resume", acked, "--seed", seed, "--sleep-ms", 20, "--name", "shop"), 300)
    expect_whole(code, again, err)
    expect(again["acked"] == len(promised), f"{again['acked']} of {len(promised)} asked for again")
    row = c.json("queue", "show", QUEUE)["rows"][0]
    expect(row["demand"] == 0 and row["delayed"] == 0 and row["dead"] == 0, f"not all is over: {row}")
    extra = again["attempts"] - len(promised)
    expect(extra <= 2 * kills["prover"], f"{extra} executions too many, {kills['prover']} provers of two slots killed")
    return {"seed": seed, "kills": kills, "tasks": len(promised), "lost": 0, "attached_by_the_last_caller": last["attached"],
            "executions": again["attempts"], "executions_per_task": round(again["attempts"] / len(promised), 4)}


def offered_at(prover, task):
    """When the prover wrote that it was offered the task, as time.time() tells it; None: not yet."""
    stamps = [line.split()[0] for line in prover.log_text().splitlines() if f" task.offered task={task} " in line]
    if not stamps:
        return None
    return datetime.datetime.strptime(stamps[-1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def reoffered_after(c, hurt, within_s, round_number=0):
    """Two provers, one has a task and is hurt: how long until the other one's log has the offer."""
    first = c.prover(f"first{round_number}")
    task = c.submit({"sleep_ms": 1500, "text": str(round_number)})
    until("it is given out", lambda: offered_at(first, task))
    c.wait(task, "running")
    second = c.prover(f"second{round_number}")
    started = time.time()
    hurt(first)
    until("another prover has the task", lambda: offered_at(second, task), within_s + 5, step=0.005)
    seconds = offered_at(second, task) - started
    c.wait(task, "succeeded")
    expect(second.running(), "the second prover ended")
    second.kill()
    return round(seconds, 3)


def drill_02_prover_killed(c, soak):
    """kill -9 of a prover: its task is offered again within 2 s with the default grace of 1 s."""
    c.broker(*BRISK, "--grace-ms", "1000")
    seconds = reoffered_after(c, lambda p: p.kill(), 2.0)
    expect(seconds <= 2, f"offered again after {seconds} s, promised within 2 s")
    return {"reoffered_s": seconds}


def drill_02_prover_killed_without_grace(c, soak):
    """With grace 0 within 50 ms: the median of five, for the machine may be busy."""
    c.broker(*BRISK, "--grace-ms", "0")
    times = sorted(reoffered_after(c, lambda p: p.kill(), 2.0, i) for i in range(5))
    expect(times[2] <= 0.05, f"offered again after {times} s, promised within 50 ms")
    return {"reoffered_s": times}


def drill_02_prover_frozen(c, soak):
    """A silent prover: within the lease and one second."""
    c.broker(*BRISK)
    seconds = reoffered_after(c, lambda p: p.freeze(), LEASE_MS / 1000 + 1)
    expect(seconds <= LEASE_MS / 1000 + 1, f"offered again after {seconds} s, promised within {LEASE_MS} ms and 1 s")
    return {"reoffered_s": seconds}


def drill_03_frozen_past_its_lease(c, soak):
    """Both attempts finish, one result is committed, the other prover is told so and goes on."""
    c.broker(*BRISK)
    first = c.prover("first")
    task = c.submit({"sleep_ms": 1200})
    c.wait(task, "running")
    first.freeze()
    c.prover("second")
    c.wait(task, "succeeded")
    first.thaw()
    until("the first prover is told", lambda: first.log_count("task.revoked"))
    info = c.task(task)
    expect(info["attempts"] == 2 and info["losses"] == 1, f"{info['attempts']} attempts, {info['losses']} losses")
    expect(info["generation"] == 1 and info["prover"] == "second", f"generation {info['generation']} of {info['prover']}")
    expect(c.rows("status")[0]["succeeded"] == 1, "more than one result was committed")
    again = c.submit({"sleep_ms": 1})
    c.wait(again, "succeeded")
    expect(first.running(), "the thawed prover ended")


def drill_05_broker_away_while_proving(c, soak):
    """The broker is away during ten long proofs: none is computed twice."""
    away_s, work_ms = (10, 60000) if soak else (2, 5000)
    options = () if soak else BRISK
    c.broker(*options)
    prover = c.prover("p", "--slots", "10")
    tasks = [c.submit({"sleep_ms": work_ms, "text": str(i)}) for i in range(10)]
    for task in tasks:
        c.wait(task, "running")
    c.broker_process.kill()
    time.sleep(away_s)  # the length of the outage is what is drilled
    c.broker(*options)
    for task in tasks:
        c.wait(task, "succeeded", seconds=work_ms / 1000 + 30)
    executions = sum(c.task(task)["attempts"] for task in tasks)
    expect(executions == 10, f"{executions} executions of 10 tasks")
    expect(prover.running(), "the prover ended")
    return {"executions": executions, "away_s": away_s}


def drill_06_worker_restarts(c, soak):
    """A killed caller: its new process is not sent the old results, and gets every one it asks for."""
    c.broker(*BRISK)
    c.prover("p", "--slots", "4")
    acked = os.path.join(c.folder, "acked")
    process = load(c, "--tasks", 2000, "--threads", 4, "--sleep-ms", 20, "--acked", acked, "--name", "shop")
    until("fifty submits are acknowledged", lambda: os.path.exists(acked) and sum(1 for _ in open(acked)) >= 50)
    process.kill()
    process.communicate()
    first = lines_of(acked)[0]
    c.wait(first, "succeeded")
    code, heard, err = finish(peer(c, "listen", "shop", first), 40)
    expect(code == 0 and heard["pushed"] == 0, f"old results were pushed to the new process: {heard} {err}")
    expect(heard["attached"] == 1, f"an attached task was delivered {heard['attached']} times")
    code, fresh, err = finish(load(c, "--tasks", 20, "--seed", 99, "--name", "shop"), 60)
    expect_whole(code, fresh, err)
    code, old, err = finish(load(c, "--resume", acked, "--sleep-ms", 20, "--name", "shop"), 120)
    expect_whole(code, old, err)
    return {"fetched_after_restart": old["answered"]}


def drill_07_purge_counts_leased(c, soak):
    """Purge of 3 queued and 2 leased tasks: five, and both provers stop computing."""
    c.broker(*BRISK)
    provers = [c.prover(name, "--prefetch", "0") for name in ("p1", "p2")]
    tasks = [c.submit({"sleep_ms": 60000, "text": str(i)}) for i in range(5)]
    until("two run", lambda: sum(c.state_is(t, "running") for t in tasks) == 2)
    dry = c.json("queue", "purge", QUEUE, "--dry-run")
    expect(sum(c.state_is(t, "queued") for t in tasks) == 3, "a dry run changed something")
    counts = c.json("queue", "purge", QUEUE, "--yes")
    for answer in (dry, counts):
        found = answer["counts"]
        expect(found.get("queued") == 3 and found.get("running") == 2, f"purge counted {found}")
    for prover in provers:
        until(f"{prover.name} was told", lambda p=prover: "revoke" in p.log_text())
    done = c.submit({"sleep_ms": 1})
    c.wait(done, "succeeded", seconds=5)  # a slot is free long before the minute is over


def drill_08_poison_task(c, soak):
    """A task that kills its prover is dead after 5 losses; the others are answered."""
    c.broker(*BRISK, "--grace-ms", "0")
    poison = c.submit({"fail": "crash", "sleep_ms": 50})
    good = [c.submit({"sleep_ms": 5, "text": str(i)}) for i in range(10)]
    prover, starts = c.prover("p", ready=False), 1
    deadline = time.monotonic() + 60
    while not c.state_is(poison, "dead"):
        expect(time.monotonic() < deadline, f"not dead after {starts} starts: {c.task(poison)}")
        if not prover.running():
            prover, starts = c.prover("p", ready=False), starts + 1
        time.sleep(0.02)
    info = c.task(poison)
    expect(info["losses"] == 5, f"{info['losses']} losses")
    if not prover.running():
        c.prover("p")
    for task in good:
        c.wait(task, "succeeded")
    return {"prover_starts": starts}


def drill_10_two_provers_two_tasks(c, soak):
    """Prefetch never keeps a task from an idle prover."""
    c.broker(*BRISK)
    for name in ("p1", "p2"):
        c.prover(name, "--prefetch", "1")
    for _ in range(5):
        tasks = [c.submit({"sleep_ms": 1500, "text": str(i)}) for i in range(2)]
        until("both run at once", lambda: all(c.state_is(t, "running") for t in tasks), 1.4)
        for task in tasks:
            c.wait(task, "succeeded")


def resident_mb(process):
    with open(f"/proc/{process.popen.pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) / 1024


def storm(c, *words, seconds, endpoint=None):
    """Starts drill_storm; its last line is JSON."""
    return helper(c, [STORM, "--endpoint", endpoint or c.endpoint, "--seconds", str(seconds), "--seed", "20261122", *words])


def scrape(port):
    """One GET /metrics: whether it was served, and how many ms it took."""
    started = time.monotonic()
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        served = answer.status == 200 and b"provost" in answer.read()
        connection.close()
        return served, (time.monotonic() - started) * 1000
    return False, 0.0


def middle(values, percent):
    return round(sorted(values)[(len(values) - 1) * percent // 100], 1) if values else None


def storms_beside_honest_peers(c, broker, port, storms):
    """Honest rounds of tasks and scrapes until the storms have passed; the figures of calm and storm."""
    rounds, p50, p99, scrapes, calm_scrapes, served, refused = 0, [], [], [], [], 0, 0
    code, calm, err = finish(load(c, "--tasks", 500, "--threads", 2, "--seed", 7, who="client"), 60)
    expect_whole(code, calm, err)
    for _ in range(50):
        good, took = scrape(port)
        expect(good, "/metrics is not served")
        calm_scrapes.append(took)
    before = peak = resident_mb(broker)
    running = [start() for start in storms]
    while any(s.poll() is None for s in running):
        rounds += 1
        code, figures, err = finish(load(c, "--tasks", 100, "--threads", 2, "--seed", 100 + rounds, who="client"), 60)
        expect_whole(code, figures, err)
        served += figures["answered"]
        p50.append(figures["p50_ms"])
        p99.append(figures["p99_ms"])
        for _ in range(10):
            good, took = scrape(port)
            scrapes.append(took) if good else None
            refused += not good
        peak = max(peak, resident_mb(broker))
    sent = [finish(s, 10)[1] for s in running]
    expect(broker.running(), "the broker ended")
    expect(peak - before < 256, f"memory grew from {before:.0f} to {peak:.0f} MB")
    expect(scrapes and refused <= len(scrapes), f"{refused} of {refused + len(scrapes)} scrapes were refused")
    expect(scrape(port)[0], "/metrics is not served after the storm")
    return {"sent": [{k: s[k] for k in ("messages", "connections", "raw", "cut")} for s in sent], "honest_tasks": served,
            "malformed": c.rows("status")[0]["malformed"], "memory_mb": [round(before), round(peak)],
            "task_ms_calm": [calm["p50_ms"], calm["p99_ms"]], "task_ms_storm": [middle(p50, 50), max(p99)],
            "scrape_ms_calm": [middle(calm_scrapes, 50), middle(calm_scrapes, 99)],
            "scrape_ms_storm": [middle(scrapes, 50), middle(scrapes, 99)], "scrapes_refused": refused}


def drill_13_hostile_bytes(c, soak):
    """Random and mutated bytes on every port: the broker lives, in bounded memory, and honest peers beside it are served."""
    seconds, port = 300 if soak else 6, free_port()
    broker = c.broker(*BRISK, "--http", f"127.0.0.1:{port}")
    c.prover("p", "--slots", "4")
    figures = storms_beside_honest_peers(c, broker, port, [
        lambda: storm(c, seconds=seconds),
        lambda: storm(c, "--http", seconds=seconds, endpoint=f"tcp://127.0.0.1:{port}")])
    expect(figures["malformed"] > 100, f"only {figures['malformed']} malformed messages arrived: that was no storm")
    return figures


def drill_13_hostile_bytes_with_keys(c, soak):
    """The same where keys are asked for: from a key that is let in, from keys nobody knows, and in the handshake."""
    seconds, port = 300 if soak else 6, free_port()
    c.use_keys({"admin": "admin, client", "client": "client", "p": "prover", "storm": "client, prover"})
    broker = c.broker(*BRISK, "--http", f"127.0.0.1:{port}")
    c.prover("p", "--slots", "4")
    figures = storms_beside_honest_peers(c, broker, port, [
        lambda: storm(c, "--key", c.path("storm"), "--server-key", c.path("broker.pub"), seconds=seconds)])
    expect(figures["malformed"] > 100, f"only {figures['malformed']} malformed messages arrived: that was no storm")
    return figures


def drill_14_revoked_key(c, soak):
    """A key taken out of the file is refused at its next message, says so, and works again once it is back."""
    c.use_keys({"admin": "admin, client", "client": "client", "p": "prover"})
    broker = c.broker(*BRISK)
    prover = c.prover("p")

    def submit(text):
        return c.cli("task", "submit", "--queue", QUEUE, "--circuit", "echo", "--connect-timeout", "2s", "--timeout", "3s",
                     c.input_file({"text": text}), "-o", "json", who="client", check=False)

    expect(submit("allowed").returncode == 0, "an allowed client was refused")
    c.allow("admin")
    broker.signal(signal.SIGHUP)
    refused = until("the revoked client is refused", lambda: (d := submit("revoked")).returncode == 4 and d)
    expect(b"unauthorized" in refused.stderr, f"it was not told why: {refused.stderr.decode()}")
    until("the revoked prover is cut", lambda: not any(r["live"] for r in c.rows("prover", "ls")))
    until("the prover says why", lambda: "unauthorized" in prover.log_text())
    c.allow("admin", "client", "p")
    broker.signal(signal.SIGHUP)
    until("the client is served again", lambda: submit("back").returncode == 0)
    until("the prover is back by itself", lambda: any(r["live"] for r in c.rows("prover", "ls")), seconds=40)


def drill_15_many_cycles(c, soak):
    """Submit, answer, acknowledge, again and again: the disk holds what lives, not what has been (a million with --soak)."""
    tasks = 1000000 if soak else 10000
    c.broker("--late-ms", "1000")
    for i in range(2):
        c.prover(f"p{i}", "--slots", "8", "--prefetch", "8")
    peak = 0.0
    process = load(c, "--tasks", tasks, "--threads", 32, "--patience", 600)
    while process.poll() is None:
        peak = max(peak, c.state_mb())
        time.sleep(0.2)  # how often the folder is measured
    code, figures, err = finish(process, 10)
    expect_whole(code, figures, err)
    expect(peak < 96, f"the state folder grew to {peak:.0f} MB")
    return {"cycles": tasks, "state_mb_peak": round(peak, 1), "state_mb_end": round(c.state_mb(), 1)}


def drill_16_restart_with_a_backlog(c, soak):
    """100,000 queued tasks: the restarted broker answers within 2 s (10,000 without --soak)."""
    tasks = 100000 if soak else 10000
    c.broker(*BRISK)
    code, done, err = finish(load(c, "--tasks", tasks, "--threads", 32, "--submit-only"), 300)
    expect(code == 0 and done["acked"] == tasks, f"{done}\n{err[-400:]}")
    c.broker_process.kill()
    started = time.monotonic()
    c.broker(*BRISK)
    seconds = time.monotonic() - started
    queued = c.json("queue", "show", QUEUE)["rows"][0]["queued"]
    expect(queued == tasks, f"{queued} of {tasks} are queued after the restart")
    expect(seconds < 2, f"the restart took {seconds:.2f} s")
    # Asking and giving out do not walk the backlog: 200 tasks of it are served at once.
    some = c.rows("task", "ls", "--limit", "1")[0]["task"]
    started = time.monotonic()
    c.task(some)
    status_s = time.monotonic() - started
    c.prover("p", "--slots", "8", "--prefetch", "8")
    started = time.monotonic()
    until("200 tasks are done", lambda: c.rows("status")[0]["succeeded"] >= 200, 5)
    return {"tasks": tasks, "restart_s": round(seconds, 3), "status_s": round(status_s, 3),
            "served_200_s": round(time.monotonic() - started, 3)}


if __name__ == "__main__":
    sys.exit(run(globals()))
