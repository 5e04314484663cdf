#!/usr/bin/env python3
"""states_test.py closed|killed|keyed: today's programs open what those of 52f222a left, and everything in it is as it was then."""
import json
import os
import sys

import keyed
import states
from programs import Programs

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "compat")

# Of a task: what cannot differ from one telling of the story to the next.
OPENED = ("schema task state generation queue circuit status text prover client principal group priority failures losses attempts "
          "length result_length measured_ms created changed deadline").split()
ENDED = "task state generation queue circuit client principal group priority length result_length created deadline".split()
ADOPTED = ENDED + "prover losses failures attempts measured_ms".split()
QUEUE = "queue paused run_timeout_ms run_timeout_set stall_timeout_ms stall_timeout_set late_result succeeded dead cancelled expired".split()

failures = []


def expect(what, got, want):
    if got != want:
        failures.append(f"{what}: {got!r} instead of {want!r}")


def expect_rows(part, columns, got, want):
    for name, row in want.items():
        for column in columns:
            if column in row:
                expect(f"{part} {name} {column}", got.get(name, {}).get(column, "nothing"), row[column])


def by_queue(rows):
    return {r["queue"]: r for r in rows}


def back_in_its_line(task):
    """A delay may be over by the time the task is looked at: it says when it is due, not how long it lasts."""
    return {**task, "state": "delayed"} if task["state"] == "queued" else task


def compare(got, want):
    expect_rows("opened", OPENED, got["opened"], want["opened"])
    expect_rows("queue", QUEUE, by_queue(got["queues"]), by_queue(want["queues"]))
    expect_rows("adopted", ADOPTED, got.get("adopted", {}), want.get("adopted", {}))
    expect_rows("ended", ENDED, got["ended"], want["ended"])
    for part in ("drained", "results", "end-results"):
        expect(part, got.get(part), want.get(part))


def compare_delayed(got, want):
    expect_rows("opened", [c for c in OPENED if c != "changed"], {"delayed": back_in_its_line(got["opened"].pop("delayed"))},
                {"delayed": want["opened"].pop("delayed")})


def told(p, clock, folder, want):
    if os.path.basename(folder) == "keyed":
        compare(keyed.tell(p, folder, (clock, want["wall"])), want)
        return
    for part in ("state", "spool"):
        states.copy_private(os.path.join(folder, part), p.path(part))
    got = states.tell(p, p.path("state"), p.path("spool"), (clock, want["wall"]))
    compare_delayed(got, want)
    compare(got, want)


def told_late(p, clock, folder, want):
    states.copy_private(os.path.join(folder, "state"), p.path("state"))
    late = {name: row["state"] for name, row in want["opened"].items()}
    expect("ten years later", states.tell_late(p, p.path("state"), (clock, want["wall"])), {**late, "delayed": "queued"})


def with_programs(tell, clock, folder, want):
    p = Programs(os.environ["PV_BUILD"])
    try:
        tell(p, clock, folder, want)
    except Exception:
        print(p.tail(), file=sys.stderr)
        raise
    finally:
        p.close()


def main():
    folder = os.path.join(DATA, sys.argv[1])
    with open(os.path.join(folder, "seen.json"), encoding="utf-8") as f:
        want = json.load(f)
    for tell in (told, told_late) if "late" in want else (told,):
        with_programs(tell, os.environ["PV_PAST_CLOCK"], folder, want)
    for text in failures:
        print(text)
    return bool(failures)


sys.exit(main())
