/**
 * Reads a body, msgpack bytes, into bounded values. Every count is checked before memory is taken for it, the second of two equal
 * keys is refused, and text and bin are looked at where they lie.
 *
 * `@msgpack/msgpack` encodes for us, but its decoder must not see a peer's bytes: it reserves memory for whatever count is
 * announced, keeps the last of two equal keys, and reads text that is not UTF-8.
 */
import { circuitFields, fields, heldFields, states } from "./lists.js";

export const BODY_MAX = 64 * 1024;
const DEPTH_MAX = 4;
const KEYS_MAX = 128;
const KEY_MAX = 32;
const VALUES_MAX = 20000;
const KEY_FAULT = "a map key is not 1 to 32 printable ASCII characters";
const HASHES = 512;

/** A message that a correct peer would not send. `code` is that of the list of outcomes. */
export class Malformed extends Error {
  constructor(
    message: string,
    readonly code = 20,
  ) {
    super(message);
  }
}

/** Bytes of the body from `from` to `to`. */
abstract class Span {
  constructor(
    readonly bytes: Buffer,
    readonly from: number,
    readonly to: number,
  ) {}

  get length(): number {
    return this.to - this.from;
  }
}

/** A str whose bytes nobody has looked at yet. */
export class Str extends Span {
  /** One character for each byte. */
  get latin1(): string {
    return this.bytes.toString("latin1", this.from, this.to);
  }

  is(word: string): boolean {
    return spells(word, this.bytes, this.from, this.length);
  }
}

/** A bin. */
export class Bin extends Span {
  get hex(): string {
    return this.bytes.toString("hex", this.from, this.to);
  }
}

/** A float: legal in the body, of no field. */
export const FLOAT = Symbol("float");

/** A map, its pairs in the order in which they came. Maps are small, so that a search costs less than a hash table does. */
export class Pairs {
  readonly keys: string[] = [];
  readonly values: Value[] = [];

  get size(): number {
    return this.keys.length;
  }

  map<T>(of: (key: string, value: Value) => T): T[] {
    return this.keys.map((key, i) => of(key, this.values[i]!));
  }
}

export type Value = null | boolean | number | bigint | typeof FLOAT | Str | Bin | Value[] | Pairs;

function spells(word: string, bytes: Uint8Array, from: number, n: number): boolean {
  if (word.length !== n) return false;
  for (let i = 0; i < n; i++) if (word.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

// A key that is known is found by its bytes, so that no string has to be made of it.

function hashOf(first: number, middle: number, last: number, n: number): number {
  return (n + 7 * first + 13 * middle + 31 * last) % HASHES;
}

const known: string[][] = Array.from({ length: HASHES }, () => []);

for (const key of new Set([...fields, ...circuitFields, ...heldFields].map((f) => f.key).concat(states))) {
  const n = key.length;
  known[hashOf(key.charCodeAt(0), key.charCodeAt(n >> 1), key.charCodeAt(n - 1), n)]!.push(key);
}

function knownKey(bytes: Uint8Array, from: number, n: number): string | undefined {
  for (const key of known[hashOf(bytes[from]!, bytes[from + (n >> 1)]!, bytes[from + n - 1]!, n)]!) if (spells(key, bytes, from, n)) return key;
  return undefined;
}

function otherKey(bytes: Uint8Array, from: number, n: number): string {
  let key = "";
  for (let at = from; at < from + n; at++) {
    const c = bytes[at]!;
    if (c <= 0x20 || c >= 0x7f) throw new Malformed(KEY_FAULT);
    key += String.fromCharCode(c);
  }
  return key;
}

class Reader {
  private at = 0;
  private values = 0;

  constructor(private readonly bytes: Buffer) {}

  get ended(): boolean {
    return this.at === this.bytes.length;
  }

  /** Passes n bytes; returns where they began. */
  private pass(n: number): number {
    if (n > this.bytes.length - this.at) throw new Malformed("the body is cut short");
    const from = this.at;
    this.at += n;
    return from;
  }

  private u8(): number {
    return this.bytes[this.pass(1)]!;
  }

  private u16(): number {
    const from = this.pass(2);
    return (this.bytes[from]! << 8) | this.bytes[from + 1]!;
  }

  private u32(): number {
    const { bytes } = this;
    const from = this.pass(4);
    return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0;
  }

  /** A bigint only above what a number holds. */
  private u64(): number | bigint {
    const high = this.u32();
    const low = this.u32();
    return high < 0x200000 ? high * 0x100000000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  private i64(): number | bigint {
    const value = BigInt.asIntN(64, BigInt(this.u64()));
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  private str(n: number): Str {
    const from = this.pass(n);
    return new Str(this.bytes, from, this.at);
  }

  private bin(n: number): Bin {
    const from = this.pass(n);
    return new Bin(this.bytes, from, this.at);
  }

  private reserve(n: number): void {
    if (n > VALUES_MAX - this.values) throw new Malformed("too many values");
    this.values += n;
  }

  private array(n: number, depth: number): Value[] {
    if (depth === DEPTH_MAX) throw new Malformed("nested too deep");
    this.reserve(n);
    const items: Value[] = [];
    for (let i = 0; i < n; i++) items.push(this.value(depth + 1));
    return items;
  }

  private map(n: number, depth: number): Pairs {
    if (n > KEYS_MAX) throw new Malformed("too many keys in a map");
    if (depth === DEPTH_MAX) throw new Malformed("nested too deep");
    this.reserve(2 * n);
    const pairs = new Pairs();
    for (let i = 0; i < n; i++) {
      const key = this.key();
      const value = this.value(depth + 1);
      if (pairs.keys.includes(key)) throw new Malformed("a map has a key twice");
      pairs.keys.push(key);
      pairs.values.push(value);
    }
    return pairs;
  }

  /** A key: str of 1 to 32 printable ASCII characters. */
  private key(): string {
    const head = this.u8();
    const n = head >= 0xa0 && head < 0xc0 ? head & 0x1f : head === 0xd9 ? this.u8() : head === 0xda ? this.u16() : head === 0xdb ? this.u32() : 0;
    if (n < 1 || n > KEY_MAX) throw new Malformed(KEY_FAULT);
    const from = this.pass(n);
    return knownKey(this.bytes, from, n) ?? otherKey(this.bytes, from, n);
  }

  /** The value that begins here, inside `depth` containers. */
  value(depth: number): Value {
    const head = this.u8();
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.array(head & 0x0f, depth);
    if (head < 0xc0) return this.str(head & 0x1f);
    return this.longer(head, depth);
  }

  private longer(head: number, depth: number): Value {
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.bin(this.u8());
      case 0xc5: return this.bin(this.u16());
      case 0xc6: return this.bin(this.u32());
      case 0xca: return this.pass(4), FLOAT;
      case 0xcb: return this.pass(8), FLOAT;
      case 0xcc: return this.u8();
      case 0xcd: return this.u16();
      case 0xce: return this.u32();
      case 0xcf: return this.u64();
      case 0xd0: return (this.u8() << 24) >> 24;
      case 0xd1: return (this.u16() << 16) >> 16;
      case 0xd2: return this.u32() | 0;
      case 0xd3: return this.i64();
      case 0xd9: return this.str(this.u8());
      case 0xda: return this.str(this.u16());
      case 0xdb: return this.str(this.u32());
      case 0xdc: return this.array(this.u16(), depth);
      case 0xdd: return this.array(this.u32(), depth);
      case 0xde: return this.map(this.u16(), depth);
      case 0xdf: return this.map(this.u32(), depth);
      case 0xc1: throw new Malformed("the body is not msgpack");
      default: throw new Malformed("ext values are not used");
    }
  }
}

/**
 * Reads exactly one value from all of `bytes`. The result borrows from `bytes`.
 * @throws Malformed with a sentence
 */
export function readBody(bytes: Uint8Array): Value {
  if (bytes.length === 0) throw new Malformed("the body is empty");
  const reader = new Reader(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const root = reader.value(0);
  if (!reader.ended) throw new Malformed("bytes follow the body");
  return root;
}

/**
 * V8 drops the hidden class of objects when none of them is left at a collection, and the optimized code for it: with payloads that are
 * collected often all of the codec was compiled again and again, in four threads. So one of each is kept.
 */
const EXAMPLE = Buffer.from("81a16192a162c40163", "hex"); // { a: ["b", a bin] }
export const kept = [readBody(EXAMPLE), new Reader(EXAMPLE)];
