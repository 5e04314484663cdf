#!/usr/bin/env python3
"""table.py FOLDER - the JSON lines of tests/gpu/gpu_run.sh as a table."""
import glob
import json
import os
import sys

rows = []
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.jsonl"))):
    for line in open(path):
        if line.startswith("{"):
            rows.append(json.loads(line))
for kind in sorted({r["bench"] for r in rows}):
    some = [r for r in rows if r["bench"] == kind]
    keys = [k for k in some[0] if k != "bench"]
    print("\n" + kind + "\n| " + " | ".join(keys) + " |\n|" + " --- |" * len(keys))
    for r in some:
        print("| " + " | ".join(str(r.get(k, "")) for k in keys) + " |")
