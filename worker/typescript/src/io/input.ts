/** Where the bytes of an input come from: memory, a file, or the caller's thread, piece by piece. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { openRegular } from "../regular.js";
import type { Input } from "./bridge.js";
import { Slots } from "./slots.js";
import { sha256Of } from "./transfer.js";

export interface Source {
  readonly length: number;
  readonly sha256: string;
  /** n bytes from offset on, fewer only at the end. Rejects when they cannot be had. */
  read(offset: number, n: number): Uint8Array | Promise<Uint8Array>;
  /** Lets go of the bytes. `accepted`: the broker has them, so that nothing of them is being sent any more. */
  close(accepted?: boolean): void;
}

const READ_BYTES = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** The connection's side of the slots for inputs. libzmq reads a slot until the bytes are sent. */
export class InputSlots extends Slots {
  private unsent: number[] = [];

  /** Frees a slot: at once, or after the next WELCOME, before which nothing new is sent on the connection of then. */
  release(slot: number, accepted: boolean): void {
    if (accepted) this.free(slot);
    else this.unsent.push(slot);
  }

  /** A broker has welcomed us: whatever was said before it is sent, or its connection is gone. */
  welcomed(): void {
    for (const slot of this.unsent) this.free(slot);
    this.unsent = [];
  }
}

/** A pull that waits for its piece. */
export class Pulled implements Source {
  private waiting: { offset: number; resolve(bytes: Uint8Array): void; reject(why: Error): void } | undefined;

  constructor(
    readonly length: number,
    readonly sha256: string,
    private readonly ask: (offset: number, n: number) => void,
  ) {}

  read(offset: number, n: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.waiting = { offset, resolve, reject };
      this.ask(offset, n);
    });
  }

  /** Takes the piece that was asked for. */
  give(offset: number, bytes: Uint8Array): void {
    if (this.waiting?.offset !== offset) return;
    this.waiting.resolve(bytes);
    this.waiting = undefined;
  }

  close(): void {
    this.waiting?.reject(new Error("the task is over"));
    this.waiting = undefined;
  }
}

class InMemory implements Source {
  readonly length: number;
  readonly sha256: string;

  constructor(private bytes: Uint8Array) {
    this.length = bytes.length;
    this.sha256 = sha256Of(bytes);
  }

  read(offset: number, n: number): Uint8Array {
    return offset === 0 && n === this.length ? this.bytes : this.bytes.subarray(offset, offset + n);
  }

  close(): void {
    this.bytes = NOTHING;
  }
}

class InSlot implements Source {
  readonly sha256: string;
  private closed = false;

  constructor(
    private readonly slots: InputSlots,
    private readonly slot: number,
    readonly length: number,
  ) {
    this.sha256 = sha256Of(slots.bytes(slot, length));
  }

  read(offset: number, n: number): Uint8Array {
    return this.slots.bytes(this.slot, this.length).subarray(offset, offset + n);
  }

  close(accepted = false): void {
    if (this.closed) return;
    this.closed = true;
    this.slots.release(this.slot, accepted);
  }
}

async function readAt(file: FileHandle, offset: number, n: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(n);
  let had = 0;
  while (had < n) {
    const { bytesRead } = await file.read(buffer, had, n - had, offset + had);
    if (bytesRead === 0) break;
    had += bytesRead;
  }
  return buffer.subarray(0, had);
}

async function digestOf(file: FileHandle, length: number): Promise<string> {
  const digest = createHash("sha256");
  for (let at = 0; at < length; at += READ_BYTES) digest.update(await readAt(file, at, Math.min(READ_BYTES, length - at)));
  return digest.digest("hex");
}

/** Opens a file. Rejects with the system's sentence when it cannot be read. */
export async function sourceInFile(path: string): Promise<Source> {
  const { file, bytes: length } = await openRegular(path);
  try {
    return { length, sha256: await digestOf(file, length), read: (offset, n) => readAt(file, offset, n), close: () => void file.close() };
  } catch (e) {
    await file.close();
    throw e;
  }
}

/** An input whose bytes are in this process. */
export function sourceOf(input: Exclude<Input, { kind: "file" }>, slots: InputSlots, ask: (offset: number, n: number) => void): Source {
  if (input.kind === "slot") return new InSlot(slots, input.slot, input.length);
  return input.kind === "bytes" ? new InMemory(input.bytes) : new Pulled(input.length, input.sha256, ask);
}
