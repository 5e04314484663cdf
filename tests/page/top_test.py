#!/usr/bin/env python3
"""provost on a terminal: top redraws in place, follows the terminal's size, sorts by keys and leaves the terminal as it was; status fits a
screen. And every command that takes -o json answers with an object of a named schema."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from page_scene import Scene
from programs import until

failures = []


def expect(what, ok, more=""):
    if not ok:
        failures.append(f"{what} {more}")


class Terminal:
    """The little of a terminal that is needed: what is on the screen, and what came to be there how."""

    def __init__(self, argv, environment, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.rows, self.columns, self.cells, self.at = rows, columns, [[" "] * columns for _ in range(rows)], [0, 0]
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave, self.wiped, self.scrolled, self.hidden, self.raw = slave, 0, 0, False, b""
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=subprocess.PIPE, env={**environment, "TERM": "xterm"},
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        old = [row[:columns] + [" "] * max(0, columns - len(row)) for row in self.cells[:rows]]
        self.cells = old + [[" "] * columns for _ in range(rows - len(old))]
        self.rows, self.columns, self.at = rows, columns, [0, 0]

    def read(self, seconds=0.3):
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self._take(data.decode())

    def _take(self, text):
        for m in re.finditer(r"\033\[([?0-9;]*)([A-Za-z])|([^\033])", text, re.S):
            code, kind, char = m.groups()
            if char == "\r":
                self.at[1] = 0
            elif char == "\n":
                if self.at[0] + 1 == self.rows:
                    self.scrolled += 1
                self.at[0] = min(self.at[0] + 1, self.rows - 1)
            elif char is not None:
                if self.at[1] < self.columns:
                    self.cells[self.at[0]][self.at[1]] = char
                self.at[1] += 1
            elif kind == "H":
                self.at = [0, 0]
            elif kind == "K":
                self.cells[self.at[0]][self.at[1]:] = [" "] * (self.columns - self.at[1])
            elif kind == "J":
                self.wiped += code == "2"
                rest = range(self.at[0] + 1, self.rows) if code != "2" else range(self.rows)
                for i in rest:
                    self.cells[i] = [" "] * self.columns
            elif kind in "hl":
                self.hidden = kind == "l"

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def shows(self, pattern):
        self.read(0.05)
        return re.search(pattern, "\n".join(self.lines()), re.M)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.read(0.1)
        self.after = termios.tcgetattr(self.slave)
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode


def command(scene, *words):
    return [f"{scene.p.build}/worker/cli/provost", *words, "--broker", scene.p.endpoint, "--insecure"]


def provers_in_order(t):
    return re.findall(r"^(gpu-\S+)", "\n".join(t.lines()), re.M)


def top_draws(scene):
    t = Terminal(command(scene, "top", "--interval", "300ms"), scene.p.environment)
    until("a frame", lambda: t.shows(r"^gpu-idle"))
    expect("its title", t.shows(r"^QUEUE +PAUSED"), t.lines())
    expect("the help", t.shows(r"q quit; sort by n name"), t.lines())
    wiped, frames = t.wiped, t.raw.count(b"\033[H")
    until("more frames", lambda: t.read(0.2) or t.raw.count(b"\033[H") >= frames + 4)
    expect("the screen is wiped once, before the first frame", t.wiped == wiped == 1, t.wiped)
    expect("nothing scrolls", not t.scrolled, t.scrolled)
    expect("the cursor is hidden", t.hidden)
    t.type("n")
    until("by name", lambda: t.shows("n. name") and provers_in_order(t) == sorted(provers_in_order(t)))
    names = provers_in_order(t)
    expect("all provers", len(names) == 4, names)
    t.type("n")
    until("backwards", lambda: t.read(0.1) or provers_in_order(t) == names[::-1])
    t.type("r")
    until("by what runs", lambda: t.read(0.1) or provers_in_order(t)[:1] == ["gpu-a"])
    t.size(12, 50)
    os.killpg(t.process.pid, signal.SIGWINCH)
    t.raw = b""
    until("the new size", lambda: t.read(0.2) or t.raw.count(b"\033[H") >= 2)
    expect("it fits the new size", not t.scrolled and t.shows(r"^(QUEUE|PROVER)") and not t.shows(r"QUARANTINED.*HEARD"), t.lines())
    long = [line for line in re.split(rb"\r\n|\033\[H", t.raw) if len(re.sub(rb"\033\[[?0-9;]*[A-Za-z]", b"", line)) > 50]
    expect("no line is longer than the terminal", not long, long[:2])
    t.type("q")
    expect("q ends it with 0", t.end() == 0, t.process.returncode)
    expect("the terminal is as it was", t.after == t.before)
    expect("the cursor is back", not t.hidden)


def top_is_interrupted(scene):
    for signum, exits in ((signal.SIGINT, 0), (signal.SIGTERM, 0)):
        t = Terminal(command(scene, "top"), scene.p.environment)
        until("a frame", lambda: t.shows(r"^gpu-idle"))
        t.process.send_signal(signum)
        expect(f"{signum} ends it", t.end() == exits, t.process.returncode)
        expect("the terminal is as it was", t.after == t.before)
        expect("the cursor is back", not t.hidden)


def top_without_terminal(scene):
    text = scene.p.cli("top", "--times", "2", "--interval", "10ms").decode()
    expect("two looks", text.count("\nPROVER ") == 2, text)
    expect("no escapes", "\033" not in text)
    lines = subprocess.run(command(scene, "top", "--times", "2", "--interval", "10ms", "-o", "json"), capture_output=True, check=True,
                           env=scene.p.environment).stdout.decode().splitlines()
    looks = [json.loads(line) for line in lines]
    expect("a line for each look", len(looks) == 2 and all(x["schema"] == "provost.top/1" and len(x["provers"]) == 4 for x in looks), lines)


def status_fits(scene):
    t = Terminal(command(scene, "status"), scene.p.environment)
    expect("status ends", t.end() == 0)
    expect("status fits 80x24 with a prompt", not t.scrolled and len([x for x in t.lines() if x]) <= 23, t.lines())
    whole = scene.p.cli("status", "-o", "json")["rows"][0]
    text = "\n".join(t.lines())
    missing = [k for k, v in whole.items() if v not in (None, "") and not re.search(rf"\b{k.removesuffix('_ms')}\b", text)]
    expect("every figure that there is", not missing, missing)


# Arguments of each command that takes -o; what its schema is. A command that is not here fails the test.
def json_of(scene, ids):
    key = scene.p.path("some.key")
    data = scene.p.path("some.input")
    with open(data, "w", encoding="ascii") as f:
        f.write("input")
    return {
        "task submit": ([data, "--queue", "held", "--circuit", "x"], "provost.submitted/1"),
        "task show": ([ids["dead"]], "provost.task/1"), "task ls": ([], "provost.tasks/1"),
        "task wait": ([ids["done"], scene.p.path("wait.out")], "provost.result/1"),
        "task fetch": ([ids["done"], scene.p.path("fetch.out")], "provost.result/1"),
        "task kick": ([ids["dead"]], None), "task cancel": ([ids["queued"]], "provost.cancelled/1"),
        "queue ls": ([], "provost.queues/1"), "queue show": (["outer"], "provost.queues/1"),
        "queue pause": (["inner"], "provost.queues/1"), "queue resume": (["inner"], "provost.queues/1"),
        "queue set": (["inner", "--run-timeout", "1h"], "provost.queues/1"),
        "queue purge": (["held", "--yes"], "provost.purged/1"),
        "prover ls": ([], "provost.provers/1"), "prover show": (["gpu-idle"], "provost.prover/1"),
        "prover drain": (["gpu-idle"], "provost.provers/1"), "prover resume": (["gpu-idle"], "provost.provers/1"),
        "key gen": ([key], "provost.key/1"), "key show": ([key], "provost.key/1"), "key check": ([key], "provost.key-check/1"),
        "status": ([], "provost.status/1"), "top": (["--times", "1"], "provost.top/1"), "events": ([], "provost.events/1"),
        "check": ([], "provost.check/1"), "prove": None, "bench": None,
    }


def every_table(scene, ids):
    program = f"{scene.p.build}/worker/cli/provost"
    listed = subprocess.run([program, "--help"], capture_output=True, check=True).stdout.decode()
    names = [n for n in re.findall(r"^  (\S+(?: \S+)?)  ", listed.split("provost help COMMAND")[0], re.M)]
    words = json_of(scene, ids)
    expect("commands are found", len(names) > 20, names)
    for name in sorted(set(names), key=list(words).index if set(names) <= set(words) else None):
        options = subprocess.run([program, *name.split(), "--help"], capture_output=True, check=True).stdout.decode()
        expect(f"{name} takes -o json", "--output=FORM" in options)
        expect(f"{name} is tested here", name in words)
        if not words.get(name):
            continue  # prove and bench need a prover that proves: e2e_prove and e2e_echo have them
        arguments, schema = words[name]
        security = [] if name.startswith("key") else ["--broker", scene.p.endpoint, "--insecure"]
        done = subprocess.run([program, *name.split(), *arguments, "-o", "json", *security], capture_output=True, check=False,
                              env=scene.p.environment, stdin=subprocess.DEVNULL)
        try:
            said = json.loads(done.stdout)
        except ValueError:
            expect(f"{name} -o json says JSON", False, (done.returncode, done.stdout, done.stderr))
            continue
        expect(f"{name}: a versioned schema", re.fullmatch(r"provost\.[a-z-]+/\d+", said.get("schema", "")), said)
        expect(f"{name}: the schema is {schema}", schema is None or said["schema"] == schema, said["schema"])
        expect(f"{name}: exit", done.returncode in (0, 1, 2) if name == "check" else done.returncode == 0, (done.returncode, done.stderr))


def main():
    scene = Scene()
    try:
        ids = scene.play()
        until("the dead and the done", lambda: scene.p.state(ids["dead"]) == "dead" and scene.p.state(ids["done"]) == "succeeded")
        for part in (top_draws, top_is_interrupted, top_without_terminal, status_fits):
            part(scene)
        every_table(scene, ids)
    finally:
        scene.close()
    for f in failures:
        print("not ok:", f)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
