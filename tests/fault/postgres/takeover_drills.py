#!/usr/bin/env python3
"""Two brokers on one store in PostgreSQL: who is active is killed, or frozen past its lease; both are started at once.

    takeover_drills.py DRILL [--soak]
"""
import os
import random
import sys
import threading
import time

from brokers import expect, rounds, run, until
from drill import expect_whole, finish, load

TAKEOVER_MOST_S = 10.0
SEED = int(os.environ.get("PV_SEED", time.time_ns() % 1_000_000))
chance = random.Random(SEED)


class Answers:
    """When the callers got answers: their files are looked at every few milliseconds."""

    def __init__(self, paths):
        self.paths, self.end, self.gaps, self.last = paths, False, [], 0.0
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        was = 0
        while not self.end:
            now, size = time.monotonic(), sum(os.path.getsize(p) for p in self.paths if os.path.exists(p))
            if size > was:
                if was:
                    self.gaps.append((now - self.last, self.last, now))
                was, self.last = size, now
            time.sleep(0.002)

    def stop(self):
        self.end = True
        self.thread.join()

    def gap_over(self, moment):
        """From the last answer before a moment to the first after it."""
        return next((gap for gap, before, after in self.gaps if before <= moment < after), None)


class Load:
    """Callers with inputs of 1 KiB and of 200 KiB, and results of both sizes, until it is told to end."""

    KINDS = {"small": ("--pad", 1000), "large": ("--pad", 200000), "result": ("--bytes", 200000)}

    def __init__(self, c, name):
        self.files = {kind: c.path(f"{name}-{kind}") for kind in self.KINDS}
        self.callers = [load(c, "--tasks", 1000000, "--threads", 4, "--seed", chance.randrange(1 << 20), "--name", f"{name}-{kind}",
                             "--done", self.files[kind], *options) for kind, options in self.KINDS.items()]
        self.answers = Answers(list(self.files.values()))

    def flows(self):
        """Each kind has got an answer."""
        return all(os.path.exists(p) and os.path.getsize(p) for p in self.files.values())

    def end(self):
        """Every acknowledged task is answered, and rightly. How many."""
        tasks = 0
        for caller in self.callers:
            caller.terminate()
        for caller in self.callers:
            code, figures, err = finish(caller, 120)
            expect_whole(code, figures, err)
            tasks += figures["answered"]
        self.answers.stop()
        return tasks


def takes_over(new, was):
    """Waits until the other is active, with an epoch of its own."""
    until(f"{new.name} takes over", lambda: new.epochs() and new.epochs()[-1] > was, TAKEOVER_MOST_S + 5)
    return new.epochs()[-1]


def told(c, took, tasks):
    """The figures of a drill whose nodes have ended."""
    took.sort()
    figures = {"seed": SEED, "rounds": len(took), "tasks": tasks, "lost": 0, "executions_per_task": round(c.executions() / tasks, 4),
               "gap_s_median": round(took[len(took) // 2], 3), "gap_s_most": round(took[-1], 3)}
    expect(c.executions() >= tasks, f"a task was answered that nobody ran: {figures}")
    expect(took[-1] <= TAKEOVER_MOST_S, f"{took[-1]:.1f} s without an answer: {figures}")
    return figures


def drill_killed_under_load(c, soak):
    """kill -9 of the active broker, again and again: nothing that was acknowledged is lost, results included."""
    active, standby = c.start_both()
    nodes = [c.prover(f"p{i}", "--slots", "4") for i in (1, 2)]
    callers = Load(c, "load")
    until("each kind of task is answered", callers.flows)
    moments = []
    for _ in range(rounds(5, 100, soak)):
        time.sleep(chance.uniform(0.2, 1.0))
        was = active.epochs()[-1]
        active.process.kill()
        moments.append(time.monotonic())
        takes_over(standby, was)
        active, standby = standby, active.start()
        until("it stands by", lambda: standby.says("standby"))
        until("answers come again", lambda: callers.answers.last > moments[-1])
    time.sleep(0.5)
    tasks = callers.end()
    for node in nodes:
        expect(node.end() == 0, "a node did not end well")
    took = [callers.answers.gap_over(moment) for moment in moments]
    expect(all(took), f"no answer after a takeover: {took}")
    return told(c, took, tasks)


if __name__ == "__main__":
    sys.exit(run(globals()))
