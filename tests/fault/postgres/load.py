"""Callers at work while brokers and their server fail: drill_load three times, and when its answers came."""
import os
import random
import threading
import time

from brokers import drill, expect

expect_whole, finish, load = drill.expect_whole, drill.finish, drill.load

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

    def gap_in(self, since, until):
        """The longest time without an answer that overlaps with these moments: an answer may be on its way at a kill. None: there is none."""
        return max((gap for gap, before, after in self.gaps if before < until and after > since), default=None)


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

    def expect_once(self):
        """No caller was handed two results of one task."""
        for path in self.files.values():
            with open(path, encoding="ascii") as f:
                ids = f.read().split()
            expect(len(ids) == len(set(ids)), f"{path}: a task was answered twice")

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
