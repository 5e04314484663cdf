// inputs.mjs CIRCUIT SIZE OUT.json: an input that the circuit accepts, from fixed numbers. Run where circomlibjs is installed.
import { createRequire } from "module";
import { generateKeyPairSync, createHash, sign } from "crypto";
import { writeFileSync } from "fs";
const require = createRequire(process.cwd() + "/");
const { buildEddsa, buildPoseidon } = require("circomlibjs");
const poseidon = await buildPoseidon();
const F = poseidon.F;
const text = (x) => F.toObject(x).toString();

// One member of the tree of tests/data/circuits/member.circom: the leaf's place says which, so that all have one root.
async function rollup(n) {
    const levels = 6, eddsa = await buildEddsa();
    const secrets = [...Array(1 << levels).keys()].map((i) => Buffer.alloc(32, i + 1));
    const keys = secrets.map((s) => eddsa.prv2pub(s));
    const tree = [keys.map((k) => poseidon(k))];
    for (let l = 0; l < levels; l++) tree.push(tree[l].filter((_, i) => i % 2 == 0).map((x, i) => poseidon([x, tree[l][2 * i + 1]])));
    const all = { key: [], signature: [], sibling: [], right: [], message: [], root: text(tree[levels][0]) };
    for (let i = 0; i < n; i++) {
        const message = F.e(1000003n * BigInt(i + 1)), s = eddsa.signPoseidon(secrets[i], message);
        all.key.push(keys[i].map(text));
        all.signature.push([text(s.R8[0]), text(s.R8[1]), s.S.toString()]);
        all.sibling.push(tree.slice(0, levels).map((row, l) => text(row[(i >> l) ^ 1])));
        all.right.push(tree.slice(0, levels).map((_, l) => (i >> l) & 1));
        all.message.push(text(message));
    }
    return all;
}

function withdraw(levels) {
    const number = (i) => BigInt("0x" + createHash("sha256").update("withdraw " + i).digest("hex")) >> 8n;
    const right = [...Array(levels).keys()].map((i) => i % 2);
    return { nullifier: number(0) + "", secret: number(1) + "", recipient: number(2) + "", sibling: right.map((_, i) => number(3 + i) + ""), right };
}

function semaphore(levels) {
    const siblings = [...Array(levels).keys()].map((i) => text(poseidon([i, 77])));
    return { secret: "1234567890123456789", merkleProofLength: levels, merkleProofIndex: 1, merkleProofSiblings: siblings, message: "42", scope: "7" };
}

// The circuit is given the digest as RSA signs it and pads it itself.
function rsa() {
    const message = Buffer.from("one RSA signature of 2048 bits"), digest = createHash("sha256").update(message).digest("hex");
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 65537 });
    const hex = (base64) => Buffer.from(base64, "base64url").toString("hex");
    const limbs = (h) => [...Array(17).keys()].map((i) => ((BigInt("0x" + h) >> BigInt(121 * i)) & ((1n << 121n) - 1n)) + "");
    const signature = sign("sha256", message, privateKey).toString("hex");
    return { message: limbs(digest), signature: limbs(signature), modulus: limbs(hex(publicKey.export({ format: "jwk" }).n)) };
}

const [, , circuit, size, out] = process.argv;
const n = Number(size);
const inputs = {
    poseidon: () => ({ start: "3" }),
    sha256: () => ({ in: [...Array(512 * n - 65).keys()].map((i) => (i * i + (i >> 3)) & 1) }),
    rollup: () => rollup(n), withdraw: () => withdraw(n), semaphore: () => semaphore(n), rsa,
};
writeFileSync(out, JSON.stringify(await inputs[circuit]()));
process.exit(0);
