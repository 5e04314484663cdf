"""The scenes that record.py records: what a user, an operator and a node do, so that every message is said at least once,
by a program wherever a program says it."""
import os
import shutil
import signal
import subprocess
import time

import pack
import zmtp
from programs import until
from states import answer, hello

HERE = os.path.dirname(os.path.abspath(__file__))
BROKER = ["--insecure", "--heartbeat-ms", "500", "--lease-ms", "60000", "--grace-ms", "30000", "--queue", "echo", "--queue", "idle"]


def task(n):
    return f"5c{n:030x}"


class Stage:
    """A broker with a recorder before it; programs dial the recorder. Each command has a name of its own."""

    def __init__(self, p, *more):
        self.p, self.arguments, self.lines, self.commands = p, BROKER + list(more), [], 0
        self.wall = time.time_ns() // 1000000
        self.state = p.path(f"scene-{self.wall}")
        self.broker = p.broker(self.arguments, self.state)
        self.recorder = zmtp.Recorder()
        self.recorder.upstream = p.endpoint
        p.endpoint = self.recorder.endpoint

    def run(self, *arguments, exits=(0,)):
        self.commands += 1
        name = f"c{self.commands}"
        answer = self.p.cli(*arguments, "--name", name, exits=exits)
        self.lines.append(f"{name}.1 run {self.p.exit} {' '.join(arguments)}")
        return answer

    def submit(self, n, file, *more, queue="echo", exits=(0,)):
        return self.run("task", "submit", "--id", task(n), "--queue", queue, "--circuit", "any", *more, file, exits=exits)

    def node(self, name, *more):
        self.p.node(name, ["--queue", "echo:echo", *more])
        return self.seen(name, "down", "WELCOME")

    def seen(self, name, way, kind, count=1):
        """Waits until a connection of that name said that so often."""
        def count_now():
            with self.recorder.lock:
                words = [line.split(" ", 3)[:3] for line in self.recorder.lines]
            return sum(1 for w in words if w[0].startswith(name + ".") and w[1:] == [way, kind]) >= count
        until(f"{kind} {way} of {name}", count_now)
        return self.p.running[-1]

    def wait_behind(self, n):
        """A wait that goes on over what happens to the broker; it is no command to be run again."""
        self.commands += 1
        return self.p.start_cli(["task", "wait", task(n), "--name", f"c{self.commands}"], self.recorder.endpoint)

    def kill_broker(self):
        self.p.end(self.broker)
        until("the ends of the connections", lambda: all(pair["closed"] for pair in self.recorder.pairs))
        self.recorder.note("killed")
        self.broker = self.p.broker(self.arguments, self.state)
        self.recorder.upstream, self.p.endpoint = self.p.endpoint, self.recorder.endpoint

    def raw(self, role, name):
        s = zmtp.dial(self.recorder.endpoint)
        hello(s, role, name)
        return s

    def close(self, about):
        for process in [q for q in self.p.running if q is not self.broker]:
            self.p.end(process)
        until("the last connection's end", lambda: all(pair["closed"] for pair in self.recorder.pairs))
        self.p.end(self.broker)
        head = ["# " + about, f"wall {self.wall}", "broker " + " ".join(self.arguments)]
        return "\n".join(head + self.lines + self.recorder.take()) + "\n"


def small(p):
    s = Stage(p)
    s.node("p1", "--slots", "1")
    s.submit(1, "small", "--priority", "6", "--group", "g1", "--need-ram", "1M", "--on-restart", "10m", "--deadline", "1h")
    s.run("task", "wait", task(1), "out")
    s.run("task", "show", task(1), "-o", "json")
    s.run("task", "fetch", task(1), "again")
    s.submit(2, "slow")
    s.run("task", "wait", task(2), "slow.out")
    return s.close("Small tasks: submitted, waited for with progress, shown, fetched again.")


def large(p):
    s = Stage(p)
    s.node("p1", "--slots", "1")
    s.submit(1, "large")
    s.run("task", "wait", task(1), "out")
    s.run("task", "fetch", task(1), "again")
    return s.close("A task whose input and result go in chunks.")


def prove(p):
    s = Stage(p)
    os.makedirs(p.path("circuits"), exist_ok=True)
    chain = os.path.join(HERE, "..", "data", "chain-5")
    shutil.copy(os.path.join(chain, "circuit.zkey"), p.path("circuits", "chain-5.zkey"))
    shutil.copy(os.path.join(chain, "witness.wtns"), p.path("witness.wtns"))
    p.node("g1", ["--queue", "echo", "--circuits", "circuits", "--memory", "1G"])
    s.seen("g1", "down", "WELCOME")
    s.run("prove", "--queue", "echo", "--circuit", "chain-5", "--id", task(1), "witness.wtns", "proof.json", "public.json")
    return s.close("A real proof, as the command prove has it made.")


def operating(p):
    s = Stage(p, "--queued-tasks", "4")
    s.node("p1")
    for words in ("queue ls", "queue show echo", "queue pause idle", "queue resume idle",
                  "queue set idle --run-timeout 5m --stall-timeout none", "queue set idle --stall-timeout configured", "prover ls",
                  "prover drain p1", "prover resume p1", "status"):
        s.run(*words.split(), "-o", "json")
    for n in (1, 2, 3, 4):
        s.submit(n, "small", queue="idle")
    s.run("task", "ls", "-o", "json")
    s.run("task", "ls", "--queue", "idle", "--state", "queued", "--limit", "2", "-o", "json")
    s.run("task", "cancel", task(1))
    s.run("task", "kick", task(1))
    s.run("queue", "purge", "idle", "--dry-run", "-o", "json")
    s.run("queue", "purge", "idle", "-o", "json")
    s.run("events", "-o", "json")
    s.run("events", "--follow", "--times", "2", "--interval", "100ms", "-o", "json")
    s.submit(1, "small", "--revive", queue="idle")
    _what_no_command_says(s)
    return s.close("What an operator does: tables, queues, provers, cancel, kick, purge, events.")


def _what_no_command_says(s):
    """The table of clients, and a purge of the own session: libprovost has calls for them, the command line has none."""
    raw = s.raw("admin", "raw")
    for kind, more in (("LIST", {"what": "clients"}), ("PURGE", {"scope": "session", "states": ["queued"], "age_ms": 0, "dry": True})):
        raw.send([pack.head(kind), pack.pack({"req": 7, **more})])
        answer(raw, "ROWS" if kind == "LIST" else "COUNTS")
    raw.close()


def refused(p):
    s = Stage(p, "--queued-tasks", "1")
    s.submit(1, "small", queue="idle")
    s.submit(1, "slow", queue="idle", exits=(8,))
    s.submit(2, "small", "--busy", "fail", queue="idle", exits=(11,))
    s.submit(3, "small", queue="nowhere", exits=(3,))
    s.run("task", "show", task(9), exits=(3,))
    s.run("task", "fetch", task(1), exits=(1,))
    s.run("queue", "pause", "nowhere", exits=(3,))
    return s.close("What the broker refuses, and with which word.")


def trouble(p):
    s = Stage(p)
    node = s.node("p1", "--slots", "1", "--prefetch", "0", "--grace-s", "60")
    s.submit(1, "fails")
    s.run("task", "wait", task(1), exits=None)
    s.submit(2, "fails-again")
    s.seen("p1", "up", "FAIL", 2)
    s.run("task", "cancel", task(2))
    s.submit(3, "forever")
    s.seen("p1", "up", "STARTED", 3)
    s.run("task", "cancel", task(3))
    s.seen("p1", "up", "REVOKED")
    s.submit(4, "forever")
    s.seen("p1", "up", "STARTED", 4)
    node.send_signal(signal.SIGTERM)
    s.seen("p1", "up", "DRAIN")
    node.send_signal(signal.SIGTERM)
    s.seen("p1", "up", "RELEASE")
    node.wait(20)
    return s.close("Tasks that fail, that are cancelled while they run, and a node that is told to end.")


def recall(p):
    s = Stage(p)
    s.node("p1", "--slots", "1", "--prefetch", "1")
    s.submit(1, "slow")
    s.seen("p1", "up", "STARTED")
    s.submit(2, "small")
    s.seen("p1", "down", "OFFER", 2)
    s.node("p2", "--slots", "1", "--prefetch", "0")
    s.seen("p2", "down", "RESULT_OK")
    s.seen("p1", "down", "RESULT_OK")
    return s.close("What one node holds in advance is asked back for another.")


def superseded(p):
    s = Stage(p)
    first = s.node("p1")
    s.p.node("p1", ["--queue", "echo:echo"])
    s.seen("p1", "down", "DISCONNECT")
    s.p.end(first)
    return s.close("A second node of the same name: the first is told good-bye.")


def cut(p):
    s = Stage(p)
    s.node("p1", "--slots", "1", "--state", p.path("spool"))
    s.submit(1, "slow")
    s.seen("p1", "up", "STARTED")
    s.recorder.cut("p1")
    s.seen("p1", "down", "RESULT_OK")
    s.submit(2, "slow")
    s.seen("p1", "up", "STARTED", 2)
    s.recorder.open = False
    s.recorder.cut("p1")
    until("the spooled result", lambda: any(f.endswith(".result") for _, _, files in os.walk(p.path("spool")) for f in files))
    s.recorder.open = True
    s.seen("p1", "down", "RESULT_OK", 2)
    return s.close("A link that is cut: once while a task runs, once until its result was spooled.")


def restart(p):
    s = Stage(p)
    s.node("p1", "--slots", "1", "--state", p.path("spool"))
    s.submit(1, "slow")
    s.seen("p1", "up", "STARTED")
    waiting = s.wait_behind(1)
    s.seen("c2", "down", "TASK")
    s.kill_broker()
    s.seen("p1", "down", "RESULT_OK")
    waiting.wait(20)
    return s.close("The broker is killed while a task runs and a client waits: both find their way back.")


def claim(p):
    s = Stage(p)
    caller = p.path("claim_caller")
    subprocess.run(["cc", "-o", caller, os.path.join(HERE, "claim_caller.c"), f"-I{p.headers}", p.library,
                    f"-Wl,-rpath,{os.path.dirname(p.library)}"], check=True)
    subprocess.run([caller, s.recorder.endpoint], check=True, timeout=60)
    return s.close("A client that proves its own tasks: one result, one failure, one result in chunks.")


ALL = [small, large, prove, operating, refused, trouble, recall, superseded, cut, restart, claim]
