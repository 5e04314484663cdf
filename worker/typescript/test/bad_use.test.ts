// Bad use has its own typed error and sentence, before anything is sent.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { curveKeyPair } from "zeromq";
import * as provost from "provost";
import { connect, ProvostError, type ConnectOptions, type SubmitOptions } from "provost";
import { mockClient } from "provost/mock";
import { statuses } from "../dist/status_list.js";
import { errorOf, wordOf } from "../dist/errors.js";
import { keysOf } from "../dist/keys.js";

const folder = mkdtempSync(join(tmpdir(), "provost-use-"));
after(() => rmSync(folder, { recursive: true }));
const URL = "tcp://127.0.0.1:1";

test("each outcome has a class of its own, with code, sentence and whether it passes by itself", () => {
  const classes = provost as unknown as Record<string, new (...args: never[]) => ProvostError>;
  for (const { word, text, code, retryable } of statuses) {
    if (word === "ok") continue;
    const error = errorOf(word, undefined, { taskId: "ab" });
    const name = `${word.split("-").map((part) => part[0]!.toUpperCase() + part.slice(1)).join("")}Error`;
    assert.equal(error.name, name);
    assert.ok(error instanceof classes[name]! && error instanceof ProvostError);
    assert.deepEqual([error.code, error.message, error.taskId, error.retryable, wordOf(code)], [word, text, "ab", retryable, word]);
  }
  assert.equal(wordOf(9999), "internal");
});

test("options of connect", async () => {
  const cases: [Partial<ConnectOptions>, RegExp][] = [
    [{ url: "" }, /1 to 16 brokers/], [{ url: "broker:7070" }, /none of tcp/], [{ url: "http://127.0.0.1:1" }, /none of tcp/],
    [{ url: "tcp://127.0.0.1" }, /none of tcp/], [{ url: "tcp://127.0.0.1:70000" }, /none of tcp/], [{ url: "tcp://127.0.0.1:*" }, /none of tcp/],
    [{ url: "tcp://10.0.0.1:7070" }, /not on this machine/], [{ url: [URL, "tcp://127.0.0.1.example.org:1"] }, /not on this machine/],
    [{ insecure: false }, /give key and serverKey/], [{ insecure: false, key: "x" }, /belong together/], [{ name: "no name" }, /name:/],
    [{ name: "x".repeat(65) }, /name:/], [{ role: "prover" as never }, /role:/], [{ connectTimeout: -1 }, /connectTimeout/],
    [{ waitTimeout: Infinity }, /waitTimeout/], [{ key: "a", serverKey: "b" }, /goes without/],
    [{ url: 5 as never }, /url:/], [{ url: undefined as never }, /url:/], [{ url: [URL, undefined as never] }, /url:/], [{ name: 5 as never }, /name:/],
    [{ insecure: false, key: 5 as never, serverKey: "b" }, /key:/], [{ insecure: false, key: "a", serverKey: 5 as never }, /serverKey:/],
    [{ url: "mock:" }, /allowMock/], [{ url: ["mock:"] }, /none of tcp/],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(connect({ url: URL, insecure: true, connectTimeout: 0, ...options }), { code: "usage", message }, JSON.stringify(options));
  }
  process.env["PROVOST_ALLOW_MOCK"] = process.env["ALLOW_MOCK"] = "1";
  await assert.rejects(connect({ url: "mock:" }), { code: "usage" });
});

test("options of a task", async () => {
  const client = await mockClient();
  const witness = Buffer.from("x");
  const good = { queue: "q", circuit: "c", witness };
  const cases: [Partial<SubmitOptions>, RegExp][] = [
    [{ queue: "" }, /queue:/], [{ queue: "a/b" }, /queue:/], [{ circuit: undefined as never }, /circuit:/], [{ id: "12" }, /32 hex digits/],
    [{ priority: 10 }, /priority:/], [{ priority: 1.5 }, /priority:/], [{ group: "no group" }, /group:/], [{ deadline: -1 }, /deadline:/],
    [{ deadline: new Date(NaN) }, /deadline:/], [{ onRestart: "stop" as never }, /onRestart:/], [{ onRestart: { ttlMs: -1 } }, /ttlMs/], [{ needRam: -1 }, /needRam/],
    [{ onRestart: null as never }, /onRestart:/], [{ onProgress: 5 as never }, /onProgress:/], [{ whenBusy: "never" as never }, /whenBusy:/],
    [{ publicSignals: "5" as never }, /publicSignals:/], [{ publicSignals: [5 as never] }, /publicSignals:/], [{ signal: 5 as never } as never, /signal:/],
    [{ witness: undefined as never }, /witness:/], [{ witness: 5 as never }, /witness:/], [{ witness: { stream: [] as never, length: -1 } }, /length/],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(client.prove({ ...good, ...options }), { code: "usage", message }, JSON.stringify(options));
  }
  await assert.rejects(client.attach("zz"), { code: "usage" });
  for (const none of [undefined, null, 5] as never[]) {
    await assert.rejects(client.prove(none), { code: "usage", message: /give its options/ });
    await assert.rejects(client.submit(none), { code: "usage", message: /give its options/ });
    await assert.rejects(connect(none), { code: "usage", message: /give its options/ });
  }
  await assert.rejects(client.tasks({ state: "lost" as never }), { code: "usage", message: /state:/ });
  await assert.rejects(client.purge({ scope: "all" as never }), { code: "usage", message: /scope:/ });
  await assert.rejects(client.events({ everyMs: -1 }).next(), { code: "usage", message: /everyMs:/ });
  for (const timeout of [-1, NaN, Infinity, "5" as never]) await assert.rejects(client.prove({ ...good, timeout }), { code: "usage", message: /timeout:/ });
  await client.close();
  await assert.rejects(client.prove(good), { code: "bad-state", message: "the client is closed" });
  await assert.rejects(client.fetch("0".repeat(32)), { code: "bad-state" });
  await client.close();
});

test("what is over the mock's limit is told before it is read", async () => {
  await using client = await mockClient();
  const stream = { get [Symbol.asyncIterator](): never { throw new Error("it was read"); } };
  await assert.rejects(client.prove({ queue: "q", circuit: "c", witness: { stream: stream as never, length: 2 ** 40 } }), { code: "too-large" });
});

test("an async callback that rejects is the call's error, and no unhandled rejection", async () => {
  await using client = await mockClient();
  const boom = new Error("boom");
  const unhandled: unknown[] = [];
  const hear = (e: unknown) => unhandled.push(e);
  process.on("unhandledRejection", hear);
  const failed = client.prove({ queue: "q", circuit: "c", witness: Buffer.from("x"), onProgress: async () => { throw boom; } });
  await assert.rejects(failed, (e) => e instanceof ProvostError && e.code === "usage" && e.cause === boom);
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off("unhandledRejection", hear);
  assert.deepEqual(unhandled, []);
});

test("the mock keeps the last 10,000 ends", async () => {
  await using client = await mockClient();
  const first = await client.prove({ queue: "q", circuit: "c", witness: Buffer.from("x") });
  await Promise.all(Array.from({ length: 10_000 }, () => client.prove({ queue: "q", circuit: "c", witness: Buffer.from("x") })));
  await assert.rejects(client.fetch(first.taskId), { code: "not-found" });
});

test("key files", async () => {
  const { publicKey, secretKey } = curveKeyPair();
  const file = join(folder, "client.key");
  const text = `#   ZeroMQ CURVE certificate\nmetadata\ncurve\n    public-key = "${publicKey}"\n    secret-key = "${secretKey}"\n`;
  const server = join(folder, "broker.pub");
  writeFileSync(file, text, { mode: 0o600 });
  writeFileSync(server, `curve\n    public-key = '${publicKey}'\n`);
  const pair = { publicKey, secretKey, serverKey: publicKey };
  assert.deepEqual(keysOf(file, [server], 1), [pair]);
  assert.deepEqual(keysOf(secretKey, [publicKey], 3), [pair], "the public key belongs to the secret one");
  assert.deepEqual(keysOf({ publicKey, secretKey }, [publicKey, server], 2), [pair, pair]);
  const bad = (key: string, serverKey: string | string[], message: RegExp, code = "bad-key-file") =>
    assert.rejects(connect({ url: URL, key, serverKey, connectTimeout: 0 }), { code, message });
  await bad(join(folder, "nobody"), server, /ENOENT/);
  await bad(file, join(folder, "nobody"), /ENOENT/);
  await bad(server, server, process.getuid?.() === 0 ? /others can read/ : /others can read/);
  await bad(file, [server, server], /2 keys for 1 urls/, "usage");
  chmodSync(file, 0o640);
  await bad(file, server, /others can read this secret key.*chmod 600/);
  writeFileSync(join(folder, "empty.key"), "curve\n", { mode: 0o600 });
  await bad(join(folder, "empty.key"), server, /no usable key/);
  writeFileSync(join(folder, "short.key"), text.replace(publicKey, "short"), { mode: 0o600 });
  await bad(join(folder, "short.key"), server, /no usable key/);
  writeFileSync(`${join(folder, "pair.key")}_secret`, text, { mode: 0o600 });
  assert.deepEqual(keysOf(join(folder, "pair.key"), [server], 1), [pair], "czmq writes a pair into two files");
});

test("a client cannot be sent to another thread", async () => {
  await using client = await mockClient();
  assert.throws(() => structuredClone(client), { name: "DataCloneError" });
  assert.match(JSON.stringify({ client }), /call connect\(\) there/);
});
