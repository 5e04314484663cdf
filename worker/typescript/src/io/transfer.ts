/**
 * A payload on its way in or out, by credit. Pure: no socket, no clock. The rules: wire/PROTOCOL.md, "Large payloads".
 */
import * as crypto from "node:crypto";
import type { Whole } from "../wire/lists.js";

/** What may be sent of a payload of `length` bytes. */
export class Outgoing {
  /** The next chunk starts here. */
  sent = 0;
  private end = 0;
  private told = 0;
  private granted = false;
  /** Counts the changes of `sent` by the receiver, so that a read that began before is known to be stale. */
  turns = 0;

  constructor(readonly length: number) {}

  /** Starts over: nothing is granted, the next grant says where to go on. */
  rewind(): void {
    this.granted = false;
    this.sent = this.end = this.told = 0;
    this.turns++;
  }

  /** Takes a CREDIT. One outside of the payload is ignored. */
  grant(offset: Whole, bytes: Whole): void {
    if (offset > this.length) return;
    const from = Number(offset);
    if (!this.granted || from < this.told || from > this.sent) {
      this.sent = from;
      this.turns++;
    }
    this.granted = true;
    this.told = from;
    this.end = bytes < this.length - from ? from + Number(bytes) : this.length;
  }

  /** How many bytes may be sent now. */
  get open(): number {
    return this.granted ? Math.max(0, this.end - this.sent) : 0;
  }
}

/** The digest of bytes that are all there, as hex. Node 20.12 and later have it in one call: half the time at 1 KiB. */
export const sha256Of: (bytes: Uint8Array) => string = crypto.hash
  ? (bytes) => crypto.hash("sha256", bytes, "hex")
  : (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

export type Taken = "more" | "complete" | "misplaced" | "mismatch";

/** A payload that is received. Memory grows with what comes, not with what was announced: a peer may announce anything. */
export class Incoming {
  got = 0;
  private granted = 0;
  private room: Buffer;
  private readonly digest: crypto.Hash = crypto.createHash("sha256");

  constructor(
    readonly length: number,
    readonly sha256: string,
  ) {
    this.room = Buffer.from(new ArrayBuffer(Math.min(length, 64 * 1024)));
  }

  get complete(): boolean {
    return this.got === this.length;
  }

  private widen(need: number): void {
    if (need <= this.room.length) return;
    const wider = Buffer.from(new ArrayBuffer(Math.min(this.length, Math.max(need, 2 * this.room.length))));
    this.room.copy(wider, 0, 0, this.got);
    this.room = wider;
  }

  /** Takes a chunk; one that is not the next is dropped. After "mismatch" nothing is to be kept. */
  take(offset: Whole, bytes: Uint8Array): Taken {
    if (Number(offset) !== this.got || bytes.length > this.length - this.got) return "misplaced";
    this.widen(this.got + bytes.length);
    this.digest.update(bytes);
    this.room.set(bytes, this.got);
    this.got += bytes.length;
    if (!this.complete) return "more";
    return this.digest.digest("hex") === this.sha256 ? "complete" : "mismatch";
  }

  /** The CREDIT to give now: the next window, once all of the last has come, so that no two grants overlap. */
  grant(window: number): { offset: number; bytes: number } | undefined {
    if (this.complete || this.granted > this.got) return undefined;
    const bytes = Math.min(window, this.length - this.got);
    this.granted = this.got + bytes;
    return { offset: this.got, bytes };
  }

  /** Takes back what was granted and did not come. */
  rewind(): void {
    this.granted = this.got;
  }

  /** The bytes of a complete payload, in an ArrayBuffer of their own that may be transferred. */
  release(): Uint8Array<ArrayBuffer> {
    const whole = this.room.buffer as ArrayBuffer;
    return new Uint8Array(whole, 0, this.length);
  }
}
