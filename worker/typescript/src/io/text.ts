/** Sentences for people. */
import { codeOf, sentenceOf, wordOf, type Code } from "../errors.js";
import { limits, type MessageName } from "../wire/lists.js";
import type { Message } from "../wire/codec.js";

/** Safe to show: controls, bidirectional and invisible characters of a peer's text are escaped as JSON does it. */
export function visible(text: string): string {
  if (text === "") return text;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => [...c].map((x) => `\\u${x.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""));
}

/** What the first release says where today's list says more. */
const former: Partial<Record<Code, string>> = {
  unauthorized: "not authorised",
  "bad-state": "not allowed in this state",
  busy: "a limit is reached, try later",
  conflict: "the id exists with another input",
  timeout: "time is over",
};

const OF_TASKS: readonly MessageName[] = ["FETCH", "KICK", "SHOW", "ATTACH", "CANCEL"];

function meaning(word: Code, asked: MessageName): string | undefined {
  if (asked === "FETCH" && word === "bad-state") return "not finished yet: wait for it";
  if (OF_TASKS.includes(asked) && word === "not-found") return "the broker has no such task";
  if (OF_TASKS.includes(asked) && word === "conflict") return "tasks of several keys have this id: ask with the key that submitted it";
  if (asked === "PROVER" && word === "not-found") return "the broker knows no such prover";
  if (asked === "PROVER" && word === "conflict") return "several keys have a prover of this name: say which by principal";
  if (asked === "KICK" && word === "bad-state") return "only a dead, cancelled, expired or delayed task is kicked";
  if (asked === "SUBMIT" && word === "expired") return "the deadline passed before it was queued";
  return undefined;
}

function better(word: Code, error: Message, asked: MessageName, queue?: string): string {
  const said = error.text ?? "";
  if (said && said !== sentenceOf(word) && said !== former[word]) return said;
  if (word === "busy") return limits[error.which ?? ""] ?? "a limit of the broker is reached; try later";
  const more = meaning(word, asked);
  if (more) return more;
  if (queue && word === "unknown-queue") return `this broker has no queue "${queue}"`;
  if (queue && word === "unauthorized") return `this key may not submit to queue "${queue}"`;
  return sentenceOf(word);
}

/** The sentence for a refusal: the peer's own, or a plainer one; the limit that was reached stands behind it in brackets. */
export function refusal(error: Message, asked: MessageName, queue?: string): string {
  const word = wordOf(error.status!);
  const sentence = word === "ok" ? "ok" : better(word, error, asked, queue);
  const limit = error.which ? ` (${error.which})` : "";
  return visible(sentence.includes(limit) ? sentence : sentence + limit);
}

/** A size for people: "64 KiB", "5.2 MiB". */
export function sizeText(bytes: number | bigint): string {
  let size = Number(bytes);
  for (const unit of ["bytes", "KiB", "MiB", "GiB"]) {
    if (size < 1024) return `${Number.isInteger(size) ? size : size.toFixed(1)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(1)} TiB`;
}

export const BUSY = codeOf("busy");
export const BAD_STATE = codeOf("bad-state");
export const BAD_MESSAGE = codeOf("bad-message");
export const UNAUTHORIZED = codeOf("unauthorized");
export const UNREACHABLE = codeOf("unreachable");
export const STALE_BROKER = codeOf("stale-broker");
export const STANDBY = codeOf("standby");
export const TOO_LARGE = codeOf("too-large");
export const HASH_MISMATCH = codeOf("hash-mismatch");
export const INTERNAL = codeOf("internal");
export const USAGE = codeOf("usage");
