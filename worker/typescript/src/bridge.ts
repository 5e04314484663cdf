/** The caller's end of the line to the connection's thread. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Order, Start, Tiding } from "./io/bridge.js";

/** What answers the orders of a client: the connection's thread, or the mock. */
export interface Bridge {
  /** Takes an order; those of one turn go together. */
  post(order: Order, transfer?: ArrayBuffer): void;
  /** While it is held, the process stays alive. */
  hold(held: boolean): void;
  /** Ends it; resolves when it has ended, or after 1 s in which it did not. */
  end(): Promise<void>;
}

export interface BridgeUser {
  onTidings(tidings: Tiding[]): void;
  /** The thread broke: nothing more will come. */
  onBroken(why: Error): void;
}

/** Starts the thread that owns the connection, so that heartbeats go on while the caller computes. */
export class ThreadBridge implements Bridge {
  private readonly worker: Worker;
  private orders: Order[] = [];
  private transfers: ArrayBuffer[] = [];
  private ended = false;

  constructor(start: Start, user: BridgeUser) {
    this.worker = new Worker(join(__dirname, "io", "thread.js"), { workerData: start, execArgv: [], name: "provost" });
    this.worker.unref();
    this.worker.on("message", (tidings: Tiding[]) => user.onTidings(tidings));
    this.worker.on("error", (e) => user.onBroken(e));
    this.worker.on("exit", () => {
      if (!this.ended) user.onBroken(new Error("the connection's thread ended"));
    });
  }

  post(order: Order, transfer?: ArrayBuffer): void {
    if (this.orders.length === 0) queueMicrotask(() => this.flush());
    this.orders.push(order);
    if (transfer) this.transfers.push(transfer);
  }

  private flush(): void {
    const { orders, transfers } = this;
    this.orders = [];
    this.transfers = [];
    this.worker.postMessage(orders, transfers);
  }

  hold(held: boolean): void {
    if (held) this.worker.ref();
    else this.worker.unref();
  }

  async end(): Promise<void> {
    this.ended = true;
    const exited = new Promise<void>((resolve) => this.worker.once("exit", () => resolve()));
    const late = setTimeout(() => void this.worker.terminate(), 1000);
    this.worker.ref();
    this.post({ do: "close" });
    await exited;
    clearTimeout(late);
  }
}
