#!/usr/bin/env python3
"""Handlers that are programs that stay, or shared objects, in a node that serves others besides: whatever one does, it loses its own attempt,
and nothing of it is left.

usage: resident_drills.py DRILL [--soak]        (drill.py)
"""
import os
import shutil
import signal
import sys
import time

from drill import BUILD, QUEUE, expect, run, until
from program_drills import ROUNDS, Node, descriptors, memory, parent_of, processes

ILL = os.path.join(BUILD, "tests", "ill_resident")
OBJECT = os.path.join(BUILD, "tests", "ill_object.so")
GOOD = 'mode: persistent\ncommand: [ILL, good]\ngrace: 500ms\n'


class Stays(Node):
    """The same, with ill_resident in place of ill_behaved."""

    def __init__(self, cluster, handlers, slots=4, *options):
        super().__init__(cluster, {name: text.replace("OBJECT", cluster.path("ill_object.so")) for name, text in handlers.items()},
                         slots, *options)
        shutil.copy(ILL, self.ill)
        shutil.copy(OBJECT, cluster.path("ill_object.so"))


def children(pid):
    return [p for p in filter(str.isdigit, os.listdir("/proc")) if parent_of(int(p)) == pid]


def drill_residents_harm_nobody(c, soak=False):
    """Hung, crashing, flooding, lying, leaving daemons: beside each a task of a good one, of a program for a task, and of the node's own."""
    bad = {
        "hang": "it ran longer than 1000 ms",
        "crash": "it ended by signal 11 (Segmentation fault): about to crash",
        "exit 3": "it ended with exit status 3",
        "close": "it closed its stdout and went on",
        "flood": "is something else written to its stdout?",
        "chatter": "it flooded its stdout",
        "announce 60000": "it ran longer than 1000 ms",
        "large 2000000": "longer than result_max allows",
        "other": "it gave a result for another task",
        "two": "it said more after its task was over (two results?)",
        "unknown": "no message of a program's",
    }
    node = Stays(c, {"good": GOOD, "ill": GOOD + "time_limit: 1s\nresult_max: 1M\nquarantine: 1s\n"}, 6)
    node.start()
    pid, before = node.process.popen.pid, memory(node.process.popen.pid)
    longest = 0.0
    for n, (what, said) in enumerate(bad.items()):
        failed = node.process.log_count("task.failed")
        ill = node.submit("ill", what.encode())
        for i in range(3):
            started = time.monotonic()
            good, echo = node.submit("good", b"echo good %d" % i), node.submit(QUEUE, b"echo %d" % i)
            expect(node.result(good) == b"good %d" % i, "a good program's result is wrong")
            expect(node.result(echo) == b"echo %d" % i, "an echo is wrong")
            longest = max(longest, time.monotonic() - started)
        until(f"{what} has failed", lambda f=failed: node.process.log_count("task.failed") > f, 30)
        c.cli("task", "cancel", ill)
        expect(said in node.process.log_text(), f'{what}: the log does not say "{said}"')
        fine = node.submit("ill", b"echo alive")
        expect(node.result(fine, 60) == b"alive", f"after {what} the program is not served")
    lost = [line for line in node.process.log_text().splitlines() if "task.failed" in line and "failure=lost" in line]
    expect(len(lost) >= 7, f"{len(lost)} attempts count as losses")
    task = node.submit("ill", b"daemon")
    expect(node.result(task) == b"left", "one that leaves a daemon")
    grown = memory(pid) - before
    expect(grown < 64 << 20, f"the node grew by {grown >> 20} MiB")
    expect(not node.process.log_count("broker.lost"), "the node's heartbeats were late")
    node.process.signal(signal.SIGTERM)
    expect(node.process.popen.wait(15) == 0, "a drained node ends with 0")
    until("every process is gone", lambda: not processes(node.ill))
    expect(not node.work(), "a folder is left")
    return {"grown_mib": grown >> 20, "longest_pair_s": round(longest, 2)}


def drill_residents_end_with_their_node(c, soak=False):
    """A cancel kills one that is deaf to it, and a node that is killed leaves nothing: with namespaces, and without."""
    node = Stays(c, {"auto": GOOD + "instances: 2\n", "none": GOOD + "sandbox: none\n"}, 4)
    for name in ("auto", "none"):
        node.start(f"p-{name}")
        expect(node.result(node.submit(name, b"daemon")) == b"left", "a daemon is left")
        task = node.submit(name, b"hang")
        node.running(task)
        c.cli("task", "cancel", task)
        until("the cancelled one was killed", lambda: node.process.log_count("guiltless=yes"))
        expect(node.result(node.submit(name, b"echo on")) == b"on", "after a cancel it is not served")
        expect(node.result(node.submit(name, b"daemon")) == b"left", "a daemon is left")
        task = node.submit(name, b"hang")
        node.running(task)
        node.process.kill()
        until("nothing runs on", lambda: not processes(node.ill), 5)
        expect(node.work(f"p-{name}"), "the folders should still be there")
        c.cli("task", "cancel", task)
        node.start(f"p-{name}")
        until("the sweep is said", lambda: node.process.log_count("handler.swept"))
        node.process.end()


def drill_a_library_that_crashes_loses_one_attempt(c, soak=False):
    """A shared object that crashes, exits, prints or hangs, beside others; the node lives, and so does the next attempt."""
    node = Stays(c, {"object": "mode: library\nlibrary: OBJECT\ngrace: 500ms\ntime_limit: 1s\nquarantine: 1s\n", "good": GOOD}, 4)
    node.start()
    pid = node.process.popen.pid
    for what, said in (("crash", "it ended by signal 6"), ("exit", "it ended with exit status 0"), ("hang", "it ran longer than 1000 ms"),
                       ("none", "it gave no result"), ("two", "it gave two results")):
        failed = node.process.log_count("task.failed")
        ill = node.submit("object", what.encode())
        until(f"{what} has failed", lambda f=failed: node.process.log_count("task.failed") > f)
        c.cli("task", "cancel", ill)
        expect(said in node.process.log_text(), f'{what}: the log does not say "{said}"')
        expect(node.result(node.submit("object", b"print")) == b"print", f"after {what} the object is not served")
        expect(node.result(node.submit("good", b"echo x")) == b"x", "the other is not served")
    expect(node.process.popen.pid == pid and node.process.running(), "the node ended")


def drill_many_residents_leave_nothing(c, soak=False):
    """300 tasks, with --soak 10,000, good ones and bad: no process, descriptor or file more than before, and no memory that grows."""
    count = (10000 if soak else 300) * ROUNDS
    node = Stays(c, {"good": GOOD + "instances: 2\n", "file": GOOD + "input: file\n", "object": "mode: library\nlibrary: OBJECT\n",
                     "ill": GOOD + "quarantine: 300ms\n"})
    node.start()
    pid = node.process.popen.pid
    kinds = [("good", b"echo %d"), ("file", b"echo %d"), ("object", b"data %d"), ("ill", b"permanent %d"), ("good", b"progress %d"), ("ill", b"echo %d")]

    def finished():
        return node.process.log_count("task.proved") + node.process.log_count("task.failed")

    def batch(first, n):
        """n tasks, and one that kills its program."""
        before = finished()
        for i in range(first, first + n):
            queue, what = kinds[i % len(kinds)]
            node.submit(queue, what % i)
        until("the batch is done", lambda: finished() >= before + n, 180)
        ended = node.process.log_count("handler.ended")
        crash = node.submit("ill", b"crash")
        until("one has crashed", lambda: node.process.log_count("handler.ended") > ended)
        c.cli("task", "cancel", crash)
        expect(node.result(node.submit("ill", b"echo on"), 60) == b"on", "it is not served on")

    def settled():
        return len(children(pid)) == 5

    batch(0, 40)
    until("all instances are there", settled, 30)
    before, open_before = memory(pid, "VmRSS"), descriptors(pid)
    started = time.monotonic()
    for first in range(40, count, 100):
        batch(first, min(100, count - first))
    seconds = time.monotonic() - started
    until("all instances are there", settled, 30)
    until("no descriptor more", lambda: descriptors(pid) <= open_before)
    grown = memory(pid, "VmRSS") - before
    expect(grown < 32 << 20, f"the node grew by {grown >> 20} MiB in {count} tasks")
    for folder in node.work():
        inside = os.listdir(os.path.join(c.path("p1-state/work"), folder))
        expect(inside == ["result"], f"left in a working folder: {inside}")
    return {"tasks": finished(), "grown_kib": grown >> 10, "a_second": round((count - 40) / seconds, 1)}


if __name__ == "__main__":
    sys.exit(run(globals()))
