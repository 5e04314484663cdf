#!/usr/bin/env python3
"""record.py BUILD: writes tests/data/compat/ with the programs in BUILD, a build folder of commit 52f222a.

What it writes is what must stay readable for good: it was made once, and is not made anew when a test fails. (A recording of a
later release goes beside it, not in its place.) See README.md."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import keyed
import scenes
import states
from programs import Programs

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data", "compat")


def compiled_clock(p):
    module = p.path("past_clock.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, os.path.join(HERE, "past_clock.c")], check=True)
    return module


def keep(source, to):
    """Without what a broker makes anew at each start: the lock, and the index of the log that processes share."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("lock", "*-shm"))


def write_json(to, value):
    with open(to, "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1, sort_keys=True)
        f.write("\n")


# By the numbers of task_state.h: what the recording is for. (RECEIVING and RECOVERING are never in a row.)
WANTED = {1: "queued", 2: "offered", 3: "running", 4: "delayed", 6: "succeeded", 7: "dead", 8: "cancelled", 9: "expired"}


def check_states(p, state):
    """Every state that can be in a store is in this one. Looks at a copy: SQLite folds the log in when it closes."""
    shutil.copytree(state, p.path("looked-at"))
    db = sqlite3.connect(p.path("looked-at", "provost.db"))
    found = {row[0] for row in db.execute("SELECT state FROM task")}
    db.close()
    assert found == set(WANTED), f"not recorded: {[WANTED[n] for n in set(WANTED) - found]}"


def record_state(build, name, signum):
    folder = os.path.join(DATA, name)
    shutil.rmtree(folder, ignore_errors=True)
    p = Programs(build)
    try:
        clock = compiled_clock(p)
        wall = states.make(p, p.path("state"), p.path("spool"), signum)
        for part in ("state", "spool"):
            keep(p.path(part), os.path.join(folder, part))
        check_states(p, os.path.join(folder, "state"))
        for part in ("state", "spool"):
            states.copy_private(os.path.join(folder, part), p.path("again-" + part))
        seen = states.tell(p, p.path("again-state"), p.path("again-spool"), (clock, wall))
        p.close()
        p = Programs(build)
        states.copy_private(os.path.join(folder, "state"), p.path("late-state"))
        seen["late"] = states.tell_late(p, p.path("late-state"), (compiled_clock(p), wall))
        write_json(os.path.join(folder, "seen.json"), {"wall": wall, **seen})
    except BaseException:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()


def record_keyed(build):
    folder = os.path.join(DATA, "keyed")
    shutil.rmtree(folder, ignore_errors=True)
    p = Programs(build)
    q = Programs(build)
    try:
        clock = compiled_clock(q)
        keyed.make(p)
        wall = time.time_ns() // 1000000
        for part in keyed.PARTS:
            keep(p.path(part), os.path.join(folder, part))
        write_json(os.path.join(folder, "seen.json"), {"wall": wall, **keyed.tell(q, folder, (clock, wall))})
    except BaseException:
        print(p.tail(), q.tail(), file=sys.stderr)
        raise
    finally:
        p.close()
        q.close()


def record_scene(build, scene):
    p = Programs(build)
    p.library = os.path.join(p.build, "worker", "libprovost.so.0.1.0")
    p.headers = os.environ.get("PV_HEADERS", os.path.join(p.build, "worker", "installed"))
    try:
        text = scene(p)
    except BaseException:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()
    os.makedirs(os.path.join(DATA, "scenes"), exist_ok=True)
    with open(os.path.join(DATA, "scenes", scene.__name__ + ".txt"), "w", encoding="ascii") as f:
        f.write(text)


def main():
    build = sys.argv[1]
    what = sys.argv[2:] or ["closed", "killed", "keyed"] + [scene.__name__ for scene in scenes.ALL]
    for scene in scenes.ALL:
        if scene.__name__ in what:
            record_scene(build, scene)
    if "keyed" in what:
        record_keyed(build)
    if "closed" in what:
        record_state(build, "closed", signal.SIGTERM)
    if "killed" in what:
        record_state(build, "killed", signal.SIGKILL)


main()
