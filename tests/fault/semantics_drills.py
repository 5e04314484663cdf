#!/usr/bin/env python3
"""The demonstrations of the delivery rules with real processes: semantics_drills.py NN [--soak].

Each function shows one numbered promise. Times are those of the promise unless a drill says that it runs with a shorter
heartbeat and lease: then the bound is computed from them. --soak runs the long variant.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from drill import LOAD, QUEUE, STORM, Failed, expect, free_port, main, until

SKIPPED = 77  # CTest's word for "cannot be shown on this machine"

# A short lease, so that a lost one shows within seconds. L >= 4 H, as the broker demands.
HEARTBEAT_MS, LEASE_MS = 200, 1000
BRISK = ("--heartbeat-ms", str(HEARTBEAT_MS), "--lease-ms", str(LEASE_MS))


def load(cluster, *options):
    """Starts drill_load; its last line is JSON."""
    return subprocess.Popen([LOAD, "--broker", cluster.endpoint, "--queue", QUEUE, *map(str, options)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process, seconds):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failed(f"the load did not end within {seconds} s: {err.decode()[-400:]}")
    lines = out.decode().splitlines()
    expect(lines, f"the load said nothing: {err.decode()[-400:]}")
    return process.returncode, json.loads(lines[-1]), err.decode()


def expect_whole(code, figures, err):
    expect(figures["answered"] == figures["acked"] and not figures["wrong"] and not figures["failed"] and code == 0,
           f"lost or wrong: {figures}\n{err[-1500:]}")


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


def reoffered_after(c, hurt, grace_ms, within_s):
    c.broker(*BRISK, "--grace-ms", str(grace_ms))
    first = c.prover("first")
    task = c.submit({"sleep_ms": 1500})
    c.wait(task, "running")
    second = c.prover("second")
    started = time.monotonic()
    hurt(first)
    until("another prover has the task", lambda: c.task(task).get("prover") == "second", within_s + 5, step=0.005)
    seconds = time.monotonic() - started
    expect(seconds <= within_s, f"offered again after {seconds:.3f} s, promised within {within_s} s")
    c.wait(task, "succeeded")
    expect(second.running(), "the second prover ended")
    return round(seconds, 3)


def drill_02_prover_killed(c, soak):
    """kill -9 of a prover: its task is offered again within 2 s with the default grace of 1 s."""
    return {"reoffered_s": reoffered_after(c, lambda p: p.kill(), 1000, 2.0)}


def drill_02_prover_killed_without_grace(c, soak):
    """With grace 0 within 50 ms; here 150 ms, since asking by the command line takes most of that."""
    return {"reoffered_s": reoffered_after(c, lambda p: p.kill(), 0, 0.15)}


def drill_02_prover_frozen(c, soak):
    """A silent prover: within the lease and one second."""
    return {"reoffered_s": reoffered_after(c, lambda p: p.freeze(), 1000, LEASE_MS / 1000 + 1)}


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
    until("the late attempt is answered",
          lambda: any(word in first.log_text() for word in ("revoked", "superseded", "status=ok")))
    info = c.task(task)
    expect(info["attempts"] == 2, f"{info['attempts']} attempts, expected 2")
    expect(info["generation"] == 1 or info["generation"] == 0, f"generation {info['generation']}")
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
    counts = c.json("queue", "purge", QUEUE)
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


def folder_mb(path):
    return sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(path) for name in names) / 2**20


def quiet(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class SlowLink:
    """A host of our own behind a link of so many Mbit/s each way; 10.213.0.1 is this side."""

    def __init__(self, mbit):
        self.name = f"pvdrill{os.getpid()}"
        self.within = ("ip", "netns", "exec", self.name)
        self.ends = (f"pva{os.getpid()}", f"pvb{os.getpid()}")
        self.mbit = mbit

    def __enter__(self):
        here, there = self.ends
        rate = ("root", "tbf", "rate", f"{self.mbit}mbit", "burst", "64kb", "latency", "200ms")
        steps = (
            ("ip", "netns", "add", self.name),
            ("ip", "link", "add", here, "type", "veth", "peer", "name", there),
            ("ip", "link", "set", there, "netns", self.name),
            ("ip", "addr", "add", "10.213.0.1/24", "dev", here),
            ("ip", "link", "set", here, "up"),
            (*self.within, "ip", "addr", "add", "10.213.0.2/24", "dev", there),
            (*self.within, "ip", "link", "set", there, "up"),
            ("tc", "qdisc", "add", "dev", here, *rate),
            (*self.within, "tc", "qdisc", "add", "dev", there, *rate),
        )
        self.up = shutil.which("tc") is not None and all(quiet(*step) for step in steps)
        return self

    def __exit__(self, kind, error, trace):
        quiet("ip", "link", "del", self.ends[0])
        quiet("ip", "netns", "del", self.name)


def drill_12_slow_link(c, soak):
    """A large input over 50 Mbit/s (200 MiB; 20 MiB without --soak): heartbeats go on beside it, no lease is lost."""
    mib = 200 if soak else 20
    with SlowLink(50) as link:
        if not link.up:
            print("no network namespace or rate limit to be had here", file=sys.stderr)
            sys.exit(SKIPPED)
        c.endpoint = f"tcp://10.213.0.1:{free_port()}"
        c.use_keys({"admin": "admin, client", "far": "prover", "client": "client"})
        c.broker(*(() if soak else BRISK))
        far = c.prover("far", within=link.within)
        started = time.monotonic()
        order = b'{"bytes": 10, "text": "' + b"x" * (mib << 20) + b'"}'
        task = c.json("task", "submit", "--queue", QUEUE, "--circuit", "echo", c.input_file(order), who="client")["task"]
        c.wait(task, "succeeded", seconds=20 + mib)
        seconds = time.monotonic() - started
        info = c.task(task)
        expect(info["losses"] == 0 and info["attempts"] == 1, f"{info['losses']} losses, {info['attempts']} attempts")
        expect(seconds > mib * 8 * 1.04 / 50 * 0.9, f"{mib} MiB in {seconds:.1f} s: the link was not slow")
        expect(far.running(), "the prover ended")
        return {"mib": mib, "seconds_for_it": round(seconds, 1), "losses": info["losses"]}


def drill_13_hostile_bytes(c, soak):
    """Random and mutated frames: the broker lives, in bounded memory, and an honest caller beside it is served."""
    seconds = 300 if soak else 6
    broker = c.broker(*BRISK)
    c.prover("p", "--slots", "4")
    code, calm, err = finish(load(c, "--tasks", 500, "--threads", 4, "--seed", 7), 60)
    expect_whole(code, calm, err)
    before = resident_mb(broker)
    storm = subprocess.Popen([STORM, "--endpoint", c.endpoint, "--seconds", str(seconds), "--seed", "20261122"],
                             stdout=subprocess.PIPE)
    rounds = served = 0
    while storm.poll() is None:
        rounds += 1
        code, figures, err = finish(load(c, "--tasks", 100, "--threads", 2, "--seed", 100 + rounds), 60)
        expect_whole(code, figures, err)
        served += figures["answered"]
    sent = json.loads(storm.communicate()[0])
    expect(broker.running(), "the broker ended")
    after = resident_mb(broker)
    expect(after - before < 256, f"memory grew from {before:.0f} to {after:.0f} MB")
    malformed = c.rows("status")[0]["malformed"]
    expect(malformed > 100, f"only {malformed} malformed messages arrived: that was no storm")
    return {"messages": sent["messages"], "malformed": malformed, "honest_tasks": served,
            "memory_mb": [round(before), round(after)]}


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
    state, peak = c.path("broker-state"), 0.0
    process = load(c, "--tasks", tasks, "--threads", 32, "--patience", 600)
    while process.poll() is None:
        peak = max(peak, folder_mb(state))
        time.sleep(0.2)  # how often the folder is measured
    code, figures, err = finish(process, 10)
    expect_whole(code, figures, err)
    expect(peak < 96, f"the state folder grew to {peak:.0f} MB")
    return {"cycles": tasks, "state_mb_peak": round(peak, 1), "state_mb_end": round(folder_mb(state), 1)}


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
    return {"tasks": tasks, "restart_s": round(seconds, 3)}


DRILLS = {name[6:]: drill for name, drill in list(globals().items()) if name.startswith("drill_")}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in DRILLS:
        print("usage: semantics_drills.py DRILL [--soak]; drills: " + " ".join(DRILLS), file=sys.stderr)
        sys.exit(2)
    sys.exit(main(DRILLS[sys.argv[1]], "--soak" in sys.argv[2:]))
