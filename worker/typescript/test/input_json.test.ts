// inputJson: the witness computed by the fleet from the circuit's signals.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type Client, type SubmitOptions } from "provost";
import { Cluster } from "./support/cluster.js";
import { data } from "./support/places.js";

const cluster = new Cluster(["--insecure", "--queue", "outer"]);
const options = { queue: "outer", circuit: "hidden", verificationKey: join(data, "hidden/vkey.json"), timeout: 60_000 };
const inputJson = { a: "6", b: 35, c: 14n, d: "0xf" };
let client: Client;

before(async () => {
  const folder = join(cluster.folder, "circuits/hidden");
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(data, "hidden/circuit.zkey"), join(folder, "circuit.zkey"));
  copyFileSync(join(data, "code/hidden.wasm"), join(folder, "circuit.wasm"));
  chmodSync(cluster.folder, 0o755); // whoever computes the witness has to get at its program
  await cluster.startBroker();
  const asNobody = process.getuid!() === 0 ? ["--run-as", "nobody"] : [];
  cluster.startProver("p1", "--insecure", "--queue", "outer", "--circuits", join(cluster.folder, "circuits"), "--allow-development-key", "--allow-code", ...asNobody);
  client = await connect({ url: cluster.url, insecure: true });
});
after(async () => {
  await client?.close();
  await cluster.end();
});

test("signals become a proof, which is bound to no statement", async () => {
  const result = await client.prove({ ...options, inputJson });
  assert.equal(result.checked, "proof");
  assert.deepEqual(result.publicSignals, []);
});

test("with the public signals that are expected it is bound to them", async () => {
  const result = await client.prove({ ...options, inputJson, publicSignals: [] });
  assert.equal(result.checked, "statement");
  await assert.rejects(client.prove({ ...options, inputJson, publicSignals: ["1"] }), { code: "bad-proof" });
});

test("a trace comes back in events", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const result = await client.prove({ ...options, inputJson, traceparent });
  for await (const event of client.events({ after: 0 })) {
    if (event["task"] !== result.taskId) continue;
    assert.equal(event["traceparent"], traceparent);
    break;
  }
  for (const wrong of ["", "00", traceparent.toUpperCase(), `ff${traceparent.slice(2)}`, traceparent.replace(/-[0-9a-f]{32}-/, `-${"0".repeat(32)}-`), `${traceparent}0`])
    await assert.rejects(client.prove({ ...options, inputJson, traceparent: wrong }), { code: "usage" });
});

test("a file of signals", async () => {
  const file = join(cluster.folder, "input.json");
  writeFileSync(file, JSON.stringify({ a: "6", b: "35", c: "14", d: "15" }));
  assert.equal((await client.prove({ ...options, inputJson: file })).checked, "proof");
});

test("what the circuit refuses is invalid input, with its line", async () => {
  const wrong = { ...inputJson, d: 16 };
  await assert.rejects(client.prove({ ...options, inputJson: wrong }), { code: "invalid-input", message: /Assert Failed. Error in template Hidden_0 line: 10/ });
});

test("the same id with a witness is a conflict", async () => {
  const bytes = Buffer.from('{"a": "6", "b": "35", "c": "14", "d": "15"}');
  const task = await client.submit({ ...options, inputJson: bytes });
  await task.result({ timeout: 60_000 });
  await assert.rejects(client.submit({ ...options, id: task.id, witness: bytes }), { code: "conflict" });
});

test("wrong use is said before anything is sent", async () => {
  const prove = (o: Partial<SubmitOptions>) => client.prove({ ...options, ...o });
  await assert.rejects(prove({}), { code: "usage" });
  await assert.rejects(prove({ inputJson, witness: "w.wtns" }), { code: "usage", message: /not both/ });
  await assert.rejects(prove({ inputJson: { a: 2 ** 53 } }), { code: "usage", message: /a: a whole number/ });
  await assert.rejects(prove({ inputJson: { a: [1, 0.5] } }), { code: "usage" });
  await assert.rejects(prove({ inputJson: [1] as never }), { code: "usage" });
});
