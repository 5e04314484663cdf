/**
 * Reads a body, msgpack bytes, into bounded values. Every count is checked before memory is taken for it.
 *
 * `@msgpack/msgpack` encodes for us, but its decoder must not see a peer's bytes: it reserves memory for whatever count is
 * announced, keeps the last of two equal keys, and reads text that is not UTF-8.
 */

export const BODY_MAX = 64 * 1024;
const DEPTH_MAX = 4;
const KEYS_MAX = 128;
const KEY_MAX = 32;
const VALUES_MAX = 20000;
const KEY_FAULT = "a map key is not 1 to 32 printable ASCII characters";

/** A message that a correct peer would not send. `code` is that of the list of outcomes. */
export class Malformed extends Error {
  constructor(
    message: string,
    readonly code = 20,
  ) {
    super(message);
  }
}

/** A str whose bytes nobody has looked at yet. */
export class Str {
  constructor(readonly bytes: Uint8Array) {}
}

/** A float: legal in the body, of no field. */
export const FLOAT = Symbol("float");

export type Value = null | boolean | number | bigint | typeof FLOAT | Str | Uint8Array | Value[] | Map<string, Value>;

function whole(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

class Reader {
  private at = 0;
  private values = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

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

  private take(n: number): Uint8Array {
    const from = this.pass(n);
    return this.bytes.subarray(from, from + n);
  }

  private uint(width: 1 | 2 | 4): number {
    const from = this.pass(width);
    return width === 1 ? this.view.getUint8(from) : width === 2 ? this.view.getUint16(from) : this.view.getUint32(from);
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

  private map(n: number, depth: number): Map<string, Value> {
    if (n > KEYS_MAX) throw new Malformed("too many keys in a map");
    if (depth === DEPTH_MAX) throw new Malformed("nested too deep");
    this.reserve(2 * n);
    const pairs = new Map<string, Value>();
    for (let i = 0; i < n; i++) {
      const key = this.key();
      const value = this.value(depth + 1);
      if (pairs.has(key)) throw new Malformed("a map has a key twice");
      pairs.set(key, value);
    }
    return pairs;
  }

  /** A key: str of 1 to 32 printable ASCII characters. */
  private key(): string {
    const head = this.uint(1);
    const n = head >= 0xa0 && head < 0xc0 ? head & 0x1f : head === 0xd9 ? this.uint(1) : head === 0xda ? this.uint(2) : head === 0xdb ? this.uint(4) : 0;
    if (n < 1 || n > KEY_MAX) throw new Malformed(KEY_FAULT);
    let key = "";
    for (let at = this.pass(n); at < this.at; at++) {
      const c = this.bytes[at]!;
      if (c <= 0x20 || c >= 0x7f) throw new Malformed(KEY_FAULT);
      key += String.fromCharCode(c);
    }
    return key;
  }

  /** The value that begins here, inside `depth` containers. */
  value(depth: number): Value {
    const head = this.uint(1);
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.array(head & 0x0f, depth);
    if (head < 0xc0) return new Str(this.take(head & 0x1f));
    return this.longer(head, depth);
  }

  private longer(head: number, depth: number): Value {
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.take(this.uint(1));
      case 0xc5: return this.take(this.uint(2));
      case 0xc6: return this.take(this.uint(4));
      case 0xca: return this.pass(4), FLOAT;
      case 0xcb: return this.pass(8), FLOAT;
      case 0xcc: return this.uint(1);
      case 0xcd: return this.uint(2);
      case 0xce: return this.uint(4);
      case 0xcf: return whole(this.view.getBigUint64(this.pass(8)));
      case 0xd0: return this.view.getInt8(this.pass(1));
      case 0xd1: return this.view.getInt16(this.pass(2));
      case 0xd2: return this.view.getInt32(this.pass(4));
      case 0xd3: return whole(this.view.getBigInt64(this.pass(8)));
      case 0xd9: return new Str(this.take(this.uint(1)));
      case 0xda: return new Str(this.take(this.uint(2)));
      case 0xdb: return new Str(this.take(this.uint(4)));
      case 0xdc: return this.array(this.uint(2), depth);
      case 0xdd: return this.array(this.uint(4), depth);
      case 0xde: return this.map(this.uint(2), depth);
      case 0xdf: return this.map(this.uint(4), depth);
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
  const reader = new Reader(bytes);
  const root = reader.value(0);
  if (!reader.ended) throw new Malformed("bytes follow the body");
  return root;
}
