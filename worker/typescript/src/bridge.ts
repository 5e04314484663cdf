/** The caller's end of the line to the connection's thread. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Order, Start, Tiding } from "./io/bridge.js";
import { Slots } from "./io/slots.js";

/** What answers the orders of a client: the connection's thread, or the mock. */
export interface Bridge {
  /** Takes an order; those of one turn go together. */
  post(order: Order, transfer?: ArrayBuffer): void;
  /** While it is held, the process stays alive. */
  hold(held: boolean): void;
  /** Where small inputs are copied to, on their way. */
  readonly inputs?: Slots;
  /** Ends it; resolves when it has ended, or after 1 s in which it did not. */
  end(): Promise<void>;
}

export interface BridgeUser {
  onTidings(tidings: Tiding[]): void;
  /** The thread broke: nothing more will come. */
  onBroken(why: Error): void;
}

/** How long the end of the process waits for a thread to close its socket, ms. */
const EXIT_MS = 500;
const END_MS = 1000;
const open = new Set<ThreadBridge>();

/** zeromq.js aborts the process when a thread is torn down while it still has a socket: so none is, and worker.terminate() is not used. */
process.on("exit", () => {
  for (const bridge of open) bridge.closeNow();
});

/** Starts the thread that owns the connection, so that heartbeats go on while the caller computes. */
export class ThreadBridge implements Bridge {
  readonly inputs: Slots;
  private readonly results: Slots;
  private readonly worker: Worker;
  private readonly closed = new Int32Array(new SharedArrayBuffer(4));
  private readonly taken = new Int32Array(new SharedArrayBuffer(4));
  private orders: Order[] = [];
  private transfers: ArrayBuffer[] = [];
  private ended = false;

  constructor(link: Start["link"], private readonly user: BridgeUser) {
    const memory = { inputs: Slots.memory(), results: Slots.memory() };
    const start: Start = { link, closed: this.closed.buffer, taken: this.taken.buffer, ...memory };
    this.inputs = new Slots(memory.inputs);
    this.results = new Slots(memory.results);
    this.worker = new Worker(join(__dirname, "io", "thread.js"), { workerData: start, execArgv: [], name: "provost" });
    open.add(this);
    this.worker.on("message", (tidings: Tiding[]) => {
      Atomics.add(this.taken, 0, 1);
      for (const tiding of tidings) {
        if (tiding.say === "broken") user.onBroken(new Error(tiding.text));
        this.fetch(tiding);
      }
      user.onTidings(tidings);
    });
    this.worker.on("error", (e) => user.onBroken(e));
    this.worker.on("exit", () => {
      open.delete(this);
      if (!this.ended) user.onBroken(new Error("the connection's thread ended"));
    });
    this.worker.unref(); // after the listeners: they take it back
  }

  /** Takes the bytes of a result out of their slot. */
  private fetch(tiding: Tiding): void {
    if (tiding.say !== "over" || !tiding.inSlot) return;
    const { slot, length } = tiding.inSlot;
    tiding.end.bytes = new Uint8Array(this.results.bytes(slot, length));
    this.results.free(slot);
  }

  post(order: Order, transfer?: ArrayBuffer): void {
    if (this.orders.length === 0) setImmediate(() => this.flush());
    this.orders.push(order);
    if (transfer) this.transfers.push(transfer);
  }

  private flush(): void {
    const { orders, transfers } = this;
    this.orders = [];
    this.transfers = [];
    if (orders.length === 0) return;
    try {
      this.worker.postMessage(orders, transfers);
    } catch (e) { // what a caller gave was looked at before: a mistake of ours, which must not end the process
      this.user.onBroken(e instanceof Error ? e : new Error(String(e)));
    }
  }

  hold(held: boolean): void {
    if (held) this.worker.ref();
    else this.worker.unref();
  }

  /** Closes the connection while nothing else runs in this thread any more. */
  closeNow(): void {
    this.post({ do: "close" });
    this.flush();
    Atomics.wait(this.closed, 0, 0, EXIT_MS);
  }

  async end(): Promise<void> {
    this.ended = true;
    this.worker.ref();
    this.post({ do: "close" });
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, END_MS);
      this.worker.once("exit", () => (clearTimeout(late), resolve()));
    });
    this.worker.unref();
  }
}
