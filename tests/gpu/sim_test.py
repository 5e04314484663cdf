#!/usr/bin/env python3
"""sim_test.py SIM - the model of tests/gpu/sim.cpp beside what an H100 took (tests/bench/RESULTS.md), and what it says of changes.

The accumulation was measured, so it must be met; of the changes that no card has timed, the model must still say that they bring
something where the switches of cuda/variants.cuh claim it. EXPECTED.md says of the stages what the model says."""
import json
import subprocess
import sys
from pathlib import Path

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
ROWS = Path(__file__).with_name("EXPECTED.md").read_text(encoding="utf-8").splitlines()
CIRCOM = ("dense=30", "ones=35")


def says(step, *parts):
    """That the step's row says these parts, in this order."""
    row = next(line for line in ROWS if line.startswith("| `%s` |" % step))
    text = ", ".join(parts)
    if text not in row:
        wrong.append("EXPECTED.md, %s: the model says \"%s\"" % (step, text))


def stages(*args):
    got = sim(*args)
    return ["%s %s" % (stage, format(got[stage], ",")) for stage in ("sort", "accumulate", "combine", "lines", "bits")]


def against(stage, args, *switch):
    return "%s against %s" % tuple(format(sim(*args, *more)[stage], ",") for more in ((), switch))


def beside_comb(*args):
    return "%d / %d" % (sim(*args)["total"], sim(*args, "comb=8")["total"])


says("kernels_msm-16-dense", *stages(16, 1))
says("kernels_msm-20-dense", *stages(20, 1)[:3], "lines %d (%d without rotation)" % tuple(sim(20, 1, *x)["lines"] for x in ([], ["rotate=0"])), stages(20, 1)[4])
says("kernels_msm-20-circom", *stages(20, 1, *CIRCOM))
says("kernels_msm2-20-dense", *stages(20, 2))
says("switch_rotate_0", "lines %s us (G1 2^20)" % against("lines", (20, 1), "rotate=0"), "%s (2^18)" % against("lines", (18, 1), "rotate=0"))
says("switch_spread_0", "combine %s us (G1 2^14)" % against("combine", (14, 1), "spread=0"), "%s (G1 2^16)" % against("combine", (16, 1), "spread=0"),
     "%s (G2 2^16)" % against("combine", (16, 2), "spread=0"))
says("switch_few_parts_8", "combine %s us (G1 2^16)" % against("combine", (16, 1), "few=8"), "%s (G2 2^16)" % against("combine", (16, 2), "few=8"))
says("switch_sort_shift_0", "sort %s us (2^20)" % against("sort", (20, 1), "shift=0"), "%s (2^22)" % against("sort", (22, 1), "shift=0"))
says("switch_place_alone_all", "sort of a circuit's witness %s us (2^20)" % against("sort", (20, 1, *CIRCOM), "spread=0"))
says("switch_comb_1", "G1 2^10 %s" % beside_comb(10, 1), "2^13 %s" % beside_comb(13, 1), "2^14 %s; G2 2^13 %s" % (beside_comb(14, 1), beside_comb(13, 2)))
print("\n".join(wrong) or "ok")
sys.exit(1 if wrong else 0)
