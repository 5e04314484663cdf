#!/usr/bin/env python3
"""A PostgreSQL that fails under two brokers at work: meanwhile no broker is ready, and says why; afterwards nothing is lost.

    server_drills.py DRILL [--soak]
"""
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from brokers import LEASE_S, Brokers, expect, rounds, run, until
from drill import SKIPPED
from load import Load
from tcp_proxy import TcpProxy

HEALS_S = 2 * LEASE_S + 10
SETTINGS = "max_connections = 20"


def nobody_ready(c, words):
    """Each says so, with words of the reason."""
    for broker in (c.a, c.b):
        until(f"{broker.name} says {words}", lambda broker=broker: any(broker.says(word) for word in words), LEASE_S + 10)


def peers_hear(c, words):
    """What the command line shows of it: the sentence comes with ERROR standby."""
    said = c.cli("status", "--timeout", "1s", check=False)
    expect(said.returncode == 5 and any(word in said.stderr.decode() for word in words), f"status: {said.returncode} {said.stderr.decode()}")


def heals(c, callers, since):
    until("one is active again", lambda: c.a.ready() or c.b.ready(), HEALS_S)
    until("answers come again", lambda: callers.answers.last > since, HEALS_S)
    expect(not (c.a.ready() and c.b.ready()), "two are ready")


def at_work(c):
    """Two brokers, two nodes, and callers that get answers."""
    c.start_both()
    nodes = [c.prover(f"p{i}", "--slots", "4") for i in (1, 2)]
    callers = Load(c, "load")
    until("each kind of task is answered", callers.flows)
    return nodes, callers


def ended(c, nodes, callers, **figures):
    """Nothing is lost, each answer is right, and no task has two results: a caller's --done would hold it twice."""
    tasks = callers.end()
    for node in nodes:
        expect(node.end() == 0, "a node did not end well")
    callers.expect_once()
    return {"tasks": tasks, "lost": 0, "executions_per_task": round(c.executions() / tasks, 4), **figures}


def drill_killed(c, soak):
    """kill -9 of the server, and a fast restart of it."""
    nodes, callers = at_work(c)
    for number in (signal.SIGKILL, signal.SIGINT):
        c.server.kill(number)
        since = time.monotonic()
        nobody_ready(c, ["PostgreSQL"])
        peers_hear(c, ["PostgreSQL"])
        c.server.start()
        heals(c, callers, since)
    return ended(c, nodes, callers)


def drill_frozen(c, soak):
    """The server stands still for longer than a lease, and goes on."""
    nodes, callers = at_work(c)
    c.server.signal_all(signal.SIGSTOP)
    since = time.monotonic()
    nobody_ready(c, ["another broker may have the store", "PostgreSQL"])
    told = time.monotonic() - since
    time.sleep(max(0.0, LEASE_S + 2 - told))
    c.server.signal_all(signal.SIGCONT)
    since = time.monotonic()
    heals(c, callers, since)
    return ended(c, nodes, callers, not_ready_after_s=round(told, 2), healed_after_s=round(time.monotonic() - since, 2))


if __name__ == "__main__":
    sys.exit(run(globals()))
