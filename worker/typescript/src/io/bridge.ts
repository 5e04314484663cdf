/** What the caller's thread and the connection's thread say to each other. Both sides gather what they say in one turn. */
import type { Counts, Row, TaskState, Whole } from "../wire/lists.js";
import type { Message } from "../wire/codec.js";
import type { LinkOptions, Terms } from "./link.js";

/** The input of a task. `slot`: of the slots for inputs. `pull`: the bytes stay with the caller's thread, which is asked for pieces. */
export type Input =
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "slot"; slot: number; length: number }
  | { kind: "pull"; length: number; sha256: string }
  | { kind: "file"; path: string };

/** SUBMIT's own fields, without req, task, length and sha256. */
export type SubmitFields = Pick<
  Message,
  "queue" | "circuit" | "priority" | "group" | "deadline" | "on_restart" | "ttl_ms" | "revive" | "need_vram" | "need_ram" | "input_kind" | "traceparent"
>;

/**
 * Said to the connection's thread. `key` names a followed task or a question in what comes back. `quiet`: no news but of
 * limits. `expiresMs`: the deadline on the clock of `monotonicMs`.
 */
export type Order =
  | { do: "submit"; key: number; task: string; fields: SubmitFields; expiresMs: number; input: Input; busyFails: boolean; quiet: boolean }
  | { do: "attach"; key: number; task: string }
  | { do: "forget"; key: number }
  | { do: "ask"; key: number; message: Message; want: Message["type"] }
  | { do: "piece"; key: number; offset: number; bytes: Uint8Array }
  | { do: "ack"; task: string; generation: number; acked: boolean }
  | { do: "flush"; key: number }
  | { do: "close" };

/** The latest of a task. -1: not known. Times are ms, sizes bytes. */
export interface News {
  state: TaskState;
  accepted: boolean;
  sent: number;
  total: number;
  percent: number;
  phase: string;
  note: string;
  etaMs: number;
  position: number;
  unservable: boolean;
  /** Why the broker has not taken the task yet: a limit of it is reached, and the submit is tried again. */
  held: string;
}

/** How a task ended. `status` is a wire code: 0 when it succeeded. */
export interface End {
  state: TaskState;
  status: number;
  text: string;
  generation: number;
  prover: string;
  measuredMs: number;
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

export interface LinkState {
  up: boolean;
  endpoint: string;
  status: number;
  text: string;
  welcomes: number;
  terms: Terms | undefined;
}

/** Said to the caller's thread. `inSlot`: the bytes are in one of the slots for results. */
export type Tiding =
  | { say: "news"; key: number; news: News }
  | { say: "refused"; key: number; status: number; text: string }
  | { say: "over"; key: number; end: End; inSlot?: { slot: number; length: number } }
  | { say: "answer"; key: number; message: Message; bytes: Uint8Array<ArrayBuffer> | undefined }
  | { say: "failed"; key: number; status: number; text: string }
  | { say: "waiting"; key: number; text: string }
  | { say: "pull"; key: number; offset: number; bytes: number }
  | { say: "flushed"; key: number }
  | { say: "link"; link: LinkState }
  | { say: "broken"; text: string }
  | { say: "closed" };

/** What the thread is started with. */
export interface Start {
  link: LinkOptions;
  /** One Int32: set to 1 and notified when the thread has closed its socket and its loop is empty. */
  closed: SharedArrayBuffer;
  /** One Int32: how many batches of tidings the caller's thread has taken; it goes round. */
  taken: SharedArrayBuffer;
  /** Slots for inputs, and for results. */
  inputs: SharedArrayBuffer;
  results: SharedArrayBuffer;
}

export type { Counts, Row, Whole };
