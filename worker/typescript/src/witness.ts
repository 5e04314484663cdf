/** The input of a task on the caller's side: how its bytes reach the connection's thread, and its public signals. */
import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { InvalidInputError, IoError, NoMemoryError, ProvostError, TooLargeError } from "./errors.js";
import type { Input } from "./io/bridge.js";
import type { Slots } from "./io/slots.js";
import { sizeText } from "./io/text.js";
import { usage, type Witness } from "./options.js";
import { openRegular } from "./regular.js";

/** Below this, bytes are copied at once; above it they stay where they are and are read piece by piece. */
const COPY_MOST = 64 * 1024;
const HASH_BYTES = 1024 * 1024;

/** Reads n bytes at an offset; fewer at the end. */
type ReadAt = (offset: number, n: number) => Promise<Uint8Array>;

/** @internal */
export interface Prepared {
  input: Input;
  /** The bytes that are asked for in pieces. */
  pulled: Uint8Array | undefined;
  /** Memory that goes over to the connection's thread. */
  transfer?: ArrayBuffer;
  /** To be called when it is not submitted after all. */
  discard?(): void;
  /** The first n public signals of a .wtns, fewer when it has no n; undefined when it is none. */
  publics(n: number): string[] | undefined;
}

/** Memory can be transferred to another thread, or be resized, at any moment of ours between two turns. @internal */
export function checkUnchanged(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) usage("witness: its memory was transferred to another thread, or resized, before the broker had it");
}

/** There at all: what was transferred before, or lies outside of memory that became smaller, has the length 0. */
function checkThere(bytes: Uint8Array): void {
  if (bytes.length > 0) return;
  try {
    bytes.at(0);
  } catch {
    usage("witness: its memory was transferred to another thread, or became too small for it: nothing is there");
  }
}

/** Digests without holding the caller's event loop for longer than a MiB takes. */
async function digestOf(bytes: Uint8Array, length: number): Promise<string> {
  const digest = createHash("sha256");
  for (let at = 0; at < length; at += HASH_BYTES) {
    if (at > 0) await turn();
    checkUnchanged(bytes, length);
    digest.update(bytes.subarray(at, at + HASH_BYTES));
  }
  return digest.digest("hex");
}

function checkSize(length: number, most: number | undefined): void {
  if (most !== undefined && length > most) {
    throw new TooLargeError("too-large", `${sizeText(length)}; the broker takes at most ${sizeText(most)}`);
  }
}

function room(length: number): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(length));
  } catch (e) {
    throw new NoMemoryError("no-memory", `witness: no memory for ${sizeText(length)}`, { cause: e });
  }
}

/** The next piece of a stream, or the end of the waiting for it. */
async function next(pieces: AsyncIterator<Uint8Array>, stopped: Promise<never>): Promise<Uint8Array | undefined> {
  const { done, value } = await Promise.race([pieces.next(), stopped]);
  if (done) return undefined;
  return value instanceof Uint8Array ? value : usage("witness: the stream gives something else than bytes");
}

async function fill(bytes: Uint8Array, pieces: AsyncIterator<Uint8Array>, stopped: Promise<never>): Promise<number> {
  let got = 0;
  for (let piece = await next(pieces, stopped); piece; piece = await next(pieces, stopped)) {
    if (piece.length > bytes.length - got) {
      throw new InvalidInputError("invalid-input", `witness: the stream is longer than its length, ${bytes.length} bytes`);
    }
    bytes.set(piece, got);
    got += piece.length;
  }
  return got;
}

function failed(e: unknown): IoError {
  return new IoError("io", `witness: the stream failed: ${e instanceof Error ? e.message : String(e)}`, { cause: e });
}

function begun(stream: AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  try {
    return stream[Symbol.asyncIterator]();
  } catch (e) { // somebody else reads it
    throw failed(e);
  }
}

/** One copy of the stream, in memory that both threads share. */
async function gathered(stream: AsyncIterable<Uint8Array>, length: number, stop: AbortSignal): Promise<Uint8Array> {
  if (typeof stream?.[Symbol.asyncIterator] !== "function") usage("witness: the stream is none");
  const bytes = room(length);
  const pieces = begun(stream);
  let stopping!: () => void;
  const stopped = new Promise<never>((_, reject) => (stopping = () => reject(stop.reason as Error)));
  stopped.catch(() => {}); // the stream may fail first
  stop.addEventListener("abort", stopping);
  try {
    const got = await fill(bytes, pieces, stopped);
    if (got < length) throw new InvalidInputError("invalid-input", `witness: the stream ended after ${got} of ${length} bytes`);
    return bytes;
  } catch (e) {
    void Promise.resolve(pieces.return?.()).catch(() => {}); // it is told, and not waited for
    (stream as { destroy?: () => void }).destroy?.();
    if (e instanceof ProvostError) throw e;
    throw failed(e);
  } finally {
    stop.removeEventListener("abort", stopping);
  }
}

async function ofBytes(bytes: Uint8Array, kept: number, slots: Slots | undefined): Promise<Prepared> {
  const { length } = bytes;
  const slot = slots ? slots.put(bytes) : -1;
  if (slot >= 0) return inSlot(slots!, slot, length, kept);
  const shared = bytes.buffer instanceof SharedArrayBuffer;
  const small = length <= COPY_MOST && !shared;
  const own = small ? new Uint8Array(bytes) : bytes; // the caller may write to its own while ours is on its way
  const publics = isWitness(own) ? await publicsOf(async (offset, n) => own.subarray(offset, offset + n), kept) : NO_PUBLICS;
  if (small) return { input: { kind: "bytes", bytes: own }, pulled: undefined, transfer: own.buffer as ArrayBuffer, publics };
  if (shared) return { input: { kind: "bytes", bytes }, pulled: undefined, publics };
  return { input: { kind: "pull", length, sha256: await digestOf(bytes, length) }, pulled: bytes, publics };
}

async function inSlot(slots: Slots, slot: number, length: number, kept: number): Promise<Prepared> {
  const own = slots.bytes(slot, length);
  const publics = isWitness(own) ? await publicsOf(async (offset, n) => own.subarray(offset, offset + n), kept) : NO_PUBLICS;
  return { input: { kind: "slot", slot, length }, pulled: undefined, publics, discard: () => slots.free(slot) };
}

async function ofFile(path: string, most: number | undefined, kept: number): Promise<Prepared> {
  const { file, bytes } = await openRegular(path).catch((e: Error) => {
    throw new IoError("io", `witness: ${e.message}`, { cause: e });
  });
  try {
    checkSize(bytes, most);
    const readAt: ReadAt = async (offset, n) => {
      const buffer = new Uint8Array(n);
      return buffer.subarray(0, (await file.read(buffer, 0, n, offset)).bytesRead);
    };
    return { input: { kind: "file", path }, pulled: undefined, publics: await publicsOf(readAt, kept) };
  } catch (e) {
    if (e instanceof ProvostError) throw e;
    throw new IoError("io", `witness: ${path}: ${e instanceof Error ? e.message : e}`, { cause: e });
  } finally {
    await file.close();
  }
}

/**
 * Makes an input ready to be submitted. `most`: bytes of the largest input that the broker takes, when that is known. `kept`: how many
 * public signals will be asked for, when that is known. `stop` ends the reading of a stream.
 * `slots`: where small bytes go, for who will submit or discard them.
 * @internal
 */
export async function prepare(witness: Witness, most: number | undefined, kept: number | undefined, stop: AbortSignal, slots?: Slots): Promise<Prepared> {
  const n = kept ?? KEPT_MOST;
  if (typeof witness === "string") return ofFile(witness, most, n);
  if (witness instanceof Uint8Array) {
    checkThere(witness);
    checkSize(witness.length, most);
    return ofBytes(witness, n, slots);
  }
  if (typeof witness !== "object" || witness === null || !("stream" in witness)) usage("witness: bytes, the path of a file, or { stream, length }");
  const { stream, length } = witness;
  if (!Number.isSafeInteger(length) || length < 0) usage("witness: the length of the stream, in bytes, has to be known");
  checkSize(length, most);
  return ofBytes(await gathered(stream as AsyncIterable<Uint8Array>, length, stop), n, undefined);
}

// --- circom's .wtns: "wtns", version, sections of {id u32, bytes u64}; all little-endian ---

const VALUE = 32;
/** Where a key says how many there are, all are kept. Without one so many of the first: circuits have a handful. */
const KEPT_MOST = 1024;
const NO_PUBLICS = () => undefined;

/** True for what begins as a .wtns. */
function isWitness(bytes: Uint8Array): boolean {
  return bytes[0] === 0x77 && bytes[1] === 0x74 && bytes[2] === 0x6e && bytes[3] === 0x73;
}

/** Section 2, the values: where it begins and how many there are; undefined when this is no witness of 32-byte values. */
async function valuesOf(readAt: ReadAt): Promise<{ at: number; n: number } | undefined> {
  const head = Buffer.from(await readAt(0, 12));
  if (head.length < 12 || !isWitness(head)) return undefined;
  let at = 12;
  for (let i = Math.min(head.readUInt32LE(8), 16); i > 0; i--) {
    const section = Buffer.from(await readAt(at, 16));
    if (section.length < 12) return undefined;
    const id = section.readUInt32LE(0);
    const bytes = Number(section.readBigUInt64LE(4));
    if (id === 1 && section.length === 16 && section.readUInt32LE(12) !== VALUE) return undefined;
    if (id === 2) return { at: at + 12, n: Math.floor(bytes / VALUE) };
    at += 12 + bytes;
  }
  return undefined;
}

function decimal(bytes: Uint8Array): string {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`).toString();
}

/** Read now, and not when the result comes: the file may be another one then, and the caller's bytes overwritten. */
async function publicsOf(readAt: ReadAt, kept: number): Promise<Prepared["publics"]> {
  const values = await valuesOf(readAt);
  if (!values) return NO_PUBLICS;
  const n = Math.max(0, Math.min(kept, values.n - 1)); // the first value is the constant 1
  const bytes = await readAt(values.at + VALUE, n * VALUE);
  const publics = Array.from({ length: Math.floor(bytes.length / VALUE) }, (_, i) => decimal(bytes.subarray(i * VALUE, (i + 1) * VALUE)));
  return (wanted) => publics.slice(0, wanted);
}
