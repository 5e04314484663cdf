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
    """Each prover has room for two of four keys: nine dispatches of ten find theirs in memory."""
    names = [f"p{i}" for i in range(4)]
    c.broker(*BRISK)
    provers = [peer(c, "slow-keys", QUEUE, name) for name in names]
    until("four provers are listed", lambda: len(c.rows("prover", "ls")) == 4)
    code, figures, err = finish(load(c, "--tasks", 480, "--threads", 64, "--circuits", "a,b,c,d"), 60)
    expect_whole(code, figures, err)
    tasks = cold = 0
    for prover in provers:
        prover.send_signal(signal.SIGTERM)
        code, counts, err = finish(prover, 10)
        expect(code == 0, f"a prover ended with {code}: {err}")
        expect(counts["tasks"] > 40, f"one prover had {counts['tasks']} of 480 tasks: nobody may idle")
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
    before, started = c.json("queue", "show", QUEUE)["rows"][0]["queued"], time.monotonic()
    code, light, err = finish(load(c, "--tasks", light_n, "--threads", 2, "--sleep-ms", sleep_ms, "--seed", 2, "--name",
                                   "light", who="light"), 60)
    seconds = time.monotonic() - started
    expect_whole(code, light, err)
    served = before - c.json("queue", "show", QUEUE)["rows"][0]["queued"]
    # In turns: one of the heavy client's for one of the light one's, and what runs while processes start and ask. (Counted,
    # not timed: the machine may be busy. First come first served would be all that were queued.)
    expect(before > 150, f"only {before} tasks were before it: the heavy client was not heavy")
    expect(served <= 5 * light_n, f"{served} of the heavy client's tasks went before {light_n} of the light one's")
    return {"light_tasks": light_n, "heavy_tasks_meanwhile": served, "light_s_per_task": round(seconds / light_n, 3)}


def drill_18_demand(c, soak):
    """From the first submit to the last result `demand` is what is unfinished: running, offered and recovering count."""
    c.broker(*BRISK)
    prover = c.prover("p", "--slots", "2")
    tasks = [c.submit({"sleep_ms": 1000, "text": str(i)}) for i in range(4)]
    seen = {}

    def read():
        row = c.json("queue", "show", QUEUE)["rows"][0]
        unfinished = len(tasks) - row["succeeded"]
        expect(row["demand"] == unfinished, f"demand {row['demand']}, {unfinished} tasks are not over: {row}")
        for state in ("queued", "offered", "running", "recovering"):
            seen[state] = seen.get(state, 0) + (row[state] > 0)
        return row

    until("two run", lambda: read()["running"] == 2)
    prover.freeze()
    c.broker_process.kill()
    prover.kill()
    c.broker(*BRISK)  # what was out is waited for: nobody announces it
    until("two are recovering", lambda: read()["recovering"] >= 2, 1.5)
    c.prover("p", "--slots", "2", ready=False)
    until("all are over", lambda: read()["succeeded"] == len(tasks))
    return {"readings_with": seen}


if __name__ == "__main__":
    sys.exit(run(globals()))
