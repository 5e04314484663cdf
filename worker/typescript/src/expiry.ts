/** When a task expires, on a clock that nobody can set. */
import type { Whole } from "./wire/lists.js";

/** Milliseconds of a clock that both threads share (each thread's `performance.now` begins when it does), and that only goes on. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The caller's moment is of this process's wall clock, right or wrong; what is left of it counts, also when the clock is set later. */
export function expiryOf(deadline: Whole | undefined): number {
  return deadline === undefined ? Infinity : monotonicMs() + Number(deadline) - Date.now();
}
