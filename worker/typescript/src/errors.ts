/** Outcomes as errors. */
import { errorClasses } from "./error_list.js";
import { ProvostError, type Code, type ErrorDetails } from "./provost_error.js";
import { statuses } from "./status_list.js";

export { ProvostError, type Code, type ErrorDetails };
export * from "./error_list.js";

/** The word of a wire code; a code that is not listed (a newer peer's) is "internal". */
export function wordOf(code: number): Code | "ok" {
  return statuses.find((s) => s.code === code)?.word ?? "internal";
}

/** The sentence of an outcome. */
export function sentenceOf(word: Code | "ok"): string {
  return statuses.find((s) => s.word === word)!.text;
}

/** The wire code of an outcome. */
export function codeOf(word: Code | "ok"): number {
  return statuses.find((s) => s.word === word)!.code;
}

/** The error of an outcome, of its own class. */
export function errorOf(code: Code, message?: string, details?: ErrorDetails): ProvostError {
  return new errorClasses[code](code, message || sentenceOf(code), details);
}
