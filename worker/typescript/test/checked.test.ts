// What is checked before a promise resolves, and what of the caller's is looked at when.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { connect, type Witness } from "provost";
import { accepts, broker, client, delivers, ID, type FakeBroker, type Heard } from "./support/fake_broker.js";
import { data } from "./support/places.js";

const folder = mkdtempSync(join(tmpdir(), "provost-checked-"));
after(() => rmSync(folder, { recursive: true }));
const member = (name: string) => join(data, "member", name);
const read = (name: string) => JSON.parse(readFileSync(member(name), "utf8"));
const task = { queue: "q", circuit: "member", witness: member("witness.wtns") };
const verificationKey = member("vkey.json");
const signals: string[] = read("public.json");
const right = { proof: read("proof.json"), public: signals };
const otherSignals = [...signals.slice(0, -1), "12345"];

/** A broker that answers each submit and attach with this. */
function answering(b: FakeBroker, answer: object): (m: Heard) => void {
  return (m) => {
    accepts(b)(m);
    if (m.type === "SUBMIT" || m.type === "ATTACH") delivers(b, m, Buffer.from(JSON.stringify(answer)));
  };
}

/** The same witness each way that it may be given. */
const given = (): Witness[] => {
  const bytes = readFileSync(task.witness);
  return [task.witness, bytes, { stream: Readable.from([bytes.subarray(0, 9), bytes.subarray(9)]), length: bytes.length }];
};

test("a proof of another input is refused with and without a key, and never acknowledged", async (t) => {
  const b = await broker(t);
  b.on = answering(b, { ...right, public: otherSignals });
  const c = await client(t, b.url);
  for (const key of [undefined, verificationKey]) {
    for (const witness of given()) {
      await assert.rejects(c.prove({ ...task, witness, verificationKey: key }), { code: "bad-proof", message: /not those of the witness/ });
    }
  }
  await assert.rejects(c.prove({ ...task, witness: Buffer.from("no wtns"), publicSignals: signals }), { code: "bad-proof", message: /that were expected/ });
  await assert.rejects((await c.attach(ID, { publicSignals: signals })).result(), { code: "bad-proof" });
  await c.close();
  assert.equal(b.of("ACK").length, 0);
});

test("what was checked is told", async (t) => {
  const b = await broker(t);
  b.on = answering(b, right);
  const c = await client(t, b.url);
  const { witness, ...other } = task;
  for (const one of given()) assert.equal((await c.prove({ ...task, witness: one })).checked, "publics");
  assert.equal((await c.prove({ ...task, verificationKey })).checked, "statement");
  assert.equal((await c.prove({ ...other, witness: Buffer.from("no wtns"), verificationKey })).checked, "proof");
  assert.equal((await c.prove({ ...other, witness: Buffer.from("no wtns") })).checked, "nothing");
  assert.equal((await (await c.attach(ID, { verificationKey })).result()).checked, "proof");
  assert.equal((await (await c.attach(ID, { verificationKey, publicSignals: signals })).result()).checked, "statement");
  assert.equal((await (await c.attach(ID)).result()).checked, "nothing");
});

test("a proof with more or fewer signals than the witness is refused, and what is no proof where one is expected", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const witness = readFileSync(task.witness);
  for (const answer of [{ ...right, public: Array(5000).fill("1") }, { ...right, public: [...signals, "1"].slice(1) }]) {
    b.on = answering(b, answer);
    await assert.rejects(c.prove({ ...task, witness }), { code: "bad-proof" });
  }
  b.on = answering(b, { fine: true });
  await assert.rejects(c.prove({ ...task, verificationKey }), { code: "bad-proof", message: /no Groth16 proof/ });
  await assert.rejects(c.prove({ ...task, publicSignals: signals }), { code: "bad-proof", message: /no Groth16 proof/ });
});

test("a witness and a key count as they were when they were given", async (t) => {
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  const file = join(folder, "witness.wtns");
  const vkey = join(folder, "vkey.json");
  copyFileSync(task.witness, file);
  copyFileSync(verificationKey, vkey);
  const bytes = Buffer.concat([readFileSync(file), Buffer.alloc(200_000)]); // so large that it is not copied
  const key = read("vkey.json");
  const tasks = [await c.submit({ ...task, witness: file, verificationKey: vkey }), await c.submit({ ...task, witness: bytes, verificationKey: key })];
  bytes.fill(0);
  for (const path of [file, vkey]) writeFileSync(path, "another one");
  key.IC.reverse();
  for (const submit of b.of("SUBMIT")) delivers(b, submit, Buffer.from(JSON.stringify(right)));
  for (const one of tasks) assert.equal((await one.result()).checked, "statement");
});

test("a key that is none is told before anything is submitted", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  for (const bad of ["/nowhere/vkey.json", folder, {}, { ...read("vkey.json"), curve: "bls12381" }, { toString() { return "x"; } }]) {
    await assert.rejects(c.prove({ ...task, verificationKey: bad }), { code: "bad-vkey" });
    await assert.rejects(c.attach(ID, { verificationKey: bad }), { code: "bad-vkey" });
  }
  assert.equal(b.of("SUBMIT").length + b.of("ATTACH").length, 0);
});

test("who follows a task already is not given it with other checks", async (t) => {
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  const one = await c.submit({ ...task, id: ID });
  assert.equal(await c.attach(ID), one);
  await assert.rejects(c.attach(ID, { publicSignals: signals }), { code: "bad-state", taskId: ID });
  await assert.rejects(c.submit({ ...task, id: ID }), { code: "bad-state", taskId: ID });
});

test("a stream that does not end is waited for no longer than it may take", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const endless = () => new Readable({ read() {} });
  const streams = [endless(), endless(), endless()];
  const of = (i: number) => ({ ...task, witness: { stream: streams[i]!, length: 10 } });
  await assert.rejects(c.prove({ ...of(0), timeout: 50 }), { code: "timeout", message: /nothing was submitted/ });
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 20);
  await assert.rejects(c.prove({ ...of(1), signal: abort.signal }), (e: Error & { code: string }) => e.code === "cancelled" && (e.cause as Error).message === "enough");
  const waiting = assert.rejects(c.prove(of(2)), { code: "bad-state", message: "the client is closed" });
  await c.close();
  await waiting;
  assert.deepEqual(streams.map((s) => s.destroyed), [true, true, true]);
  assert.equal(b.of("SUBMIT").length, 0);
});

test("a stream that fails, or is none", async (t) => {
  const c = await client(t, (await broker(t)).url);
  const fails = Readable.from((async function* () { yield Buffer.from("x"); throw new Error("the pipe broke"); })());
  await assert.rejects(c.prove({ ...task, witness: { stream: fails, length: 10 } }), { code: "io", message: /the pipe broke/ });
  for (const stream of [[] as never, 5 as never, undefined as never]) await assert.rejects(c.prove({ ...task, witness: { stream, length: 1 } }), { code: "usage" });
  const text = Readable.from(["text"]);
  await assert.rejects(c.prove({ ...task, witness: { stream: text as never, length: 4 } }), { code: "usage", message: /something else than bytes/ });
});

test("a pipe that nobody writes to holds nobody", async (t) => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", ["-m", "600", pipe]);
  const b = await broker(t);
  const c = await client(t, b.url);
  await assert.rejects(c.prove({ ...task, witness: pipe }), { code: "io", message: /not a regular file/ });
  await assert.rejects(c.prove({ ...task, verificationKey: pipe }), { code: "bad-vkey", message: /not a regular file/ });
  await assert.rejects(connect({ url: b.url, key: pipe, serverKey: pipe }), { code: "bad-key-file" });
});
