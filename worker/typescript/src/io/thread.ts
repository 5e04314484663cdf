/** The entry of the connection's thread. */
import { parentPort, workerData } from "node:worker_threads";
import type { Order, Start, Tiding } from "./bridge.js";
import { Engine } from "./engine.js";
import { InputSlots } from "./input.js";
import { Slots } from "./slots.js";
import { Tidings } from "./tidings.js";

/** How soon a thread that takes nothing is looked at again, ms. */
const LOOK_AGAIN_MS = 10;

const port = parentPort!;
const { link, closed, taken, inputs, results } = workerData as Start;
const batchesTaken = new Int32Array(taken);
const tidings = new Tidings((said, transfers) => port.postMessage(said, transfers));
let waiting = false;

function say(tiding: Tiding, transfer?: ArrayBuffer): void {
  tidings.say(tiding, transfer);
  if (!waiting) setImmediate(flush);
  waiting = true;
  if (tiding.say === "closed") ended();
}

function flush(): void {
  waiting = !tidings.flush(Atomics.load(batchesTaken, 0));
  if (waiting) setTimeout(flush, LOOK_AGAIN_MS).unref();
}

/** With the port closed nothing holds this thread's loop; once that has run empty the thread may be torn down. */
function ended(): void {
  process.on("exit", () => {
    const flag = new Int32Array(closed);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
  setImmediate(() => setImmediate(() => port.close())); // after the flush
}

const engine = new Engine(link, say, new InputSlots(inputs), new Slots(results));
// zeromq.js aborts the process when a thread ends that still has a socket: so a fault of ours closes it first.
process.on("uncaughtException", (e) => {
  say({ say: "broken", text: e instanceof Error ? e.message : String(e) });
  engine.take({ do: "close" });
});

port.on("message", (orders: Order[]) => {
  for (const order of orders) engine.take(order);
});
