// A broker that says more than anybody listens to, or reads nothing: what is held stays bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../dist/io/engine.js";
import { Link, type LinkOptions } from "../dist/io/link.js";
import { BATCHES_MOST, Tidings } from "../dist/io/tidings.js";
import type { News, Tiding } from "../dist/io/bridge.js";
import type { Message } from "../dist/wire/codec.js";
import { poll } from "./support/cluster.js";
import { accepts, broker, client, delivers, ID } from "./support/fake_broker.js";

const WAITING_MOST = 16_384;
const NEWS: News = {
  state: "running", accepted: true, sent: 0, total: 0, percent: 0, phase: "", note: "", etaMs: -1, position: -1, unservable: false, held: "",
};
const news = (key: number, percent: number): Tiding => ({ say: "news", key, news: { ...NEWS, percent } });

test("a thread that takes nothing is told of the newest state of each task, once it takes again", () => {
  const posted: Tiding[][] = [];
  const tidings = new Tidings((said) => posted.push(said));
  for (let batch = 0; batch < BATCHES_MOST; batch++) {
    tidings.say(news(1, batch));
    assert.ok(tidings.flush(0), `batch ${batch}`);
  }
  for (let i = 0; i < 10_000; i++) {
    tidings.say(news(1 + (i % 2), i % 101));
    tidings.say({ say: "waiting", key: 3, text: `${i}` });
    assert.equal(tidings.flush(0), false);
  }
  tidings.say({ say: "flushed", key: 4 });
  tidings.say(news(1, 100));
  assert.equal(tidings.flush(0), false);
  assert.equal(posted.length, BATCHES_MOST);
  assert.ok(tidings.flush(1));
  assert.deepEqual(posted[BATCHES_MOST], [news(1, 100), { say: "waiting", key: 3, text: "9999" }, news(2, 9999 % 101), { say: "flushed", key: 4 }]);
  tidings.say(news(1, 1));
  assert.equal(tidings.flush(1), false);
  assert.ok(tidings.flush(BATCHES_MOST + 1));
  assert.ok(tidings.empty);
});

test("what ends a task is told behind its news, and never left out", () => {
  const posted: Tiding[][] = [];
  const tidings = new Tidings((said) => posted.push(said));
  const refused = (key: number): Tiding => ({ say: "refused", key, status: 30, text: "conflict" });
  for (let key = 1; key <= 1000; key++) tidings.say(refused(key));
  tidings.say(news(1, 5));
  tidings.say(refused(1001));
  tidings.flush(0);
  assert.equal(posted[0]!.length, 1002);
  assert.deepEqual(posted[0]!.slice(-2), [news(1, 5), refused(1001)]);
});

const OPTIONS: LinkOptions = {
  endpoints: ["tcp://127.0.0.1:1"], keys: [], name: "shop", role: "client", anyRole: false, session: ID, software: "test", reconnectMs: 60_000, reconnectMaxMs: 60_000,
  connectMs: 1000,
};

/** Puts a dealer in place that takes what it is told to send and has so much waiting. */
function stub(link: Link, waiting: number): Message[] {
  const sent: Message[] = [];
  const dealer = { waiting, room: false, send: (m: Message) => void sent.push(m), close: async () => {} };
  Object.assign(link, { state: "up", dealer, terms: { epoch: 1 } });
  return sent;
}

test("to a broker that reads nothing answers are left out from a bound on, and what callers ask for is not", async (t) => {
  const engine = new Engine(OPTIONS, () => {});
  t.after(() => engine.link.close());
  const revoke = () => engine.onMessage({ type: "REVOKE", token: { epoch: 1, seq: 1 }, status: 31 });
  const counts: number[] = [];
  for (const waiting of [WAITING_MOST - 1, WAITING_MOST, WAITING_MOST - 1]) {
    const sent = stub(engine.link, waiting);
    revoke();
    engine.take({ do: "ask", key: waiting, message: { type: "CANCEL", task: ID }, want: "CANCELLED" });
    counts.push(sent.length);
    engine.take({ do: "forget", key: waiting });
  }
  assert.deepEqual(counts, [2, 1, 2]);
});

test("news without end of a task whose iterator nobody reads are told once a second, the newest", async (t) => {
  const b = await broker(t);
  b.on = accepts(b);
  const c = await client(t, b.url);
  const told: number[] = [];
  const task = await c.submit({ queue: "q", circuit: "c", witness: Buffer.from("a"), onProgress: (p) => told.push(p.position) });
  const { from } = b.of("SUBMIT")[0]!;
  const began = performance.now();
  const FLOOD = 5000;
  for (let position = FLOOD; position > 0; position--) {
    b.say(from, {
      type: "TASK", task: task.id, state: "queued", generation: 1, status: 0, queue: "q", circuit: "c", length: 1, sha256: "0".repeat(64), created: 1, changed: 1, position,
    });
  }
  await poll("the newest", 60, () => told.at(-1) === 1);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(told.length <= 3 + seconds, `told ${told.length} times in ${seconds} s`);
  delivers(b, b.of("SUBMIT")[0]!, Buffer.from("x"));
  await task.result();
});
