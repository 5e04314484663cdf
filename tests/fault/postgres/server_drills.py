#!/usr/bin/env python3
"""A PostgreSQL that fails under two brokers at work: meanwhile no broker is ready, and says why; afterwards nothing is lost.

    server_drills.py DRILL... [--soak]
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


def both_by(c, port):
    """From here on brokers reach the server at this port."""
    c.url = c.server.url(c.url.rsplit("/", 1)[1], port=port)


def drill_cut(c, soak):
    """The connection of both is reset, then swallowed; then that of the active one alone is, and the other takes over."""
    all_of, of_a = TcpProxy(c.server.port), TcpProxy(c.server.port)
    straight = c.url
    both_by(c, all_of.port)
    nodes, callers = at_work(c)
    for cut in (all_of.cut, all_of.swallow):
        cut()
        since = time.monotonic()
        nobody_ready(c, ["PostgreSQL", "another broker may have the store"])
        all_of.mend()
        heals(c, callers, since)
    active = c.a if c.a.ready() else c.b
    other = c.other(active)
    active.process.end()
    until("the other is active", other.ready, HEALS_S)
    both_by(c, of_a.port)
    active.start()
    until("it stands by", lambda: active.says("standby"), HEALS_S)
    other.process.end()
    until("it is active over a link of its own", active.ready, HEALS_S)
    c.url = straight
    other.start()
    until("the other stands by", lambda: other.says("standby"), HEALS_S)
    of_a.swallow()
    since = time.monotonic()
    until("the other takes over", other.ready, HEALS_S)
    expect(not active.ready(), "two are ready")
    until("answers come again", lambda: callers.answers.last > since, HEALS_S)
    took = callers.answers.gap_in(since, callers.answers.last)
    of_a.mend()
    figures = ended(c, nodes, callers, gap_s=round(took, 2))
    for proxy in (all_of, of_a):
        proxy.close()
    return figures


def drill_connections(c, soak):
    """max_connections is reached by others, and the brokers' own connections end."""
    nodes, callers = at_work(c)
    database = c.url.rsplit("/", 1)[1]
    held = []

    def hold():
        """One more session of the role, that does nothing. False: there is no place."""
        words = b"user\0provost\0database\0" + database.encode() + b"\0\0"
        s = socket.create_connection(("127.0.0.1", c.server.port))
        s.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        heard = b""
        while b"FATAL" not in heard and b"Z\0\0\0\5I" not in heard:
            more = s.recv(4096)
            heard += more or b"FATAL"
        if b"FATAL" in heard:
            s.close()
            return False
        held.append(s)
        return True

    def take_all():
        while hold():
            pass
        return not (c.a.ready() or c.b.ready())

    take_all()
    since = time.monotonic()
    c.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'provost-%'")
    until("the brokers find no place", take_all, HEALS_S)
    nobody_ready(c, ["too many clients", "remaining connection slots"])
    for s in held:
        s.close()
    heals(c, callers, since)
    return ended(c, nodes, callers, held=len(held))


class OnSmallDisk(Brokers):
    """The server's files are on a disk of 160 MiB."""

    def __init__(self):
        self.disk = None
        super().__init__("max_connections = 20\nmin_wal_size = 32MB\nmax_wal_size = 48MB\nwal_keep_size = 0")

    def add_server(self, name, settings="", **more):
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", self.disk], capture_output=True).returncode:
            self.disk = None
            print("no file system can be mounted here", file=sys.stderr)
            sys.exit(SKIPPED)
        return super().add_server(name, settings, data=os.path.join(self.disk, "data"))

    def __exit__(self, kind, error, trace):
        if self.disk:
            subprocess.run(["umount", "-l", self.disk], check=False)
        super().__exit__(kind, error, trace)


def drill_disk_full(c, soak):
    """The server's disk has no room; then it has."""
    nodes, callers = at_work(c)
    filler = os.path.join(c.disk, "filler")
    with open(filler, "wb") as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * (1 << 20))
            f.flush()
    since = time.monotonic()
    nobody_ready(c, ["PostgreSQL's disk is full"])
    said = [broker.readyz()[1].strip() for broker in (c.a, c.b)]
    os.unlink(filler)
    if c.server.process.poll() is not None:  # it could not write its log
        c.server.start()
    heals(c, callers, since)
    return ended(c, nodes, callers, said=said)


def drill_failover(c, soak):
    """The server is killed and its synchronous standby promoted, again and again."""
    database = c.url.rsplit("/", 1)[1]
    n = rounds(1, 20, soak)
    standby = c.add_server("pg1", of=c.server, standby="next")
    with_standby(c.server)
    c.url = f"postgresql://provost@127.0.0.1:{c.server.port},127.0.0.1:{standby.port}/{database}?target_session_attrs=read-write"
    nodes, callers = at_work(c)
    took = []
    for i in range(n):
        c.server.kill(signal.SIGKILL)
        since = time.monotonic()
        nobody_ready(c, ["PostgreSQL"])
        standby.set("synchronous_standby_names = ''")
        standby.promote()
        heals(c, callers, since)
        took.append(callers.answers.gap_in(since, callers.answers.last))
        gone, c.server = c.server, standby
        if i + 1 < n:
            port = gone.port
            gone.end()
            standby = c.add_server(f"pg{i + 2}", of=c.server, standby="next", port=port)
            with_standby(c.server)
    for broker in (c.a, c.b):
        expect("store.lost why" not in broker.process.log_text(), "a commit that was answered is missing")
    return ended(c, nodes, callers, rounds=n, gap_s_most=round(max(took), 2))


def with_standby(server):
    """Commits wait for the standby from here on."""
    server.set("synchronous_standby_names = 'next'")
    server.reload()
    until("the standby is synchronous", lambda: server.sql("SELECT sync_state FROM pg_stat_replication") == "sync")


if __name__ == "__main__":
    sys.exit(run(globals(), {"disk_full": OnSmallDisk}))
