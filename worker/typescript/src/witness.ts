/** The input of a task on the caller's side: how its bytes reach the connection's thread, and its public signals. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { InvalidInputError, IoError, NoMemoryError, TooLargeError } from "./errors.js";
import type { Input } from "./io/bridge.js";
import { sizeText } from "./io/text.js";
import { usage, type Witness } from "./options.js";

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
  /** The first n public signals of a .wtns; undefined when it is none, or has no n. */
  publics(n: number): Promise<string[] | undefined>;
}

/** Digests without holding the caller's event loop for longer than a MiB takes. */
async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    digest.update(bytes.subarray(at, at + HASH_BYTES));
    if (at + HASH_BYTES < bytes.length) await turn();
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

/** One copy of the stream, in memory that both threads share. */
async function gathered(stream: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = room(length);
  let got = 0;
  for await (const piece of stream) {
    if (!(piece instanceof Uint8Array)) usage("witness: the stream gives something else than bytes");
    if (piece.length > length - got) throw new InvalidInputError("invalid-input", `witness: the stream is longer than its length, ${length} bytes`);
    bytes.set(piece, got);
    got += piece.length;
  }
  if (got < length) throw new InvalidInputError("invalid-input", `witness: the stream ended after ${got} of ${length} bytes`);
  return bytes;
}

async function ofBytes(bytes: Uint8Array): Promise<Prepared> {
  const readAt: ReadAt = async (offset, n) => bytes.subarray(offset, offset + n);
  const publics = (n: number) => publicsOf(readAt, n);
  if (bytes.buffer instanceof SharedArrayBuffer) return { input: { kind: "bytes", bytes }, pulled: undefined, publics };
  if (bytes.length <= COPY_MOST) {
    const copy = new Uint8Array(bytes); // the caller may write to its own while ours is on its way
    const input: Input = { kind: "bytes", bytes: copy };
    if (!isWitness(copy)) return { input, pulled: undefined, transfer: copy.buffer, publics: async () => undefined };
    return { input, pulled: undefined, publics: (n) => publicsOf(async (offset, m) => copy.subarray(offset, offset + m), n) };
  }
  return { input: { kind: "pull", length: bytes.length, sha256: await digestOf(bytes) }, pulled: bytes, publics };
}

async function ofFile(path: string, most: number | undefined): Promise<Prepared> {
  const file = await open(path, "r").catch((e: NodeJS.ErrnoException) => {
    throw new IoError("io", `${path}: ${e.code ?? e.message}: the witness cannot be read`, { cause: e });
  });
  try {
    checkSize((await file.stat()).size, most);
  } finally {
    await file.close();
  }
  return { input: { kind: "file", path }, pulled: undefined, publics: (n) => publicsOfFile(path, n) };
}

async function publicsOfFile(path: string, n: number): Promise<string[] | undefined> {
  const file = await open(path, "r");
  try {
    return await publicsOf(async (offset, m) => {
      const buffer = new Uint8Array(m);
      const { bytesRead } = await file.read(buffer, 0, m, offset);
      return buffer.subarray(0, bytesRead);
    }, n);
  } finally {
    await file.close();
  }
}

/**
 * Makes an input ready to be submitted. `most`: bytes of the largest input that the broker takes, when that is known.
 * @internal
 */
export async function prepare(witness: Witness, most: number | undefined): Promise<Prepared> {
  if (typeof witness === "string") return ofFile(witness, most);
  if (witness instanceof Uint8Array) {
    checkSize(witness.length, most);
    return ofBytes(witness);
  }
  if (typeof witness !== "object" || witness === null || !("stream" in witness)) usage("witness: bytes, the path of a file, or { stream, length }");
  const { stream, length } = witness;
  if (!Number.isSafeInteger(length) || length < 0) usage("witness: the length of the stream, in bytes, has to be known");
  checkSize(length, most);
  return ofBytes(await gathered(stream as AsyncIterable<Uint8Array>, length));
}

// --- circom's .wtns: "wtns", version, sections of {id u32, bytes u64}; all little-endian ---

const VALUE = 32;

/** True for what begins as a .wtns. */
function isWitness(bytes: Uint8Array): boolean {
  return bytes[0] === 0x77 && bytes[1] === 0x74 && bytes[2] === 0x6e && bytes[3] === 0x73;
}

/** Where section 2, the values, begins; undefined when this is no witness of 32-byte values. */
async function valuesAt(readAt: ReadAt): Promise<number | undefined> {
  const head = Buffer.from(await readAt(0, 12));
  if (head.length < 12 || !isWitness(head)) return undefined;
  let at = 12;
  for (let i = Math.min(head.readUInt32LE(8), 16); i > 0; i--) {
    const section = Buffer.from(await readAt(at, 16));
    if (section.length < 12) return undefined;
    const id = section.readUInt32LE(0);
    if (id === 1 && section.length === 16 && section.readUInt32LE(12) !== VALUE) return undefined;
    if (id === 2) return at + 12;
    at += 12 + Number(section.readBigUInt64LE(4));
  }
  return undefined;
}

function decimal(bytes: Uint8Array): string {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`).toString();
}

async function publicsOf(readAt: ReadAt, n: number): Promise<string[] | undefined> {
  const at = await valuesAt(readAt);
  if (at === undefined) return undefined;
  const bytes = await readAt(at + VALUE, n * VALUE);
  if (bytes.length < n * VALUE) return undefined;
  return Array.from({ length: n }, (_, i) => decimal(bytes.subarray(i * VALUE, (i + 1) * VALUE)));
}
