#!/usr/bin/env python3
"""predict.py PROBE.cubin PLAN - what kernels should take on an H200, from counted instructions and the rates of the chip.

No GPU: predicted. Only the multiplier pipe is counted (IMAD.WIDE and IMAD.HI at 32 a clock and multiprocessor, IMAD at 64,
132 multiprocessors at 1.98 GHz); additions run on the other pipe, memory is 4 to 10 times faster than needed. So these are
floors of this code, not promises. PROBE.cubin: tests/emu/probe.cu. PLAN: tests/gpu/plan.c."""
import json
import os
import re
import subprocess
import sys

RATE = 132 * 1.98e9 * 32
here = os.path.dirname(os.path.abspath(__file__))
text = subprocess.run([sys.executable, here + "/../emu/sass.py", sys.argv[1]], capture_output=True, text=True, check=True).stdout
ops = {}
for line in text.splitlines():
    name, _, rest = line.partition(": ")
    c = {k: int(v) for k, v in (x.split("=") for x in rest.split())}
    # a handful of these compute addresses
    ops[name] = c.get("IMAD.WIDE", 0) + c.get("IMAD.HI", 0) + c.get("IMAD", 0) / 2


def cost(pattern):
    return next(v for k, v in ops.items() if re.search(pattern, k))


mul, sqr, mul_sub = (cost("k_fieldI10fp_modulusLi%dE" % i) for i in (3, 4, 5))
mul2, sqr2, mul_sub2 = (cost("k_fp2I3fp2Li%dE" % i) for i in (3, 4, 5))
mulh, sqrh, mul_subh = (2 * cost("k_fp2I8fp2_halfLi%dE" % i) for i in (3, 4, 5))
add1, full1 = 6 * mul + 2 * sqr + mul_sub, 10 * mul + 2 * sqr + mul_sub
add2, addh, fullh = 6 * mul2 + 2 * sqr2 + mul_sub2, 6 * mulh + 2 * sqrh + mul_subh, 10 * mulh + 2 * sqrh + mul_subh
print("| operation | multiplier slots | G/s |\n| --- | --- | --- |")
for name, c in (("multiplication", mul), ("squaring", sqr), ("a b - c d", mul_sub), ("G1 bucket addition", add1), ("G1 full addition", full1),
                ("G2 bucket addition, one lane", add2), ("G2 bucket addition, two lanes (both)", addh)):
    print("| %s | %.0f | %.2f |" % (name, c, RATE / c / 1e9))


def plan(log_n, g1, g2):
    return json.loads(subprocess.run([sys.argv[2], str(log_n), str(g1), str(g2)], capture_output=True, text=True, check=True).stdout)


def msm(log_n, add, full, g1, g2):
    p = plan(log_n, g1, g2)
    work = (p["windows"] * 2**log_n * add + 2 * p["keys"] * full) / RATE
    # additions that nothing hides: along a line of buckets and through a block's tree, twice; 4 clocks an instruction
    chain = (1.5 * 2 ** (p["window_bits"] // 2) / 128 + 16) * full * 4 / 1.98e9
    return p, 1e3 * (work + chain)


def ntt(log_n):
    passes = 1 if log_n <= 11 else 2 if log_n <= 18 else 3
    muls, left = 0.0, log_n
    for i in range(passes):
        k = log_n // passes + (i < log_n % passes)
        muls += (k - 3) / 2 + 5 / 8  # full twiddles down to the three lowest levels, of whose twelve products five are left
        left_before, left = left, left - k
        muls += 0 if left == 0 else 1 if left_before <= 14 else 2
    return 1e3 * muls * 2**log_n * mul / RATE


goals = {("G1", 16): 0.6, ("G1", 18): 1.1, ("G1", 20): 3.0, ("G1", 22): 11, ("G1", 24): 40, ("G2", 16): 1.5, ("G2", 20): 8, ("G2", 22): 30,
         ("NTT", 20): 0.22, ("NTT", 22): 0.95, ("NTT", 24): 4.2}
print("\n| kernel | plan | predicted ms | goal ms |\n| --- | --- | --- | --- |")
for (what, log_n), goal in goals.items():
    if what == "NTT":
        print("| NTT 2^%d | %d passes | %.3f | %g |" % (log_n, 1 if log_n <= 11 else 2 if log_n <= 18 else 3, ntt(log_n), goal))
        continue
    p, ms = msm(log_n, add1, full1, 1, 0) if what == "G1" else msm(log_n, min(add2, addh), fullh, 0, 1)
    print("| MSM %s 2^%d | %d windows of %d bits, %d rows | %.2f | %g |" % (what, log_n, p["windows"], p["window_bits"], p["rows"], ms, goal))
