#!/usr/bin/env python3
"""summarize_prove.py FOLDER CIRCUIT: bench_prove.sh's measurements of one circuit, one line of JSON a program."""
import json
import statistics
import sys
from pathlib import Path

folder = Path(sys.argv[1])
facts = json.loads((folder / "facts.json").read_text())
for path in sorted(folder.iterdir()):
    if path.name == "facts.json":
        continue
    wall, cpu, peak = zip(*[map(float, line.split()) for line in path.read_text().splitlines()])
    print(json.dumps({"bench": "prove", "program": path.name, "circuit": sys.argv[2], "domain": facts["domain"],
                      "zkey_bytes": facts["bytes"], "wall_ms": round(statistics.median(wall), 1),
                      "cpu_ms": round(statistics.median(cpu), 1), "peak_kib": int(statistics.median(peak)),
                      "all_ms": [round(w, 1) for w in wall]}))
