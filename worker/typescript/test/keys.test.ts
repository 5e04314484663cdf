// CURVE with a real broker: the right key, a wrong one, one that is revoked and comes back.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type ConnectOptions } from "provost";
import { Cluster, poll } from "./support/cluster.js";

const cluster = new Cluster();
const file = (name: string) => join(cluster.folder, name);
let keys: Record<string, string>;
const all = (): [string, string, string][] => ["client", "admin", "prover"].map((who) => [`of-${who}`, keys[who]!, who]);

before(async () => {
  keys = Object.fromEntries(["broker", "client", "admin", "prover", "stranger"].map((name) => [name, cluster.makeKey(name)]));
  cluster.options = ["--queue", "echo", "--key", file("broker"), "--authorized-keys", cluster.authorize(all())];
  await cluster.startBroker("--heartbeat-ms", "500", "--lease-ms", "2000");
  cluster.startProver("p1", "--key", file("prover"), "--server-key", file("broker.pub"), "--queue", "echo:echo");
});
after(() => cluster.end());

const options = () => ({ url: cluster.url, key: file("client"), serverKey: file("broker.pub"), reconnectMin: 50, reconnectMax: 200 });
const echo = { queue: "echo", circuit: "any", witness: Buffer.from("secret") };

test("with keys a task goes through, and the broker knows whose it is", async () => {
  await using client = await connect(options());
  assert.equal(client.connection.principal, "of-client");
  assert.equal(Buffer.from((await client.prove(echo)).bytes).toString(), "secret");
  await assert.rejects(client.pause("echo"), { code: "unauthorized" });
  await using admin = await connect({ ...options(), key: file("admin"), role: "either", serverKey: keys["broker"]! });
  await admin.pause("echo");
  await admin.resume("echo");
});

test("a stranger's key, another broker's key and no key are told from an absent broker", async () => {
  const refused = async (o: ConnectOptions, message: RegExp) => {
    await using waiting = await connect({ ...o, connectTimeout: 0 });
    await poll(`${message}`, 15, () => waiting.connection.code === "unauthorized");
    await assert.rejects(waiting.ready({ timeout: 0 }), { code: "unauthorized", message });
  };
  await refused({ ...options(), key: file("stranger") }, /refuses this key/);
  await refused({ ...options(), serverKey: keys["stranger"]! }, /is the broker's key right/);
  await refused({ url: cluster.url, insecure: true }, /does the broker want keys|only one of the two sides uses keys/);
});

test("a key that is revoked is told as unauthorized, and tried again until it may", async () => {
  await using client = await connect(options());
  cluster.authorize(all().filter(([name]) => name !== "of-client"));
  cluster.broker!.kill("SIGHUP");
  const proved = client.prove(echo);
  await poll("the refusal", 15, () => client.connection.code === "unauthorized");
  await assert.rejects(client.fetch("0".repeat(32), { timeout: 300 }), { code: "unauthorized" });
  cluster.authorize(all());
  cluster.broker!.kill("SIGHUP");
  assert.equal(Buffer.from((await proved).bytes).toString(), "secret");
});
