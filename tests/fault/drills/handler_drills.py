#!/usr/bin/env python3
"""What a node's handlers did, as the node, its broker and Prometheus tell it; and one that is broken, which rests alone.

usage: handler_drills.py DRILL [--soak]        (drill.py)
"""
import json
import os
import signal
import subprocess
import sys
import urllib.request

from drill import BRISK, PROVER, QUEUE, expect, free_port, run, until
from program_drills import COPY, Node


class Fleet(Node):
    """A node of programs, with the broker's HTTP."""

    def __init__(self, cluster, handlers, slots=2):
        self.http = free_port()
        super().__init__(cluster, handlers, slots)
        self.handlers = handlers

    def broker(self):
        self.c.broker(*BRISK, "--http", f"127.0.0.1:{self.http}", *(w for q in self.handlers for w in ("--queue", q)))

    def again(self):
        """The broker, once more, with HTTP."""
        self.c.broker_process.end()
        self.broker()

    def get(self, path):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10).read().decode()

    def metric(self, name):
        """0: it is not there yet."""
        return next((float(line.split()[1]) for line in self.get("/metrics").splitlines() if line.startswith(name + " ")), 0)

    def calls(self, handler, outcome):
        return self.metric('provost_handler_calls_total{handler="%s",outcome="%s"}' % (handler, outcome))

    def told(self, handler, prover="p1"):
        """As `provost prover show` has it."""
        rows = self.c.json("prover", "show", prover)["handlers"]
        return next((row for row in rows if row["handler"] == handler), None)

    def status(self, prover="p1", *words, check=True):
        done = subprocess.run([PROVER, "status", "--state", self.c.path(f"{prover}-state"), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30)
        expect(not check or done.returncode == 0, f"provost-prover status: {done.stderr.decode()}")
        return done

    def own(self, handler, prover="p1"):
        rows = json.loads(self.status(prover, "-o", "json").stdout)["handlers"]
        return next(row for row in rows if row["handler"] == handler)


def drill_counters_are_told_and_never_go_back(c, soak=False):
    """Calls by outcome and seconds: in prover show, in status, over HTTP, in metrics; over the end of a node, of its connection, of the broker."""
    fleet = Fleet(c, {"good": COPY, "no": 'command: [ILL, exit, "65", "no"]\ninput: stdin\nresult: stdout\n'})
    fleet.again()
    first = fleet.start()
    for i in range(5):
        fleet.result(fleet.submit("good", b"12345"))
    no = fleet.submit("no")
    c.wait(no, "dead")
    until("prover show tells them", lambda: (fleet.told("good") or {}).get("succeeded") == 5)
    row = fleet.told("good")
    expect(row["calls"] == 5 and row["bytes_in"] == 25 and row["bytes_out"] == 25 and row["rest_ms"] == 0 and row["why"] is None,
           f"prover show tells {row}")
    until("and the failure", lambda: fleet.told("no")["permanent"] == 1)
    own = fleet.own("good")
    expect(own == fleet.told("good"), f"the node says {own}, the broker {fleet.told('good')}")
    expect(f"{'good':20} {5:8d} {5:8d} {0:8d}" in fleet.status().stdout.decode(), "the table of status")
    shown = c.cli("prover", "show", "p1").stdout.decode()
    expect("good  5 calls, 5 good, 0 failed" in shown and "no  1 calls, 0 good, 1 failed (1 permanent" in shown, shown)
    rows = json.loads(fleet.get("/v1/provers/p1/handlers"))
    expect(rows["schema"] == "provost.handlers/1" and {r["handler"] for r in rows["rows"]} == {"echo", "good", "no"}, rows)
    expect(json.loads(fleet.get("/v1/provers"))["rows"][0]["handlers"] == 3, "the number of handlers")
    until("the metrics have them", lambda: fleet.calls("good", "succeeded") == 5 and fleet.calls("no", "permanent") == 1)
    # another node, the first one killed and started again: the sum is of all of them
    fleet.start("p2")
    first.kill()
    for i in range(3):
        fleet.result(fleet.submit("good", b"12345"))
    until("the sum of both", lambda: fleet.calls("good", "succeeded") == 8)
    expect(fleet.status("p1", check=False).returncode == 3, "a killed node has a status")
    fleet.start("p1")
    until("the new node is there", lambda: fleet.status("p1", check=False).returncode == 0)
    expect(fleet.own("good")["calls"] == 0, "a new node begins at 0")
    expect(fleet.calls("good", "succeeded") == 8, "the sum went back")
    seconds = fleet.metric('provost_handler_seconds_total{handler="good"}')
    expect(0 < seconds < 60, f"{seconds} seconds")
    # a broker that is started again begins at 0, and does not count what was before it
    fleet.again()
    until("both are back", lambda: len([p for p in c.rows("prover", "ls") if p["live"]]) == 2)
    for i in range(2):
        fleet.result(fleet.submit("good", b"12345"))
    until("only what is new", lambda: fleet.calls("good", "succeeded") == 2)
    # an orderly end removes the socket
    expect(os.path.exists(c.path("p1-state/status")), "no socket")
    fleet.process.signal(signal.SIGTERM)
    expect(fleet.process.popen.wait(15) == 0, "a drained node ends with 0")
    expect(not os.path.exists(c.path("p1-state/status")), "the socket is left")
    expect(fleet.calls("good", "succeeded") == 2, "the sum went back")


def drill_a_broken_handler_rests_alone(c, soak=False):
    """Every task of one program fails: its queue is no longer offered for, the others are served all the time, and no task is DEAD for it."""
    fleet = Fleet(c, {"good": COPY, "broken": 'command: [ILL, exit, "3", "it is broken"]\ninput: stdin\nresult: stdout\n'})
    fleet.start()
    tasks = [fleet.submit("broken", b"%d" % i) for i in range(6)]
    node = fleet.process
    until("it rests", lambda: node.log_count("handler.rests"))
    for i in range(10):
        good, echo = fleet.submit("good", b"good %d" % i), fleet.submit(QUEUE, b"echo %d" % i)
        expect(fleet.result(good, 3) == b"good %d" % i and fleet.result(echo, 3) == b"echo %d" % i, "a wrong result")
    prover = c.rows("prover", "ls")[0]
    expect(prover["quarantined_ms"] == 0, f"the whole node rests: {prover}")
    until("the broker is told", lambda: (fleet.told("broken") or {}).get("rest_ms") == 60000)
    expect("it is broken" in fleet.told("broken")["why"], fleet.told("broken"))
    expect(c.rows("prover", "ls")[0]["handlers_resting"] == 1, "prover ls")
    shown = c.cli("prover", "show", "p1").stdout.decode()
    expect("queue broken:broken: it rests for 60 s" in shown and "rests              broken, for 60 s" in shown, shown)
    expect("rests for 60 s (rest number 1)" in fleet.status().stdout.decode(), fleet.status().stdout.decode())
    queue = next(q for q in json.loads(fleet.status("p1", "-o", "json").stdout)["queues"] if q["queue"] == "broken")
    expect(not queue["served"], "status says that it is served")
    states = [c.task(t) for t in tasks]
    expect(all(t["state"] in ("queued", "delayed") and t["failures"] <= 1 for t in states), states)
    expect(sum(t["failures"] for t in states) == 2, "two failures are said, and no more")
    expect(fleet.own("broken")["calls"] <= 4, f"{fleet.own('broken')['calls']} calls of a program that rests")


if __name__ == "__main__":
    sys.exit(run(globals()))
