// Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again.

export type MessageName = "HELLO" | "WELCOME" | "HEARTBEAT" | "DISCONNECT" | "ERROR" | "SUBMIT" | "SUBMIT_OK" | "ATTACH" | "SHOW" | "TASK" | "FETCH" | "DELIVER" | "ACK" | "CANCEL" | "CANCELLED" | "CREDIT" | "CHUNK" | "PROGRESS" | "CLAIM" | "CLAIMED" | "PURGE" | "COUNTS" | "LIST" | "ROWS" | "KICK" | "READY" | "OFFER" | "STARTED" | "RESULT" | "RESULT_OK" | "FAIL" | "RELEASE" | "REVOKE" | "REVOKED" | "RECALL" | "DRAIN" | "QUEUE" | "PROVER" | "CIRCUITS";

export type Kind = "BOOL" | "CIRCUITS" | "COUNTS" | "HASH" | "HASHES" | "HELDS" | "ID" | "NAME" | "NAMES" | "ROW" | "ROWS" | "STATE" | "STATES" | "STATUS" | "TEXT" | "TOKEN" | "TOKENS" | "U32" | "U64" | "WORD";

export interface Field {
  readonly key: string;
  readonly kind: Kind;
  readonly bound: bigint | string;
}

export interface Layout {
  readonly name: MessageName;
  readonly code: number;
  readonly way: "up" | "down" | "both";
  readonly payload: "none" | "inline" | "chunk";
  readonly fields: Readonly<Record<string, "need" | "may" | "need-up" | "need-down">>;
}

/** A number of the wire: a bigint only where it is above Number.MAX_SAFE_INTEGER. */
export type Whole = number | bigint;

export interface Token {
  readonly epoch: number;
  readonly seq: Whole;
}

/** A row of a table: column name to value. */
export type Row = Readonly<Record<string, string | number | bigint | boolean | null>>;

export type Counts = Readonly<Partial<Record<TaskState, Whole>>>;

export interface Fields {
  /** number of the request, chosen by the asker, echoed in the answer */
  req?: number;
  /** the task */
  task?: string;
  /** the attempt: one lease of the task to one prover */
  token?: Token;
  /** outcome, a code of the list of outcomes */
  status?: number;
  /** a sentence for people */
  text?: string;
  /** what the peer wants to be; its key decides whether it may */
  role?: "client" | "prover" | "admin";
  /** the peer's own name, stable over its restarts */
  name?: string;
  /** random per process; for a prover this is its incarnation */
  session?: string;
  /** program and version, for people */
  software?: string;
  /** lowest protocol version spoken */
  vmin?: number;
  /** highest protocol version spoken */
  vmax?: number;
  /** boot epoch: of the broker, or in HELLO the highest one seen (0: none) */
  epoch?: number;
  /** how often a heartbeat is expected */
  heartbeat_ms?: number;
  /** how long a lease lives without one; at least 4 heartbeats */
  lease_ms?: number;
  /** largest payload sent inside its message */
  inline_max?: number;
  /** largest payload of a CHUNK */
  chunk_max?: number;
  /** largest input or result the broker takes */
  payload_max?: Whole;
  /** most bytes of chunk credit outstanding for one transfer */
  window?: number;
  /** the principal that the peer's key belongs to */
  principal?: string;
  /** PROVER may name the principal of the prover */
  by_principal?: boolean;
  /** queues of HELLO that the broker does not have */
  unknown_queues?: readonly string[];
  /** PURGE may say forget */
  purge_forgets?: boolean;
  /** the broker takes CIRCUITS, and tells a prover's keys (LIST keys) */
  more_circuits?: boolean;
  /** SUBMIT may say deadline_in_ms */
  deadline_in?: boolean;
  /** SUBMIT may say traceparent */
  traces?: boolean;
  /** FAIL may say lost */
  takes_lost?: boolean;
  /** HEARTBEAT may say handlers, and LIST knows the table handlers */
  takes_handlers?: boolean;
  /** why the broker accepts no tasks now; absent: it does */
  not_ready?: string;
  /** reserved: the largest payload of a CHUNK that the peer would take */
  chunk_most?: number;
  /** the kinds of input that the peer takes */
  input_kinds?: readonly string[];
  /** with status standby, where the active broker may be, each with endpoint */
  endpoints?: readonly Row[];
  /** HELLO of client or admin: if the key lacks the role, the other of the two will do */
  any_role?: boolean;
  /** do not try again before this much time has passed */
  retry_ms?: number;
  /** the limit that was reached (broker/SECURITY.md) */
  which?: string;
  /** queues the prover serves */
  queues?: readonly string[];
  /** circuits the prover can prove */
  circuits?: readonly CircuitFields[];
  /** key files that the prover does not serve */
  unserved_files?: number;
  /** the first of them, each with file and why */
  unserved?: readonly Row[];
  /** tasks proved at once */
  slots?: number;
  /** tasks held in addition */
  prefetch?: number;
  /** bytes of memory of its GPUs (0: none) */
  vram?: Whole;
  /** bytes of memory it may use */
  ram?: Whole;
  /** why its GPU proves nothing; absent: it does, or none is wanted */
  gpu_unused?: string;
  /** proofs that its GPU got wrong since its start, and the CPU right */
  gpu_wrong_proofs?: Whole;
  /** processes of its GPUs that ended by themselves or had to be ended, since its start */
  gpu_ended?: Whole;
  /** handlers of the prover whose figures have changed, each with all of its figures */
  handlers?: readonly Row[];
  /** attempts the prover holds: running, or finished and not acknowledged */
  held?: readonly HeldFields[];
  /** attempts that are no longer valid and not yet confirmed */
  revoked?: readonly Token[];
  /** offers the prover will take from now on, in all */
  credit?: number;
  /** keys resident now */
  warm?: readonly string[];
  /** the queue */
  queue?: string;
  /** the circuit: a name, or 64 hex digits of its key's digest */
  circuit?: string;
  /** SHA-256 of the circuit's zkey */
  digest?: string;
  /** bytes of the payload, inline or in chunks */
  length?: Whole;
  /** SHA-256 of the payload */
  sha256?: string;
  /** SHA-256 of the input the result belongs to */
  input?: string;
  /** 0 lowest to 9, 4 when absent */
  priority?: number;
  /** tasks of a group share one fair turn */
  group?: string;
  /** Unix time in ms after which the task expires unless it runs (0: never) */
  deadline?: Whole;
  /** the same as a duration from the arrival on (0: it has passed); absent: never */
  deadline_in_ms?: Whole;
  /** what happens to the task when a newer session of the client's name submits while this one is away */
  on_restart?: "keep" | "cancel" | "ttl";
  /** with on_restart ttl: how long the task outlives the session */
  ttl_ms?: Whole;
  /** queue the task again if it is cancelled, expired or dead */
  revive?: boolean;
  /** bytes of GPU memory the task needs */
  need_vram?: Whole;
  /** bytes of memory the task needs */
  need_ram?: Whole;
  /** what the input is, a word of input_kind; absent: wtns */
  input_kind?: string;
  /** the trace that the task belongs to, as in W3C Trace Context */
  traceparent?: string;
  /** an attempt that runs longer is revoked (0: no limit) */
  run_timeout_ms?: Whole;
  /** state of the task */
  state?: TaskState;
  /** counts revivals; one result per generation */
  generation?: number;
  /** tasks before it in its queue */
  position?: Whole;
  /** expected time until the task is done */
  eta_ms?: Whole;
  /** no live prover can serve the task */
  unservable?: boolean;
  /** attempts that failed */
  failures?: number;
  /** attempts lost with their prover */
  losses?: number;
  /** attempts that were started */
  attempts?: number;
  /** progress of the running attempt */
  percent?: number;
  /** what the attempt is doing */
  phase?: string;
  /** more about the task, for the client that submitted it */
  note?: string;
  /** the prover that holds or finished the task */
  prover?: string;
  /** bytes of the result */
  result_length?: Whole;
  /** Unix time in ms of the submit */
  created?: Whole;
  /** Unix time in ms of the last change of state */
  changed?: Whole;
  /** name of the client that submitted the task */
  client?: string;
  /** how long the prover computed */
  measured_ms?: Whole;
  /** which payload of the task */
  kind?: "input" | "result";
  /** position in the payload */
  offset?: Whole;
  /** how many bytes may be sent from offset on */
  bytes?: Whole;
  /** the kind of failure, which decides what happens next */
  failure?: "permanent" | "retryable" | "resource" | "lost";
  /** why the task is handed back unfinished */
  reason?: "drain" | "recall" | "resource";
  /** whose tasks are purged */
  scope?: "session" | "client" | "queue" | "principal";
  /** only tasks in these states (absent: any) */
  states?: readonly TaskState[];
  /** only tasks unchanged for this long */
  age_ms?: Whole;
  /** count, change nothing */
  dry?: boolean;
  /** PURGE: what it cancels goes at once, with its input, and does not stay to be looked at */
  forget?: boolean;
  /** tasks by the state they were in */
  counts?: Counts;
  /** which table */
  what?: "tasks" | "queues" | "provers" | "clients" | "status" | "events" | "keys" | "handlers";
  /** continue after this row: `next` of the page before */
  after?: string;
  /** most rows wanted */
  limit?: number;
  /** name and version of the rows' columns: provost.tasks/1 */
  schema?: string;
  /** the table, or this page of it */
  rows?: readonly Row[];
  /** there are more rows: ask again with this as after */
  next?: string;
  /** what to do with the queue or prover */
  verb?: "pause" | "resume" | "set" | "drain";
  /** settings of the queue, by name */
  options?: Row;
}

export interface CircuitFields {
  /** its name */
  circuit?: string;
  /** SHA-256 of its zkey */
  digest?: string;
  /** the key is resident */
  warm?: boolean;
  /** how long it takes to make the key resident */
  load_ms?: number;
  /** GPU memory a proof needs */
  need_vram?: Whole;
  /** memory a proof needs */
  need_ram?: Whole;
  /** percent more work that a proof is than if the GPU had all the memory the key can use */
  slower?: number;
  /** the kinds of input that the prover takes for it, besides wtns */
  input_kinds?: readonly string[];
}

export interface HeldFields {
  /** the attempt */
  token?: Token;
  /** what the attempt is doing */
  phase?: string;
  /** progress */
  percent?: number;
  /** HELLO: the task */
  task?: string;
  /** HELLO: SHA-256 of its input */
  input?: string;
  /** HELLO: the task is being computed, not only held */
  started?: boolean;
  /** HELLO: the task is finished, the result waits at the prover */
  spooled?: boolean;
  /** HELLO, spooled: SHA-256 of the result */
  sha256?: string;
  /** HELLO, spooled: bytes of the result */
  length?: Whole;
}

export const fields: readonly Field[] = [
  { key: "req", kind: "U32", bound: 4294967295n },
  { key: "task", kind: "ID", bound: 0n },
  { key: "token", kind: "TOKEN", bound: 0n },
  { key: "status", kind: "STATUS", bound: 0n },
  { key: "text", kind: "TEXT", bound: 512n },
  { key: "role", kind: "WORD", bound: "role" },
  { key: "name", kind: "NAME", bound: 0n },
  { key: "session", kind: "ID", bound: 0n },
  { key: "software", kind: "TEXT", bound: 64n },
  { key: "vmin", kind: "U32", bound: 255n },
  { key: "vmax", kind: "U32", bound: 255n },
  { key: "epoch", kind: "U32", bound: 4294967295n },
  { key: "heartbeat_ms", kind: "U32", bound: 600000n },
  { key: "lease_ms", kind: "U32", bound: 3600000n },
  { key: "inline_max", kind: "U32", bound: 65536n },
  { key: "chunk_max", kind: "U32", bound: 262144n },
  { key: "payload_max", kind: "U64", bound: 18446744073709551615n },
  { key: "window", kind: "U32", bound: 1073741824n },
  { key: "principal", kind: "NAME", bound: 0n },
  { key: "by_principal", kind: "BOOL", bound: 0n },
  { key: "unknown_queues", kind: "NAMES", bound: 64n },
  { key: "purge_forgets", kind: "BOOL", bound: 0n },
  { key: "more_circuits", kind: "BOOL", bound: 0n },
  { key: "deadline_in", kind: "BOOL", bound: 0n },
  { key: "traces", kind: "BOOL", bound: 0n },
  { key: "takes_lost", kind: "BOOL", bound: 0n },
  { key: "takes_handlers", kind: "BOOL", bound: 0n },
  { key: "not_ready", kind: "TEXT", bound: 512n },
  { key: "chunk_most", kind: "U32", bound: 16777216n },
  { key: "input_kinds", kind: "NAMES", bound: 16n },
  { key: "endpoints", kind: "ROWS", bound: 16n },
  { key: "any_role", kind: "BOOL", bound: 0n },
  { key: "retry_ms", kind: "U32", bound: 4294967295n },
  { key: "which", kind: "NAME", bound: 0n },
  { key: "queues", kind: "NAMES", bound: 64n },
  { key: "circuits", kind: "CIRCUITS", bound: 256n },
  { key: "unserved_files", kind: "U32", bound: 4294967295n },
  { key: "unserved", kind: "ROWS", bound: 16n },
  { key: "slots", kind: "U32", bound: 1024n },
  { key: "prefetch", kind: "U32", bound: 1024n },
  { key: "vram", kind: "U64", bound: 18446744073709551615n },
  { key: "ram", kind: "U64", bound: 18446744073709551615n },
  { key: "gpu_unused", kind: "TEXT", bound: 256n },
  { key: "gpu_wrong_proofs", kind: "U64", bound: 18446744073709551615n },
  { key: "gpu_ended", kind: "U64", bound: 18446744073709551615n },
  { key: "handlers", kind: "ROWS", bound: 64n },
  { key: "held", kind: "HELDS", bound: 256n },
  { key: "revoked", kind: "TOKENS", bound: 256n },
  { key: "credit", kind: "U32", bound: 2048n },
  { key: "warm", kind: "HASHES", bound: 256n },
  { key: "queue", kind: "NAME", bound: 0n },
  { key: "circuit", kind: "NAME", bound: 0n },
  { key: "digest", kind: "HASH", bound: 0n },
  { key: "length", kind: "U64", bound: 18446744073709551615n },
  { key: "sha256", kind: "HASH", bound: 0n },
  { key: "input", kind: "HASH", bound: 0n },
  { key: "priority", kind: "U32", bound: 9n },
  { key: "group", kind: "NAME", bound: 0n },
  { key: "deadline", kind: "U64", bound: 18446744073709551615n },
  { key: "deadline_in_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "on_restart", kind: "WORD", bound: "on_restart" },
  { key: "ttl_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "revive", kind: "BOOL", bound: 0n },
  { key: "need_vram", kind: "U64", bound: 18446744073709551615n },
  { key: "need_ram", kind: "U64", bound: 18446744073709551615n },
  { key: "input_kind", kind: "NAME", bound: 0n },
  { key: "traceparent", kind: "TEXT", bound: 256n },
  { key: "run_timeout_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "state", kind: "STATE", bound: 0n },
  { key: "generation", kind: "U32", bound: 4294967295n },
  { key: "position", kind: "U64", bound: 18446744073709551615n },
  { key: "eta_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "unservable", kind: "BOOL", bound: 0n },
  { key: "failures", kind: "U32", bound: 4294967295n },
  { key: "losses", kind: "U32", bound: 4294967295n },
  { key: "attempts", kind: "U32", bound: 4294967295n },
  { key: "percent", kind: "U32", bound: 100n },
  { key: "phase", kind: "NAME", bound: 0n },
  { key: "note", kind: "TEXT", bound: 4096n },
  { key: "prover", kind: "NAME", bound: 0n },
  { key: "result_length", kind: "U64", bound: 18446744073709551615n },
  { key: "created", kind: "U64", bound: 18446744073709551615n },
  { key: "changed", kind: "U64", bound: 18446744073709551615n },
  { key: "client", kind: "NAME", bound: 0n },
  { key: "measured_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "kind", kind: "WORD", bound: "kind" },
  { key: "offset", kind: "U64", bound: 18446744073709551615n },
  { key: "bytes", kind: "U64", bound: 18446744073709551615n },
  { key: "failure", kind: "WORD", bound: "failure" },
  { key: "reason", kind: "WORD", bound: "reason" },
  { key: "scope", kind: "WORD", bound: "scope" },
  { key: "states", kind: "STATES", bound: 0n },
  { key: "age_ms", kind: "U64", bound: 18446744073709551615n },
  { key: "dry", kind: "BOOL", bound: 0n },
  { key: "forget", kind: "BOOL", bound: 0n },
  { key: "counts", kind: "COUNTS", bound: 0n },
  { key: "what", kind: "WORD", bound: "what" },
  { key: "after", kind: "TEXT", bound: 128n },
  { key: "limit", kind: "U32", bound: 200n },
  { key: "schema", kind: "TEXT", bound: 64n },
  { key: "rows", kind: "ROWS", bound: 200n },
  { key: "next", kind: "TEXT", bound: 128n },
  { key: "verb", kind: "WORD", bound: "verb" },
  { key: "options", kind: "ROW", bound: 40n },
];

export const circuitFields: readonly Field[] = [
  { key: "circuit", kind: "NAME", bound: 0n },
  { key: "digest", kind: "HASH", bound: 0n },
  { key: "warm", kind: "BOOL", bound: 0n },
  { key: "load_ms", kind: "U32", bound: 4294967295n },
  { key: "need_vram", kind: "U64", bound: 18446744073709551615n },
  { key: "need_ram", kind: "U64", bound: 18446744073709551615n },
  { key: "slower", kind: "U32", bound: 4294967295n },
  { key: "input_kinds", kind: "NAMES", bound: 16n },
];

export const heldFields: readonly Field[] = [
  { key: "token", kind: "TOKEN", bound: 0n },
  { key: "phase", kind: "NAME", bound: 0n },
  { key: "percent", kind: "U32", bound: 100n },
  { key: "task", kind: "ID", bound: 0n },
  { key: "input", kind: "HASH", bound: 0n },
  { key: "started", kind: "BOOL", bound: 0n },
  { key: "spooled", kind: "BOOL", bound: 0n },
  { key: "sha256", kind: "HASH", bound: 0n },
  { key: "length", kind: "U64", bound: 18446744073709551615n },
];

export const messages: readonly Layout[] = [
  { name: "HELLO", code: 1, way: "up", payload: "none", fields: { role: "need", name: "need", session: "need", software: "need", vmin: "need", vmax: "need", epoch: "need", queues: "may", circuits: "may", slots: "may", prefetch: "may", vram: "may", ram: "may", held: "may", any_role: "may", chunk_most: "may", input_kinds: "may", gpu_unused: "may", gpu_wrong_proofs: "may", gpu_ended: "may" } },
  { name: "WELCOME", code: 2, way: "down", payload: "none", fields: { epoch: "need", heartbeat_ms: "need", lease_ms: "need", inline_max: "need", chunk_max: "need", payload_max: "need", window: "need", principal: "need", software: "need", by_principal: "may", purge_forgets: "may", more_circuits: "may", unknown_queues: "may", deadline_in: "may", not_ready: "may", chunk_most: "may", input_kinds: "may", takes_lost: "may", takes_handlers: "may", traces: "may" } },
  { name: "HEARTBEAT", code: 3, way: "both", payload: "none", fields: { held: "may", epoch: "need-down", revoked: "may", handlers: "may" } },
  { name: "DISCONNECT", code: 4, way: "both", payload: "none", fields: { status: "need", text: "may", endpoints: "may" } },
  { name: "ERROR", code: 5, way: "down", payload: "none", fields: { req: "may", task: "may", token: "may", status: "need", text: "may", retry_ms: "may", which: "may", endpoints: "may" } },
  { name: "SUBMIT", code: 10, way: "up", payload: "inline", fields: { req: "need", task: "need", queue: "need", circuit: "need", length: "need", sha256: "need", priority: "may", group: "may", deadline: "may", on_restart: "may", ttl_ms: "may", revive: "may", need_vram: "may", need_ram: "may", deadline_in_ms: "may", input_kind: "may", traceparent: "may" } },
  { name: "SUBMIT_OK", code: 11, way: "down", payload: "none", fields: { req: "need", task: "need", state: "need", generation: "need", position: "may", eta_ms: "may", unservable: "may" } },
  { name: "ATTACH", code: 12, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "SHOW", code: 13, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "TASK", code: 14, way: "down", payload: "none", fields: { req: "may", task: "need", state: "need", generation: "need", queue: "need", circuit: "need", status: "need", text: "may", position: "may", eta_ms: "may", unservable: "may", failures: "may", losses: "may", attempts: "may", percent: "may", phase: "may", note: "may", prover: "may", length: "need", sha256: "need", result_length: "may", measured_ms: "may", created: "need", changed: "need", client: "may", session: "may", principal: "may", priority: "may", group: "may", deadline: "may", need_vram: "may", need_ram: "may", input_kind: "may" } },
  { name: "FETCH", code: 15, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "DELIVER", code: 16, way: "down", payload: "inline", fields: { req: "may", task: "need", generation: "need", state: "need", status: "need", text: "may", length: "may", sha256: "may", measured_ms: "may", prover: "may" } },
  { name: "ACK", code: 17, way: "up", payload: "none", fields: { task: "need", generation: "need" } },
  { name: "CANCEL", code: 18, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "CANCELLED", code: 19, way: "down", payload: "none", fields: { req: "need", task: "need", state: "need" } },
  { name: "CREDIT", code: 20, way: "both", payload: "none", fields: { kind: "need", task: "need", token: "may", offset: "need", bytes: "need" } },
  { name: "CHUNK", code: 21, way: "both", payload: "chunk", fields: { kind: "need", task: "need", token: "may", offset: "need" } },
  { name: "PROGRESS", code: 22, way: "both", payload: "none", fields: { token: "need-up", task: "need-down", percent: "may", phase: "may", eta_ms: "may", note: "may" } },
  { name: "CLAIM", code: 23, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "CLAIMED", code: 24, way: "down", payload: "none", fields: { req: "need", task: "need", token: "need" } },
  { name: "PURGE", code: 25, way: "up", payload: "none", fields: { req: "need", scope: "need", client: "may", session: "may", queue: "may", states: "may", age_ms: "may", dry: "may", forget: "may" } },
  { name: "COUNTS", code: 26, way: "down", payload: "none", fields: { req: "need", counts: "need" } },
  { name: "LIST", code: 27, way: "up", payload: "none", fields: { req: "need", what: "need", queue: "may", state: "may", after: "may", limit: "may", prover: "may", principal: "may" } },
  { name: "ROWS", code: 28, way: "down", payload: "none", fields: { req: "need", schema: "need", rows: "need", next: "may" } },
  { name: "KICK", code: 29, way: "up", payload: "none", fields: { req: "need", task: "need" } },
  { name: "READY", code: 40, way: "up", payload: "none", fields: { credit: "need", warm: "may", gpu_wrong_proofs: "may", gpu_ended: "may" } },
  { name: "OFFER", code: 41, way: "down", payload: "inline", fields: { token: "need", task: "need", generation: "need", queue: "need", circuit: "need", digest: "may", length: "need", sha256: "need", run_timeout_ms: "may", input_kind: "may", traceparent: "may" } },
  { name: "STARTED", code: 42, way: "up", payload: "none", fields: { token: "need" } },
  { name: "RESULT", code: 43, way: "up", payload: "inline", fields: { token: "need", task: "need", input: "need", length: "need", sha256: "need", measured_ms: "need" } },
  { name: "RESULT_OK", code: 44, way: "down", payload: "none", fields: { token: "need", task: "need", status: "need" } },
  { name: "FAIL", code: 45, way: "up", payload: "none", fields: { token: "need", task: "need", failure: "need", status: "need", text: "may" } },
  { name: "RELEASE", code: 46, way: "up", payload: "none", fields: { token: "need", reason: "need" } },
  { name: "REVOKE", code: 47, way: "down", payload: "none", fields: { token: "need", status: "need" } },
  { name: "REVOKED", code: 48, way: "up", payload: "none", fields: { token: "need" } },
  { name: "RECALL", code: 49, way: "down", payload: "none", fields: { token: "need" } },
  { name: "DRAIN", code: 50, way: "up", payload: "none", fields: {} },
  { name: "QUEUE", code: 60, way: "up", payload: "none", fields: { req: "need", queue: "need", verb: "need", options: "may" } },
  { name: "PROVER", code: 61, way: "up", payload: "none", fields: { req: "need", prover: "need", verb: "need", principal: "may" } },
  { name: "CIRCUITS", code: 62, way: "up", payload: "none", fields: { circuits: "may", unserved_files: "may", unserved: "may" } },
];

export const words: Readonly<Record<string, readonly string[]>> = {
  role: ["client", "prover", "admin"],
  kind: ["input", "result"],
  failure: ["permanent", "retryable", "resource", "lost"],
  reason: ["drain", "recall", "resource"],
  on_restart: ["keep", "cancel", "ttl"],
  scope: ["session", "client", "queue", "principal"],
  what: ["tasks", "queues", "provers", "clients", "status", "events", "keys", "handlers"],
  verb: ["pause", "resume", "set", "drain"],
  input_kind: ["wtns", "input.json"],
};

/** The states of a task, in the order of their codes. */
export const states = ["receiving", "queued", "offered", "running", "delayed", "recovering", "succeeded", "dead", "cancelled", "expired"] as const;

export type TaskState = (typeof states)[number];

export const liveStates = ["receiving", "queued", "offered", "running", "delayed", "recovering"] as const;

/** The sentence of each limit that ERROR names in `which`. */
export const limits: Readonly<Record<string, string>> = {
  disk: "the broker is full: too little free disk",
  memory: "the broker is full: it holds as many as its memory allows",
  queued_tasks: "this key has as many tasks queued as it may",
  queued_bytes: "this key has as many bytes queued as it may",
  rate: "this key submits faster than it may",
  uploads: "this key has as many uploads under way as it may",
  uploads_max: "the broker has no room for more uploads now",
  results: "as many results are on their way from this prover as may be",
  descriptors: "the broker is full: it has no file descriptors left",
  connections: "this key has as many connections as it may",
  sessions: "the broker is full: it has as many sessions as it may",
  provers: "this key, or the broker, has as many provers as it may",
  circuits: "the provers of this key announce as many circuits as they may",
  attachments: "this key follows as many tasks of other sessions as it may",
  claims: "another client of this key uses the same session",
  purges: "this key has as many purges under way as it may",
  lists: "this key has as many lists under way as it may",
  operations: "too many operations at the same time",
  unread: "this peer has not read what it was sent",
  traceparent: "traceparent: not as W3C Trace Context has it, such as 00-<32 hex digits>-<16>-01",
  restarts: "this download was begun anew too often",
};
