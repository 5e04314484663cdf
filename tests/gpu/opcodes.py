#!/usr/bin/env python3
"""opcodes.py CUBIN SASS - our opcode counts (tests/emu/sass.py) beside cuobjdump -sass of the same file; JSON lines."""
import collections
import json
import os
import re
import subprocess
import sys

ours = {}
text = subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "../emu/sass.py"), sys.argv[1]], capture_output=True, text=True, check=True).stdout
for line in text.splitlines():
    name, _, rest = line.partition(": ")
    ours[name] = {k: int(v) for k, v in (x.split("=") for x in rest.split())}
theirs, kernel = collections.defaultdict(collections.Counter), None
for line in open(sys.argv[2]):
    m = re.search(r"Function : (\S+)", line)
    kernel = m.group(1) if m else kernel
    m = re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+\s+)?([A-Z0-9.]+)", line)
    if m and kernel:
        op = m.group(1)
        for name in ("IMAD.WIDE", "IMAD.HI", "LDG", "STG", "LDL", "STL", "SHFL", "LDS", "STS"):
            if op.startswith(name):
                theirs[kernel][name] += 1
bad = 0
for kernel, counts in theirs.items():
    for op, n in counts.items():
        same = ours.get(kernel, {}).get(op, 0) == n
        bad += not same
        print(json.dumps({"bench": "opcodes", "kernel": kernel, "op": op, "ours": ours.get(kernel, {}).get(op, 0), "cuobjdump": n, "same": same}))
sys.exit(bad != 0)
