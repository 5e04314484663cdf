import { statuses } from "./status_list.js";

/** The word of an outcome: "busy", "not-found", ... */
export type Code = Exclude<(typeof statuses)[number]["word"], "ok">;

/** More about a failure. */
export interface ErrorDetails {
  taskId?: string | undefined;
  cause?: unknown;
}

/** The base of every error of this package. Each outcome has a class of its own; see `error_list.ts`. */
export class ProvostError extends Error {
  /** The word of the outcome. */
  readonly code: Code;
  /** True when the same call may succeed later, with nothing changed by the caller. */
  readonly retryable: boolean;
  /** The task that it is about, as 32 hex digits. */
  readonly taskId: string | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = statuses.find((s) => s.word === code)?.retryable ?? false;
    this.taskId = details.taskId;
  }
}
