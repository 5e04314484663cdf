#!/usr/bin/env python3
"""Drills of a fleet and its callers: bad provers, warm keys, fair shares, the autoscaler's figure.

    fleet_drills.py DRILL [--soak]

Drills 04 and 09 need provers that do wrong: tests/support/drill_peer.c.
"""
import signal
import sys
import time

from drill import BRISK, LEASE_MS, QUEUE, expect, expect_whole, finish, load, peer, run, until


def drill_04_fail_of_an_old_attempt(c, soak):
    """A prover that lost its lease reports FAIL while another has the task: it is told REVOKED, and nothing changes."""
    c.broker(*BRISK)
    late = peer(c, "late-fail", QUEUE)
    task = c.submit({"sleep_ms": 2500})
    c.wait(task, "running")
    second = c.prover("second")
    until("another prover runs it", lambda: (t := c.task(task))["state"] == "running" and t["prover"] == "second",
          LEASE_MS / 1000 + 5)
    before = c.task(task)
    code, told, err = finish(late, 20, b"\n")
    expect(code == 0 and told["revoked"] and told["answer"] == "REVOKE", f"the old attempt was answered {told} {err}")
    after = c.task(task)
    for key in ("state", "prover", "failures", "losses", "attempts", "generation"):
        expect(before[key] == after[key], f"{key} was {before[key]} and is {after[key]}")
    expect(after["failures"] == 0 and after["losses"] == 1, f"charged: {after}")
    c.wait(task, "succeeded")
    expect(c.task(task)["attempts"] == 2 and second.log_count("task.started") == 1, "not two attempts")
    return {"answer": told["answer"]}


def drill_09_a_prover_that_fails_at_once(c, soak):
    """A broken prover touches 3 tasks at most, beside an honest one and alone, and none of them is dead of it."""
    c.broker(*BRISK)
    bad = peer(c, "fail-at-once", QUEUE)
    until("the bad prover is listed", lambda: any(p["prover"] == "bad" for p in c.rows("prover", "ls")))
    tasks = [c.submit({"sleep_ms": 20, "text": str(i)}) for i in range(12)]
    until("it is in quarantine", lambda: c.rows("prover", "ls")[0]["quarantined_ms"] > 0)
    c.prover("good", "--slots", "2")
    for task in tasks:
        c.wait(task, "succeeded")
    bad.send_signal(signal.SIGTERM)
    code, touched, err = finish(bad, 10)
    expect(code == 0 and touched["tasks"] <= 3, f"the bad prover touched {touched} {err}")
    status = c.rows("status")[0]
    expect(status["dead"] == 0 and status["succeeded"] == len(tasks), f"{status['dead']} dead")
    charged = [t for t in tasks if c.task(t)["failures"]]
    expect(not charged, f"{len(charged)} tasks were not refunded")
    return {"touched": touched["tasks"], "tasks": len(tasks)}


def drill_11_four_circuits_on_four_provers(c, soak):
    """Keys that take longer to load than a task to prove: nine dispatches of ten find the key in memory."""
    names = [f"p{i}" for i in range(4)]
    c.broker(*BRISK)
    provers = [peer(c, "slow-keys", QUEUE, name) for name in names]
    until("four provers are listed", lambda: len(c.rows("prover", "ls")) == 4)
    code, figures, err = finish(load(c, "--tasks", 240, "--threads", 12, "--circuits", "a,b,c,d"), 60)
    expect_whole(code, figures, err)
    tasks = cold = 0
    for prover in provers:
        prover.send_signal(signal.SIGTERM)
        code, counts, err = finish(prover, 10)
        expect(code == 0, f"a prover ended with {code}: {err}")
        expect(counts["tasks"] > 20, f"one prover had {counts['tasks']} of 240 tasks: nobody may idle")
        tasks, cold = tasks + counts["tasks"], cold + counts["cold"]
    expect(cold <= 0.1 * tasks, f"{cold} of {tasks} dispatches had to load a key")
    return {"dispatches": tasks, "warm": round(1 - cold / tasks, 4)}


def drill_17_a_heavy_client_beside_a_light_one(c, soak):
    """Two keys share one prover: who comes second with a few tasks does not wait for the first one's two hundred."""
    sleep_ms, light_n = 100, 6
    c.use_keys({"admin": "admin, client", "heavy": "client", "light": "client", "p": "prover"})
    c.broker(*BRISK)
    c.prover("p")
    code, heavy, err = finish(load(c, "--tasks", 200, "--threads", 8, "--sleep-ms", sleep_ms, "--submit-only", "--name",
                                   "heavy", who="heavy"), 60)
    expect(code == 0 and heavy["acked"] == 200, f"{heavy} {err}")
    started = time.monotonic()
    code, light, err = finish(load(c, "--tasks", light_n, "--threads", 1, "--sleep-ms", sleep_ms, "--seed", 2, "--name",
                                   "light", who="light"), 60)
    seconds = time.monotonic() - started
    expect_whole(code, light, err)
    left = c.json("queue", "show", QUEUE)["rows"][0]["queued"]
    # One at a time, each waits for the task that runs, the one prefetched, and then itself: three turns.
    bound = light_n * 3 * sleep_ms / 1000 * 2  # a busy machine; without shares it would be 20 s and more
    expect(seconds <= bound, f"the light client's {light_n} tasks took {seconds:.2f} s, bound {bound:.2f} s")
    expect(left > 120, f"only {left} of the heavy client's tasks were left: it was not heavy")
    return {"light_s_per_task": round(seconds / light_n, 3), "alone_s_per_task": sleep_ms / 1000, "heavy_left": left}


def drill_18_demand(c, soak):
    """From the first submit to the last result `demand` is what is unfinished: running, offered and recovering count."""
    c.broker(*BRISK)
    c.prover("p", "--slots", "2")
    tasks = [c.submit({"sleep_ms": 1500, "text": str(i)}) for i in range(4)]
    read, states, killed = 0, set(), False
    while True:
        row = c.json("queue", "show", QUEUE)["rows"][0]
        unfinished = len(tasks) - row["succeeded"]
        expect(row["demand"] == unfinished, f"demand {row['demand']}, {unfinished} tasks are not over: {row}")
        states |= {state for state in ("queued", "offered", "running", "recovering") if row[state]}
        read += 1
        if not unfinished:
            break
        if not killed and row["running"] == 2 and row["succeeded"]:
            killed = True
            c.broker_process.freeze()  # so that nothing is committed between this and the kill
            c.broker_process.kill()
            c.broker(*BRISK)
    expect(killed and {"queued", "running"} <= states, f"never busy: {states}")
    return {"readings": read, "states_seen": sorted(states)}


if __name__ == "__main__":
    sys.exit(run(globals()))
