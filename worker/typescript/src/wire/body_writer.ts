/** Writes a body: msgpack, always in its shortest form. */
import { BODY_MAX, Malformed } from "./body.js";

const TOO_LARGE = 23;
/** The head of the outermost map stands before its pairs, and is written last. */
const HEAD_MOST = 3;

/** A key with its msgpack head: 1 to 31 characters. */
export function packedKey(key: string): Buffer {
  return Buffer.concat([Buffer.of(0xa0 | key.length), Buffer.from(key, "latin1")]);
}

/** One room for all bodies: `finish` copies what was written out of it. */
export class BodyWriter {
  private readonly room = Buffer.allocUnsafeSlow(HEAD_MOST + BODY_MAX);
  private at = HEAD_MOST;

  begin(): void {
    this.at = HEAD_MOST;
  }

  /** The outermost map, of so many pairs, in memory of its own. */
  finish(pairs: number): Buffer {
    const { room } = this;
    const from = pairs < 16 ? HEAD_MOST - 1 : 0;
    if (this.at - from > BODY_MAX) throw tooLarge();
    if (pairs < 16) {
      room[from] = 0x80 | pairs;
    } else {
      room[0] = 0xde;
      room[1] = pairs >> 8;
      room[2] = pairs & 0xff;
    }
    const body = Buffer.allocUnsafe(this.at - from);
    room.copy(body, 0, from, this.at);
    return body;
  }

  /** Takes n bytes of the room; returns where they begin. */
  private take(n: number): number {
    const from = this.at;
    if (n > this.room.length - from) throw tooLarge();
    this.at = from + n;
    return from;
  }

  private head(head: number): void {
    this.room[this.take(1)] = head;
  }

  private u8(head: number, value: number): void {
    const at = this.take(2);
    this.room[at] = head;
    this.room[at + 1] = value;
  }

  private u16(head: number, value: number): void {
    const at = this.take(3);
    this.room[at] = head;
    this.room[at + 1] = value >> 8;
    this.room[at + 2] = value;
  }

  private u32(head: number, value: number): void {
    const at = this.take(5);
    this.room[at] = head;
    this.room.writeInt32BE(value | 0, at + 1);
  }

  private u64(head: number, value: bigint): void {
    const at = this.take(9);
    this.room[at] = head;
    this.room.writeBigUInt64BE(BigInt.asUintN(64, value), at + 1);
  }

  map(pairs: number): void {
    if (pairs < 16) this.head(0x80 | pairs);
    else this.u16(0xde, pairs);
  }

  array(items: number): void {
    if (items < 16) this.head(0x90 | items);
    else this.u16(0xdc, items);
  }

  nil(): void {
    this.head(0xc0);
  }

  bool(value: boolean): void {
    this.head(value ? 0xc3 : 0xc2);
  }

  /** A whole number from 0 to 2^64 - 1. */
  uint(value: number | bigint): void {
    if (value > 0xffffffff) return this.u64(0xcf, BigInt(value));
    const n = Number(value);
    if (n < 0x80) this.head(n);
    else if (n < 0x100) this.u8(0xcc, n);
    else if (n < 0x10000) this.u16(0xcd, n);
    else this.u32(0xce, n);
  }

  /** A whole number from -2^63 to -1. */
  negative(value: number | bigint): void {
    if (value < -0x80000000) return this.u64(0xd3, BigInt(value));
    const n = Number(value);
    if (n >= -0x20) this.head(0x100 + n);
    else if (n >= -0x80) this.u8(0xd0, n & 0xff);
    else if (n >= -0x8000) this.u16(0xd1, n & 0xffff);
    else this.u32(0xd2, n);
  }

  /** A key of packedKey. */
  key(packed: Buffer): void {
    const at = this.take(packed.length);
    for (let i = 0; i < packed.length; i++) this.room[at + i] = packed[i]!;
  }

  private strHead(bytes: number): void {
    if (bytes < 0x20) this.head(0xa0 | bytes);
    else if (bytes < 0x100) this.u8(0xd9, bytes);
    else if (bytes < 0x10000) this.u16(0xda, bytes);
    else throw tooLarge();
  }

  /** A str of ASCII alone. */
  ascii(value: string): void {
    this.strHead(value.length);
    const at = this.take(value.length);
    for (let i = 0; i < value.length; i++) this.room[at + i] = value.charCodeAt(i);
  }

  str(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.strHead(bytes);
    this.room.write(value, this.take(bytes), bytes, "utf8");
  }

  /** A bin of up to 255 bytes, given in hex. */
  hex(value: string): void {
    const bytes = value.length / 2;
    this.u8(0xc4, bytes);
    this.room.write(value, this.take(bytes), bytes, "hex");
  }
}

function tooLarge(): Malformed {
  return new Malformed("makes the body too large", TOO_LARGE);
}
