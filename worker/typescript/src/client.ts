/** A client of Provost: one awaitable call, safe over restarts. */
import { newId } from "./new_id.js";
import { ThreadBridge } from "./bridge.js";
import { Core } from "./core.js";
import { BadStateError, CancelledError, TimeoutError, wordOf } from "./errors.js";
import { endOf } from "./io/followed.js";
import { MockBridge } from "./mock_bridge.js";
import { expiryOf } from "./expiry.js";
import { inputOf, isSignals } from "./input_json.js";
import { Operator } from "./operator.js";
import {
  checkId, checkOptions, checkReturn, flag, linkOptionsOf, optionsOf, positive, submitFieldsOf, usage, type ConnectOptions, type SubmitOptions, type TimeoutOption,
} from "./options.js";
import { Result } from "./result.js";
import { snark } from "./snark.js";
import { Task, type FollowOptions } from "./task.js";
import { loadKey } from "./verify.js";
import { prepare } from "./witness.js";

export interface ProveOptions extends SubmitOptions, TimeoutOption {
  /** Cancels the task at the broker, not only the waiting. */
  signal?: AbortSignal | undefined;
}

/** The state of the connection. */
export interface Connection {
  connected: boolean;
  endpoint: string;
  /** Why it is not connected: the word of the outcome ("unreachable", "unauthorized", ...) and a sentence. */
  code: string;
  reason: string;
  /** The broker's boot epoch: counts its starts. */
  epoch: number;
  /** Who this client is to the broker. */
  principal: string;
  broker: string;
  /** Why the broker accepts no tasks, as it said in its welcome: a full disk, say. "": it does. */
  notReady: string;
  /** Bytes of the largest input that the broker takes. */
  payloadMax: number;
  /** Welcomes so far: more than one means that the connection was lost. */
  connects: number;
  /** The id of this client's session. */
  session: string;
}

const NEVER = new AbortController().signal;

interface Before {
  timeout: number;
  signal: AbortSignal | undefined;
  waits: boolean;
}

export class Client extends Operator {
  #core: Core;
  #session: string;
  #tasks = new Map<string, Task>();
  // A client cannot be sent to another thread: a function among its own members makes structured cloning say so.
  /** @internal */ readonly uncloneable = () => {};

  /** @internal */
  constructor(core: Core, session: string) {
    super(core);
    this.#core = core;
    this.#session = session;
  }

  /**
   * Proves: submits, waits, checks, acknowledges. With `verificationKey` the proof is verified first. The public signals have to be
   * those of the witness; of an `inputJson`, `publicSignals` if they are given.
   * @throws a ProvostError of the class of the outcome, with `taskId`. After a TimeoutError the task goes on: `attach` to it
   */
  async prove(options: ProveOptions): Promise<Result> {
    checkOptions(options, "prove");
    const began = performance.now();
    const task = await this.#start(options, !options.onProgress);
    const timeout = Math.max(0, (options.timeout ?? this.#core.waitTimeout) - (performance.now() - began));
    try {
      return await task.result({ timeout });
    } finally {
      task.forget();
    }
  }

  /**
   * Computes the witness with snarkjs on a thread of its own, and has it proved: the order of `snarkjs.groth16.fullProve`.
   * @param wasm the circuit's wasm: a file, or its bytes
   * @throws as `prove`; InvalidInputError when there is no witness for this input; UsageError when snarkjs is not installed
   */
  async fullProve(input: object, wasm: string | Uint8Array, options: Omit<ProveOptions, "witness" | "inputJson">): Promise<Result> {
    this.#core.check();
    checkOptions(options, "fullProve");
    submitFieldsOf(options); // said before the witness is computed
    if (!isSignals(input)) usage("fullProve: give the circuit's signals, an object");
    if (typeof wasm !== "string" && !(wasm instanceof Uint8Array)) usage("fullProve: give the circuit's wasm, the path of a file or its bytes");
    const began = performance.now();
    const timeout = positive(options.timeout, this.#core.waitTimeout, "timeout");
    const work = () => snark({ do: "witness", input, wasm }) as Promise<Uint8Array>;
    const witness = await this.#before(options.id ?? "", work, { timeout, signal: options.signal, waits: true });
    return this.prove({ ...options, witness, timeout: Math.max(0, timeout - (performance.now() - began)) });
  }

  /**
   * Hands a task to the broker and waits until it is durable there, at most `timeout` ms (default: requestTimeout) after the last news.
   * @throws ConflictError: the id was used with another input. BusyError, TooLargeError, UnknownQueueError, UnknownCircuitError,
   *   UnauthorizedError. After a TimeoutError it is not known whether the broker has the task: submit the same id again
   */
  async submit(options: ProveOptions): Promise<Task> {
    checkOptions(options, "submit");
    const task = await this.#start(options);
    await this.#accepted(task, options.timeout);
    return task;
  }

  /**
   * Follows a task that another process, or an earlier run of this one, has submitted.
   * What this client follows already is returned as it is.
   * @throws NotFoundError, GoneError: the broker does not have it. BadStateError: this client follows it, with other checks
   */
  async attach(id: string, more?: FollowOptions & TimeoutOption): Promise<Task> {
    this.#core.check();
    const options = optionsOf(more, "attach");
    const { verificationKey, publicSignals, manualAck } = options;
    checkId(id);
    checkReturn(options);
    const timeout = positive(options.timeout, this.#core.requestTimeout, "timeout");
    const key = verificationKey === undefined ? undefined : await loadKey(verificationKey);
    this.#core.check();
    const known = this.#tasks.get(checkId(id));
    if (known && (key || publicSignals || manualAck)) this.#free(checkId(id));
    if (known) return known;
    const task = this.#add(new Task(this.#core, checkId(id), options, key));
    this.#core.bridge.post({ do: "attach", key: task.key, task: task.id });
    await this.#accepted(task, timeout);
    return task;
  }

  /**
   * Gets the result of a task that is over, any number of times while the broker keeps it. Never acknowledges, never verifies.
   * @throws BadStateError: it is not over. NotFoundError, GoneError; what ended the task, when it did not succeed
   */
  async fetch(id: string, options?: TimeoutOption): Promise<Result> {
    const task = checkId(id);
    const { message, bytes } = await this.#core.ask({ type: "FETCH", task }, "DELIVER", optionsOf(options, "fetch").timeout);
    const end = { ...endOf(message), bytes };
    if (end.status !== 0) throw this.#core.failure(end.status, end.text, task);
    return new Result(task, end);
  }

  /**
   * Cancels a task. Resolves with its state: cancelled, or what it was before.
   * @throws NotFoundError, GoneError
   */
  async cancel(id: string, options?: TimeoutOption): Promise<string> {
    const { message } = await this.#core.ask({ type: "CANCEL", task: checkId(id) }, "CANCELLED", optionsOf(options, "cancel").timeout);
    return message.state!;
  }

  /**
   * Acknowledges a result that was handed over with `manualAck`: the broker may then drop it. Resolves when it was said to the broker.
   * @throws TimeoutError, or why there is no connection; it is said after the next welcome then
   */
  async ack(result: Result, options?: TimeoutOption): Promise<void> {
    this.#core.check();
    if (!(result instanceof Result)) usage("ack: give the result that was handed over");
    const timeout = positive(optionsOf(options, "ack").timeout, this.#core.requestTimeout, "timeout");
    this.#core.bridge.post({ do: "ack", task: result.taskId, generation: result.generation, acked: true });
    await this.#core.flush(timeout);
  }

  /** Waits until a broker has welcomed the client. @throws why none has: UnreachableError, UnauthorizedError, StaleBrokerError, BadVersionError */
  async ready(options?: TimeoutOption): Promise<void> {
    await this.#core.ready(optionsOf(options, "ready").timeout);
  }

  /** The state of the connection. */
  get connection(): Connection {
    const { up, endpoint, status, text, welcomes, terms } = this.#core.link;
    return {
      connected: up, endpoint, code: up ? "ok" : wordOf(status), reason: up ? "" : text, epoch: terms?.epoch ?? 0,
      principal: terms?.principal ?? "", broker: terms?.software ?? "", notReady: terms?.notReady ?? "", payloadMax: terms?.payloadMax ?? 0, connects: welcomes, session: this.#session,
    };
  }

  /** Takes leave of the broker and ends the connection's thread. Tasks stay with the broker; calls under way reject. */
  async close(): Promise<void> {
    await this.#core.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What arrives where a client is sent to another process as JSON. */
  toJSON(): object {
    return { provost: "a client cannot be sent to another process: call connect() there", session: this.#session };
  }

  async #start(options: ProveOptions, quiet = false): Promise<Task> {
    this.#core.check();
    const id = options.id === undefined ? newId() : checkId(options.id);
    const given = inputOf(options);
    const fields = { ...submitFieldsOf(options), ...given.kind };
    const expiresMs = expiryOf(fields.deadline);
    const timeout = positive(options.timeout, this.#core.waitTimeout, "timeout");
    this.#free(id);
    const waits = !(given.bytes instanceof Uint8Array) || options.verificationKey !== undefined;
    const slots = waits || options.signal ? undefined : this.#core.bridge.inputs; // only where nothing comes between this and the order
    const work = async (stop: AbortSignal) => {
      const key = options.verificationKey === undefined ? undefined : await loadKey(options.verificationKey);
      return { key, prepared: await prepare(given.bytes, this.#core.link.terms?.payloadMax, key?.publics, stop, slots) };
    };
    const { key, prepared } = await this.#before(id, work, { timeout, signal: options.signal, waits });
    try {
      this.#free(id);
    } catch (e) {
      prepared.discard?.();
      throw e;
    }
    const task = this.#add(new Task(this.#core, id, options, key, prepared));
    const busyFails = options.whenBusy === "fail";
    const silent = quiet && !prepared.pulled; // of large bytes the caller's side hears when the broker has them
    this.#core.bridge.post({ do: "submit", key: task.key, task: id, fields, expiresMs, input: prepared.input, busyFails, quiet: silent }, prepared.transfer);
    return task;
  }

  /** What is done before a task is submitted: it ends with the signal, the time, and the client. `waits`: for files, or a stream. */
  async #before<T>(taskId: string, work: (stop: AbortSignal) => Promise<T>, options: Before): Promise<T> {
    const { signal, timeout, waits } = options;
    const aborted = () => new CancelledError("cancelled", "aborted before it was submitted", { taskId, cause: signal?.reason });
    if (signal?.aborted) throw aborted();
    if (!waits && !signal) return work(NEVER);
    const stop = new AbortController();
    const over = new Promise<never>((_, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error));
    });
    const abort = () => stop.abort(aborted());
    signal?.addEventListener("abort", abort);
    over.catch(() => {}); // the work may end first
    try {
      const late = () => new TimeoutError("timeout", "the witness was not there in time: nothing was submitted", { taskId });
      return await this.#core.wait(Promise.race([work(stop.signal), over]), { timeout, taskId, late });
    } catch (e) {
      stop.abort(e);
      throw e;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #free(id: string): void {
    if (!this.#tasks.has(id)) return;
    throw new BadStateError("bad-state", "this client follows the task already: attach to it", { taskId: id });
  }

  #add(task: Task): Task {
    this.#tasks.set(task.id, task);
    task.onEnd = () => void this.#tasks.delete(task.id);
    return task;
  }

  async #accepted(task: Task, timeout = this.#core.requestTimeout): Promise<void> {
    const more = () => (task.held ? 0 : Math.max(0, timeout - task.quietMs));
    try {
      await this.#core.wait(task.accepted, { timeout, taskId: task.id, held: () => task.held, more });
    } catch (e) {
      task.forget();
      throw e;
    }
  }
}

/**
 * Connects to a broker, and stays connected: it reconnects by itself, with the same session, and attaches to the tasks that it follows.
 * The connection has a thread of its own, so heartbeats go on while the caller computes. An idle client keeps no process alive.
 * @throws UsageError, BadKeyFileError: an option is wrong. UnreachableError, UnauthorizedError, StaleBrokerError, BadVersionError: no
 *   broker has welcomed the client within `connectTimeout`
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  checkOptions(options, "connect");
  const core = new Core(positive(options.requestTimeout, 30_000, "requestTimeout"), positive(options.waitTimeout, 3_600_000, "waitTimeout"));
  const timeout = positive(options.connectTimeout, 10_000, "connectTimeout");
  const mock = flag(options.allowMock, "allowMock");
  if (options.url === "mock:") {
    if (!mock) usage('url: "mock:" gives fake proofs; it works only with allowMock: true in the code');
    core.bridge = new MockBridge(core);
    return new Client(core, "0".repeat(32));
  }
  const start = linkOptionsOf(options);
  core.bridge = new ThreadBridge(start, core);
  const client = new Client(core, start.session);
  if (timeout === 0) return client;
  try {
    await core.ready(timeout);
  } catch (e) {
    await client.close();
    throw e;
  }
  return client;
}
