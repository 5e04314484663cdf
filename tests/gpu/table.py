#!/usr/bin/env python3
"""table.py results.jsonl - the JSON lines of tests/gpu/run.sh as tables, the least wanted first, since the end is what is seen: kernels and
stages, switches, sums, whole proofs; last the steps that did not end well."""
import collections
import json
import sys

ORDER = ("kernel", "rates", "phases", "arithmetic", "sort", "ntt", "msm", "resident", "facts")
HIDDEN = {"bench", "zkey", "grid", "block", "path", "zkey_bytes", "peak_kib", "cpu_ms", "rounds", "gpu", "gpu_assumed_bytes", "gpu_least_bytes"}


def rows_of(path):
    for line in open(path, errors="replace"):
        try:
            row = json.loads(line)
        except ValueError:
            continue  # cut off
        if isinstance(row, dict):
            yield row


def table(kind, rows):
    keys = list(dict.fromkeys(k for r in rows for k in r if k not in HIDDEN))
    print("\n%s\n| %s |\n|%s" % (kind, " | ".join(keys), " --- |" * len(keys)))
    for r in rows:
        print("| " + " | ".join(str(r.get(k, "")) for k in keys) + " |")


kinds = collections.defaultdict(list)
for row in rows_of(sys.argv[1]):
    kinds[row.get("bench", "?")].append(row)
kinds.pop("run", None)
steps = kinds.pop("step", [])
for kind in sorted(kinds, key=lambda k: ORDER.index(k) if k in ORDER else -1):
    table(kind, kinds[kind])
bad = [s for s in steps if s["state"] != "ok"]
print("\n%d steps, %d of them ended well" % (len(steps), len(steps) - len(bad)))
for s in bad:
    print("%s: %s" % (s["step"], s["state"]))
