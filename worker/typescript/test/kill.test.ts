// kill -9 of the broker, of the prover and of the client at random: nothing is lost, nothing comes twice, memory stays flat. 5 rounds;
// with PROVOST_SOAK=1 (the test typescript_soak) 50 times PV_ROUNDS.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "provost";
import { Cluster } from "./support/cluster.js";

const ROUNDS = process.env["PROVOST_SOAK"] ? 50 * Number(process.env["PV_ROUNDS"] ?? 1) : 5;
/** What the second half of a soak may add to the memory of this process, all threads: a client that kept its inputs would add 10 MB in 50 rounds. */
const GROWTH_MOST = 8e6;
const TASKS = 20;
const cluster = new Cluster();
after(() => cluster.end());

let seed = Number(process.env["PV_SEED"] ?? Date.now() % 1e6);
const random = (n: number) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0), Math.floor((seed / 2 ** 32) * n));

/** A caller that is killed: it submits its tasks by ids of its own, and says each result once it has it. */
const CALLER = `
import { connect } from "provost";
const c = await connect({ url: process.argv[2], insecure: true, name: "caller", reconnectMin: 50, reconnectMax: 300, connectTimeout: 60000 });
for (const id of process.argv.slice(3)) {
  c.prove({ queue: "echo", circuit: "any", id, witness: Buffer.from(id.repeat(100)), timeout: 120000 })
    .then((r) => console.log(id, Buffer.from(r.bytes).toString() === id.repeat(100) ? "right" : "wrong"), (e) => console.log(id, "failed", e.code, e.message));
}`;

function startProver(): void {
  cluster.startProver("p1", "--insecure", "--queue", "echo:echo", "--slots", "2");
}

function startCaller(ids: string[], answers: Map<string, string[]>): ChildProcess {
  const file = join(process.cwd(), "test-js/caller.mjs");
  writeFileSync(file, CALLER);
  const child = spawn(process.execPath, [file, cluster.url, ...ids], { stdio: ["ignore", "pipe", "inherit"] });
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const [id, ...verdict] = line.split(" ");
    answers.set(id!, [...(answers.get(id!) ?? []), verdict.join(" ")]);
  });
  return child;
}

test(`${ROUNDS} rounds of kill -9 (PV_SEED=${seed})`, async () => {
  const broker = ["--heartbeat-ms", "300", "--lease-ms", "1500", "--grace-ms", "100"];
  await cluster.startBroker(...broker);
  startProver();
  const client = await connect({ url: cluster.url, insecure: true, name: "steady", reconnectMin: 50, reconnectMax: 300, connectTimeout: 60_000 });
  let delivered = 0;
  let halfway = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const ids = Array.from({ length: TASKS }, (_, i) => (round * TASKS + i + 1).toString(16).padStart(32, "c"));
    const answers = new Map<string, string[]>();
    let caller = startCaller(ids, answers);
    const mine = Array.from({ length: TASKS }, (_, i) => client.prove({ queue: "echo", circuit: "any", witness: Buffer.alloc(1000 * (i + 1), `${i}`), timeout: 120_000 }).then((r) => assert.equal(r.bytes.length, 1000 * (i + 1)) ?? delivered++));
    await sleep(random(700));
    const victim = random(3);
    if (victim === 0) {
      await cluster.kill(cluster.broker);
      await cluster.startBroker(...broker);
    } else if (victim === 1) {
      await cluster.kill(cluster.provers.get("p1"));
      startProver();
    } else {
      await cluster.kill(caller);
      caller = startCaller(ids.filter((id) => !answers.has(id)), answers);
    }
    await Promise.all(mine);
    if (caller.exitCode === null) await new Promise((resolve) => caller.once("exit", resolve));
    for (const id of ids) assert.deepEqual(answers.get(id), ["right"], `round ${round}, victim ${victim}: ${id}`);
    if (round === Math.floor(ROUNDS / 2)) halfway = process.memoryUsage.rss();
  }
  assert.equal(delivered, ROUNDS * TASKS);
  const grown = process.memoryUsage.rss() - halfway;
  console.log(`memory: ${grown} bytes more since round ${Math.floor(ROUNDS / 2)} of ${ROUNDS}`);
  if (ROUNDS >= 50) assert.ok(grown < GROWTH_MOST, `memory grew by ${grown} bytes`);
  await client.close();
});
