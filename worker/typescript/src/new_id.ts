/** Ids of tasks: 32 random hex digits. */
import { randomFillSync } from "node:crypto";

const ID_BYTES = 16;
/** Asking the system for each would take longer than all else about an id. */
const pool = Buffer.allocUnsafeSlow(256 * ID_BYTES);
let at = pool.length;

export function newId(): string {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  at += ID_BYTES;
  return pool.toString("hex", at - ID_BYTES, at);
}
