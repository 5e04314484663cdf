// The connection ends with the process, and keeps none alive; cluster and fork have their own clients.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster } from "./support/cluster.js";

const cluster = new Cluster();
before(async () => {
  await cluster.startBroker("--heartbeat-ms", "500", "--lease-ms", "2000");
  cluster.startProver("echo-1", "--insecure", "--queue", "echo:echo");
});
after(() => cluster.end());

/** Runs a program; it has to end by itself within 20 s. */
function run(name: string, source: string): Promise<{ code: number | null; out: string; ms: number }> {
  const file = join(process.cwd(), `test-js/${name}.mjs`);
  writeFileSync(file, `import { connect } from "provost";\nconst options = { url: ${JSON.stringify(cluster.url)}, insecure: true };\nconst echo = { queue: "echo", circuit: "any" };\n${source}`);
  const began = Date.now();
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (d) => (out += d));
  child.stderr.on("data", (d) => (out += d));
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  return new Promise((resolve) => child.on("exit", (code) => (clearTimeout(timer), resolve({ code, out, ms: Date.now() - began }))));
}

test("an idle client keeps no process alive", async () => {
  const { code, out } = await run("idle", `await connect(options); console.log("connected");`);
  assert.deepEqual([code, out], [0, "connected\n"]);
});

test("a call under way keeps it alive until its answer", async () => {
  const { code, out } = await run("busy", `const c = await connect(options); const r = await c.prove({ ...echo, witness: Buffer.from("hi") }); console.log(Buffer.from(r.bytes).toString());`);
  assert.deepEqual([code, out], [0, "hi\n"]);
});

test("a client that has no broker keeps no process alive, and process.exit waits for nothing", async () => {
  assert.equal((await run("alone", `await connect({ ...options, url: "tcp://127.0.0.1:1", connectTimeout: 0 });`)).code, 0);
  const { code, out } = await run("exit", `const c = await connect(options); c.prove({ queue: "idle", circuit: "any", witness: Buffer.alloc(1e6) }); setTimeout(() => process.exit(7), 300);`);
  assert.equal(code, 7, out);
});

test("await using closes, and a call under way rejects", async () => {
  const { code, out } = await run("using", `
    let waiting;
    { const c = await connect(options); waiting = c.prove({ queue: "idle", circuit: "any", witness: Buffer.from("x") }).catch((e) => e.message); await new Promise((r) => setTimeout(r, 200)); await c[Symbol.asyncDispose](); }
    console.log(await waiting);`);
  assert.deepEqual([code, out], [0, "the client is closed\n"]);
});

test("each process of a cluster has a client of its own", async () => {
  const { code, out } = await run("cluster", `
    import cluster from "node:cluster";
    const told = new Promise((r) => process.once("message", r));
    const c = await connect({ ...options, name: "clustered" });
    if (cluster.isPrimary) {
      const child = cluster.fork();
      child.on("message", () => child.send({ client: c }));
      await new Promise((r) => child.on("exit", r));
    } else {
      process.send("ready");
      const { client } = await told;
      if (typeof client.prove === "function" || !client.provost.includes("call connect() there")) throw new Error("a client came through");
    }
    const r = await c.prove({ ...echo, witness: Buffer.from(cluster.isPrimary ? "primary" : "worker") });
    console.log(Buffer.from(r.bytes).toString());
    if (cluster.isWorker) process.disconnect();`);
  assert.deepEqual([code, out], [0, "worker\nprimary\n"]);
});

test("a fault of the connection's thread is told, and ends no process", async () => {
  const { code, out } = await run("fault", `
    import { createRequire } from "node:module";
    const { ThreadBridge } = createRequire(import.meta.url)("../dist/bridge.js");
    const link = { endpoints: [options.url], keys: [], name: 5, role: "client", anyRole: false, session: "5e".repeat(16), software: "x", reconnectMs: 1, reconnectMaxMs: 1, connectMs: 5000 };
    const why = await new Promise((told) => new ThreadBridge(link, { onTidings() {}, onBroken: told }).hold(true));
    console.log(why.message);`);
  assert.deepEqual([code, out], [0, "name is not a string\n"]);
});

test("a second client in the same process, and in a thread", async () => {
  const { code, out } = await run("thread", `
    import { Worker, isMainThread } from "node:worker_threads";
    const a = await connect(options), b = await connect(options);
    await Promise.all([a, b].map((c) => c.prove({ ...echo, witness: Buffer.from("x") })));
    if (isMainThread) { const w = new Worker(new URL(import.meta.url)); await new Promise((r) => w.on("exit", r)); }
    else { await a.close(); await b.close(); }
    console.log(isMainThread ? "main" : "thread");`);
  assert.equal(code, 0, out);
  assert.deepEqual(out.trim().split("\n").sort(), ["main", "thread"]);
});
