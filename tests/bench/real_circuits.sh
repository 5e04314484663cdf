#!/usr/bin/env bash
# Real circuits to measure, in an ignored folder (build/circuits): circom's, compiled here, with a key made in seconds from a secret
# that is known (make_key), and two whose keys are of a ceremony (semaphore). Needs npm; minutes in all, 18-poseidon is the largest.
#   real_circuits.sh MAKE-KEY PROVER [NAME-SIZE...]       e.g. build/release/tests/make_key build/release/prover/provost-prover sha256-8
# Each is proved once by PROVER and the proof verified by snarkjs, with the verification key that snarkjs reads out of the key.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
make_key=$(realpath "$1")
prover=$(realpath "$2")
shift 2
to=$root/build/circuits
npm=$root/build/npm-circuits
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; }

if ! cmp -s "$here/circuits/package-lock.json" "$npm/package-lock.json"; then
    mkdir -p "$npm"
    cp "$here/circuits/package.json" "$npm/"
    (cd "$npm" && cp "$here/circuits/package-lock.json" . && quietly npm ci --ignore-scripts --no-audit --no-fund)
fi
snarkjs() { quietly node "$npm/node_modules/snarkjs/build/cli.cjs" "$@"; }

# circom2 runs in WebAssembly and sees only the folder it is started in: no links out of it.
libraries() { # FOLDER
    mkdir -p "$1/circomlib"
    cp -r "$npm/node_modules/circomlib/circuits" "$1/circomlib/"
    cp -r "$npm"/node_modules/@zk-email/circuits/{lib,utils} "$1/"
    sed '/^component main/d' "$root/tests/data/circuits/member.circom" >"$1/lib/member_template.circom"
}

compile() { # FOLDER CIRCUIT SIZE
    sed "s/@N@/$3/g" "$here/circuits/$2.circom.in" >"$1/circuit.circom"
    libraries "$1"
    (cd "$1" && quietly node "$npm/node_modules/circom2/cli.js" circuit.circom --O2round 4 --r1cs --wasm -l . -l circomlib/circuits -l lib)
    mv "$1"/circuit_js/circuit.wasm "$1/"
    quietly "$make_key" "$1/circuit.r1cs" "$1/circuit.zkey"
    rm -r "${1:?}"/{circuit_js,circuit.r1cs,circomlib,lib,utils}
}

ceremony() { # FOLDER SIZE
    cp "$npm/node_modules/@zk-kit/semaphore-artifacts/semaphore-$2.zkey" "$1/circuit.zkey"
    cp "$npm/node_modules/@zk-kit/semaphore-artifacts/semaphore-$2.wasm" "$1/circuit.wasm"
}

check() { # FOLDER
    quietly "$prover" prove "$1/circuit.zkey" "$1/witness.wtns" "$1/proof.json" "$1/public.json"
    snarkjs zkey export verificationkey "$1/circuit.zkey" "$1/vkey.json"
    snarkjs groth16 verify "$1/vkey.json" "$1/public.json" "$1/proof.json"
}

make() { # NAME SIZE
    local folder=$to/$1-$2
    [ ! -e "$folder/public.json" ] || return 0
    mkdir -p "$folder"
    if [ "$1" = semaphore ]; then ceremony "$folder" "$2"; else compile "$folder" "$1" "$2"; fi
    (cd "$npm" && quietly node "$here/circuits/inputs.mjs" "$1" "$2" "$folder/input.json")
    snarkjs wtns calculate "$folder/circuit.wasm" "$folder/input.json" "$folder/witness.wtns"
    check "$folder"
}

# 2^11 semaphore-1 | 2^12 poseidon-15 | 2^13 semaphore-20 | 2^14 poseidon-65 | 2^15 sha256-1 | 2^16 withdraw-20, rollup-7, poseidon-260, sha256-2
# 2^17 rollup-11 | 2^18 rsa-2048, sha256-8, poseidon-1050
[ $# -gt 0 ] || set -- semaphore-1 poseidon-15 semaphore-20 poseidon-65 sha256-1 withdraw-20 rollup-7 poseidon-260 sha256-2 rollup-11 rsa-2048 sha256-8 poseidon-1050
for circuit in "$@"; do
    make "${circuit%-*}" "${circuit##*-}"
    echo "$to/$circuit"
done
