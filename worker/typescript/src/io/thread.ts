/** The entry of the connection's thread. */
import { parentPort, workerData } from "node:worker_threads";
import type { Order, Start, Tiding } from "./bridge.js";
import { Engine } from "./engine.js";

const port = parentPort!;
let said: Tiding[] = [];
let transfers: ArrayBuffer[] = [];

/** What is said in one turn goes together. */
function say(tiding: Tiding, transfer?: ArrayBuffer): void {
  if (said.length === 0) queueMicrotask(flush);
  said.push(tiding);
  if (transfer) transfers.push(transfer);
  if (tiding.say === "closed") setImmediate(() => port.close());
}

function flush(): void {
  port.postMessage(said, transfers);
  said = [];
  transfers = [];
}

const engine = new Engine(workerData as Start, say);
port.on("message", (orders: Order[]) => {
  for (const order of orders) engine.take(order);
});
