/** The circuit's input signals as a task's input: what the fleet computes the witness of. */
import type { Message } from "./wire/codec.js";
import { usage, type Witness } from "./options.js";

/** A signal's value: whole numbers, also as text ("0x..." too), and lists of them. */
export type Signal = string | number | bigint | boolean | readonly Signal[];

/** input.json: the signals by name, as for `snarkjs.groth16.fullProve`; or its bytes, the path of its file, a stream of known length. */
export type InputJson = { readonly [signal: string]: Signal } | Witness;

/** The word of the wire for it. @internal */
export const JSON_KIND = "input.json";

/** Lists in lists, at most: one that is in itself has no end. */
const DEPTH_MOST = 64;

/** Numbers as text: JSON's own lose their last digits above 2^53. */
function text(value: unknown, name: string, depth = 0): unknown {
  if (depth > DEPTH_MOST) usage(`inputJson: ${name}: lists in more than ${DEPTH_MOST} lists`);
  if (Array.isArray(value)) return value.map((v) => text(v, name, depth + 1));
  if (typeof value === "bigint" || typeof value === "string") return String(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "number" || !Number.isSafeInteger(value)) usage(`inputJson: ${name}: a whole number up to 2^53, a bigint, text, or a list of them`);
  return String(value);
}

function isSource(input: InputJson): input is Witness {
  return typeof input === "string" || input instanceof Uint8Array || ("stream" in input && "length" in input && !Array.isArray(input.stream));
}

/** An object of signals: not what has its content elsewhere, such as a promise, a map or an array of floats, and would be no signals at all. @internal */
export function isSignals(input: unknown): boolean {
  if (typeof input !== "object" || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return !Array.isArray(input) && !ArrayBuffer.isView(input) && (plain || Object.keys(input).length > 0);
}

/** @internal */
export interface Given {
  bytes: Witness;
  kind: Pick<Message, "input_kind">;
}

/** What is submitted: the witness, or the input.json. @internal */
export function inputOf(o: { witness?: Witness | undefined; inputJson?: InputJson | undefined }): Given {
  const { witness, inputJson } = o;
  if (inputJson === undefined) return { bytes: witness as Witness, kind: {} };
  if (witness !== undefined) usage("give a witness or inputJson, and not both");
  if (typeof inputJson !== "object" && typeof inputJson !== "string") usage("inputJson: an object of signals, bytes, the path of a file, or { stream, length }");
  if (inputJson !== null && isSource(inputJson)) return { bytes: inputJson, kind: { input_kind: JSON_KIND } };
  if (!isSignals(inputJson)) usage("inputJson: an object of signals, bytes, the path of a file, or { stream, length }");
  const signals = Object.fromEntries(Object.entries(inputJson).map(([name, value]) => [name, text(value, name)]));
  return { bytes: Buffer.from(JSON.stringify(signals)), kind: { input_kind: JSON_KIND } };
}
