// Every public call with every wrong kind of argument: what comes is always an error of ours, with a code and a sentence, and no other call is harmed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import * as provost from "provost";
import { connect, ProvostError, type Client, type ProveOptions, type Result, type Task } from "provost";
import * as mock from "provost/mock";
import { ProverPool, type PoolOptions } from "provost/pool";
import { Cluster, poll } from "./support/cluster.js";

type Resizable = ArrayBuffer & { resize(n: number): void };
const resizable = (n: number) => new (ArrayBuffer as unknown as new (n: number, o: object) => Resizable)(n, { maxByteLength: 2 * n });
const detached = (n = 64) => {
  const bytes = new Uint8Array(n);
  structuredClone(null, { transfer: [bytes.buffer] });
  return bytes;
};
const shrunk = () => {
  const buffer = resizable(64);
  const bytes = new Uint8Array(buffer, 32, 32);
  buffer.resize(8);
  return bytes;
};
const locked = () => {
  const stream = new ReadableStream<Uint8Array>();
  stream.getReader();
  return stream;
};
const closedFile = async () => {
  const file = await open("/dev/null");
  await file.close();
  return file;
};
const endless = () => {
  const list: unknown[] = [];
  list.push(list);
  return list;
};

/** What callers without types give. */
const wrong: Record<string, () => unknown> = {
  undefined: () => undefined, null: () => null, true: () => true, NaN: () => NaN, "-1": () => -1, "1.5": () => 1.5, Infinity: () => Infinity, "2^53": () => 2 ** 53,
  "empty text": () => "", text: () => "no name", symbol: () => Symbol("s"), bigint: () => 5n, object: () => ({}), bare: () => Object.create(null),
  list: () => [], "list of undefined": () => [undefined], "list in itself": endless, map: () => new Map(), "no date": () => new Date(NaN), function: () => () => {},
  promise: () => Promise.resolve("x"), async: () => (async () => ({}))(), detached, shrunk, "detached memory": () => detached().buffer, shared: () => new SharedArrayBuffer(8),
  floats: () => new Float64Array(2), "locked stream": locked, "ended stream": () => Readable.from([]).destroy(), "closed file": closedFile, "no signal": () => new AbortController(),
};
const objects = ["object", "bare", "map", "no date", "detached", "shrunk", "detached memory", "shared", "floats", "locked stream", "ended stream", "closed file", "no signal"];

/** The values that are right for each kind of argument, by their names. */
const right = {
  options: ["undefined", ...objects],
  needed: [] as string[],
  id: [], name: [], text: ["undefined"],
  flag: ["undefined", "true"], switch: ["true"],
  ms: ["undefined", "1.5"],
  count: ["undefined"],
  limit: ["undefined", "Infinity"],
  callback: ["undefined", "function"],
  signal: ["undefined"],
  signals: ["undefined", "list"],
  states: ["undefined", "list"],
  json: ["object", "bare"],
  key: ["undefined"],
  witness: [],
  anything: Object.keys(wrong),
} satisfies Record<string, string[]>;
type Kind = keyof typeof right;

const folder = mkdtempSync(join(tmpdir(), "provost-wrong-"));
const cluster = new Cluster();
const accidents: unknown[] = [];
const hear = (e: unknown) => void accidents.push(e);
let client: Client;
let idle: Task;
let done: Result;
const ID = "ab".repeat(16);
const good = { queue: "echo", circuit: "any", witness: Buffer.from("x") };

before(async () => {
  process.on("uncaughtException", hear).on("unhandledRejection", hear);
  await cluster.startBroker();
  cluster.startProver("p1", "--insecure", "--queue", "echo:echo");
  client = await connect({ url: cluster.url, insecure: true, role: "either", name: "wrong" });
  idle = await client.submit({ queue: "idle", circuit: "any", witness: Buffer.from("bystander") });
  done = await client.prove(good);
});
after(async () => {
  await client.close();
  await cluster.end();
  rmSync(folder, { recursive: true });
  process.off("uncaughtException", hear).off("unhandledRejection", hear);
});

/** A call, where the wrong value goes in it, and which kind is right there. */
type Row = [call: string, where: string, kind: Kind, make: (value: never) => unknown];

const timed = (call: string, make: (options: never) => unknown): Row[] => [
  [call, "options", "options", make], [call, "timeout", "ms", (v) => make({ timeout: v } as never)],
];
const submits = (call: string, make: (o: ProveOptions) => unknown): Row[] => {
  const one = (where: keyof ProveOptions, kind: Kind): Row => [call, where, kind, (v) => make({ ...good, [where]: v })];
  return [
    [call, "options", "needed", make], one("queue", "needed"), one("circuit", "needed"), one("id", "text"), one("priority", "count"), one("group", "text"), one("deadline", "count"),
    one("onRestart", "text"), one("revive", "flag"), one("needVram", "count"), one("needRam", "count"), one("traceparent", "text"), one("whenBusy", "text"), one("manualAck", "flag"),
    one("verificationKey", "key"), one("publicSignals", "signals"), one("onProgress", "callback"), one("timeout", "ms"), one("signal", "signal"),
    [call, "onRestart.ttlMs", "needed", (v) => make({ ...good, onRestart: { ttlMs: v } })],
  ];
};
const inputs = (call: string, make: (o: ProveOptions) => unknown): Row[] => [
  [call, "witness", "witness", (v) => make({ ...good, witness: v })],
  [call, "witness.stream", "witness", (v) => make({ ...good, witness: { stream: v, length: 1 } })],
  [call, "witness.length", "witness", (v) => make({ ...good, witness: { stream: Readable.from([Buffer.from("x")]), length: v } })],
  [call, "a piece of witness.stream", "witness", (v) => make({ ...good, witness: { stream: { async *[Symbol.asyncIterator]() { yield v as never; } }, length: 1 } })],
  [call, "inputJson", "json", (v) => make({ queue: "echo", circuit: "any", inputJson: v })],
  [call, "a signal of inputJson", "json", (v) => make({ queue: "echo", circuit: "any", inputJson: { a: v } })],
];
const lists = (call: "tasks" | "queues" | "provers" | "clients"): Row[] => [
  ...timed(call, (o) => client[call](o)), [call, "queue", "text", (v) => client[call]({ queue: v })], [call, "state", "text", (v) => client[call]({ state: v })],
  [call, "limit", "limit", (v) => client[call]({ limit: v })],
];
const connects = (where: string, kind: Kind, more: object = {}): Row => ["connect", where, kind, (v) => connect({ url: cluster.url, insecure: true, connectTimeout: 0, ...more, [where]: v })];
const pooled = { url: "mock:", allowMock: true, queue: "q", circuit: "c" } as PoolOptions;
const requested = async (make: (pool: ProverPool) => Promise<unknown>) => {
  await using pool = new ProverPool(pooled);
  await make(pool);
};
const first = (options: object) => client.events(options).next();

const rows = (): Row[] => [
  ["connect", "options", "needed", connect], connects("url", "needed"), connects("name", "text"), connects("role", "text"), connects("insecure", "switch"), connects("allowMock", "flag"),
  ...["connectTimeout", "requestTimeout", "waitTimeout", "reconnectMin", "reconnectMax", "attemptTimeout"].map((where) => connects(where, "ms")),
  connects("key", "needed", { insecure: false, serverKey: "x" }), connects("serverKey", "needed", { insecure: false, key: { publicKey: "0".repeat(40), secretKey: "0".repeat(40) } }),
  ["connect", "key.publicKey", "needed", (v) => connect({ url: cluster.url, key: { publicKey: v, secretKey: v }, serverKey: "x", connectTimeout: 0 })],
  ...submits("prove", (o) => client.prove(o)), ...inputs("prove", (o) => client.prove(o)), ...submits("submit", (o) => client.submit(o)), ...inputs("submit", (o) => client.submit(o)),
  ["fullProve", "input", "json", (v) => client.fullProve(v, "x.wasm", good)], ["fullProve", "wasm", "needed", (v) => client.fullProve({}, v, good)],
  ...submits("fullProve", (o) => client.fullProve({ a: 1 }, "x.wasm", o)),
  ["attach", "id", "id", (v) => client.attach(v)], ...timed("attach", (o) => client.attach(idle.id, o)),
  ["attach", "manualAck", "flag", (v) => client.attach(ID, { manualAck: v })], ["attach", "verificationKey", "key", (v) => client.attach(ID, { verificationKey: v })],
  ["attach", "publicSignals", "signals", (v) => client.attach(ID, { publicSignals: v })], ["attach", "onProgress", "callback", (v) => client.attach(ID, { onProgress: v })],
  ["attach", "signal", "signal", (v) => client.attach(ID, { signal: v })],
  ["fetch", "id", "id", (v) => client.fetch(v)], ...timed("fetch", (o) => client.fetch(done.taskId, o)),
  ["cancel", "id", "id", (v) => client.cancel(v)], ["cancel", "timeout", "ms", (v) => client.cancel(idle.id, { timeout: v })], ["cancel", "options", "options", (v) => client.cancel(idle.id, v)],
  ["ack", "result", "needed", (v) => client.ack(v)], ...timed("ack", (o) => client.ack(done, o)), ...timed("ready", (o) => client.ready(o)),
  ...lists("tasks"), ...lists("queues"), ...lists("provers"), ...lists("clients"), ...timed("status", (o) => client.status(o)),
  ["proverKeys", "prover", "name", (v) => client.proverKeys(v, "x")], ["proverKeys", "principal", "name", (v) => client.proverKeys("p1", v)],
  ...timed("proverKeys", (o) => client.proverKeys("p1", "x", o)), ["proverKeys", "limit", "limit", (v) => client.proverKeys("p1", "x", { limit: v })],
  ["events", "options", "options", first], ["events", "after", "count", (v) => first({ after: v })], ["events", "everyMs", "ms", (v) => first({ everyMs: v })],
  ["events", "signal", "signal", (v) => first({ signal: v })],
  ["show", "id", "id", (v) => client.show(v)], ...timed("show", (o) => client.show(idle.id, o)), ["kick", "id", "id", (v) => client.kick(v)], ...timed("kick", (o) => client.kick(idle.id, o)),
  ...(["pause", "resume"] as const).flatMap((call): Row[] => [[call, "queue", "name", (v) => client[call](v)], ...timed(call, (o) => client[call]("member", o))]),
  ...(["drain", "undrain"] as const).flatMap((call): Row[] => [
    [call, "prover", "name", (v) => client[call](v)], ...timed(call, (o) => client[call]("nobody", o)), [call, "principal", "text", (v) => client[call]("nobody", { principal: v })],
  ]),
  ...timed("purge", (o) => client.purge(o)), ["purge", "scope", "text", (v) => client.purge({ scope: v })], ["purge", "queue", "text", (v) => client.purge({ queue: v })],
  ["purge", "client", "text", (v) => client.purge({ client: v })], ["purge", "session", "text", (v) => client.purge({ session: v })],
  ["purge", "states", "states", (v) => client.purge({ states: v })], ["purge", "ageMs", "count", (v) => client.purge({ ageMs: v })],
  ["purge", "dryRun", "flag", (v) => client.purge({ dryRun: v })], ["purge", "forget", "flag", (v) => client.purge({ forget: v })],
  ...timed("task.result", (o) => idle.result(o)), ...timed("task.cancel", (o) => idle.cancel(o)),
  ["ProverPool", "options", "needed", (v) => new ProverPool(v)],
  ...(["queue", "circuit"] as const).map((where): Row => ["ProverPool", where, "needed", (v) => new ProverPool({ ...pooled, [where]: v })]),
  ["ProverPool", "client", "key", (v) => new ProverPool({ ...pooled, client: v })], ["ProverPool", "wasm", "key", (v) => new ProverPool({ ...pooled, wasm: v })],
  ["pool.request", "input", "needed", (v) => requested((pool) => pool.request(v))], ["pool.request", "options", "options", (v) => requested((pool) => pool.request(good.witness, v))],
  ...(["id", "signal", "timeout", "onProgress"] as const).map((where): Row => [
    "pool.request", where, where === "timeout" ? "ms" : where === "onProgress" ? "callback" : "text", (v) => requested((pool) => pool.request(good.witness, { [where]: v })),
  ]),
  ["isFake", "proof", "anything", (v) => mock.isFake(v)],
];

/** Right by their nature for one place, though wrong in most: these are not called, for what they do is what was asked. */
const alsoRight: Record<string, string[]> = {
  "witness.stream": ["detached", "shrunk"], "a signal of inputJson": ["true", "-1", "text", "empty text", "bigint", "list"], "fullProve wasm": ["detached", "shrunk"],
  "ProverPool wasm": ["text", "empty text", "detached", "shrunk"], "pool.request witness": [],
};
const names = (of: object) => Object.entries(Object.getOwnPropertyDescriptors(of)).filter(([, d]) => typeof d.value === "function").map(([name]) => name);

test("the table has every public call", () => {
  const had = new Set(rows().map(([call]) => call));
  const without = ["constructor", "toJSON", "close", "forget", "mockClient"]; // no arguments
  const operator = Object.getPrototypeOf(provost.Client.prototype) as object;
  const calls = [
    ...names(provost.Client.prototype), ...names(operator), ...names(provost.Task.prototype).map((name) => `task.${name}`), ...names(ProverPool.prototype).map((name) => `pool.${name}`),
    ...Object.entries(provost).filter(([, v]) => typeof v === "function" && !/^class/.test(String(v))).map(([name]) => name), ...names(mock), "ProverPool",
  ].filter((call) => !without.includes(call.replace(/^(task|pool)\./, "")));
  assert.deepEqual(calls.filter((call) => !had.has(call)), []);
});

/** The call's outcome: an error of ours, or what it says. */
async function outcome(row: Row, value: string): Promise<string> {
  const [, , , make] = row;
  const given = await (wrong[value]!() as Promise<never>);
  try {
    const answer = make((/promise|async/.test(value) ? wrong[value]!() : given) as never);
    if (!(answer instanceof Promise) && row[0] !== "isFake" && row[0] !== "ProverPool") return `no promise: ${String(answer)}`;
    await answer;
    return "no error";
  } catch (e) {
    if (!(e instanceof ProvostError)) return `${e instanceof Error ? e.stack : String(e)}`;
    return e.code && e.message.length > 8 && !/undefined$|\[object/.test(e.message) ? "" : `${e.code}: ${e.message}`;
  }
}

test("each wrong kind of argument is refused with a code and a sentence, and harms no other call", async () => {
  const waiting = idle.result();
  const ended = waiting.catch((e: unknown) => e);
  const bad: string[] = [];
  let tried = 0;
  for (const row of rows()) {
    const [call, where, kind] = row;
    const fine = [...right[kind], ...(alsoRight[where] ?? []), ...(alsoRight[`${call} ${where}`] ?? [])];
    for (const value of Object.keys(wrong)) {
      if (fine.includes(value) && call !== "isFake") continue;
      tried++;
      const said = await outcome(row, value);
      if (said && call !== "isFake") bad.push(`${call}: ${where}: ${value}: ${said}`);
    }
  }
  assert.deepEqual(bad, []);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(accidents, []);
  assert.ok(tried > 2000, String(tried));
  assert.equal((await client.show(idle.id)).state, "queued", "the task that waits meanwhile");
  assert.deepEqual([client.connection.connected, client.connection.connects], [true, 1]);
  assert.equal(Buffer.from((await client.prove(good)).bytes).toString(), "x");
  assert.ok((await Promise.race([ended, "waits"])) === "waits");
});

test("memory that is transferred or resized before the broker has it ends that call alone", async () => {
  const harm: [string, (bytes: Uint8Array) => void][] = [
    ["transferred", (bytes) => void structuredClone(null, { transfer: [bytes.buffer as ArrayBuffer] })], ["smaller", (bytes) => (bytes.buffer as Resizable).resize(1000)],
    ["gone", (bytes) => (bytes.buffer as Resizable).resize(0)], ["larger", (bytes) => (bytes.buffer as Resizable).resize(bytes.length + 1)],
  ];
  for (const [what, harms] of harm) {
    for (const moment of ["at once", "while its digest is made", "while it is sent"]) {
      const bytes = new Uint8Array(resizable(8 << 20));
      const other = client.prove({ ...good, witness: new Uint8Array(1 << 20).fill(7) });
      const call = client.prove({ ...good, witness: bytes, onProgress: (p) => void (moment === "while it is sent" && p.sent > 0 && bytes.length === 8 << 20 && harms(bytes)) });
      call.catch(() => {});
      if (moment === "at once") harms(bytes);
      if (moment === "while its digest is made") setImmediate(() => setImmediate(() => harms(bytes)));
      await assert.rejects(call, (e) => e instanceof ProvostError && e.code === "usage" && /witness: its memory was transferred/.test(e.message), `${what} ${moment}`);
      assert.equal((await other).bytes.length, 1 << 20);
    }
  }
  assert.deepEqual(accidents, []);
});

test("shared memory is a witness, and such as grows", async () => {
  const growing = new (SharedArrayBuffer as unknown as new (n: number, o: object) => SharedArrayBuffer)(100_000, { maxByteLength: 200_000 });
  for (const bytes of [new Uint8Array(new SharedArrayBuffer(10)), new Uint8Array(new SharedArrayBuffer(100_000)), new Uint8Array(growing), new Uint8Array(resizable(10))]) {
    const { length } = bytes;
    bytes.fill(5);
    assert.deepEqual(Buffer.from((await client.prove({ ...good, witness: bytes })).bytes), Buffer.alloc(length, 5));
  }
});

test("a callback's promise is waited for before the next call of it, the newest news come then, and one that rejects ends the call", async () => {
  const file = join(folder, "large");
  writeFileSync(file, Buffer.alloc(4 << 20));
  let inside = 0;
  let most = 0;
  const release: (() => void)[] = [];
  const seen: number[] = [];
  const onProgress = ((p: { sent: number }) => {
    most = Math.max(most, ++inside);
    seen.push(p.sent);
    return { then: (resolve: () => void) => void release.push(() => (inside--, resolve())) }; // a promise of another library
  }) as never;
  await client.prove({ ...good, witness: file, onProgress });
  assert.deepEqual([seen.length, most], [1, 1]);
  release[0]!();
  const rejects = { then: (_: unknown, reject: (e: Error) => void) => reject(new Error("boom")) };
  await assert.rejects(client.prove({ ...good, onProgress: (() => rejects) as never }), (e) => e instanceof ProvostError && e.code === "usage" && (e.cause as Error).message === "boom");
  await poll("no accident", 1, () => accidents.length === 0);
});
