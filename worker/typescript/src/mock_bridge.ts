/** A broker and its fleet that are not there: every task succeeds in a millisecond with a proof that is marked as fake. */
import type { Bridge, BridgeUser } from "./bridge.js";
import type { End, News, Order, Tiding } from "./io/bridge.js";
import { codeOf } from "./errors.js";

/** No verifier accepts it: the points are not on the curve. */
export const FAKE_PROOF = {
  pi_a: ["1", "1", "1"],
  pi_b: [["1", "1"], ["1", "1"], ["1", "0"]],
  pi_c: ["1", "1", "1"],
  protocol: "groth16",
  curve: "bn128",
  fake: true,
};

const NEWS: News = {
  state: "queued", accepted: true, sent: 0, total: 0, percent: 0, phase: "", note: "", etaMs: 1, position: 0, unservable: false, held: "",
};

const ENDS_MOST = 10_000; // a test suite may run for long

export class MockBridge implements Bridge {
  private readonly ends = new Map<string, End>();
  private readonly running = new Map<number, NodeJS.Timeout>();
  private ended = false;

  constructor(private readonly user: BridgeUser) {
    const terms = {
      epoch: 1, heartbeatMs: 3000, leaseMs: 15000, inlineMax: 65536, chunkMax: 262144, payloadMax: 512 * 1024 * 1024, window: 1 << 20,
      principal: "mock", software: "mock", byPrincipal: true, purgeForgets: true, deadlineIn: true, traces: true, inputKinds: ["wtns", "input.json"], tellsKeys: true, notReady: "",
    };
    queueMicrotask(() => this.say({ say: "link", link: { up: true, endpoint: "mock:", status: 0, text: "", welcomes: 1, terms } }));
  }

  post(order: Order): void {
    setImmediate(() => this.take(order));
  }

  hold(): void {
    // its timers hold the process
  }

  async end(): Promise<void> {
    this.ended = true;
    for (const timer of this.running.values()) clearTimeout(timer);
  }

  private say(tiding: Tiding): void {
    if (!this.ended) this.user.onTidings([tiding]);
  }

  private take(order: Order): void {
    if (order.do === "submit") this.prove(order.key, order.task);
    else if (order.do === "attach") this.attach(order.key, order.task);
    else if (order.do === "ask") this.answer(order);
    else if (order.do === "flush") this.say({ say: "flushed", key: order.key });
    else if (order.do === "forget") clearTimeout(this.running.get(order.key));
  }

  private prove(key: number, task: string): void {
    this.say({ say: "news", key, news: NEWS });
    const bytes = new Uint8Array(Buffer.from(JSON.stringify({ proof: FAKE_PROOF, public: [] })));
    const end: End = { state: "succeeded", status: 0, text: "", generation: 1, prover: "mock", measuredMs: 1, bytes };
    this.running.set(key, setTimeout(() => {
      this.running.delete(key);
      this.ends.set(task, end);
      if (this.ends.size > ENDS_MOST) this.ends.delete(this.ends.keys().next().value!);
      this.say({ say: "over", key, end });
    }, 1));
  }

  private attach(key: number, task: string): void {
    const end = this.ends.get(task);
    if (!end) return this.say({ say: "refused", key, status: codeOf("not-found"), text: "not found" });
    this.say({ say: "news", key, news: { ...NEWS, state: end.state } });
    this.say({ say: "over", key, end });
  }

  private answer(order: Order & { do: "ask" }): void {
    const { key, message, want } = order;
    const end = this.ends.get(message.task ?? "");
    if (want === "CANCELLED") {
      this.say({ say: "answer", key, message: { type: want, state: end ? end.state : "cancelled" }, bytes: undefined });
    } else if (want === "DELIVER" && end) {
      this.say({ say: "answer", key, message: { type: want, state: end.state, status: 0, generation: 1, prover: "mock" }, bytes: end.bytes as Uint8Array<ArrayBuffer> });
    } else if (want === "ROWS") {
      this.say({ say: "answer", key, message: { type: want, rows: [] }, bytes: undefined });
    } else if (want === "COUNTS") {
      this.say({ say: "answer", key, message: { type: want, counts: {} }, bytes: undefined });
    } else {
      this.say({ say: "failed", key, status: codeOf("not-found"), text: "the mock does not have it" });
    }
  }
}
