#!/usr/bin/env python3
"""kernel_times.py WHAT < CSV - what `ncu --csv --metrics gpu__time_duration.sum` printed, as one JSON line a kernel:
how often it ran, its shortest and its median run in microseconds, and its share of the sum of medians."""
import collections
import csv
import json
import re
import statistics
import sys

runs = collections.OrderedDict()
lines = [line for line in sys.stdin if line.startswith('"')]
for row in csv.DictReader(lines):
    if row["Metric Name"] != "gpu__time_duration.sum":
        continue
    scale = {"ns": 1e-3, "nsecond": 1e-3, "us": 1, "usecond": 1, "ms": 1e3, "msecond": 1e3}[row["Metric Unit"]]
    name = re.sub(r"^void |\(.*", "", row["Kernel Name"])
    key = (name, row["Grid Size"], row["Block Size"])
    runs.setdefault(key, []).append(float(row["Metric Value"].replace(",", "")) * scale)
total = sum(statistics.median(v) for v in runs.values())
for (name, grid, block), v in runs.items():
    print(json.dumps({"bench": "kernel", "what": sys.argv[1], "kernel": name, "grid": grid, "block": block, "runs": len(v), "least_us": round(min(v), 2),
                      "median_us": round(statistics.median(v), 2), "percent": round(100 * statistics.median(v) / total, 1)}))
