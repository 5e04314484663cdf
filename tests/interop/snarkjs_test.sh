#!/usr/bin/env bash
# Both ways: our proofs are verified by snarkjs, snarkjs's fresh proofs by us; and the same for verification keys.
# snarkjs_test.sh PROVOST-PROVER      exits 77 where npm cannot be reached.
set -euo pipefail
prover=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
npm=$(bash "$here/npm_setup.sh" 2>/dev/null) || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
snarkjs() { node "$npm/node_modules/snarkjs/build/cli.cjs" "$@"; }

for name in chain-5 chain-7 hidden bits member; do
    data=$here/../data/$name
    "$prover" prove "$data/circuit.zkey" "$data/witness.wtns" "$work/proof.json" "$work/public.json"
    snarkjs groth16 verify "$data/vkey.json" "$work/public.json" "$work/proof.json" | grep -q OK
    cmp "$work/public.json" "$data/public.json" # the same bytes as snarkjs writes
    snarkjs groth16 prove "$data/circuit.zkey" "$data/witness.wtns" "$work/theirs.json" "$work/theirs_public.json"
    "$prover" verify "$data/vkey.json" "$work/theirs_public.json" "$work/theirs.json"
    "$prover" inspect "$data/circuit.zkey" --vkey "$work/vkey.json" >/dev/null
    snarkjs groth16 verify "$work/vkey.json" "$work/theirs_public.json" "$work/theirs.json" | grep -q OK
    echo "$name: both ways"
done

# And a wrong one is refused by both.
sed -i '0,/"[0-9]*"/s//"1"/' "$work/theirs_public.json"
if "$prover" verify "$here/../data/member/vkey.json" "$work/theirs_public.json" "$work/theirs.json"; then exit 1; fi
if snarkjs groth16 verify "$here/../data/member/vkey.json" "$work/theirs_public.json" "$work/theirs.json" | grep -q OK; then exit 1; fi
