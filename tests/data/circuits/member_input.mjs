// Input of member.circom: a key, a signature by it, and a path of the tree that holds it. All from fixed numbers.
import { createRequire } from "module";
import { writeFileSync } from "fs";
const require = createRequire(process.cwd() + "/");
const { buildEddsa, buildPoseidon } = require("circomlibjs");
const eddsa = await buildEddsa();
const poseidon = await buildPoseidon();
const F = poseidon.F;
const secret = Buffer.from("0001020304050607080900010203040506070809000102030405060708090001", "hex");
const key = eddsa.prv2pub(secret);
const message = F.e(1234567890123456789n);
const signature = eddsa.signPoseidon(secret, message);
const text = (x) => F.toObject(x).toString();
const right = [0, 1, 1, 0, 1, 0];
const sibling = right.map((_, i) => poseidon([F.e(i), F.e(77)]));
let node = poseidon(key);
right.forEach((r, i) => { node = poseidon(r ? [sibling[i], node] : [node, sibling[i]]); });
writeFileSync(process.argv[2], JSON.stringify({
    key: key.map(text),
    signature: [text(signature.R8[0]), text(signature.R8[1]), signature.S.toString()],
    sibling: sibling.map(text), right, message: text(message), root: text(node),
}));
process.exit(0);
