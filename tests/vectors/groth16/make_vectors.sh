#!/usr/bin/env bash
# Makes these vectors anew with snarkjs and ffjavascript, in a temporary folder: keys, proofs and signals as the snarkjs
# program writes them, and pairings as ffjavascript computes them. The keys are random: every file changes together.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent snarkjs@0.7 circom2@0.2 >/dev/null
PATH=$work/node_modules/.bin:$PATH
cat > mul.circom <<'C'
pragma circom 2.0.0;
template Mul() { signal input a; signal input b; signal input pub; signal output c; signal t; t <== a*b; c <== t*pub + a; }
component main {public [pub]} = Mul();
C
cat > none.circom <<'C'
pragma circom 2.0.0;
template None() { signal input a; signal input b; signal t; t <== a*b; t === 35; }
component main = None();
C
echo '{"a":"3","b":"11","pub":"7"}' > mul.json
echo '{"a":"5","b":"7"}' > none.json
snarkjs powersoftau new bn128 6 0.ptau
snarkjs powersoftau contribute 0.ptau 1.ptau --name=one -e=one
snarkjs powersoftau prepare phase2 1.ptau 2.ptau
for c in mul none; do
    circom2 $c.circom --r1cs --wasm
    snarkjs groth16 setup $c.r1cs 2.ptau $c.0.zkey
    snarkjs zkey contribute $c.0.zkey $c.zkey --name=two -e=two
    snarkjs zkey export verificationkey $c.zkey "$here/$c.vkey.json"
    snarkjs groth16 fullprove $c.json ${c}_js/$c.wasm $c.zkey "$here/$c.proof.json" "$here/$c.public.json"
    snarkjs groth16 verify "$here/$c.vkey.json" "$here/$c.public.json" "$here/$c.proof.json"
done
cat > pairings.mjs <<'C'
import { buildBn128 } from "ffjavascript";
const curve = await buildBn128(true);
const text = (v) => Array.isArray(v) ? v.map(text) : v.toString();
// No infinity of G2: ffjavascript gives 0 there, which is no value of a pairing.
const out = [];
for (const [j, k] of [[1n, 1n], [2n, 3n], [12345678901234567890n, 98765432109876543210n], [curve.r - 1n, 1n], [0n, 5n]]) {
    const p = curve.G1.toAffine(curve.G1.timesScalar(curve.G1.g, j));
    const q = curve.G2.toAffine(curve.G2.timesScalar(curve.G2.g, k));
    out.push({ j: text(j), k: text(k), p: text(curve.G1.toObject(p)), q: text(curve.G2.toObject(q)),
               e: text(curve.Gt.toObject(curve.pairing(p, q))) });
}
console.log(JSON.stringify(out, null, 1));
await curve.terminate();
C
node pairings.mjs > "$here/pairings.json"
