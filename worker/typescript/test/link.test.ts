// The connection: hello, heartbeats, back-off, several brokers, epochs, and what is said again after a reconnect.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poll } from "./support/cluster.js";
import { Link } from "../dist/io/link.js";
import type { Message } from "../dist/wire/codec.js";
import { accepts, broker, client, delivers, ID, sha256, type Heard } from "./support/fake_broker.js";

/** A client that this broker does not get: it says why, in its state and in a call. */
async function refused(t: TestContext, url: string, code: string, message: RegExp): Promise<void> {
  const waiting = await client(t, url, { connectTimeout: 0 });
  await poll(code, 10, () => waiting.connection.code === code);
  assert.match(waiting.connection.reason, message);
  await assert.rejects(waiting.fetch(ID, { timeout: 50 }), { code, message });
}

test("HELLO says who it is, heartbeats follow at the broker's interval, goodbye is said", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const hello = await b.hears("HELLO");
  assert.equal(hello.role, "client");
  assert.equal(hello.name, "shop");
  assert.equal(hello.epoch, 0);
  assert.deepEqual([hello.vmin, hello.vmax], [1, 1]);
  assert.equal(hello.session, c.connection.session);
  await b.hears("HEARTBEAT", 3);
  await c.close();
  assert.equal((await b.hears("DISCONNECT")).status, 0);
});

test("after a reconnect: the same session, the epoch seen, an accepted task attached to, an unanswered one submitted again", async (t) => {
  const b = await broker(t);
  b.on = (m) => m.queue === "taken" && accepts(b)(m);
  const c = await client(t, b.url);
  const taken = await c.submit({ queue: "taken", circuit: "c", witness: Buffer.from("a") });
  const open = c.prove({ queue: "open", circuit: "c", witness: Buffer.from("b"), id: ID });
  await b.hears("SUBMIT", 2);
  await b.close();
  b.epoch = 2;
  b.heard.length = 0;
  b.on = (m) => {
    if (m.type === "SUBMIT" || m.type === "ATTACH") delivers(b, m, Buffer.from(m.type));
  };
  await b.open();
  const hello = await b.hears("HELLO");
  assert.equal(hello.session, c.connection.session);
  assert.equal(hello.epoch, 1);
  assert.equal((await b.hears("ATTACH")).task, taken.id);
  assert.equal((await b.hears("SUBMIT")).task, ID);
  assert.equal(Buffer.from((await open).bytes).toString(), "SUBMIT");
  assert.equal(Buffer.from((await taken.result()).bytes).toString(), "ATTACH");
  await b.hears("ACK", 2);
  assert.equal(c.connection.connects, 2);
});

test("a broker with a lower epoch is refused, and the next one tried", async (t) => {
  const old = await broker(t, { epoch: 3 });
  const young = await broker(t, { epoch: 7 });
  const c = await client(t, [young.url, old.url]);
  assert.equal(c.connection.epoch, 7);
  await young.close();
  assert.equal((await old.hears("DISCONNECT")).status, 25);
  await poll("the stale broker is told", 5, () => c.connection.code === "stale-broker" || c.connection.code === "unreachable");
  await assert.rejects(c.fetch(ID, { timeout: 300 }), (e: Error & { code: string }) => ["stale-broker", "unreachable"].includes(e.code));
  await young.open();
  await c.ready();
  assert.equal(c.connection.endpoint, young.url);
});

test("a timer that fires early costs no attempt to connect", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] }); // they fire when told to, however little time has passed
  let attempts = 0;
  const user = { onMessage() {}, onUp() {}, onRoom() {}, onChange: () => void (attempts += Number(link.state === "dialling")) };
  const link: Link = new Link({
    endpoints: ["tcp://127.0.0.1:1"], keys: [], name: "shop", role: "client", anyRole: false, session: ID, software: "test", reconnectMs: 100, reconnectMaxMs: 100,
    connectMs: 1000,
  }, user);
  t.after(() => link.close());
  const end = performance.now() + 5000;
  while (attempts < 3 && performance.now() < end) {
    t.mock.timers.tick(200);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(attempts >= 3, `${attempts} attempts`);
});

test("a broker that says stale-broker to HELLO is left for the next", async (t) => {
  const old = await broker(t, { welcomes: false });
  old.on = (m) => m.type === "HELLO" && old.say(m.from, { type: "ERROR", status: 25 });
  await refused(t, old.url, "stale-broker", /older than one already seen/);
  const young = await broker(t);
  const c = await client(t, [old.url, young.url]);
  assert.equal(c.connection.endpoint, young.url);
});

test("a broker that stands by is left for the next one of one's own, wherever it points", async (t) => {
  const aside = await broker(t);
  const standby = await broker(t, { welcomes: false });
  standby.on = (m) => m.type === "HELLO" && standby.say(m.from, { type: "ERROR", status: 27, endpoints: [{ endpoint: aside.url }] });
  await refused(t, standby.url, "standby", /another one is active/);
  const active = await broker(t);
  assert.equal((await client(t, [standby.url, active.url])).connection.endpoint, active.url);
  assert.equal(aside.heard.length, 0);
});

test("a standby points at the active broker, which is dialled at once; one that was active is left at once", async (t) => {
  const [active, next] = [await broker(t), await broker(t)];
  const standby = await broker(t, { welcomes: false });
  standby.on = (m) => m.type === "HELLO" && standby.say(m.from, { type: "ERROR", status: 27, endpoints: [{ endpoint: "tcp://192.0.2.1:1" }, { endpoint: active.url }] });
  const c = await client(t, [standby.url, next.url, active.url]);
  assert.equal(c.connection.endpoint, active.url);
  assert.equal(next.heard.length, 0);
  active.say(active.of("HELLO")[0]!.from, { type: "DISCONNECT", status: 27, endpoints: [{ endpoint: next.url }] });
  await next.hears("HELLO");
  assert.equal(active.of("HELLO").length, 1);
});

test("two standbys that point at one another are not followed for ever, and all are asked", async (t) => {
  const brokers = [await broker(t, { welcomes: false }), await broker(t, { welcomes: false }), await broker(t, { welcomes: false })];
  brokers.forEach((b, i) => (b.on = (m) => m.type === "HELLO" && b.say(m.from, { type: "ERROR", status: 27, endpoints: [{ endpoint: brokers[[2, 0, 0][i]!]!.url }] })));
  const c = await client(t, brokers.map((b) => b.url), { connectTimeout: 0, reconnectMin: 100, reconnectMax: 100 });
  await brokers[1]!.hears("HELLO");
  assert.equal(c.connection.code, "standby");
  assert.ok(brokers[0]!.of("HELLO").length <= 2, String(brokers[0]!.of("HELLO").length));
});

test("what a deadline leaves is said as a duration, and as the moment to a broker that takes no other", async (t) => {
  const b = await broker(t, { terms: { deadline_in: true } });
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from("x"));
  const c = await client(t, b.url);
  const task = { queue: "q", circuit: "c", witness: Buffer.from("a") };
  const deadline = Date.now() + 60_000;
  await c.prove({ ...task, deadline: new Date(deadline) });
  await c.prove({ ...task, deadline: 1 });
  await c.prove({ ...task, deadline: 0 });
  const [soon, past, never] = b.of("SUBMIT");
  assert.ok(Number(soon!.deadline_in_ms) > 50_000 && Number(soon!.deadline_in_ms) <= 60_000, String(soon!.deadline_in_ms));
  assert.deepEqual([soon!.deadline, past!.deadline_in_ms, never!.deadline_in_ms, never!.deadline], [undefined, 0, undefined, undefined]);
  const older = await broker(t);
  older.on = (m) => m.type === "SUBMIT" && delivers(older, m, Buffer.from("x"));
  await (await client(t, older.url)).prove({ ...task, deadline });
  assert.deepEqual([older.of("SUBMIT")[0]!.deadline, older.of("SUBMIT")[0]!.deadline_in_ms], [deadline, undefined]);
});

test("a clock that is set while the client waits for its broker changes no deadline", async (t) => {
  const b = await broker(t, { terms: { deadline_in: true } });
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from("x"));
  const c = await client(t, b.url);
  await b.close();
  const proved = c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), deadline: Date.now() + 60_000 });
  await new Promise((resolve) => setImmediate(resolve));
  const now = Date.now;
  t.after(() => (Date.now = now));
  Date.now = () => now() + 3_600_000;
  await b.open();
  await proved;
  assert.ok(Number(b.of("SUBMIT")[0]!.deadline_in_ms) > 40_000);
});

test("a broker that accepts no tasks says why in its welcome", async (t) => {
  const full = await broker(t, { terms: { not_ready: "the disk is full" } });
  assert.equal((await client(t, full.url)).connection.notReady, "the disk is full");
  assert.equal((await client(t, (await broker(t)).url)).connection.notReady, "");
});

test("a broker that is too old for a question is not asked it", async (t) => {
  const old = await broker(t);
  const c = await client(t, old.url, { role: "admin" });
  for (const asked of [() => c.proverKeys("p", "o"), () => c.drain("p", { principal: "o" }), () => c.purge({ forget: true })]) {
    await assert.rejects(asked, { code: "bad-version", message: /too old/ });
  }
  assert.deepEqual(old.heard.filter((m) => m.type !== "HELLO" && m.type !== "HEARTBEAT"), []);
  const today = await broker(t, { terms: { more_circuits: true } });
  today.on = (m) => m.type === "LIST" && today.say(m.from, { type: "ROWS", req: m.req!, schema: "provost.keys/1", rows: [{ circuit: "c", served: true }] });
  assert.deepEqual(await (await client(t, today.url, { role: "admin" })).proverKeys("p", "o"), [{ circuit: "c", served: true }]);
  const [asked] = today.of("LIST");
  assert.deepEqual([asked!.what, asked!.prover, asked!.principal], ["keys", "p", "o"]);
});

test("the second of two urls is used when the first is dead", async (t) => {
  const b = await broker(t);
  const c = await client(t, `tcp://127.0.0.1:1,${b.url}`);
  assert.equal(c.connection.endpoint, b.url);
});

test("a broker that falls silent is left after a lease", async (t) => {
  const b = await broker(t, { heartbeats: false, terms: { heartbeat_ms: 100, lease_ms: 400 } });
  const c = await client(t, b.url);
  await b.hears("HELLO", 2);
  assert.ok(c.connection.connects >= 1);
  b.heartbeats = true;
});

test("a broker that does not know the peer is told HELLO again", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  await sleep(1100);
  let first = true;
  b.on = (m) => {
    if (m.type !== "SUBMIT") return;
    if (first) b.say(m.from, { type: "ERROR", status: 22, req: m.req!, task: m.task! });
    else delivers(b, m, Buffer.from("x"));
    first = false;
  };
  await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  assert.equal(b.of("HELLO").length, 2);
  assert.equal(b.of("HELLO")[0]!.session, b.of("HELLO")[1]!.session);
});

test("a heartbeat of another epoch is answered by HELLO", async (t) => {
  const b = await broker(t);
  await client(t, b.url);
  await sleep(1100);
  b.epoch = 2;
  await b.hears("HELLO", 2);
});

test("an input above the broker's limit is refused before it is sent", async (t) => {
  const b = await broker(t, { terms: { payload_max: 1000 } });
  const c = await client(t, b.url);
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.alloc(1001) }), { code: "too-large", name: "TooLargeError", message: /1001 bytes|at most 1000 bytes/ });
  assert.equal(b.of("SUBMIT").length, 0);
});

test("at a limit the submit is tried again when the broker says so, or fails at once", async (t) => {
  const b = await broker(t);
  const at: number[] = [];
  b.on = (m) => {
    if (m.type !== "SUBMIT") return;
    at.push(performance.now());
    if (at.length === 1) b.say(m.from, { type: "ERROR", status: 11, req: m.req!, task: m.task!, which: "disk", retry_ms: 300 });
    else delivers(b, m, Buffer.from("x"));
  };
  const c = await client(t, b.url);
  const held: string[] = [];
  await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), onProgress: (p) => held.push(p.held) });
  assert.ok(at[1]! - at[0]! >= 290, `tried again after ${at[1]! - at[0]!} ms`);
  assert.ok(held.some((s) => s.includes("too little free disk") && s.includes("(disk)")), held.join());
  at.length = 0;
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), whenBusy: "fail" }), { code: "busy", retryable: true });
});

test("a wait at a limit that lasts ends as busy, with its sentence", async (t) => {
  const b = await broker(t);
  b.on = (m) => m.type === "SUBMIT" && b.say(m.from, { type: "ERROR", status: 11, req: m.req!, task: m.task!, which: "queued_tasks", retry_ms: 5000 });
  const c = await client(t, b.url);
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), timeout: 400 }), { code: "busy", message: /queued_tasks/ });
});

test("what is malformed is ignored, and counts as a sign of life", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const { from } = await b.hears("HELLO");
  for (const frames of [[Buffer.from("PV\x01\x03")], [Buffer.from("XX\x01\x03"), Buffer.from([0x80])], [Buffer.from([0x50, 0x56, 1, 3]), Buffer.from([0xdd, 255, 255, 255, 255])]]) {
    await b.raw(from, frames);
  }
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from("x"));
  await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  assert.equal(c.connection.connects, 1);
});

test("a broker of another version, and one whose terms make no sense", async (t) => {
  const b = await broker(t, { welcomes: false });
  b.on = (m) => m.type === "HELLO" && b.say(m.from, { type: "ERROR", status: 21, text: "this broker speaks 2 to 3" });
  await refused(t, b.url, "bad-version", /speaks 2 to 3/);
  const odd = await broker(t, { terms: { heartbeat_ms: 1000, lease_ms: 1000 } });
  await refused(t, odd.url, "bad-message", /terms make no sense/);
});

test("nobody there: unreachable, within the time that was given", async (t) => {
  const before = performance.now();
  await assert.rejects(client(t, "tcp://127.0.0.1:1", { connectTimeout: 400 }), { code: "unreachable", retryable: true });
  assert.ok(performance.now() - before < 5000);
});

test("a result that is damaged is fetched again, and never delivered", async (t) => {
  const b = await broker(t);
  const right = Buffer.from("right");
  b.on = (m) => {
    accepts(b)(m);
    if (m.type === "SUBMIT") b.say(m.from, { type: "DELIVER", task: m.task!, generation: 1, state: "succeeded", status: 0, length: 5, sha256: sha256(right), payload: Buffer.from("wrong") });
    if (m.type === "FETCH") delivers(b, m, right);
  };
  const c = await client(t, b.url);
  const result = await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  assert.equal(Buffer.from(result.bytes).toString(), "right");
});

test("a result that comes again is acknowledged again and not handed over again", async (t) => {
  const b = await broker(t);
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from("x"));
  const c = await client(t, b.url);
  await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), id: ID });
  await b.hears("ACK");
  delivers(b, b.of("SUBMIT")[0]!, Buffer.from("x"));
  assert.equal((await b.hears("ACK", 2)).task, ID);
});

test("a result is not acknowledged before somebody has it, and with manualAck only when told to", async (t) => {
  const b = await broker(t);
  b.on = (m) => (accepts(b)(m), m.type === "SUBMIT" && delivers(b, m, Buffer.from("x")));
  const c = await client(t, b.url);
  const task = await c.submit({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  await poll("its end", 5, () => task.state === "succeeded");
  await b.hears("HEARTBEAT", b.of("HEARTBEAT").length + 2);
  assert.equal(b.of("ACK").length, 0);
  await task.result();
  await b.hears("ACK");
  const result = await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a"), manualAck: true });
  await b.hears("HEARTBEAT", b.of("HEARTBEAT").length + 2);
  assert.equal(b.of("ACK").length, 1);
  await c.ack(result);
  assert.equal((await b.hears("ACK", 2)).task, result.taskId);
});

test("a large input goes by credit, from where the receiver says, and again from there after a reconnect", async (t) => {
  const b = await broker(t, { terms: { chunk_max: 1000, inline_max: 100 } });
  const witness = Buffer.alloc(300_000, "0123456789abcdef");
  const got: Buffer[] = [];
  const have = () => got.reduce((n, p) => n + p.length, 0);
  const grant = (m: Heard, bytes: number) => b.say(m.from, { type: "CREDIT", kind: "input", task: ID, offset: have(), bytes });
  const chunk = (m: Heard) => {
    assert.equal(Number(m.offset), have());
    assert.ok(m.payload!.length <= 1000);
    got.push(Buffer.from(m.payload!));
  };
  b.on = (m) => {
    if (m.type === "SUBMIT") grant(m, 50_000);
    if (m.type === "CHUNK") chunk(m);
  };
  const c = await client(t, b.url);
  const proved = c.prove({ queue: "q", circuit: "c", witness, id: ID });
  await poll("the first grant", 5, () => have() === 50_000);
  await sleep(100);
  assert.equal(have(), 50_000, "more than was granted");
  await b.close();
  b.on = (m) => {
    if (m.type === "SUBMIT") grant(m, 300_000);
    if (m.type !== "CHUNK") return;
    chunk(m);
    if (have() === witness.length) delivers(b, { ...m, task: ID }, Buffer.from("done"));
  };
  await b.open();
  assert.equal(Buffer.from((await proved).bytes).toString(), "done");
  assert.ok(Buffer.concat(got).equals(witness));
});

test("a large result is asked for window by window, and its digest looked at", async (t) => {
  const b = await broker(t, { terms: { window: 1000, chunk_max: 500 } });
  const bytes = Buffer.alloc(2600, "xyz");
  const credits: number[][] = [];
  b.on = (m) => {
    accepts(b)(m);
    if (m.type === "SUBMIT") b.say(m.from, { type: "DELIVER", task: m.task!, generation: 1, state: "succeeded", status: 0, length: bytes.length, sha256: sha256(bytes) });
    if (m.type !== "CREDIT") return;
    const [offset, end] = [Number(m.offset), Number(m.offset) + Number(m.bytes)];
    credits.push([offset, Number(m.bytes)]);
    for (let at = offset; at < end; at += 500) b.say(m.from, { type: "CHUNK", kind: "result", task: m.task!, offset: at, payload: bytes.subarray(at, Math.min(at + 500, end)) });
  };
  const c = await client(t, b.url);
  const result = await c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  assert.ok(Buffer.from(result.bytes).equals(bytes));
  assert.deepEqual(credits, [[0, 1000], [1000, 1000], [2000, 600]]);
});

test("what a hostile broker revokes, claims or announces does no harm", async (t) => {
  const b = await broker(t);
  const ends = (m: Heard, end: Partial<Message>) => (accepts(b)(m), b.say(m.from, { type: "DELIVER", ...end }));
  const c = await client(t, b.url);
  const { from } = await b.hears("HELLO");
  const token = { epoch: 1, seq: 7 };
  b.say(from, { type: "REVOKE", token, status: 31 });
  assert.deepEqual((await b.hears("REVOKED")).token, token);
  b.say(from, { type: "CLAIMED", req: 99, task: ID, token });
  assert.deepEqual((await b.hears("RELEASE")).token, token);
  b.say(from, { type: "ERROR", status: 0, req: 77 });
  b.say(from, { type: "CREDIT", kind: "input", task: ID, offset: 0, bytes: 1n << 60n });
  b.say(from, { type: "CHUNK", kind: "result", task: ID, offset: 0, payload: Buffer.from("x") });
  b.on = (m) => m.type === "SUBMIT" && ends(m, { task: m.task!, generation: 1, state: "succeeded", status: 0, length: 1n << 50n, sha256: "0".repeat(64) });
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") }), { code: "too-large" });
  b.on = (m) => m.type === "SUBMIT" && ends(m, { task: m.task!, generation: 1, state: "succeeded", status: 0 });
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") }), { code: "bad-message" });
  b.on = (m) => m.type === "SUBMIT" && ends(m, { task: m.task!, generation: 1, state: "dead", status: 0, text: "\u202eevil" });
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("a") }), { code: "dead", message: "\\u202eevil" });
});

test("R2: an earlier result is not that of a task which is not accepted", async (t) => {
  const b = await broker(t);
  const prove = (witness: string) => c.prove({ queue: "q", circuit: "c", witness: Buffer.from(witness), id: ID, onProgress: (p) => seen.push(p.percent) });
  const seen: number[] = [];
  const c = await client(t, b.url);
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from("older"));
  await prove("a");
  await b.hears("ACK");
  /** What a broker says first that did not see the acknowledgement, or the end of an earlier call. */
  const earlier = (m: Heard) => {
    const other = { req: m.req! + 1000, task: m.task!, state: "succeeded" as const, generation: 1 };
    b.say(m.from, { type: "TASK", ...other, status: 0, queue: "q", circuit: "c", length: 1, sha256: "0".repeat(64), created: 1, changed: 1 });
    b.say(m.from, { type: "SUBMIT_OK", ...other });
    b.unanswered.set(m.task!, m.req!);
    b.say(m.from, { type: "PROGRESS", task: m.task!, percent: 99, phase: "msm" });
    b.say(m.from, { type: "DELIVER", ...other, req: undefined, status: 0, length: 5, sha256: sha256(Buffer.from("older")), payload: Buffer.from("older") });
  };
  b.on = (m) => m.type === "SUBMIT" && (earlier(m), b.say(m.from, { type: "ERROR", status: 30, req: m.req!, task: m.task! }));
  await assert.rejects(prove("b"), { code: "conflict" });
  await b.hears("ACK", 2); // it was handed over
  b.on = (m) => m.type === "SUBMIT" && (earlier(m), delivers(b, m, Buffer.from("newer")));
  assert.equal(Buffer.from((await prove("a")).bytes).toString(), "newer");
  await b.hears("ACK", 4);
  const other = "f".repeat(32); // nobody has had a result of this one here: the broker keeps it
  b.on = (m) => m.type === "SUBMIT" && (earlier(m), b.say(m.from, { type: "ERROR", status: 30, req: m.req!, task: m.task! }));
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness: Buffer.from("b"), id: other }), { code: "conflict" });
  await b.hears("HEARTBEAT", b.of("HEARTBEAT").length + 2);
  assert.deepEqual([b.of("ACK").length, seen.filter((percent) => percent === 99)], [4, []]);
});

test("progress comes at most once a second, the last of it too", async (t) => {
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  const task = await c.submit({ queue: "q", circuit: "c", witness: Buffer.from("a") });
  const submit = b.of("SUBMIT")[0]!;
  const seen: number[] = [];
  const iterated = (async () => {
    for await (const p of task.progress) seen.push(p.percent);
  })();
  for (let percent = 1; percent <= 50; percent++) b.say(submit.from, { type: "PROGRESS", task: task.id, percent, phase: "msm" });
  await poll("the last of it", 5, () => seen.includes(50));
  assert.ok(seen.length <= 4, seen.join());
  delivers(b, submit, Buffer.from("x"));
  await task.result();
  await iterated;
});
