// fullProve: the witness by snarkjs from the circuit's signals, the proof by the fleet; the same through the pool.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type Client } from "provost";
import { ProverPool } from "provost/pool";
import { Cluster } from "./support/cluster.js";
import { data } from "./support/places.js";

const cluster = new Cluster(["--insecure", "--queue", "bits"]);
const npm = createRequire(join(process.cwd(), "x"));
const wasm = () => join(cluster.folder, "circuit_js/circuit.wasm");
const input = { value: ["1", "3", "7", "15", "31", "63", "127", "255"] };
const options = { queue: "bits", circuit: "bits", verificationKey: join(data, "bits/vkey.json") };
let client: Client;

before(async () => {
  // circom2 runs in WebAssembly and sees only the folder it is started in.
  cpSync(join(data, "circuits/bits.circom"), join(cluster.folder, "circuit.circom"));
  cpSync(join(npm.resolve("circomlib/package.json"), "../circuits"), join(cluster.folder, "lib"), { recursive: true });
  execFileSync(process.execPath, [join(npm.resolve("circom2/package.json"), "../cli.js"), "circuit.circom", "--O2", "--wasm", "-l", "lib"], { cwd: cluster.folder, stdio: "ignore" });
  mkdirSync(join(cluster.folder, "circuits"));
  symlinkSync(join(data, "bits/circuit.zkey"), join(cluster.folder, "circuits/bits.zkey"));
  await cluster.startBroker();
  cluster.startProver("p1", "--insecure", "--queue", "bits", "--circuits", join(cluster.folder, "circuits"), "--allow-development-key");
  client = await connect({ url: cluster.url, insecure: true });
});
after(async () => {
  await client?.close();
  await cluster.end();
});

test("from signals to a proof that verifies", async () => {
  const result = await client.fullProve(input, wasm(), { ...options, timeout: 60_000 });
  assert.equal(result.checked, "statement");
  assert.deepEqual(result.publicSignals, ["36"]);
});

test("the pool takes signals", async () => {
  await using pool = new ProverPool({ url: cluster.url, insecure: true, ...options, wasm: wasm() });
  const { proof, publicSignals } = await pool.request(input, { timeout: 60_000 });
  assert.deepEqual([proof.protocol, publicSignals], ["groth16", ["36"]]);
});

test("signals that the circuit does not have are invalid input", async () => {
  await assert.rejects(client.fullProve({ other: 1 }, wasm(), options), { code: "invalid-input", message: /the witness cannot be computed/ });
  await assert.rejects(client.fullProve(input, "/nowhere.wasm", options), { code: "invalid-input" });
});
