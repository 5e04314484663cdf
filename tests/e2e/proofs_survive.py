#!/usr/bin/env python3
"""Real proofs while processes die: kill -9 of a prover and of the broker in mid-proof, every proof still arrives.

Two provers share a real circuit (tests/data/member); witnesses are submitted, the prover that computes the first one is
killed, then the broker, then both are started again. Every task must succeed, with a proof that verifies, from one id.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault", "drills"))

from drill import PROVER, QUEUE, ROOT, expect, main, until  # noqa: E402
import subprocess  # noqa: E402

DATA = os.path.join(ROOT, "tests", "data")
MEMBER = os.path.join(DATA, "member")
BRISK = ("--heartbeat-ms", "200", "--lease-ms", "1000", "--grace-ms", "200")
TASKS = 12


def prover(c, name):
    return c.prover(name, "--circuits", DATA, "--threads", "1", queue=QUEUE)


def submit(c):
    return c.json("task", "submit", "--queue", QUEUE, "--circuit", "member", os.path.join(MEMBER, "witness.wtns"))["task"]


def started(process):
    return process.log_count("task.started")


def verified(c, task):
    proof, public = (os.path.join(c.folder, f"{task}.{kind}.json") for kind in ("proof", "public"))
    c.cli("task", "fetch", task, proof, public)
    done = subprocess.run([PROVER, "verify", os.path.join(MEMBER, "vkey.json"), public, proof], capture_output=True)
    return done.returncode == 0


def proofs_survive(c):
    c.broker(*BRISK)
    provers = {name: prover(c, name) for name in ("p1", "p2")}
    c.cli("queue", "pause", QUEUE)
    tasks = [submit(c) for _ in range(TASKS)]
    c.cli("queue", "resume", QUEUE)
    # The node's own log is read: a proof takes a tenth of a second, asking the broker takes as long.
    victim = until("a proof is being computed", lambda: next((n for n in provers if started(provers[n])), None), step=0.002)
    provers[victim].kill()
    other = next(provers[n] for n in provers if n != victim)
    before = started(other)
    until("the other prover goes on", lambda: started(other) > before, step=0.002)
    c.broker_process.kill()
    c.broker(*BRISK)
    prover(c, victim)
    for task in tasks:
        c.wait(task, "succeeded", seconds=60)
    expect(all(verified(c, task) for task in tasks), "a proof that was delivered does not verify")
    attempts = sum(c.task(task)["attempts"] for task in tasks)
    return {"tasks": TASKS, "attempts": attempts}


if __name__ == "__main__":
    sys.exit(main(proofs_survive))
