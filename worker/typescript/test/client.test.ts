// The client with a real broker and real provers on loopback.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { BadProofError, CancelledError, connect, ProvostError, TimeoutError, type Client } from "provost";
import { Dealer } from "../dist/io/dealer.js";
import type { Message } from "../dist/wire/codec.js";
import { Cluster, garbage, poll } from "./support/cluster.js";
import { data } from "./support/places.js";

const cluster = new Cluster();
let client: Client;
const echo = { queue: "echo", circuit: "any" };
const idle = { queue: "idle", circuit: "any" };
const text = (r: { bytes: Uint8Array }) => Buffer.from(r.bytes).toString();

before(async () => {
  await cluster.startBroker("--heartbeat-ms", "500", "--lease-ms", "2000", "--grace-ms", "200");
  cluster.startProver("echo-1", "--insecure", "--queue", "echo:echo", "--slots", "4");
  client = await connect({ url: cluster.url, insecure: true, name: "shop", role: "admin" });
});

after(async () => {
  await client.close();
  await cluster.end();
});

test("a task goes through, with its news", async () => {
  const states: string[] = [];
  const result = await client.prove({ ...echo, witness: Buffer.from("hello"), onProgress: (p) => states.push(p.state) });
  assert.equal(text(result), "hello");
  assert.match(result.taskId, /^[0-9a-f]{32}$/);
  assert.equal(result.prover, "echo-1");
  assert.ok(states.length > 0);
  assert.throws(() => result.proof, BadProofError);
});

test("the input may be bytes, a file, or a stream of known length", async () => {
  const bytes = Buffer.alloc(200_000, "some bytes ");
  const path = join(cluster.folder, "witness");
  writeFileSync(path, bytes);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  for (const witness of [bytes, path, shared, { stream: Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]), length: bytes.length }, Buffer.alloc(0)]) {
    const result = await client.prove({ ...echo, witness });
    const expected = witness instanceof Uint8Array ? Buffer.from(witness) : bytes;
    assert.ok(Buffer.from(result.bytes).equals(expected));
  }
  await assert.rejects(client.prove({ ...echo, witness: { stream: Readable.from([bytes]), length: 5 } }), { code: "invalid-input", message: /longer than its length/ });
  await assert.rejects(client.prove({ ...echo, witness: { stream: Readable.from([bytes]), length: 1e6 } }), { code: "invalid-input", message: /ended after/ });
  await assert.rejects(client.prove({ ...echo, witness: "/nowhere/witness.wtns" }), { code: "io", message: /ENOENT/ });
});

test("the same id with the same input is the same task; with another it is a conflict", async () => {
  const id = "a0".repeat(16);
  const first = await client.prove({ ...echo, id, witness: Buffer.from("one"), manualAck: true });
  const again = await client.prove({ ...echo, id, witness: Buffer.from("one") });
  assert.equal(again.taskId, first.taskId);
  assert.equal(text(again), "one");
  await assert.rejects(client.prove({ ...echo, id, witness: Buffer.from("two") }), { code: "conflict", name: "ConflictError", taskId: id, retryable: false });
});

test("a task is submitted, followed by another client, and fetched by a third", async () => {
  const task = await client.submit({ ...echo, witness: Buffer.from("shared") });
  const other = await connect({ url: cluster.url, insecure: true, name: "other" });
  const theirs = await other.attach(task.id, { manualAck: true });
  assert.equal(text(await theirs.result()), "shared");
  assert.equal(text(await task.result()), "shared");
  assert.equal(text(await other.fetch(task.id)), "shared");
  await other.close();
  await assert.rejects(client.attach("0".repeat(32)), { code: "not-found" });
  await assert.rejects(client.fetch("0".repeat(32)), { code: "not-found" });
});

test("a wait that times out leaves the task running; attach goes on", async () => {
  const id = "b1".repeat(16);
  await assert.rejects(client.prove({ ...idle, id, witness: Buffer.from("x"), timeout: 300 }), (e) => e instanceof TimeoutError && e.taskId === id && e.retryable);
  assert.equal((await client.show(id)).state, "queued");
  await assert.rejects(client.fetch(id), { code: "bad-state" });
  const task = await client.attach(id);
  await assert.rejects(task.result({ timeout: 100 }), TimeoutError);
  assert.equal(await task.cancel(), "cancelled");
  await assert.rejects(task.result(), CancelledError);
});

test("an abort cancels the task at the broker, not only the waiting", async () => {
  const id = "c2".repeat(16);
  const abort = new AbortController();
  const proved = client.prove({ ...idle, id, witness: Buffer.from("x"), signal: abort.signal });
  proved.catch(() => {});
  await poll("the task", 10, async () => client.show(id).then((i) => i.state === "queued", () => false));
  abort.abort(new Error("enough"));
  await assert.rejects(proved, (e) => e instanceof CancelledError && (e.cause as Error).message === "enough" && e.taskId === id);
  assert.equal((await client.show(id)).state, "cancelled");
  await assert.rejects(client.prove({ ...idle, witness: Buffer.from("x"), signal: AbortSignal.abort() }), CancelledError);
});

test("a task cancelled by somebody else, and one whose deadline passed, end with their own errors", async () => {
  const task = await client.submit({ ...idle, witness: Buffer.from("x") });
  assert.equal(await client.cancel(task.id), "cancelled");
  await assert.rejects(task.result(), { code: "cancelled", taskId: task.id });
  await assert.rejects(client.prove({ ...idle, witness: Buffer.from("x"), deadline: Date.now() + 300 }), { code: "expired", name: "ExpiredError" });
  await assert.rejects(client.prove({ ...echo, queue: "nowhere", witness: Buffer.from("x") }), { code: "unknown-queue", message: /no queue "nowhere"/ });
});

test("a callback that throws is the caller's own error, and the task goes on", async () => {
  const id = "d3".repeat(16);
  const boom = new Error("boom");
  const failed = client.prove({ ...echo, id, witness: Buffer.from("x"), onProgress: () => { throw boom; } });
  await assert.rejects(failed, (e) => e instanceof ProvostError && e.code === "usage" && e.cause === boom);
  assert.equal(text(await (await client.attach(id)).result()), "x");
});

async function thousand(): Promise<void> {
  const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.prove({ ...echo, witness: Buffer.from(`task ${i}`) })));
  results.forEach((r, i) => assert.equal(text(r), `task ${i}`));
}

test("a thousand tasks at once, and nothing is kept of them", async () => {
  const collect = garbage();
  const used = () => (collect(), process.memoryUsage().heapUsed);
  await thousand();
  const before = used();
  await thousand();
  const kept = used() - before;
  assert.ok(kept < 1_000_000, `${kept} bytes are kept of 1,000 tasks`);
  assert.equal(client.connection.connects, 1);
});

test("64 MiB there and back by credit, while heartbeats go on", async () => {
  const big = Buffer.alloc(64 * 1024 * 1024, "0123456789abcdef");
  const result = await client.prove({ ...echo, witness: big });
  assert.ok(Buffer.from(result.bytes.buffer).equals(big));
  assert.equal(client.connection.connects, 1);
});

test("an event loop that is blocked for three leases loses no connection and no task", async () => {
  const proved = client.prove({ ...echo, witness: Buffer.from("blocked") });
  await new Promise((resolve) => setImmediate(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6500);
  assert.equal(text(await proved), "blocked");
  assert.equal(text(await client.prove({ ...echo, witness: Buffer.from("after") })), "after");
  assert.equal(client.connection.connects, 1);
});

test("operators' verbs", async () => {
  const task = await client.submit({ ...idle, witness: Buffer.from("x"), priority: 7, group: "g" });
  const info = await client.show(task.id);
  assert.deepEqual([info.queue, info.circuit, info.state, info.priority, info.group, info.client], ["idle", "any", "queued", 7, "g", "shop"]);
  assert.ok((await client.tasks({ queue: "idle", state: "queued" })).length >= 1);
  assert.ok((await client.queues()).some((row) => row["queue"] === "echo"));
  assert.ok((await client.provers()).some((row) => row["prover"] === "echo-1"));
  assert.ok((await client.clients()).length >= 1);
  assert.ok(Object.keys(await client.status()).length > 0);
  assert.deepEqual((await client.proverKeys("echo-1", "local")).filter((row) => row["served"] === false), []);
  await client.pause("idle");
  assert.equal((await client.queues()).find((row) => row["queue"] === "idle")!["paused"], true);
  await client.resume("idle");
  await client.drain("echo-1");
  await client.undrain("echo-1");
  await assert.rejects(client.drain("nobody"), { code: "not-found" });
  await assert.rejects(client.pause("nowhere"), { code: "unknown-queue" });
  const counted = await client.purge({ scope: "queue", queue: "idle", dryRun: true });
  assert.ok(counted.queued >= 1);
  await client.purge({ scope: "queue", queue: "idle" });
  await assert.rejects(task.result(), { code: "cancelled" });
  assert.equal((await client.kick(task.id)).state, "queued");
  await client.purge({ scope: "queue", queue: "idle", forget: true });
  await assert.rejects(client.show(task.id), (e: ProvostError) => e.code === "gone" || e.code === "not-found");
});

test("what is reserved for later is passed over by the broker of today", async () => {
  const heard: Message[] = [];
  const told = (type: string) => poll(type, 10, () => heard.some((m) => m.type === type));
  const nothing = () => {};
  const dealer = new Dealer({ endpoint: cluster.url, connectMs: 5000, keys: undefined, onMessage: (m) => heard.push(m), onNoise: nothing, onEvent: nothing, onRoom: nothing });
  const session = "5e".repeat(16);
  dealer.send({ type: "HELLO", role: "client", name: "later", session, software: "later 9", vmin: 1, vmax: 1, epoch: 0, chunk_most: 1 << 24, input_kinds: ["signals.json"] });
  await told("WELCOME");
  const payload = Buffer.from("x");
  const sha256 = createHash("sha256").update(payload).digest("hex");
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  dealer.send({ type: "SUBMIT", req: 1, task: "e7".repeat(16), ...echo, length: 1, sha256, payload, traceparent });
  await told("DELIVER");
  assert.equal(heard.find((m) => m.type === "DELIVER")!.state, "succeeded");
  // a kind of input that it does not know is no witness
  dealer.send({ type: "SUBMIT", req: 2, task: "e8".repeat(16), ...echo, length: 1, sha256, payload, input_kind: "signals.json" });
  await told("ERROR");
  assert.match(heard.find((m) => m.type === "ERROR")!.text!, /does not know inputs of the kind signals.json/);
  dealer.send({ type: "DISCONNECT", status: 0, endpoints: [{ endpoint: "tcp://nowhere:1" }] });
  await dealer.close(100);
});

test("events are followed", async () => {
  const abort = new AbortController();
  const seen: string[] = [];
  const followed = (async () => {
    for await (const event of client.events({ everyMs: 50, signal: abort.signal })) seen.push(String(event["task"]));
  })();
  let id = "";
  await poll("an event of a task", 15, async () => {
    ({ taskId: id } = await client.prove({ ...echo, witness: Buffer.from("event") }));
    return seen.length > 0;
  });
  abort.abort();
  await followed;
  assert.notEqual(id, "");
});

test("a real proof, verified with snarkjs", async () => {
  const vkey = JSON.parse(readFileSync(join(data, "member/vkey.json"), "utf8"));
  const circuits = join(cluster.folder, "circuits");
  mkdirSync(circuits);
  symlinkSync(join(data, "member/circuit.zkey"), join(circuits, "member.zkey"));
  cluster.startProver("member-1", "--insecure", "--queue", "member:groth16", "--circuits", circuits, "--allow-development-key");
  const options = { queue: "member", circuit: "member", witness: join(data, "member/witness.wtns"), timeout: 60_000 };
  const result = await client.prove({ ...options, verificationKey: vkey });
  assert.equal(result.checked, "statement");
  assert.deepEqual(result.publicSignals, JSON.parse(readFileSync(join(data, "member/public.json"), "utf8")));
  assert.equal(result.proof.protocol, "groth16");
  assert.equal((await client.prove({ ...options, witness: readFileSync(options.witness) })).checked, "publics");
  const wrong = { ...vkey, IC: [vkey.IC[1], vkey.IC[0], ...vkey.IC.slice(2)] };
  await assert.rejects(client.prove({ ...options, verificationKey: wrong }), BadProofError);
  await assert.rejects(client.prove({ ...options, verificationKey: { ...vkey, vk_delta_2: vkey.vk_gamma_2 } }), { code: "bad-vkey", message: /forged/ });
});
