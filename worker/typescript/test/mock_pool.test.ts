// The mock for the users' own CI, the pool, and the entries of the package.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { connect, VERSION } from "provost";
import { FAKE_PROOF, isFake, mockClient } from "provost/mock";
import { ProverPool } from "provost/pool";
import { data } from "./support/places.js";

test("the mock answers at once, with a proof that says that it is none", async () => {
  await using client = await connect({ url: "mock:", allowMock: true });
  const result = await client.prove({ queue: "q", circuit: "c", witness: Buffer.from("x") });
  assert.equal(result.proof["fake"], true);
  assert.ok(isFake(result.proof) && isFake(FAKE_PROOF) && !isFake({}));
  assert.deepEqual(result.publicSignals, []);
  assert.equal((await client.fetch(result.taskId)).taskId, result.taskId);
  await assert.rejects(client.fetch("0".repeat(32)), { code: "not-found" });
  const task = await client.submit({ queue: "q", circuit: "c", witness: Buffer.from("x") });
  assert.equal((await (await client.attach(task.id)).result()).taskId, task.id);
});

test("no verifier accepts what the mock gives", async () => {
  await using client = await mockClient();
  const verificationKey = join(data, "member/vkey.json");
  await assert.rejects(client.prove({ queue: "q", circuit: "c", witness: Buffer.from("x"), verificationKey }), { code: "bad-proof" });
  const snarkjs = createRequire(join(process.cwd(), "x"))("snarkjs");
  const vkey = { ...JSON.parse(readFileSync(verificationKey, "utf8")) };
  const signals = JSON.parse(readFileSync(join(data, "member/public.json"), "utf8"));
  const verdict = await snarkjs.groth16.verify(vkey, signals, FAKE_PROOF).catch(() => false);
  assert.equal(verdict, false);
  await (globalThis as { curve_bn128?: { terminate(): Promise<void> } }).curve_bn128?.terminate();
});

test("a witness whose public signals the proof does not have is refused", async () => {
  await using client = await mockClient();
  const witness = join(data, "member/witness.wtns");
  // The mock's proof has no public signals, which is what is compared; with a key as many as that has.
  await assert.rejects(client.prove({ queue: "q", circuit: "c", witness, verificationKey: join(data, "member/vkey.json") }), { code: "bad-proof", message: /not those of the witness/ });
});

test("the pool's request is one call", async () => {
  await using pool = new ProverPool({ url: "mock:", allowMock: true, queue: "q", circuit: "c" });
  const [a, b] = await Promise.all([pool.request(Buffer.from("a")), pool.request({ stream: (async function* () { yield Buffer.from("b"); })(), length: 1 })]);
  assert.ok(isFake(a.proof) && isFake(b.proof) && a.taskId !== b.taskId);
  await assert.rejects(pool.request({ a: 1 }), { code: "usage", message: /needs wasm/ });
  await pool.close();
  await assert.rejects(pool.request(Buffer.from("a")), { code: "bad-state" });
  assert.throws(() => new ProverPool({ url: "mock:", allowMock: true, queue: "", circuit: "c" }), { code: "usage" });
});

test("both entries are one implementation", async () => {
  const required = createRequire(join(process.cwd(), "x"))("provost") as typeof import("provost");
  const imported = (await (new Function("return import('provost')")() as Promise<typeof import("provost")>));
  assert.equal(required.Client, imported.Client);
  assert.equal(required.TimeoutError, imported.TimeoutError);
  assert.equal(VERSION, JSON.parse(readFileSync("package.json", "utf8")).version);
});
