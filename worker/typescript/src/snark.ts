/** snarkjs on a thread of its own: its work costs the caller's event loop nothing, and its own threads keep no process alive. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { BadProofError, InvalidInputError, UsageError } from "./errors.js";

/** What snarkjs is asked for. */
export type SnarkOrder =
  | { do: "load" }
  | { do: "verify"; vkey: object; publicSignals: string[]; proof: object }
  | { do: "witness"; input: unknown; wasm: string | Uint8Array };

export interface SnarkAnswer {
  key: number;
  value?: unknown;
  missing?: string;
  failed?: string;
}

interface Waiting {
  order: SnarkOrder;
  resolve(value: unknown): void;
  reject(why: Error): void;
}

let worker: Worker | undefined;
let keys = 0;
let ready: Promise<unknown> | undefined;
const waiting = new Map<number, Waiting>();

function hear(answer: SnarkAnswer): void {
  const one = waiting.get(answer.key);
  if (!one) return;
  waiting.delete(answer.key);
  if (waiting.size === 0) worker?.unref();
  if (answer.missing !== undefined) one.reject(new UsageError("usage", `snarkjs is needed for this and cannot be loaded: npm install snarkjs (${answer.missing})`));
  else if (answer.failed === undefined) one.resolve(answer.value);
  else if (one.order.do === "verify") one.reject(new BadProofError("bad-proof", `the proof does not verify: ${answer.failed}`));
  else one.reject(new InvalidInputError("invalid-input", `the witness cannot be computed: ${answer.failed}`));
}

function broken(why: Error): void {
  worker = undefined;
  for (const one of [...waiting.values()]) one.reject(new UsageError("usage", `the thread of snarkjs failed: ${why.message}`, { cause: why }));
  waiting.clear();
}

function start(): Worker {
  const made = new Worker(join(__dirname, "snark_thread.js"), { execArgv: [], name: "provost-snark" });
  made.on("message", hear);
  made.on("error", broken);
  made.on("exit", () => made === worker && broken(new Error("it ended")));
  return made;
}

/** Asks snarkjs. Rejects with UsageError where it is not installed, else with what was wrong with the proof or the input. */
export function snark(order: SnarkOrder): Promise<unknown> {
  worker ??= start();
  worker.ref();
  const key = ++keys;
  return new Promise((resolve, reject) => {
    waiting.set(key, { order, resolve, reject });
    try {
      worker!.postMessage({ key, order });
    } catch (e) { // a promise or a function somewhere in it
      hear({ key, failed: `it cannot be handed to another thread: ${e instanceof Error ? e.message : String(e)}` });
    }
  });
}

/** Resolves when snarkjs is there; asked once. Rejects with UsageError where it is not installed. */
export async function snarkReady(): Promise<void> {
  ready ??= snark({ do: "load" });
  try {
    await ready;
  } catch (e) {
    ready = undefined; // it may be installed later
    throw e;
  }
}
