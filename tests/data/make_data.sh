#!/usr/bin/env bash
# Makes the circuits, keys and witnesses of this folder anew (npm; about five minutes). Not run by default: the results are
# in git, because a ceremony is random and every make gives other keys.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
npm=$(bash "$here/../interop/npm_setup.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
snarkjs() { node --max-old-space-size=4096 "$npm/node_modules/snarkjs/build/cli.cjs" "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
circom() { node "$npm/node_modules/circom2/cli.js" "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }

ptau() { # FILE CURVE POWER
    snarkjs powersoftau new "$2" "$3" p0.ptau
    snarkjs powersoftau contribute p0.ptau p1.ptau --name=test -e="$(head -c 32 /dev/urandom | base64)"
    snarkjs powersoftau prepare phase2 p1.ptau "$1"
}

compile() { # NAME SOURCE INPUT.json [circom option ...]
    mkdir -p "$1"
    cp "$2" "$1/circuit.circom"
    # circom2 runs in WebAssembly and sees only the folder it is started in: no links out of it.
    (cd "$1" && cp -r "$npm/node_modules/circomlib/circuits" lib && circom circuit.circom --O2 --r1cs --wasm -l lib "${@:4}")
    node "$1/circuit_js/generate_witness.cjs" "$1/circuit_js/circuit.wasm" "$3" "$1/witness.wtns" 2>"$work/log" ||
        node "$1/circuit_js/generate_witness.js" "$1/circuit_js/circuit.wasm" "$3" "$1/witness.wtns"
}

setup() { # NAME PTAU: key with one contribution, its verification key, and snarkjs's own proof
    snarkjs groth16 setup "$1/circuit.r1cs" "$2" "$1/first.zkey"
    snarkjs zkey contribute "$1/first.zkey" "$1/circuit.zkey" --name=test -e="$(head -c 32 /dev/urandom | base64)"
    snarkjs zkey export verificationkey "$1/circuit.zkey" "$1/vkey.json"
    snarkjs groth16 prove "$1/circuit.zkey" "$1/witness.wtns" "$1/proof.json" "$1/public.json"
    snarkjs groth16 verify "$1/vkey.json" "$1/public.json" "$1/proof.json"
}

keep() { # NAME FILE...
    mkdir -p "$here/$1"
    for f in "${@:2}"; do cp "$1/$f" "$here/$1/$f"; done
    echo "made $1: $(du -sh "$here/$1" | cut -f1)"
}

ptau small.ptau bn128 ${SMALL_POWER:-11}
for n in 5 6 7; do
    sed "s/@N@/$n/g" "$here/circuits/chain.circom.in" >chain.circom
    echo '{"start": "3"}' >in.json
    compile "chain-$n" chain.circom in.json
    setup "chain-$n" small.ptau
    keep "chain-$n" circuit.zkey witness.wtns vkey.json proof.json public.json
done
echo '{"a": "6", "b": "35", "c": "14", "d": "15"}' >in.json
compile hidden "$here/circuits/hidden.circom" in.json
setup hidden small.ptau
keep hidden circuit.zkey witness.wtns vkey.json proof.json public.json
echo '{"value": ["0", "1", "18446744073709551615", "4294967296", "81985529216486895", "7", "9223372036854775808", "12297829382473034410"]}' >in.json
compile bits "$here/circuits/bits.circom" in.json
setup bits small.ptau
keep bits circuit.zkey witness.wtns vkey.json proof.json public.json

# Keys that are not ours: refused by name, not by accident.
snarkjs plonk setup chain-5/circuit.r1cs small.ptau plonk.zkey
snarkjs fflonk setup chain-5/circuit.r1cs small.ptau fflonk.zkey
ptau other.ptau bls12381 5
sed "s/@N@/5/g" "$here/circuits/chain.circom.in" >chain.circom
echo '{"start": "3"}' >in.json
compile bls12381 chain.circom in.json -p bls12381
snarkjs groth16 setup bls12381/circuit.r1cs other.ptau bls12381/circuit.zkey
mkdir -p others
cp plonk.zkey fflonk.zkey others/
cp bls12381/circuit.zkey others/bls12381.zkey
cp bls12381/witness.wtns others/bls12381.wtns
keep others plonk.zkey fflonk.zkey bls12381.zkey bls12381.wtns

ptau large.ptau bn128 13
(cd "$npm" && node "$here/circuits/member_input.mjs" "$work/in.json")
compile member "$here/circuits/member.circom" in.json
setup member large.ptau
keep member circuit.zkey witness.wtns vkey.json proof.json public.json
