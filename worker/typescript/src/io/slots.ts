/**
 * Memory that both threads share, in slots. A payload of some KiB is copied into one by the thread that has it and out of it by the
 * other: memory that is taken for its way, and collected, costs more than the copy (at 64 KiB 21 us beside 3, and the collections).
 */

const SLOT_BYTES = 64 * 1024;
const SLOTS = 64;
/** Below this a payload goes with what is said. */
const LEAST_BYTES = 4 * 1024;
const FREE = 0;
const USED = 1;

export class Slots {
  private readonly states: Int32Array;

  /** Memory for one direction; what nobody writes to is never resident. */
  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(SLOTS * (SLOT_BYTES + Int32Array.BYTES_PER_ELEMENT));
  }

  constructor(private readonly memory: SharedArrayBuffer) {
    this.states = new Int32Array(memory, SLOTS * SLOT_BYTES, SLOTS);
  }

  /** Copies bytes into a free slot, for the one side; -1 when they have no business there, or none is free. */
  put(bytes: Uint8Array): number {
    if (bytes.length < LEAST_BYTES || bytes.length > SLOT_BYTES) return -1;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (Atomics.load(this.states, slot) !== FREE) continue;
      Atomics.store(this.states, slot, USED);
      this.bytes(slot, bytes.length).set(bytes);
      return slot;
    }
    return -1;
  }

  /** The first bytes of a slot, for who put them there or was told of it. */
  bytes(slot: number, length: number): Buffer {
    return Buffer.from(this.memory, slot * SLOT_BYTES, length);
  }

  free(slot: number): void {
    Atomics.store(this.states, slot, FREE);
  }
}
