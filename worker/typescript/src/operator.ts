/** The verbs of operators and dashboards. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "./core.js";
import { BadVersionError } from "./errors.js";
import { checkId, checkName, checkSignal, flag, isTimeout, optionsOf, usage, whole, type TimeoutOption } from "./options.js";
import type { Message } from "./wire/codec.js";
import { states, type Row, type TaskState, type Whole } from "./wire/lists.js";

export interface ListOptions extends TimeoutOption {
  /** Only of this queue. */
  queue?: string | undefined;
  /** Only in this state. */
  state?: TaskState | undefined;
  /** The most rows wanted. Default: 1,000. */
  limit?: number | undefined;
}

export interface PurgeOptions extends TimeoutOption {
  /** Whose tasks. "client" and "session" mean the own ones unless `client` or `session` says another. Default: "session". */
  scope?: "session" | "client" | "queue" | "principal" | undefined;
  queue?: string | undefined;
  client?: string | undefined;
  session?: string | undefined;
  /** Only tasks in these states. */
  states?: readonly TaskState[] | undefined;
  /** Only tasks unchanged for this long, ms. */
  ageMs?: number | undefined;
  /** Only count, change nothing. */
  dryRun?: boolean | undefined;
  /** What it cancels goes at once, with its input, and does not stay to be looked at. */
  forget?: boolean | undefined;
}

/** A task as the broker shows it. Undefined: the broker does not say. Times are Unix ms or ms, sizes bytes. */
export interface TaskInfo {
  id: string;
  state: TaskState;
  queue: string;
  circuit: string;
  generation: number;
  status: number;
  text?: string | undefined;
  prover?: string | undefined;
  client?: string | undefined;
  principal?: string | undefined;
  group?: string | undefined;
  priority?: number | undefined;
  phase?: string | undefined;
  percent?: number | undefined;
  position?: Whole | undefined;
  etaMs?: Whole | undefined;
  unservable?: boolean | undefined;
  failures?: number | undefined;
  losses?: number | undefined;
  attempts?: number | undefined;
  length: Whole;
  resultLength?: Whole | undefined;
  measuredMs?: Whole | undefined;
  created: Whole;
  changed: Whole;
  deadline?: Whole | undefined;
}

function infoOf(m: Message): TaskInfo {
  return {
    id: m.task!, state: m.state!, queue: m.queue!, circuit: m.circuit!, generation: m.generation!, status: m.status!, text: m.text,
    prover: m.prover, client: m.client, principal: m.principal, group: m.group, priority: m.priority, phase: m.phase, percent: m.percent,
    position: m.position, etaMs: m.eta_ms, unservable: m.unservable, failures: m.failures, losses: m.losses, attempts: m.attempts,
    length: m.length!, resultLength: m.result_length, measuredMs: m.measured_ms, created: m.created!, changed: m.changed!, deadline: m.deadline,
  };
}

const PAGE = 200;

function named(value: string | undefined, what: string): string | undefined {
  return value === undefined ? undefined : checkName(value, what);
}

/** The most rows; Infinity for all there are. */
function limitOf(value: number | undefined): number {
  return value === Infinity ? value : whole(value, Number.MAX_SAFE_INTEGER, "limit") ?? 1000;
}

function purgeOf(options: PurgeOptions): Message {
  const { scope = "session", queue, client, session, ageMs, states: only } = options;
  if (!["session", "client", "queue", "principal"].includes(scope)) usage("purge: scope: session, client, queue or principal");
  if (scope === "queue" && queue === undefined) usage("purge: scope queue needs a queue");
  if (only !== undefined && !(Array.isArray(only) && only.every((s) => states.includes(s as TaskState)))) usage(`states: a list of ${states.join(", ")}`);
  return {
    type: "PURGE", scope, queue: named(queue, "queue"), client: named(client, "client"), session: session === undefined ? undefined : checkId(session),
    states: only && [...only], age_ms: whole(ageMs, Number.MAX_SAFE_INTEGER, "ageMs"), dry: flag(options.dryRun, "dryRun") || undefined,
    forget: flag(options.forget, "forget") || undefined,
  } as Message;
}

export abstract class Operator {
  readonly #core: Core;

  /** @internal */
  constructor(core: Core) {
    this.#core = core;
  }

  /** The tasks that the key may see, as rows of the broker's table. */
  tasks(options?: ListOptions): Promise<Row[]> {
    return this.#list("tasks", options);
  }

  /** The queues that the key may use. */
  queues(options?: ListOptions): Promise<Row[]> {
    return this.#list("queues", options);
  }

  /** The provers. @throws UnauthorizedError */
  provers(options?: ListOptions): Promise<Row[]> {
    return this.#list("provers", options);
  }

  /**
   * The circuits of one prover with the state of their keys, and the key files that it does not serve, with its reasons (`served` is
   * false). @throws UnauthorizedError; BadVersionError: the broker is too old to tell
   */
  async proverKeys(prover: string, principal: string, more?: TimeoutOption & { limit?: number | undefined }): Promise<Row[]> {
    const of = { prover: checkName(prover, "prover"), principal: checkName(principal, "principal") };
    const options = optionsOf(more, "proverKeys");
    limitOf(options.limit);
    await this.#core.ready(options.timeout);
    if (!this.#core.link.terms!.tellsKeys) throw new BadVersionError("bad-version", "this broker is too old to tell which keys a prover has");
    return this.#list("keys", { ...options, limit: options.limit ?? Infinity }, of);
  }

  /** The clients. @throws UnauthorizedError */
  clients(options?: ListOptions): Promise<Row[]> {
    return this.#list("clients", options);
  }

  /** The broker's own figures. */
  async status(options?: TimeoutOption): Promise<Row> {
    const { timeout } = optionsOf(options, "status");
    return (await this.#list("status", { timeout }))[0] ?? {};
  }

  /**
   * What happens to tasks, provers and queues, from now on, or after the event of that number (0: all that are kept). When the broker
   * keeps some of them no longer, a row with `what` "lost" says so. Asks once in `everyMs` (default: 1,000).
   */
  async *events(more?: { after?: number | undefined; everyMs?: number | undefined; signal?: AbortSignal | undefined }): AsyncGenerator<Row, void, undefined> {
    const options = optionsOf(more, "events");
    const { everyMs = 1000 } = options;
    if (!isTimeout(everyMs)) usage("everyMs: a number of ms from 0 to 2,147,483,647");
    whole(options.after, Number.MAX_SAFE_INTEGER, "after");
    checkSignal(options.signal);
    let after: string | undefined = options.after === undefined ? await this.#newest() : String(options.after);
    while (!options.signal?.aborted) {
      const { message } = await this.#core.ask({ type: "LIST", what: "events", after, limit: PAGE }, "ROWS");
      for (const row of message.rows!) {
        if (typeof row["event"] === "number") after = String(row["event"]);
        yield row;
      }
      if (message.rows!.length === 0) await sleep(everyMs, undefined, { signal: options.signal }).catch(() => {});
    }
  }

  async #newest(): Promise<string> {
    const { message } = await this.#core.ask({ type: "LIST", what: "events", limit: PAGE }, "ROWS");
    return String(message.rows!.reduce((most, row) => Math.max(most, Number(row["event"] ?? 0)), 0));
  }

  /** Looks at a task. @throws NotFoundError, GoneError */
  async show(id: string, options?: TimeoutOption): Promise<TaskInfo> {
    return infoOf((await this.#core.ask({ type: "SHOW", task: checkId(id) }, "TASK", optionsOf(options, "show").timeout)).message);
  }

  /** Queues a dead, cancelled or expired task again, as a new generation. @throws BadStateError, NotFoundError, UnauthorizedError */
  async kick(id: string, options?: TimeoutOption): Promise<TaskInfo> {
    return infoOf((await this.#core.ask({ type: "KICK", task: checkId(id) }, "TASK", optionsOf(options, "kick").timeout)).message);
  }

  /** The queue gives no more tasks out. Resolves with its row. @throws UnknownQueueError, UnauthorizedError */
  async pause(queue: string, options?: TimeoutOption): Promise<Row> {
    return this.#operate({ type: "QUEUE", queue: checkName(queue, "queue"), verb: "pause" }, optionsOf(options, "pause"));
  }

  /** The queue gives tasks out again. @throws UnknownQueueError, UnauthorizedError */
  async resume(queue: string, options?: TimeoutOption): Promise<Row> {
    return this.#operate({ type: "QUEUE", queue: checkName(queue, "queue"), verb: "resume" }, optionsOf(options, "resume"));
  }

  /** The prover gets no new tasks; it finishes those it has. `principal`: whose, where several have one of that name. */
  async drain(prover: string, options?: TimeoutOption & { principal?: string | undefined }): Promise<Row> {
    return this.#prover(prover, "drain", optionsOf(options, "drain"));
  }

  /** The prover gets tasks again. */
  async undrain(prover: string, options?: TimeoutOption & { principal?: string | undefined }): Promise<Row> {
    return this.#prover(prover, "resume", optionsOf(options, "undrain"));
  }

  /**
   * Cancels and forgets tasks, running ones included. Resolves with how many there were in each state.
   * @throws UnauthorizedError; BadVersionError: the broker is too old for `forget`
   */
  async purge(more?: PurgeOptions): Promise<Record<TaskState, number>> {
    const options = optionsOf(more, "purge");
    const message = purgeOf(options);
    await this.#core.ready(options.timeout);
    if (message.forget && !this.#core.link.terms!.purgeForgets) throw new BadVersionError("bad-version", "this broker is too old to forget what it purges");
    const { counts } = (await this.#core.ask(message, "COUNTS", options.timeout)).message;
    return Object.fromEntries(states.map((state) => [state, Number(counts![state] ?? 0)])) as Record<TaskState, number>;
  }

  async #prover(prover: string, verb: "drain" | "resume", options: TimeoutOption & { principal?: string | undefined }): Promise<Row> {
    const message: Message = { type: "PROVER", prover: checkName(prover, "prover"), verb };
    const principal = named(options.principal, "principal");
    await this.#core.ready(options.timeout);
    if (principal !== undefined && !this.#core.link.terms!.byPrincipal) {
      throw new BadVersionError("bad-version", "this broker is too old to tell provers of one name apart");
    }
    return this.#operate(principal === undefined ? message : { ...message, principal }, options);
  }

  async #operate(message: Message, options: TimeoutOption): Promise<Row> {
    return (await this.#core.ask(message, "ROWS", options.timeout)).message.rows![0] ?? {};
  }

  async #list(what: Message["what"], more: ListOptions | undefined, of: { prover?: string; principal?: string } = {}): Promise<Row[]> {
    const options = optionsOf(more, what!);
    const { state } = options;
    const limit = limitOf(options.limit);
    const queue = named(options.queue, "queue");
    if (state !== undefined && !states.includes(state)) usage(`state: one of ${states.join(", ")}`);
    if (limit === 0) return [];
    const rows: Row[] = [];
    let after: string | undefined;
    do {
      const asked = { type: "LIST", what, ...of, queue, state, after, limit: Math.min(PAGE, limit - rows.length) } as Message;
      const { message } = await this.#core.ask(asked, "ROWS", options.timeout);
      rows.push(...message.rows!);
      after = message.next;
    } while (after !== undefined && rows.length < limit);
    return rows.slice(0, limit);
  }
}
