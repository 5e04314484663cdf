/** The entry of snarkjs's thread. */
import threads = require("node:worker_threads");
import type { SnarkAnswer, SnarkOrder } from "./snark.js";

/** The part of snarkjs that is used. */
interface Snarkjs {
  groth16: { verify(vkey: object, publicSignals: string[], proof: object): Promise<boolean> };
  wtns: { calculate(input: unknown, wasm: string | Uint8Array, to: { type: "mem"; data?: Uint8Array }): Promise<void> };
}

const port = threads.parentPort!;
// snarkjs's package web-worker takes every thread but the main one for a worker that it started itself, and fails. Here it may
// start its own.
Object.defineProperty(threads, "isMainThread", { value: true });

const name: string = "snarkjs"; // no literal: the types of an optional package are not to be looked for

async function work(snarkjs: Snarkjs, order: SnarkOrder): Promise<unknown> {
  if (order.do === "load") return undefined;
  if (order.do === "verify") return snarkjs.groth16.verify(order.vkey, order.publicSignals, order.proof);
  const to: { type: "mem"; data?: Uint8Array } = { type: "mem" };
  await snarkjs.wtns.calculate(order.input, order.wasm, to);
  return to.data;
}

async function answer(key: number, order: SnarkOrder): Promise<SnarkAnswer> {
  let snarkjs: Snarkjs;
  try {
    snarkjs = (await import(name)) as Snarkjs;
  } catch (e) {
    return { key, missing: e instanceof Error ? e.message.split("\n")[0]! : String(e) };
  }
  try {
    return { key, value: await work(snarkjs, order) };
  } catch (e) {
    return { key, failed: e instanceof Error ? e.message : String(e) };
  }
}

port.on("message", ({ key, order }: { key: number; order: SnarkOrder }) => {
  void answer(key, order).then((said) => port.postMessage(said));
});
