#!/usr/bin/env bash
# Whole proofs as lines of JSON: whole processes beside rapidsnark and snarkjs, in turn, so that a noisy machine is noisy for all;
# then the same key resident (provost-prover bench).
#   bench_prove.sh BUILD FOLDER...      BUILD as build/release; each folder holds circuit.zkey and witness.wtns
#   RAPIDSNARK=prover   RAPIDSNARK_PORTABLE=prover built without assembly   SNARKJS=snarkjs's cli.cjs
#   ROUNDS=5   PATHS="ifma adx portable" (those this CPU has)   RESIDENT=1
# One line a program and circuit: median wall and processor milliseconds, peak resident KiB, all wall times.
set -euo pipefail
here=$(dirname "$0")
build=$(realpath "$1")
shift
ours=$build/prover/provost-prover
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
timed() { "$build/tests/measure" "${@:2}" >>"$work/$1"; } # NAME COMMAND...

one_round() { # FILES...
    for path in ${PATHS:-ifma adx portable}; do timed "provost-$path" "$ours" prove --backend cpu --path "$path" "$@"; done
    if [ "${RAPIDSNARK:-}" ]; then timed rapidsnark "$RAPIDSNARK" "$@"; fi
    if [ "${RAPIDSNARK_PORTABLE:-}" ]; then timed rapidsnark-portable "$RAPIDSNARK_PORTABLE" "$@"; fi
    if [ "${SNARKJS:-}" ]; then timed snarkjs node "$SNARKJS" groth16 prove "$@"; fi
}

for folder in "$@"; do
    rm -f "$work"/*
    for ((i = 0; i < rounds; i++)); do
        one_round "$folder/circuit.zkey" "$folder/witness.wtns" "$work/proof.json" "$work/public.json"
    done
    "$ours" inspect -o json "$folder/circuit.zkey" >"$work/facts.json"
    rm -f "$work/proof.json" "$work/public.json"
    "$here/summarize_prove.py" "$work" "$(basename "$folder")"
    if [ "${RESIDENT:-}" ]; then
        for path in ${PATHS:-ifma adx portable}; do
            "$ours" bench --backend cpu --path "$path" --rounds "$rounds" "$folder/circuit.zkey" "$folder/witness.wtns"
        done
    fi
done
