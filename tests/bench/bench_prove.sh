#!/usr/bin/env bash
# Whole proofs as lines of JSON: whole processes beside rapidsnark and snarkjs, in turn, so that a noisy machine is noisy for all;
# then the same key resident (provost-prover bench), with one proof at a time and with two.
#   bench_prove.sh BUILD FOLDER...      BUILD as build/release; each folder holds circuit.zkey and witness.wtns
#   RAPIDSNARK=prover   RAPIDSNARK_49=prover of its open pull request 49   RAPIDSNARK_PORTABLE=prover built without assembly
#   SNARKJS=snarkjs's cli.cjs   ROUNDS=5   SNARKJS_ROUNDS=1   PATHS="ifma adx portable" (those this CPU has)   RESIDENT=1
# One line a program and circuit: median wall and processor milliseconds, peak resident KiB, all wall times. table_prove.py makes tables.
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
    if [ "${RAPIDSNARK_49:-}" ]; then timed rapidsnark-49 "$RAPIDSNARK_49" "$@"; fi
    if [ "${RAPIDSNARK_PORTABLE:-}" ]; then timed rapidsnark-portable "$RAPIDSNARK_PORTABLE" "$@"; fi
}

resident() { # FOLDER
    local path
    for path in ${PATHS:-ifma adx portable}; do
        for plan in "1 2" "2 1"; do
            "$ours" bench --backend cpu --path "$path" --rounds "$rounds" --slots "${plan% *}" --threads "${plan#* }" \
                "$1/circuit.zkey" "$1/witness.wtns"
        done
    done
}

for folder in "$@"; do
    files=("$folder/circuit.zkey" "$folder/witness.wtns" "$work/proof.json" "$work/public.json")
    rm -f "$work"/*
    cat "${files[@]:0:2}" >/dev/null # in the kernel's cache, for all
    for ((i = 0; i < rounds; i++)); do
        one_round "${files[@]}"
        if [ "${SNARKJS:-}" ] && [ $i -lt "${SNARKJS_ROUNDS:-$rounds}" ]; then timed snarkjs node "$SNARKJS" groth16 prove "${files[@]}"; fi
    done
    "$ours" inspect -o json "$folder/circuit.zkey" >"$work/facts.json"
    rm -f "$work/proof.json" "$work/public.json"
    "$here/summarize_prove.py" "$work" "$(basename "$folder")"
    if [ "${RESIDENT:-}" ]; then resident "$folder"; fi
done
