#!/usr/bin/env python3
"""gpu_cost_test.py - dollars per 1,000 proofs are computed, not typed: the table of docs/gpu-cost.md is what the script prints from the rates and
prices that the page names; a run's whole proofs are taken; a price is never guessed."""
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parents[2]
script = root / "tests/bench/gpu_cost.py"
failed = 0


def check(what, ok):
    global failed
    if not ok:
        failed += 1
        print("FAIL", what)


def cost(*args):
    return subprocess.run([script, *map(str, args)], capture_output=True, text=True, timeout=60, cwd=root)


page = (root / "docs/gpu-cost.md").read_text()
command = shlex.split(re.search(r"^    tests/bench/gpu_cost.py (.*)$", page, re.M)[1])
table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
check("the page's table is the script's", cost(*command).stdout.strip() == table)
check("every row says whether it was measured", all(line.endswith(("| measured |", "| predicted |")) for line in table.splitlines()[2:]))
with tempfile.TemporaryDirectory() as tmp:
    run = Path(tmp, "results.jsonl")
    rows = [{"bench": "run", "what": "first"}, {"step": "facts", "bench": "facts", "card": "NVIDIA H200, 580.1, 1980 MHz"},
            {"step": "prove_chain-13", "bench": "resident", "wall_ms": 2.5, "proofs_per_s": 400.0},
            {"step": "slots_chain-13", "bench": "resident", "wall_ms": 4.0, "proofs_per_s": 1000.0}, {"bench": "step", "step": "slots_chain-13", "state": "ok"}]
    run.write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = cost(run, "--price", "H200=3.6")
    check("a run: %s %s" % (done.stdout, done.stderr), done.stdout.splitlines()[2:] == ["| NVIDIA H200 | 3.60 | chain, 2^13 | 2.5 | 1000 | 1000000 | 0.001 | measured |"])
    done = cost(run, "--price", "H100=3")
    check("no price is guessed: %s" % done.stderr, done.returncode != 0 and "no price" in done.stderr)
    done = cost(run, "--price", "H200=0")
    check("a price of nothing: %s" % done.stderr, done.returncode != 0 and "not CARD=DOLLARS" in done.stderr)
    run.write_text('{"card":"H200","circuit":"x","wall_ms":1,"proofs_per_s":5,"state":"hoped"}\n')
    check("a rate is measured or predicted", cost(run, "--price", "H200=3").returncode != 0)
sys.exit(1 if failed else 0)
