#!/usr/bin/env python3
"""table_arithmetic.py LINES.jsonl: bench_arithmetic.sh's lines as the tables of RESULTS.md, milliseconds of processor time."""
import json
import sys

ROWS = [("msm_g1", "dense", "G1 sum"), ("msm_g2", "dense", "G2 sum"), ("msm_g1", "mixed", "G1 sum, mixed"), ("msm_g1", "bits", "G1 sum, bits"),
        ("ntt_natural", None, "transform, natural order"), ("quotient", None, "quotient: six transforms, cosets, a b - c")]


def figure(value):
    return "%.3g" % value if value < 100 else "%.0f" % value


def main():
    with open(sys.argv[1]) as lines:
        found = {(o["bench"], o.get("scalars"), o["path"], o["log_n"]): o["cpu_ms"] for o in map(json.loads, lines)}
    sizes = sorted({key[3] for key in found if key[3] % 2 == 0})
    print("| what | path | " + " | ".join("2^%d" % n for n in sizes) + " |")
    print("|" + "---|" * (len(sizes) + 2))
    for bench, scalars, name in ROWS:
        for path in ("ifma", "adx", "portable"):
            cells = [found.get((bench, scalars, path, n)) for n in sizes]
            if any(cells):
                print("| %s | %s | %s |" % (name, path, " | ".join(figure(c) if c else "" for c in cells)))


if __name__ == "__main__":
    main()
