#!/usr/bin/env bash
# Whole proofs, whole processes: ours beside rapidsnark and snarkjs, in turn, so that a noisy machine is noisy for all.
#   bench_prove.sh PROVOST-PROVER FOLDER...      each folder holds circuit.zkey and witness.wtns
#   RAPIDSNARK=path of rapidsnark's prover    SNARKJS=path of snarkjs's cli.cjs    ROUNDS=5    PROVER_ARGS="--path adx"
# One JSON line a program and circuit: median and all wall milliseconds, median processor milliseconds, peak resident KiB.
set -euo pipefail
ours=$(realpath "$1")
shift
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

timed() { # NAME COMMAND...: appends "wall_ms cpu_ms rss_kib" to $work/NAME
    python3 - "$work/$1" "${@:2}" <<'PY'
import os, subprocess, sys, time
start = time.monotonic()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, use = os.wait4(child.pid, 0)
wall = time.monotonic() - start
if status:
    sys.exit("failed: " + " ".join(sys.argv[2:]))
with open(sys.argv[1], "a") as f:
    print(wall * 1e3, (use.ru_utime + use.ru_stime) * 1e3, use.ru_maxrss, file=f)
PY
}

for folder in "$@"; do
    rm -f "$work"/*
    files=("$folder/circuit.zkey" "$folder/witness.wtns" "$work/proof.json" "$work/public.json")
    for ((i = 0; i < rounds; i++)); do
        # shellcheck disable=SC2086
        timed provost "$ours" prove --backend cpu ${PROVER_ARGS:-} "${files[@]}"
        if [ "${RAPIDSNARK:-}" ]; then timed rapidsnark "$RAPIDSNARK" "${files[@]}"; fi
        if [ "${SNARKJS:-}" ]; then timed snarkjs node "$SNARKJS" groth16 prove "${files[@]}"; fi
    done
    python3 - "$work" "$(basename "$folder")" "$(stat -Lc %s "$folder/circuit.zkey")" <<'PY'
import json, os, statistics, sys
for name in ("provost", "rapidsnark", "snarkjs"):
    path = os.path.join(sys.argv[1], name)
    if os.path.exists(path):
        wall, cpu, rss = zip(*[map(float, line.split()) for line in open(path)])
        print(json.dumps({"bench": "prove", "program": name, "circuit": sys.argv[2], "zkey_bytes": int(sys.argv[3]),
                          "wall_ms": round(statistics.median(wall), 1), "cpu_ms": round(statistics.median(cpu), 1),
                          "peak_kib": int(statistics.median(rss)), "all_ms": [round(w, 1) for w in wall]}))
PY
done
