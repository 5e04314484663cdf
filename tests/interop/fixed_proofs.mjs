// Proofs by snarkjs with r and s fixed: what our prover must give bit for bit for the same r and s.
// node fixed_proofs.mjs TESTS-FOLDER > tests/vectors/groth16_fixed.json      (run where snarkjs is installed)
import { createRequire } from "module";
import { readFileSync } from "fs";
const require = createRequire(process.cwd() + "/");
const { getCurveFromName, Scalar } = require("ffjavascript");
const snarkjs = require("snarkjs");
const tests = process.argv[2];

// snarkjs and this program share one curve object, and snarkjs asks its Fr.random for r first, then for s.
const curve = await getCurveFromName("bn128");
const modulus = Scalar.e(21888242871839275222246405745257275088548364400416034343698204186575808495617n);
const pairs = {
    "chain-5": [1n, 2n],
    "chain-6": [0n, 0n], // no blinding at all
    "chain-7": [modulus - 1n, modulus - 1n],
    hidden: [(modulus - 1n) / 2n, (modulus + 1n) / 2n],
    bits: [0x1234567890abcdefn, 0x2f0e0d0c0b0a09080706050403020100ffeeddccbbaa99887766554433221100n],
    member: [0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20n,
             0x2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f4n],
};
const out = {};
for (const [name, [r, s]] of Object.entries(pairs)) {
    const draws = [r, s];
    curve.Fr.random = () => curve.Fr.e(draws.shift());
    const folder = `${tests}/data/${name}`;
    const { proof, publicSignals } = await snarkjs.groth16.prove(`${folder}/circuit.zkey`, `${folder}/witness.wtns`);
    if (draws.length) throw new Error("snarkjs did not draw r and s");
    const vkey = JSON.parse(readFileSync(`${folder}/vkey.json`, "utf8"));
    if (!(await snarkjs.groth16.verify(vkey, publicSignals, proof))) throw new Error(`${name} does not verify`);
    out[name] = { r: r.toString(), s: s.toString(), proof, public: publicSignals };
}
console.log(JSON.stringify(out, null, 1));
process.exit(0);
