// The rules of worker/README.md about behaviour that no other test here is about.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Client, Witness } from "provost";
import { garbage, poll } from "./support/cluster.js";
import { accepts, broker, client, delivers, FakeBroker, ID, type Heard } from "./support/fake_broker.js";

const task = { queue: "q", circuit: "c", witness: Buffer.from("a") };

test("a callback may call the client, and block", async (t) => {
  const b = await broker(t);
  b.on = (m) => {
    accepts(b)(m);
    if (m.type === "CANCEL") b.say(m.from, { type: "CANCELLED", req: m.req!, task: m.task!, state: "running" });
    if (m.type === "CANCEL") delivers(b, m, Buffer.from("x"));
  };
  const c = await client(t, b.url);
  let cancelled: Promise<string> | undefined;
  const onProgress = () => {
    if (cancelled) return;
    cancelled = c.cancel(ID);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // (three leases, with a broker in another process: client.test.ts)
  };
  assert.equal(Buffer.from((await c.prove({ ...task, id: ID, onProgress })).bytes).toString(), "x");
  assert.equal(await cancelled, "running");
  assert.equal(c.connection.connects, 1);
});

test("a failure that nobody waits for any more is no unhandled rejection", async (t) => {
  const unhandled: unknown[] = [];
  const note = (why: unknown) => unhandled.push(why);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  const one = await c.submit(task);
  const other = await c.submit(task);
  await assert.rejects(one.result({ timeout: -1 }), { code: "usage" });
  await assert.rejects(one.result({ timeout: 1 }), { code: "timeout" });
  one.forget();
  await c.close();
  await assert.rejects(other.result(), { code: "bad-state" });
  other.forget();
  await assert.rejects(one.result(), { code: "cancelled" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(unhandled, []);
});

test("a question without its answer is asked again after a reconnect", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const cancelled = c.cancel(ID);
  await b.hears("CANCEL");
  await b.close();
  b.on = (m) => m.type === "CANCEL" && b.say(m.from, { type: "CANCELLED", req: m.req!, task: m.task!, state: "cancelled" });
  await b.open();
  assert.equal(await cancelled, "cancelled");
});

test("what is not answered is asked again after ten seconds", { skip: !process.env["PROVOST_SOAK"] && "ten seconds: in typescript_soak" }, async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const cancelled = c.cancel(ID);
  const proved = c.prove(task);
  b.on = (m) => {
    if (m.type === "CANCEL" && b.of("CANCEL").length > 1) b.say(m.from, { type: "CANCELLED", req: m.req!, task: m.task!, state: "cancelled" });
    if (m.type === "SUBMIT" && b.of("SUBMIT").length > 1) delivers(b, m, Buffer.from("x"));
  };
  assert.equal(await cancelled, "cancelled");
  await proved;
});

test("a wait that times out submits nothing more, and the one who attaches submits nothing", async (t) => {
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  await assert.rejects(c.prove({ ...task, id: ID, timeout: 200 }), { code: "timeout", taskId: ID });
  const again = await c.attach(ID);
  delivers(b, b.of("ATTACH")[0]!, Buffer.from("x"));
  assert.equal(Buffer.from((await again.result()).bytes).toString(), "x");
  await b.hears("HEARTBEAT", b.of("HEARTBEAT").length + 3);
  assert.equal(b.of("SUBMIT").length, 1);
});

/** What was sent and waits for its collection is up to 70 MB, however large the input is. */
const BIG = 128 * 1024 * 1024;

/** Takes an input of BIG bytes and forgets it. Returns by how much this process grew at most meanwhile. */
async function grown(b: FakeBroker, c: Client, witness: Witness): Promise<number> {
  let got = 0;
  let most = 0;
  const before = process.memoryUsage.rss();
  b.on = (m: Heard) => {
    if (m.type === "CHUNK") got += m.payload!.length;
    if (m.type === "SUBMIT" || (m.type === "CHUNK" && got % (1 << 20) === 0)) {
      b.say(m.from, { type: "CREDIT", kind: "input", task: ID, offset: got, bytes: 1 << 20 });
    }
    b.heard.length = 0;
    most = Math.max(most, process.memoryUsage.rss() - before);
    if (m.type === "CHUNK" && got === BIG) delivers(b, { ...m, task: ID }, Buffer.from("x"));
  };
  await c.prove({ ...task, id: ID, witness });
  return most;
}

async function copies(t: TestContext, witness: Witness): Promise<void> {
  const b = await broker(t);
  const more = await grown(b, await client(t, b.url), witness);
  assert.ok(more < BIG * 0.75, `the process grew by ${more} bytes while it sent ${BIG}`);
}

test("large bytes go out without a second copy of them", (t) => copies(t, Buffer.alloc(BIG, "0123456789abcdef")));

test("a large file is never in memory", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "provost-large-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "witness");
  writeFileSync(path, "");
  for (let i = 0; i < BIG >> 20; i++) writeFileSync(path, Buffer.alloc(1 << 20, `${i} `), { flag: "a" });
  await copies(t, path);
});

test("the memory of an input is let go of when the broker has it", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  let collected = false;
  const registry = new FinalizationRegistry(() => (collected = true));
  b.on = (m) => {
    if (m.type === "SUBMIT") b.say(m.from, { type: "CREDIT", kind: "input", task: ID, offset: 0, bytes: 1 << 20 });
    if (m.type === "CHUNK") b.say(m.from, { type: "SUBMIT_OK", req: 1, task: m.task!, state: "queued", generation: 1 });
  };
  const start = () => {
    const witness = Buffer.alloc(200_000);
    registry.register(witness, "");
    return c.submit({ ...task, id: ID, witness });
  };
  const one = await start();
  const collect = garbage();
  await poll("it to be collected", 10, () => (collect(), collected));
  delivers(b, await b.hears("CHUNK"), Buffer.from("x"));
  await one.result();
});
