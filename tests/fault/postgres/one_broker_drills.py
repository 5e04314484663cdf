#!/usr/bin/env python3
"""One broker whose store is in PostgreSQL: all that a caller, an operator and a node do with it, over restarts and kills.

    one_broker_drills.py DRILL [--soak]
"""
import sys

from brokers import LEASE_S, expect, run, signal, until


def restarted(a, number):
    """Ended by a signal and started again; a lease that was not given up has to end first."""
    a.process.signal(number)
    code = a.process.popen.wait(15)
    expect(number == signal.SIGKILL or code == 0, f"it ended with {code}")
    a.start()
    until("it is active again", a.ready, LEASE_S + 15)


def operate(c):
    """What an operator asks for, with a database as with a folder."""
    status = c.rows("status")[0]
    expect(status["ready"] and status["tasks"] == 3 and status["database_bytes"] > 0, f"status: {status}")
    expect(not status["warnings"], f"status warns of {status['warnings']}")
    expect("provost_store_synchronous_standby 1" in c.a.http("/metrics")[1], "no metric of the standby")
    check = c.cli("check", check=False)
    expect(check.returncode == 0, f"check: {check.stdout.decode()}")
    c.cli("queue", "pause", "drill")
    for i in range(3):
        c.submit({"text": str(i)})
    c.cli("queue", "purge", "drill", "--yes")
    left = c.rows("status")[0]
    expect(left["tasks"] == 3 and left["queued"] == 0, f"after a purge: {left}")
    c.cli("queue", "resume", "drill")
    c.cli("prover", "drain", "p1")
    until("the prover drains", lambda: c.rows("prover", "ls")[0]["draining"])
    c.cli("prover", "resume", "p1")


def without_a_standby(c, a):
    """What is promised then is not R1, and status, check and a metric say so."""
    c.server.set("provost.replicated = off\nfsync = on\n")
    c.server.reload()
    restarted(a, signal.SIGTERM)
    warnings = c.rows("status")[0]["warnings"]
    expect(warnings and "no synchronous standby: R1 does not hold" in warnings, f"status: {warnings}")
    check = c.cli("check", check=False)
    expect(check.returncode == 1 and "no synchronous standby" in check.stdout.decode(), f"check: {check.returncode} {check.stdout.decode()}")
    until("the metric says so", lambda: "provost_store_synchronous_standby 0" in a.http("/metrics")[1])


def drill_works(c, soak):
    """Submit, prove, fetch; status, check, purge, drain; restart; kill -9."""
    a = c.start_first()
    expect("watermark.missing" not in a.process.log_text(), "a new store warns of a loss")
    node = c.prover("p1")
    tasks = [c.submit(order) for order in ({"text": "small"}, {"text": "x" * 200000}, {"bytes": 200000})]
    for task in tasks:
        c.wait(task, "succeeded")
    operate(c)
    for number in (signal.SIGTERM, signal.SIGKILL):
        restarted(a, number)
        for task in tasks:
            expect(c.state_is(task, "succeeded"), f"task {task} after signal {number}")
    sizes = [len(c.cli("task", "wait", task, "-").stdout) for task in tasks]
    expect(sizes == [17, 200012, 200000], f"results of {sizes} bytes")
    again = c.submit({"text": "after it"})
    c.wait(again, "succeeded")
    node.end()
    without_a_standby(c, a)
    return {"epoch": a.epochs()[-1]}


if __name__ == "__main__":
    sys.exit(run(globals()))
