#!/usr/bin/env python3
"""Wall clocks that are wrong, at a start and while programs run (R21): the broker's, a caller's, a node's. Nothing may expire, go or
wait because of them. drill.py has the processes; shifted_clock.c, preloaded, sets a program's clock.

clock_drills.py DRILL
"""
import os
import signal
import struct
import sys
import time

from drill import expect, run, until

DAY = 86400000
# Two days off, 1970 (a board without a clock of its own), and the year 9999.
AHEAD, BEHIND, LOST, FAR = 2 * DAY, -2 * DAY, -int(time.time() * 1000) + 5000, 253370764800000 - int(time.time() * 1000)
BRISK = ("--heartbeat-ms", "200", "--lease-ms", "1000", "--late-ms", "3600000", "--retention-ms", "3600000")


class Clock:
    """The wall clock of one program of the cluster."""

    def __init__(self, c, who):
        self.path = c.path(f"clock-of-{who}")
        self.set(0)
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        c.environments[who] = {**os.environ, "LD_PRELOAD": os.environ["PV_SHIFTED_CLOCK"], "PV_CLOCK_SHIFT": self.path,
                               "ASAN_OPTIONS": asan.lstrip(":")}

    def set(self, shift_ms):
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("<q", shift_ms), 0)
        os.close(fd)


def fill(c):
    """Tasks for whose end a clock is asked: by the states that they have to keep."""
    node = c.prover("p1")
    done = [c.submit({"sleep_ms": 1, "text": str(i)}) for i in range(2)]
    for task in done:
        c.wait(task, "succeeded")
    c.cli("task", "wait", done[0], os.devnull)  # acknowledged
    dead = c.submit({"fail": "permanent"})
    c.wait(dead, "dead")
    node.end()
    due = c.submit({"text": "due"}, "--deadline", "1h")
    cancelled = c.submit({"text": "cancelled"})
    c.cli("task", "cancel", cancelled)
    return {**dict.fromkeys(done, "succeeded"), dead: "dead", due: "queued", cancelled: "cancelled"}


def expect_as_it_was(c, tasks, when):
    states = {row["task"]: row["state"] for row in c.rows("task", "ls", "--limit", "200")}
    for task, state in tasks.items():
        expect(states.get(task) == state, f"{when}: a task is {states.get(task, 'gone')}, it was {state}")


def seen(c, tasks, when):
    """Now, and when the broker has had the time to do what it should not."""
    expect_as_it_was(c, tasks, when)
    time.sleep(0.4)
    expect_as_it_was(c, tasks, when)


def drill_wrong_at_a_start(c, soak):
    """Started with a wrong clock, and with a right one again: everything is there, and the log says that it jumped."""
    clock = Clock(c, "broker")
    broker = c.broker(*BRISK)
    tasks = fill(c)
    for shift, number in ((AHEAD, signal.SIGTERM), (0, signal.SIGKILL), (BEHIND, signal.SIGKILL), (LOST, signal.SIGTERM),
                          (FAR, signal.SIGTERM)):
        broker.signal(number)
        broker.popen.wait(10)
        clock.set(shift)
        broker = c.broker(*BRISK)
        seen(c, tasks, f"clock {shift} ms off at a start")
        expect(broker.log_count("clock.jumped") == 1, f"{broker.log_count('clock.jumped')} words of a jump to {shift} ms")


def drill_set_while_it_runs(c, soak):
    """Set by days while the broker runs, and again: one line for each, and nothing else. Then it starts with the clock right."""
    clock = Clock(c, "broker")
    broker = c.broker(*BRISK)
    tasks = fill(c)
    for n, shift in enumerate((AHEAD, BEHIND, LOST), 1):
        clock.set(shift)
        until("a word of the jump", lambda: broker.log_count("clock.jumped") == n)
        seen(c, tasks, f"clock set to {shift} ms off")
        due = c.submit({"text": f"due {n}"}, "--deadline", "1h")
        tasks[due] = "queued"
    rows = [r for r in c.rows("events") if r.get("what") == "clock jumped"]
    expect(len(rows) == 3, f"{len(rows)} events of 3 jumps")
    for number in (signal.SIGTERM, signal.SIGKILL):
        broker.signal(number)
        broker.popen.wait(10)
        clock.set(0)
        broker = c.broker(*BRISK)
        seen(c, tasks, "rows from both sides of the jumps")
    return {"tasks": len(tasks)}


def drill_delay_over_a_start(c, soak):
    """A back-off that runs over a start with the clock two days behind ends in its seconds."""
    clock = Clock(c, "broker")
    broker = c.broker(*BRISK)
    node = c.prover("p1")
    task = c.submit({"fail": "retryable"})
    c.wait(task, "delayed")
    node.end()
    broker.kill()
    clock.set(BEHIND)
    c.broker(*BRISK)
    c.wait(task, "queued", seconds=10)  # a second, and a fifth of it


def drill_a_callers_clock(c, soak):
    """A caller whose clock is days off says how long it is willing to wait, and means it."""
    clock = Clock(c, "cli")
    c.broker(*BRISK)
    later, soon = [], []
    for shift in (AHEAD, BEHIND, LOST, FAR):
        clock.set(shift)
        later.append(c.submit({"text": f"later {shift}"}, "--deadline", "1h"))
        soon.append(c.submit({"text": f"soon {shift}"}, "--deadline", "500ms"))
    for task in soon:
        c.wait(task, "expired", seconds=10)
    for task in later:
        expect(c.state_is(task, "queued"), "an hour by a clock that is days off is over")


def drill_a_nodes_clock(c, soak):
    """A node whose clock is days off, and is set while it proves, proves as any other; what it spools is brought.
    The broker waits for it for two leases, and a node on a busy machine may take seconds until it knocks again."""
    patient = (*BRISK, "--lease-ms", "5000")
    clock = Clock(c, "p1")
    broker = c.broker(*patient)
    clock.set(AHEAD)
    c.prover("p1")
    task = c.submit({"sleep_ms": 1000}, "--deadline", "1h")
    c.wait(task, "running")
    broker.kill()
    clock.set(LOST)
    time.sleep(1.5)  # it finishes while nobody is there
    c.broker(*patient)
    c.wait(task, "succeeded")
    attempts = c.task(task)["attempts"]
    expect(attempts == 1, f"{attempts} attempts")


def drill_a_deadline_passes_while_the_broker_is_away(c, soak):
    """The monotonic clock knows how long that was, whatever the wall clock says; the retention does not count it."""
    clock = Clock(c, "broker")
    broker = c.broker(*BRISK)
    soon, later = c.submit({"text": "soon"}, "--deadline", "2s"), c.submit({"text": "later"}, "--deadline", "1h")
    broker.end()
    clock.set(BEHIND)
    time.sleep(2)
    c.broker(*BRISK)
    c.wait(soon, "expired", seconds=5)
    expect(c.state_is(later, "queued"), "an hour is not over")


if __name__ == "__main__":
    sys.exit(run(globals()))
