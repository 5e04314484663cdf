/** The entry of the connection's thread. */
import { parentPort, workerData } from "node:worker_threads";
import type { Order, Start, Tiding } from "./bridge.js";
import { Engine } from "./engine.js";

const port = parentPort!;
const { link, closed } = workerData as Start;
let said: Tiding[] = [];
let transfers: ArrayBuffer[] = [];

/** What is said in one turn goes together: a message between threads costs more than what is in it. */
function say(tiding: Tiding, transfer?: ArrayBuffer): void {
  if (said.length === 0) setImmediate(flush);
  said.push(tiding);
  if (transfer) transfers.push(transfer);
  if (tiding.say === "closed") ended();
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

function flush(): void {
  port.postMessage(said, transfers);
  said = [];
  transfers = [];
}

const engine = new Engine(link, say);
port.on("message", (orders: Order[]) => {
  for (const order of orders) engine.take(order);
});
