#!/usr/bin/env bash
# Witness generators of circom itself, as WebAssembly and, where g++, nasm, GMP and nlohmann's JSON are there, as C++: their witnesses are those
# of snarkjs byte for byte, what fullprove makes of them is verified by snarkjs, and asserts come back with circom's line.
#
# witness_programs.sh BUILD      exits 77 where npm cannot be reached, or where the user that generators run as cannot read this tree.
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
npm=$(bash "$here/npm_setup.sh" 2>/dev/null) || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
snarkjs() { node "$npm/node_modules/snarkjs/build/cli.cjs" "$@" >log 2>&1 || { cat log; exit 1; }; }
prover=$build/prover/provost-prover
[ "$(id -u)" != 0 ] || setpriv --reuid=nobody --regid=nogroup --clear-groups test -r "$build/prover/witness_wasm.cjs" || exit 77

# circom2 sees only the folder that it is started in
compile() { # NAME
    mkdir "$1"
    cp "$here/../data/circuits/$1.circom" "$1/circuit.circom"
    (cd "$1" && cp -r "$npm/node_modules/circomlib/circuits" lib && node "$npm/node_modules/circom2/cli.js" circuit.circom --O2 --wasm --c -l lib) >log 2>&1 ||
        { cat log; exit 1; }
}

by_hand() { # NAME GENERATOR: fullprove with it, verified by both
    "$prover" fullprove "$here/../data/code/$1.json" "$2" "$here/../data/$1/circuit.zkey" proof.json public.json
    "$prover" verify "$here/../data/$1/vkey.json" public.json proof.json
    snarkjs groth16 verify "$here/../data/$1/vkey.json" public.json proof.json
    cmp public.json "$here/../data/$1/public.json"
}

refused() { # SENTENCE INPUT GENERATOR
    local status=0
    "$prover" fullprove "$2" "$3" "$here/../data/hidden/circuit.zkey" none.json none-public.json 2>said || status=$?
    [ "$status" = 8 ] && grep -qF "$1" said || { echo "status $status, not \"$1\":"; cat said; exit 1; }
    [ ! -e none.json ] && [ ! -e none-public.json ]
}

refusals() { # GENERATOR, and the words of its kind for an assert
    echo '{"a": "6", "b": "35", "c": "14", "d": "16"}' >wrong.json
    refused "$2" wrong.json "$1"
    echo '{"a": "6"}' >few.json
    refused "Not all inputs have been set. Only 1 out of 4" few.json "$1"
}

for name in hidden bits; do
    compile $name
    cmp $name/circuit_js/circuit.wasm "$here/../data/code/$name.wasm"
    node "$build/prover/witness_wasm.cjs" $name/circuit_js/circuit.wasm "$here/../data/code/$name.json" ours.wtns
    snarkjs wtns calculate $name/circuit_js/circuit.wasm "$here/../data/code/$name.json" theirs.wtns
    cmp ours.wtns theirs.wtns
    by_hand $name $name/circuit_js/circuit.wasm
done
refusals hidden/circuit_js/circuit.wasm "Assert Failed. Error in template Hidden_0 line: 10"
# numbers of every form that snarkjs reads, and one that JSON would round
echo '{"a": -6, "b": "-35", "c": "0xE", "d": 15}' >forms.json
node "$build/prover/witness_wasm.cjs" hidden/circuit_js/circuit.wasm forms.json ours.wtns
snarkjs wtns calculate hidden/circuit_js/circuit.wasm forms.json theirs.wtns
cmp ours.wtns theirs.wtns
echo '{"a": 9007199254740993, "b": 1, "c": 9007199254740993, "d": 1}' >rounded.json
refused "signal a: not a whole number, or above 2^53 and not in quotes" rounded.json hidden/circuit_js/circuit.wasm
echo "WebAssembly: as snarkjs"

if command -v g++ nasm >/dev/null && [ -e /usr/include/nlohmann/json.hpp ] && [ "$(uname -m)" = x86_64 ] && echo '#include <gmp.h>' | g++ -E -x c++ - >/dev/null 2>&1; then
    make -s -C hidden/circuit_cpp CFLAGS="-std=c++11 -O0 -I." >log 2>&1 || { cat log; exit 1; }
    cp hidden/circuit_cpp/circuit hidden/witness
    cp hidden/circuit_cpp/circuit.dat hidden/witness.dat
    by_hand hidden hidden/witness
    refusals hidden/witness "Failed assert in template/function Hidden line 10. Followed trace of components: main"
    rm hidden/witness.dat
    status=0
    "$prover" fullprove "$here/../data/code/hidden.json" hidden/witness "$here/../data/hidden/circuit.zkey" none.json none-public.json 2>said || status=$?
    [ $status = 10 ] && grep -qE "dat file not found|No such file" said || { cat said; exit 1; }
    echo "C++: as snarkjs"
fi
