/** What a caller may say, and what is wrong with it: checked before anything is sent. */
import { randomBytes } from "node:crypto";
import { isIPv4 } from "node:net";
import { inspect } from "node:util";
import type { Readable } from "node:stream";
import { UsageError } from "./errors.js";
import type { InputJson } from "./input_json.js";
import type { SubmitFields } from "./io/bridge.js";
import type { LinkOptions } from "./io/link.js";
import { keysOf, type KeyPair } from "./keys.js";
import { isName } from "./wire/codec.js";
import { VERSION } from "./version.js";

export interface ConnectOptions {
  /** One or more brokers, "tcp://host:port", tried in turn; several also with commas between them. "mock:" needs `allowMock`. */
  url: string | readonly string[];
  /** The own key pair: a file of czmq's format that only its owner can read, the secret key as 40 characters of Z85, or both keys. */
  key?: string | KeyPair | undefined;
  /** The broker's public key: a file, or 40 characters of Z85. Several: one for each url. */
  serverKey?: string | readonly string[] | undefined;
  /** The client's name, the same after a restart: it says whose tasks these are. Default: "client". */
  name?: string | undefined;
  /** No keys: only to a broker on this machine that allows it. */
  insecure?: boolean | undefined;
  /** "admin" for provers, kick, pausing queues and purges beyond the own session; "either": whichever the key may be. Default: "client". */
  role?: "client" | "admin" | "either" | undefined;
  /** How long `connect` waits for a broker's welcome, ms; 0: it does not wait, and the client connects in the background. Default: 10,000. */
  connectTimeout?: number | undefined;
  /** How long a call that needs one answer waits, ms. Default: 30,000. */
  requestTimeout?: number | undefined;
  /** How long `prove` and `result` wait, ms. Default: 3,600,000. */
  waitTimeout?: number | undefined;
  /** The first pause before connecting again, ms; it doubles, with jitter. Default: 100. */
  reconnectMin?: number | undefined;
  /** The longest pause before connecting again, ms. Default: 10,000. */
  reconnectMax?: number | undefined;
  /** An endpoint that has not welcomed the client by then is left for the next, ms. Default: 5,000. */
  attemptTimeout?: number | undefined;
  /** Allows `url: "mock:"`: a client that answers with proofs that are marked as fake. Only in code, never from the environment. */
  allowMock?: boolean | undefined;
}

/** The input of a task: bytes, the path of a file, or a stream of known length (in bytes). */
export type Witness = Uint8Array | string | { stream: Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>; length: number };

export interface TimeoutOption {
  /** How long the call waits, ms; of a call with several answers, for each. Default: the client's requestTimeout or waitTimeout. */
  timeout?: number | undefined;
}

export interface SubmitOptions {
  queue: string;
  /** The circuit's name, or 64 hex digits of its zkey's SHA-256. */
  circuit: string;
  /** The circuit's witness, a .wtns; for queues of other handlers, their input. */
  witness?: Witness | undefined;
  /**
   * In place of the witness: the circuit's input signals. A prover that has the circuit's program computes the witness. Without `publicSignals` the
   * proof is bound to no statement: `checked` says "proof". @throws BadVersionError when the broker is too old, before anything is sent
   */
  inputJson?: InputJson | undefined;
  /** 32 hex digits. Submitting an id again with the same input is harmless: it is the same task. Default: random. */
  id?: string | undefined;
  /** 0 (lowest) to 9. Default: 4. */
  priority?: number | undefined;
  /** Tasks of one group share one turn in their queue. */
  group?: string | undefined;
  /** A task that is not running by then expires: a Date, or Unix time in ms, by this machine's clock. 0: never. */
  deadline?: Date | number | undefined;
  /** What happens when a new process of this client's name submits while this one is away: the task stays, is cancelled, or lives on for `ttlMs`. */
  onRestart?: "keep" | "cancel" | { ttlMs: number } | undefined;
  /** Queue the task again if it is cancelled, expired or dead. */
  revive?: boolean | undefined;
  /** Bytes of GPU memory that a prover needs for it. */
  needVram?: number | undefined;
  /** Bytes of memory that a prover needs for it. */
  needRam?: number | undefined;
  /**
   * The trace that the task belongs to, as W3C Trace Context has it: "00-TRACE-PARENT-FLAGS". It comes back in the broker's events, in the prover's log
   * and in its trace file. A broker that is too old to know of traces takes the task without it.
   */
  traceparent?: string | undefined;
  /** At a limit of the broker: "wait" tries again when the broker says so (default), "fail" is a BusyError at once. */
  whenBusy?: "wait" | "fail" | undefined;
  /** The result is acknowledged by `client.ack`, once the caller has made it durable. */
  manualAck?: boolean | undefined;
  /** snarkjs's verification key, or the path of its file: the proof is verified before it is handed over. Needs snarkjs. */
  verificationKey?: object | string | undefined;
  /** What the public signals have to be. Default: those of the witness, when it is a .wtns. */
  publicSignals?: readonly string[] | undefined;
  /**
   * Called at most once a second with the latest news, and not again before a promise of its is settled. When it throws, or the promise rejects, the call
   * rejects with that error as cause, and the task goes on.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** The latest news of a task. -1: not known. */
export interface Progress {
  state: string;
  /** The broker has the task: from here on it survives every crash. */
  accepted: boolean;
  /** Bytes of the input: sent so far, and all. */
  sent: number;
  total: number;
  /** Of the running attempt, 0 to 100. */
  percent: number;
  phase: string;
  note: string;
  /** Expected time until the task is done, ms. */
  etaMs: number;
  /** Tasks before it in its queue. */
  position: number;
  /** No live prover can take the task at present. */
  unservable: boolean;
  /** Why the broker has not taken the task yet: the sentence of the limit that is reached, or "". */
  held: string;
}

export function usage(sentence: string): never {
  throw new UsageError("usage", sentence);
}

/** A wrong value in a sentence, whatever it is. */
function shown(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 100, maxArrayLength: 3 }).slice(0, 120);
}

/** True for an address that stays on this machine. */
export function isLocal(endpoint: string): boolean {
  if (endpoint.startsWith("ipc://")) return true;
  const host = /^tcp:\/\/(.*):[^:]*$/.exec(endpoint)?.[1] ?? "";
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}

function checkEndpoint(url: string): string {
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:.%]+\]|[^\s[\]:/;]+):(\d{1,5})$/.exec(url);
  const legal = tcp ? Number(tcp[2]) >= 1 && Number(tcp[2]) <= 65535 : /^ipc:\/\/\S/.test(url);
  if (!legal || url.length > 255) usage(`url: "${url}" is none of tcp://host:port and ipc://path`);
  return url;
}

/** @internal */
export function endpointsOf(url: string | readonly string[]): string[] {
  if (!isText(url)) usage("url: a string, or a list of strings");
  const list = (typeof url === "string" ? [url] : [...url]).flatMap((u) => u.split(/[, ]+/)).filter((u) => u !== "");
  if (list.length === 0 || list.length > 16) usage("url: 1 to 16 brokers are named");
  return list.map(checkEndpoint);
}

/** True for a string, or a list of strings. */
function isText(value: unknown): boolean {
  return typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"));
}

/** For callers without types: an object where options are to be, and no promise of one. @internal */
export function checkOptions(options: unknown, what: string): void {
  const none = typeof options !== "object" || options === null || Array.isArray(options) || "then" in options;
  if (none) usage(`${what}: give its options, an object`);
}

/** Options that may be left out. @internal */
export function optionsOf<T extends object>(options: T | undefined, what: string): T {
  if (options === undefined) return {} as T;
  checkOptions(options, what);
  return options;
}

/** A switch: a string from a settings file would be true whatever it says. @internal */
export function flag(value: unknown, what: string): boolean {
  if (value !== undefined && typeof value !== "boolean") usage(`${what}: true or false`);
  return value === true;
}

function linkKeys(o: ConnectOptions, endpoints: string[]) {
  if (o.key === undefined && o.serverKey === undefined) {
    if (!flag(o.insecure, "insecure")) usage("give key and serverKey, or insecure: true for a broker on this machine");
    const far = endpoints.find((e) => !isLocal(e));
    if (far) usage(`insecure: ${far} is not on this machine`);
    return [];
  }
  if (flag(o.insecure, "insecure")) usage("insecure: true goes without key and serverKey");
  if (o.key === undefined || o.serverKey === undefined) usage("key and serverKey belong together");
  if (typeof o.key !== "string" && (typeof o.key !== "object" || o.key === null)) usage("key: the path of a file, 40 characters of Z85, or a pair");
  if (!isText(o.serverKey)) usage("serverKey: the path of a file or 40 characters of Z85, or a list of them");
  const servers = typeof o.serverKey === "string" ? [o.serverKey] : [...o.serverKey];
  return keysOf(o.key, servers, endpoints.length);
}

/** True for what setTimeout takes: it fires at once for what is larger. @internal */
export function isTimeout(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 2 ** 31 - 1;
}

/** @internal */
export function positive(value: number | undefined, standard: number, what: string): number {
  if (value === undefined) return standard;
  if (!isTimeout(value)) usage(`${what}: a number of ms from 0 to 2,147,483,647`);
  return value;
}

/** @internal */
export function linkOptionsOf(o: ConnectOptions): LinkOptions {
  const endpoints = endpointsOf(o.url);
  const { name = "client", role = "client" } = o;
  if (typeof name !== "string" || !isName(name)) usage(`name: ${shown(name)} is not 1 to 64 letters, digits, dots, underscores or dashes`);
  if (!["client", "admin", "either"].includes(role)) usage(`role: ${shown(role)} is none of client, admin, either`);
  return {
    endpoints,
    keys: linkKeys(o, endpoints),
    name,
    role: role === "admin" ? "admin" : "client",
    anyRole: role === "either",
    session: randomBytes(16).toString("hex"),
    software: `provost-node ${VERSION}`,
    reconnectMs: positive(o.reconnectMin, 100, "reconnectMin") || 1,
    reconnectMaxMs: positive(o.reconnectMax, 10_000, "reconnectMax") || 1,
    connectMs: positive(o.attemptTimeout, 5000, "attemptTimeout") || 1,
  };
}

/** @internal */
export function checkId(id: string): string {
  if (typeof id !== "string" || !/^[0-9a-fA-F]{32}$/.test(id)) usage(`id: ${shown(id)} is not 32 hex digits`);
  return id.toLowerCase();
}

/** @internal */
export function checkName(value: unknown, what: string): string {
  if (typeof value !== "string" || !isName(value)) usage(`${what}: must be 1 to 64 letters, digits, dots, underscores or dashes`);
  return value;
}

/** @internal */
export function whole(value: number | undefined, most: number, what: string): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < 0 || value > most) usage(`${what}: must be a whole number from 0 to ${most}`);
  return value;
}

/** As wire/trace.h: any version but ff; trace and parent are not all zeros. */
function traceOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const legal = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
  if (typeof value !== "string" || !legal.test(value)) usage("traceparent: not as W3C Trace Context has it, such as 00-<32 hex digits>-<16>-01");
  return value;
}

/** @internal */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) usage("signal: an AbortSignal");
}

/** What is looked at only on the way back would come too late, after a proof was made. @internal */
export function checkReturn(o: Pick<SubmitOptions, "onProgress" | "publicSignals" | "manualAck"> & { signal?: unknown }): void {
  const { onProgress, publicSignals, manualAck, signal } = o;
  if (onProgress !== undefined && typeof onProgress !== "function") usage("onProgress: a function");
  const decimal = (s: unknown) => typeof s === "string" && /^[0-9]+$/.test(s);
  if (publicSignals !== undefined && !(Array.isArray(publicSignals) && publicSignals.every(decimal))) usage("publicSignals: a list of decimal strings, as in public.json");
  flag(manualAck, "manualAck");
  checkSignal(signal);
}

/** @internal */
export function submitFieldsOf(o: SubmitOptions): SubmitFields {
  checkReturn(o);
  if (!["wait", "fail", undefined].includes(o.whenBusy)) usage("whenBusy: wait or fail");
  const fields: SubmitFields = { queue: checkName(o.queue, "queue"), circuit: checkName(o.circuit, "circuit") };
  const deadline = o.deadline instanceof Date ? o.deadline.getTime() : o.deadline;
  const ttl = typeof o.onRestart === "object" && o.onRestart !== null ? o.onRestart.ttlMs : undefined;
  if (ttl === undefined && !["keep", "cancel", undefined].includes(o.onRestart as string | undefined)) usage("onRestart: keep, cancel or { ttlMs }");
  const optional: SubmitFields = {
    priority: whole(o.priority, 9, "priority"),
    group: o.group === undefined ? undefined : checkName(o.group, "group"),
    deadline: whole(deadline, Number.MAX_SAFE_INTEGER, "deadline") || undefined,
    on_restart: ttl !== undefined ? "ttl" : o.onRestart === "cancel" ? "cancel" : undefined,
    ttl_ms: whole(ttl, Number.MAX_SAFE_INTEGER, "onRestart.ttlMs"),
    revive: flag(o.revive, "revive") || undefined,
    need_vram: whole(o.needVram, Number.MAX_SAFE_INTEGER, "needVram"),
    need_ram: whole(o.needRam, Number.MAX_SAFE_INTEGER, "needRam"),
    traceparent: traceOf(o.traceparent),
  };
  let key: keyof SubmitFields;
  for (key in optional) if (optional[key] !== undefined) Object.assign(fields, { [key]: optional[key] });
  return fields;
}
