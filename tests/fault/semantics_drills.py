#!/usr/bin/env python3
"""The demonstrations of the delivery rules with real processes: semantics_drills.py NN [--soak].

Each function shows one numbered promise. Times are those of the promise unless a drill says that it runs with a shorter
heartbeat and lease: then the bound is computed from them. --soak runs the long variant.
"""
import json
import os
import random
import subprocess
import sys
import time

from drill import LOAD, QUEUE, Failed, expect, main, until

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
