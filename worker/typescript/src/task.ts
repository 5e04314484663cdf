/** A task that is followed. */
import type { Core } from "./core.js";
import { Later } from "./later.js";
import { BadProofError, CancelledError, ProvostError, UsageError } from "./errors.js";
import type { End, News, Tiding } from "./io/bridge.js";
import { optionsOf, positive, type Progress, type SubmitOptions, type TimeoutOption } from "./options.js";
import { Result } from "./result.js";
import { verifyProof, type VerificationKey } from "./verify.js";
import { checkUnchanged, type Prepared } from "./witness.js";
import type { TaskState } from "./wire/lists.js";

/** What of the options concerns the way back. */
export type FollowOptions = Pick<SubmitOptions, "manualAck" | "verificationKey" | "publicSignals" | "onProgress"> & {
  /** Cancels the task at the broker, and rejects. */
  signal?: AbortSignal | undefined;
};

/** How long an abort waits for the broker's word that the task is cancelled, ms. */
const CANCEL_MS = 5000;
const NOTHING: News = {
  state: "receiving", accepted: false, sent: 0, total: 0, percent: 0, phase: "", note: "", etaMs: -1, position: -1, unservable: false, held: "",
};

export class Task {
  /** 32 hex digits. */
  readonly id: string;
  /** @internal */ readonly key: number;
  /** @internal */ onEnd: (() => void) | undefined;
  #core: Core;
  #options: FollowOptions;
  #vkey: VerificationKey | undefined;
  #prepared: Prepared | undefined;
  #news: News = NOTHING;
  #newsAt = performance.now();
  #version = 0;
  #called = false;
  #untold: News | undefined;
  #waiting: (() => void)[] = [];
  #accepted = new Later<void>();
  #outcome = new Later<Result>();
  #over = false;
  #owed: number | undefined;
  #unabort: (() => void) | undefined;

  /** @internal */
  constructor(core: Core, id: string, options: FollowOptions, vkey?: VerificationKey, prepared?: Prepared) {
    this.#core = core;
    this.id = id;
    this.key = core.newKey();
    const { manualAck, publicSignals, onProgress } = options; // not the witness, which is let go of when the broker has it
    this.#options = { manualAck, publicSignals, onProgress };
    this.#vkey = vkey;
    this.#prepared = prepared;
    core.listen(this.key, (t) => this.#hear(t));
    this.#watch(options.signal);
  }

  /** The state that was heard of last. */
  get state(): TaskState {
    return this.#news.state;
  }

  /** The news, at most one a second; the latest only, for who comes late. Ends when the task is over; how it ended, `result` tells. */
  get progress(): AsyncIterable<Progress> {
    return { [Symbol.asyncIterator]: () => this.#iterate() };
  }

  async *#iterate(): AsyncGenerator<Progress, void, undefined> {
    let seen = 0;
    while (true) {
      if (this.#version > seen) {
        seen = this.#version;
        yield { ...this.#news };
      } else if (this.#over) {
        return;
      } else {
        const release = this.#core.hold();
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        release();
      }
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /**
   * Waits until the task is over, at most `timeout` ms (default: the client's waitTimeout). The result is acknowledged then, unless
   * `manualAck` was set. Any number of calls get the same.
   * @throws CancelledError, ExpiredError, DeadError or the cause, when the task did not succeed; BadProofError; TimeoutError, and the
   *   task goes on
   */
  async result(options?: TimeoutOption): Promise<Result> {
    const timeout = positive(optionsOf(options, "result").timeout, this.#core.waitTimeout, "timeout");
    try {
      return await (this.#over ? this.#outcome.promise : this.#core.wait(this.#outcome.promise, { timeout, taskId: this.id, held: () => this.#news.held }));
    } finally {
      this.#acknowledge();
    }
  }

  /**
   * Cancels the task at the broker. Resolves with its state: cancelled, or what it was before.
   * @throws NotFoundError, GoneError, TimeoutError
   */
  async cancel(options?: TimeoutOption): Promise<TaskState> {
    const { timeout } = optionsOf(options, "cancel");
    const { message } = await this.#core.ask({ type: "CANCEL", task: this.id }, "CANCELLED", timeout);
    return message.state!;
  }

  /** Stops following it here. The broker keeps the task. */
  forget(): void {
    if (this.#over) return;
    this.#drop();
    this.#reject(new CancelledError("cancelled", "the task is not followed any more; the broker keeps it", { taskId: this.id }));
  }

  /** @internal Resolves when the broker has the task. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** @internal How long ago the last news came, ms. */
  get quietMs(): number {
    return performance.now() - this.#newsAt;
  }

  /** @internal The limit that it waits at. */
  get held(): string {
    return this.#news.held;
  }

  #watch(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const aborted = () => void this.#abort(signal.reason);
    if (signal.aborted) queueMicrotask(aborted);
    else signal.addEventListener("abort", aborted, { once: true });
    this.#unabort = () => signal.removeEventListener("abort", aborted);
  }

  async #abort(reason: unknown): Promise<void> {
    if (this.#over) return;
    this.#drop();
    let more = "cancelled by its signal";
    try {
      const state = await this.#core.ask({ type: "CANCEL", task: this.id }, "CANCELLED", CANCEL_MS);
      if (state.message.state !== "cancelled") more = `aborted by its signal; the task was ${state.message.state} before`;
    } catch (e) {
      const never = e instanceof ProvostError && (e.code === "not-found" || e.code === "gone");
      if (!never) more = `aborted by its signal; whether the broker cancelled the task is not known (${e instanceof Error ? e.message : e})`;
    }
    this.#reject(new CancelledError("cancelled", more, { taskId: this.id, cause: reason }));
  }

  #drop(): void {
    if (this.#over) return;
    this.#core.silence(this.key);
    if (!this.#core.over) this.#core.bridge.post({ do: "forget", key: this.key });
    this.#prepared = undefined;
    this.onEnd?.();
  }

  #hear(tiding: Tiding): void {
    if (tiding.say === "news") this.#tell(tiding.news);
    else if (tiding.say === "pull") this.#give(tiding.offset, tiding.bytes);
    else if (tiding.say === "refused") this.#refused(this.#core.failure(tiding.status, tiding.text, this.id));
    else if (tiding.say === "over") this.#end(tiding.end);
  }

  #tell(news: News): void {
    this.#news = news;
    this.#newsAt = performance.now();
    this.#version++;
    if (news.accepted) this.#accepted.resolve();
    if (news.accepted && this.#prepared) this.#prepared.pulled = undefined; // the broker has it: the caller's memory is the caller's again
    this.#wake();
    if (this.#options.onProgress) this.#callBack(news);
  }

  /** One call at a time: while a promise of the callback is not settled, the newest news wait. */
  #callBack(news: News): void {
    if (this.#called) {
      this.#untold = news;
      return;
    }
    try {
      const promised = this.#options.onProgress!({ ...news }) as PromiseLike<void> | void;
      if (typeof promised !== "object" || promised === null || typeof promised.then !== "function") return;
      this.#called = true;
      Promise.resolve(promised).then(() => this.#callNext(), (e: unknown) => this.#threw(e));
    } catch (e) {
      this.#threw(e);
    }
  }

  #callNext(): void {
    const news = this.#untold;
    this.#untold = undefined;
    this.#called = false;
    if (news && !this.#over) this.#callBack(news);
  }

  #threw(cause: unknown): void {
    if (this.#over) return;
    this.#drop();
    this.#reject(new UsageError("usage", "onProgress threw; the task goes on at the broker", { taskId: this.id, cause }));
  }

  #give(offset: number, n: number): void {
    const { pulled: bytes, input } = this.#prepared ?? {};
    if (!bytes || input?.kind !== "pull") return;
    try {
      checkUnchanged(bytes, input.length);
    } catch (e) {
      this.#drop();
      return this.#reject(e as UsageError);
    }
    const piece = new Uint8Array(bytes.subarray(offset, offset + n));
    this.#core.bridge.post({ do: "piece", key: this.key, offset, bytes: piece }, piece.buffer);
  }

  #refused(why: Error): void {
    this.#gone();
    this.#reject(why);
  }

  #gone(): void {
    this.#core.silence(this.key);
    this.onEnd?.();
  }

  #end(end: End): void {
    this.#news = { ...this.#news, state: end.state, accepted: true };
    this.#version++;
    this.#accepted.resolve();
    this.#gone();
    if (end.status !== 0) {
      this.#owed = this.#options.manualAck || end.state === "succeeded" ? undefined : end.generation;
      return this.#reject(this.#core.failure(end.status, end.text, this.id));
    }
    const result = new Result(this.id, end);
    if (this.#vkey) return void this.#verify(this.#vkey, result, end);
    try {
      this.#check(result, undefined);
      this.#resolve(result, end);
    } catch (e) {
      this.#wrong(end, e);
    }
  }

  async #verify(key: VerificationKey, result: Result, end: End): Promise<void> {
    const release = this.#core.hold();
    try {
      this.#check(result, key);
      await verifyProof(key, result, this.id);
      result.checked = result.checked === "publics" ? "statement" : "proof";
      this.#resolve(result, end);
    } catch (e) {
      this.#wrong(end, e);
    } finally {
      release();
    }
  }

  /** A wrong result is never acknowledged, so that it can still be looked at. */
  #wrong(end: End, e: unknown): void {
    if (!this.#core.over) this.#core.bridge.post({ do: "ack", task: this.id, generation: end.generation, acked: false });
    this.#reject(e instanceof Error ? e : new Error(String(e)));
  }

  /** A proof that verifies may be an old one of another input: the public signals have to be those of the witness. */
  #check(result: Result, key: VerificationKey | undefined): void {
    const { publicSignals } = this.#options;
    if (!result.isProof) {
      if (key || publicSignals) throw new BadProofError("bad-proof", "the result is no Groth16 proof", { taskId: this.id });
      return;
    }
    const signals = result.publicSignals;
    const expected = publicSignals ?? this.#prepared?.publics(key ? key.publics : signals.length);
    if (expected && (expected.length !== signals.length || expected.some((value, i) => value !== signals[i]))) {
      throw new BadProofError("bad-proof", `the public signals are not those ${publicSignals ? "that were expected" : "of the witness"}`, { taskId: this.id });
    }
    if (expected) result.checked = "publics";
  }

  #resolve(result: Result, end: End): void {
    if (!this.#options.manualAck) this.#owed = end.generation;
    this.#finish();
    this.#outcome.resolve(result);
  }

  #reject(why: Error): void {
    this.#finish();
    this.#accepted.reject(why);
    this.#outcome.reject(why);
  }

  #finish(): void {
    this.#over = true;
    this.#prepared = undefined;
    this.#unabort?.();
    this.#wake();
  }

  /** Once the caller has it. */
  #acknowledge(): void {
    if (!this.#over || this.#owed === undefined || this.#core.over) return;
    this.#core.bridge.post({ do: "ack", task: this.id, generation: this.#owed, acked: true });
    this.#owed = undefined;
  }
}

