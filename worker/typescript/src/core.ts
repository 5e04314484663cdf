/** What a client and its tasks share: the line to the connection's thread, who listens to what, and waits that end. */
import type { Bridge, BridgeUser } from "./bridge.js";
import { BadStateError, BusyError, InternalError, TimeoutError, errorOf, wordOf, type ProvostError } from "./errors.js";
import type { LinkState, Tiding } from "./io/bridge.js";
import { positive } from "./options.js";
import type { Message } from "./wire/codec.js";
import type { MessageName } from "./wire/lists.js";

/** The answer to a question, and the payload that came with it. */
export interface Answer {
  message: Message;
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

export interface WaitOptions {
  timeout: number;
  taskId?: string | undefined;
  /** The limit of the broker that it waits at, or "". */
  held?: () => string;
  /** Called when the time is over: how many ms more it may take, 0 to give up. */
  more?: () => number;
  /** The error when it took too long. */
  late?: () => ProvostError;
}

export class Core implements BridgeUser {
  link: LinkState = { up: false, endpoint: "", status: 5, text: "not connected yet", welcomes: 0, terms: undefined };
  /** Why nothing works any more, once that is so. */
  over: ProvostError | undefined;
  bridge!: Bridge;
  private readonly listeners = new Map<number, (tiding: Tiding) => void>();
  private readonly endings = new Set<(why: ProvostError) => void>();
  private readonly onLink = new Set<() => void>();
  private readonly pid = process.pid;
  private holds = 0;
  private keys = 0;

  constructor(
    readonly requestTimeout: number,
    readonly waitTimeout: number,
  ) {}

  /** @throws BadStateError when the client is closed, or was opened in another process */
  check(): void {
    if (this.over) throw this.over;
    if (process.pid !== this.pid) {
      throw new BadStateError("bad-state", "this client was opened in another process, before a fork: call connect() in this one");
    }
  }

  newKey(): number {
    return ++this.keys;
  }

  listen(key: number, listener: (tiding: Tiding) => void): void {
    this.listeners.set(key, listener);
  }

  silence(key: number): void {
    this.listeners.delete(key);
  }

  /** Keeps the process alive until the returned function is called. */
  hold(): () => void {
    if (this.holds++ === 0) this.bridge.hold(true);
    let held = true;
    return () => {
      if (held && --this.holds === 0) this.bridge.hold(false);
      held = false;
    };
  }

  onTidings(tidings: Tiding[]): void {
    for (const tiding of tidings) {
      if (tiding.say === "link") this.changed(tiding.link);
      else if ("key" in tiding) this.listeners.get(tiding.key)?.(tiding);
    }
  }

  private changed(link: LinkState): void {
    this.link = link;
    for (const listener of [...this.onLink]) listener();
  }

  onBroken(why: Error): void {
    this.end(new InternalError("internal", `the connection's thread failed: ${why.message}`, { cause: why }));
  }

  /** Ends every wait. */
  end(why: ProvostError): void {
    this.over ??= why;
    for (const ending of [...this.endings]) ending(why);
  }

  /** Why a wait ended without an answer: the time, or why there is no connection. */
  late(options: WaitOptions): ProvostError {
    const details = { taskId: options.taskId };
    const held = options.held?.();
    if (held && this.link.up) return new BusyError("busy", held, details);
    if (this.link.up) return new TimeoutError("timeout", "no answer in time", details);
    const word = wordOf(this.link.status);
    return errorOf(word === "ok" ? "unreachable" : word, this.link.text, details);
  }

  /** Waits for a promise, at most `timeout` ms; keeps the process alive meanwhile. */
  wait<T>(promise: Promise<T>, options: WaitOptions): Promise<T> {
    if (this.over) return Promise.reject(this.over);
    const release = this.hold();
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout;
      const done = () => {
        clearTimeout(timer);
        this.endings.delete(ended);
        release();
      };
      const ended = (why: ProvostError) => (done(), reject(why));
      const late = () => {
        const more = options.more?.() ?? 0;
        if (more > 0) timer = setTimeout(late, more);
        else ended(options.late?.() ?? this.late(options));
      };
      this.endings.add(ended);
      timer = setTimeout(late, options.timeout);
      promise.then((value) => (done(), resolve(value)), (why: unknown) => (done(), reject(why)));
    });
  }

  /** Waits until a broker has welcomed the client. */
  async ready(given: number | undefined): Promise<void> {
    const timeout = positive(given, this.requestTimeout, "timeout");
    this.check();
    if (this.link.up) return;
    let listener!: () => void;
    const up = new Promise<void>((resolve) => {
      listener = () => this.link.up && resolve();
      this.onLink.add(listener);
    });
    try {
      await this.wait(up, { timeout });
    } finally {
      this.onLink.delete(listener);
    }
  }

  /** Asks a question that has one answer. */
  async ask(message: Message, want: MessageName, given?: number): Promise<Answer> {
    const timeout = positive(given, this.requestTimeout, "timeout"); // before anything is said
    this.check();
    const key = this.newKey();
    let held = "";
    const answer = new Promise<Answer>((resolve, reject) => {
      this.listen(key, (t) => {
        if (t.say === "answer") resolve(t);
        else if (t.say === "failed") reject(this.failure(t.status, t.text, message.task));
        else if (t.say === "waiting") held = t.text;
      });
    });
    this.bridge.post({ do: "ask", key, message, want });
    try {
      return await this.wait(answer, { timeout, taskId: message.task, held: () => held });
    } finally {
      this.silence(key);
      if (!this.over) this.bridge.post({ do: "forget", key });
    }
  }

  failure(status: number, text: string, taskId: string | undefined): ProvostError {
    const word = wordOf(status);
    return errorOf(word === "ok" ? "internal" : word, text, { taskId });
  }

  /** Waits until every acknowledgement was said to the broker. */
  async flush(timeout: number): Promise<void> {
    this.check();
    const key = this.newKey();
    const flushed = new Promise<void>((resolve) => this.listen(key, () => resolve()));
    this.bridge.post({ do: "flush", key });
    try {
      await this.wait(flushed, { timeout });
    } finally {
      this.silence(key);
    }
  }

  async close(): Promise<void> {
    if (this.over) return;
    const { bridge } = this;
    this.end(new BadStateError("bad-state", "the client is closed"));
    await bridge.end();
  }
}
