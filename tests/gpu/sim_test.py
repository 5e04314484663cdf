#!/usr/bin/env python3
"""sim_test.py SIM - the model of tests/gpu/sim.cpp beside what an H100 took (tests/bench/RESULTS.md), and what it says of changes.

The accumulation was measured, so it must be met; of the changes that no card has timed, the model must still say that they bring
something where the switches of cuda/variants.cuh claim it."""
import json
import subprocess
import sys

BEFORE = ["few=8", "spread=0", "rotate=0", "shift=0"]  # the stages as they were when the H100 ran
wrong = []


def sim(*args):
    return json.loads(subprocess.run([sys.argv[1], *map(str, args)], capture_output=True, text=True, check=True).stdout)


def near(what, got, measured, part):
    if abs(got - measured) > part * measured:
        wrong.append("%s: the model says %g us, the H100 %g" % (what, got, measured))


def less(what, stage, log_n, group, part, *args, before=()):
    old, new = sim(log_n, group, *args, *BEFORE, *before)[stage], sim(log_n, group, *args)[stage]
    if new > part * old:
        wrong.append("%s: %s takes %g us of %g" % (what, stage, new, old))


for log_n, measured in ((16, 180), (18, 692), (20, 2287), (22, 9302)):
    near("G1 accumulation of 2^%d" % log_n, sim(log_n, 1, *BEFORE, *(["segment=9"] if log_n == 16 else []))["accumulate"], measured, 0.1)
near("G2 accumulation of 2^20", sim(20, 2, *BEFORE)["accumulate"], 7300, 0.1)
less("rotation", "lines", 20, 1, 0.7)
less("rotation", "lines", 18, 1, 0.5)
less("parts of small sums", "combine", 16, 1, 0.3, before=["segment=9"])
less("parts of small sums", "combine", 14, 1, 0.4, before=["segment=8"])
less("the bucket of ones", "combine", 20, 1, 0.5, "dense=30", "ones=35")
less("the bucket of ones", "combine", 20, 2, 0.3, "dense=30", "ones=35")
less("the bucket of ones", "sort", 20, 1, 0.8, "dense=30", "ones=35")
print("\n".join(wrong) or "ok")
sys.exit(1 if wrong else 0)
