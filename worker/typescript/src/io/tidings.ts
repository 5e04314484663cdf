/** What waits to be said to the caller's thread. Pure: no port, no clock. */
import type { Tiding } from "./bridge.js";

/** So many batches may wait for the caller's thread. */
export const BATCHES_MOST = 64;
const LINK_KEY = 0; // tasks and questions count from 1

/** News, the reason of a wait, and the link are states: of each the newest counts, and the one before it need not be told. */
function stateOf(tiding: Tiding): number | undefined {
  if (tiding.say === "link") return LINK_KEY;
  return tiding.say === "news" || tiding.say === "waiting" ? tiding.key : undefined;
}

/**
 * What is said in one turn goes together: a message between threads costs more than what is in it. While the caller's thread takes
 * nothing, and a broker sends news without end, what waits grows with the tasks and not with the news.
 */
export class Tidings {
  private said: Tiding[] = [];
  private transfers: ArrayBuffer[] = [];
  /** Where in `said` the state of a key stands. */
  private readonly states = new Map<number, number>();
  private posted = 0;

  constructor(private readonly post: (tidings: Tiding[], transfers: ArrayBuffer[]) => void) {}

  get empty(): boolean {
    return this.said.length === 0;
  }

  say(tiding: Tiding, transfer?: ArrayBuffer): void {
    if (transfer) this.transfers.push(transfer);
    const key = stateOf(tiding);
    const before = key === undefined ? undefined : this.states.get(key);
    if (before !== undefined) {
      this.said[before] = tiding;
      return;
    }
    if (key !== undefined) this.states.set(key, this.said.length);
    this.said.push(tiding);
  }

  /** Posts what was said. `taken`: how many batches the caller's thread has taken so far. False when it has to wait. */
  flush(taken: number): boolean {
    if (this.empty) return true;
    if (((this.posted - taken) | 0) >= BATCHES_MOST) return false; // both are of 32 bits and go round
    const { said, transfers } = this;
    this.said = [];
    this.transfers = [];
    this.states.clear();
    this.posted = (this.posted + 1) | 0;
    this.post(said, transfers);
    return true;
  }
}
