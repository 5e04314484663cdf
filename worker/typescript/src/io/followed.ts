/**
 * A task that is followed, from the submit to its end.
 *
 *     asking --SUBMIT_OK, TASK--> following --DELIVER--> receiving --last chunk--> over
 *        '--ERROR--> over (refused)   '---- DELIVER with the result inside ---------'
 *
 * Every request is idempotent: what was asked is asked again after a reconnect, and after 10 s without an answer.
 */
import type { Message } from "../wire/codec.js";
import { liveStates, type TaskState, type Whole } from "../wire/lists.js";
import { codeOf } from "../errors.js";
import { monotonicMs } from "../expiry.js";
import type { End, News, SubmitFields } from "./bridge.js";
import type { Source } from "./input.js";
import type { Link } from "./link.js";
import { BAD_MESSAGE, BAD_STATE, BUSY, HASH_MISMATCH, INTERNAL, TOO_LARGE, refusal, sizeText, visible } from "./text.js";
import { Incoming, Outgoing, sha256Of } from "./transfer.js";

/** What a followed task wants of the engine. */
export interface TaskUser {
  readonly link: Link;
  nextReq(): number;
  /** Has room() called once there is room to send again. */
  waitRoom(task: Followed): void;
  /** step() is due at `atMs` at the latest. */
  wake(task: Followed, atMs: number): void;
  news(task: Followed): void;
  refused(task: Followed, status: number, text: string): void;
  /** `frame`: the bytes of its result, borrowed for the call. */
  over(task: Followed, end: End, frame?: Uint8Array): void;
}

const ASK_AGAIN_MS = 10_000;
const CROWDED_MS = 1000;
const BUSY_LEAST_MS = 20;
const BUSY_MOST_MS = 30_000;
const FETCH_AFTER_MS = 1000; // the broker pushes the result with its answer; if it does not, ask for it
const FETCH_AGAIN_MS = 5000;
const GRANT_AGAIN_MS = 10_000;
const READ_BYTES = 1024 * 1024; // 4 chunks, then control messages get their turn
const WINDOW_MOST = 4 * 1024 * 1024;
const PROGRESS_MS = 1000;
const UPLOAD_NEWS_MS = 250;
const DAMAGES_MOST = 5;
/** A result is held whole in memory: above this it is refused, and stays with the broker. */
const RESULT_MOST = 1024 * 1024 * 1024;

/** True while the task may still run. */
export function isLive(state: TaskState): boolean {
  return (liveStates as readonly string[]).includes(state);
}

/** A number for people, -1 when it is not there. */
function known(value: Whole | undefined): number {
  return value === undefined ? -1 : Number(value);
}

function reason(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}

/** What DELIVER says of an end; "ok" of a task that did not succeed is read by its state. */
export function endOf(m: Message): End {
  let status = m.status!;
  if (status === 0 && m.state !== "succeeded") {
    status = m.state === "cancelled" || m.state === "expired" || m.state === "dead" ? codeOf(m.state) : BAD_MESSAGE;
  }
  return {
    state: m.state!, status, text: visible(m.text ?? ""), generation: m.generation!,
    prover: m.prover ?? "", measuredMs: Number(m.measured_ms ?? 0), bytes: undefined,
  };
}

/** The next window of a result. */
export function creditOf(incoming: Incoming, link: Link, task: string): Message | undefined {
  const grant = incoming.grant(Math.min(link.terms!.window, WINDOW_MOST));
  return grant && { type: "CREDIT", kind: "result", task, ...grant };
}

/** What DELIVER announces: its bytes when they came along, borrowed, else what receives them; or why not, a wire code. */
export function incomingOf(m: Message, link: Link, before?: Incoming): Incoming | Uint8Array | number {
  const length = Number(m.length);
  if (length > Math.min(link.terms!.payloadMax, RESULT_MOST)) return TOO_LARGE;
  const whole = m.payload ?? (length === 0 ? new Uint8Array(0) : undefined);
  if (whole) return sha256Of(whole) === m.sha256 ? whole : HASH_MISMATCH;
  const same = before && before.length === length && before.sha256 === m.sha256;
  const incoming = same ? before : new Incoming(length, m.sha256!);
  incoming.rewind();
  return incoming;
}

export class Followed {
  stage: "asking" | "following" | "receiving" | "over" = "asking";
  req = 0;
  readonly news: News;
  private accepted = false;
  private askMs = 0;
  private fetchMs = Infinity;
  private grantMs = Infinity;
  private hellos = 0;
  private reading = false;
  private newsMs = -Infinity;
  private newsHeld = false;
  private damages = 0;
  private toldHeld = "";
  private outgoing: Outgoing | undefined;
  private incoming: Incoming | undefined;
  private end: End | undefined;

  constructor(
    readonly key: number,
    readonly id: string,
    private readonly user: TaskUser,
    /** Undefined: a task to attach to. */
    private readonly submit: { fields: SubmitFields; expiresMs: number; source: Source; busyFails: boolean; quiet: boolean } | undefined,
  ) {
    const total = submit?.source.length ?? 0;
    this.news = {
      state: "receiving", accepted: false, sent: 0, total, percent: 0, phase: "", note: "", etaMs: -1, position: -1, unservable: false, held: "",
    };
    if (submit) this.outgoing = new Outgoing(total);
  }

  /** The source of its input, while that is still needed. */
  get source(): Source | undefined {
    return this.submit?.source;
  }

  /** After a WELCOME everything that waits for the broker is said again. */
  resume(): void {
    if (this.stage === "over") return;
    this.stage = "asking"; // an accepted task says ATTACH
    this.askMs = 0;
    this.outgoing?.rewind();
    this.incoming?.rewind();
    this.step();
  }

  /** Sends what is due. Only while the link is up. */
  step(): void {
    const now = performance.now();
    if (this.stage === "asking") this.ask(now);
    else if (this.stage === "receiving") this.receive(now);
    else if (this.stage === "following") this.follow(now);
  }

  /** There is room to send again. */
  room(): void {
    if (this.stage === "asking") void this.upload();
  }

  /**
   * True when m is about an earlier task of this id: the SUBMIT has no answer yet, and m is none. A broker that did not see the
   * acknowledgement of a result delivers it again after a restart, and it may be of another input. All that a broker says of a task
   * follows the SUBMIT_OK on the same connection.
   */
  isEarlier(m: Message): boolean {
    const answer = m.type === "SUBMIT_OK" && m.req === this.req;
    return this.stage === "asking" && !this.attaches && !answer;
  }

  private get attaches(): boolean {
    return !this.submit || this.accepted;
  }

  private ask(now: number): void {
    const { link } = this.user;
    if (!this.attaches && this.submit!.source.length > link.terms!.payloadMax) {
      const { length } = this.submit!.source;
      return this.refuse(TOO_LARGE, `${sizeText(length)}; the broker takes at most ${sizeText(link.terms!.payloadMax)}`);
    }
    const kind = this.submit?.fields.input_kind;
    if (!this.attaches && kind !== undefined && !link.terms!.inputKinds.includes(kind)) {
      // it would pass the kind over, and have the input proved as if it were a witness
      return this.refuse(codeOf("bad-version"), `the broker is too old to take an ${kind}: it has witnesses proved alone; nothing was sent`);
    }
    if (now >= this.askMs && this.req !== 0 && link.crowded) {
      this.askMs = now + CROWDED_MS; // what was asked before may wait here still
    } else if (now >= this.askMs) {
      this.outgoing?.rewind();
      this.req = this.user.nextReq();
      this.askMs = now + ASK_AGAIN_MS;
      if (this.attaches) link.send({ type: "ATTACH", req: this.req, task: this.id });
      else this.say();
    }
    this.user.wake(this, this.askMs);
  }

  /** A broker that takes a duration is told what is left of the deadline: its clock may be another. */
  private message(): Message {
    const { fields, expiresMs, source } = this.submit!;
    const message: Message = { ...fields, type: "SUBMIT", req: this.req, task: this.id, length: source.length, sha256: source.sha256 };
    if (fields.deadline !== undefined && this.user.link.terms!.deadlineIn) {
      message.deadline = undefined;
      message.deadline_in_ms = Math.max(0, Math.round(expiresMs - monotonicMs()));
    }
    if (!this.user.link.terms!.traces) message.traceparent = undefined;
    return message;
  }

  private say(): void {
    const { source } = this.submit!;
    const message = this.message();
    const read = source.length <= this.user.link.terms!.inlineMax ? source.read(0, source.length) : undefined;
    if (!(read instanceof Promise)) return this.sayWith(message, read); // no await without need: submits keep their order
    read.then((bytes) => this.sayWith(message, bytes), (e: unknown) => this.refuse(INTERNAL, reason(e)));
  }

  private sayWith(message: Message, payload: Uint8Array | undefined): void {
    if (payload) message.payload = payload;
    try {
      if (this.stage === "asking" && this.req === message.req) this.user.link.send(message);
    } catch (e) {
      this.refuse(INTERNAL, reason(e));
    }
  }

  /** Sends what was granted, one read at a time. */
  private async upload(): Promise<void> {
    const out = this.outgoing;
    if (!out || this.reading) return;
    this.reading = true;
    try {
      while (this.stage === "asking" && out.open > 0) {
        if (!this.user.link.room) return this.user.waitRoom(this);
        await this.send(out);
      }
    } catch (e) {
      this.refuse(codeOf("io"), reason(e));
    } finally {
      this.reading = false;
    }
  }

  private async send(out: Outgoing): Promise<void> {
    const { sent: from, turns } = out;
    const bytes = await this.submit!.source.read(from, Math.min(READ_BYTES, out.open));
    const { link } = this.user;
    if (this.stage !== "asking" || link.state !== "up" || out.turns !== turns) return;
    if (bytes.length === 0) throw new Error("the input became shorter while it was sent");
    const { chunkMax } = link.terms!;
    for (let at = 0; at < bytes.length; at += chunkMax) {
      const payload = bytes.subarray(at, at + chunkMax);
      link.send({ type: "CHUNK", kind: "input", task: this.id, offset: from + at, payload });
    }
    out.sent = from + bytes.length;
    this.uploaded(out);
  }

  private uploaded(out: Outgoing): void {
    const now = performance.now();
    this.askMs = now + ASK_AGAIN_MS; // the upload moves: no new SUBMIT yet
    this.user.wake(this, this.askMs);
    this.news.sent = out.sent;
    if (now >= this.newsMs + UPLOAD_NEWS_MS || out.sent === out.length) this.tell(now);
  }

  onCredit(m: Message): void {
    if (this.stage !== "asking" || !this.outgoing) return;
    this.outgoing.grant(m.offset!, m.bytes!);
    this.askMs = Math.max(this.askMs, performance.now() + ASK_AGAIN_MS);
    void this.upload();
  }

  /** SUBMIT_OK or TASK. */
  onAccepted(m: Message): void {
    if (this.stage !== "asking" && this.stage !== "following") return;
    const now = performance.now();
    const changed = this.stage === "asking" || m.state !== this.news.state;
    if (this.stage === "asking") {
      this.stage = "following";
      this.accepted = true;
      this.req = 0;
      this.hellos = 0;
      this.outgoing = undefined;
      this.submit?.source.close(true);
      this.news.sent = this.news.total;
      this.fetchMs = isLive(m.state!) ? Infinity : now + FETCH_AFTER_MS;
    }
    const n = this.news;
    n.state = m.state!;
    n.accepted = true;
    n.held = "";
    n.position = known(m.position);
    n.etaMs = known(m.eta_ms);
    n.unservable = m.unservable ?? false;
    if (m.percent !== undefined) n.percent = m.percent;
    if (m.phase !== undefined) n.phase = m.phase;
    if (!isLive(m.state!) && this.fetchMs === Infinity) this.fetchMs = now + FETCH_AFTER_MS;
    if (changed || now >= this.newsMs + PROGRESS_MS) this.tell(now);
    else this.newsHeld = true;
    this.wakeFollowing();
  }

  onProgress(m: Message): void {
    if (this.stage !== "asking" && this.stage !== "following") return;
    const n = this.news;
    n.state = "running";
    n.position = 0;
    n.unservable = false;
    n.etaMs = known(m.eta_ms);
    if (m.percent !== undefined) n.percent = m.percent;
    if (m.phase !== undefined) n.phase = m.phase;
    if (m.note !== undefined) n.note = visible(m.note);
    const now = performance.now();
    if (now >= this.newsMs + PROGRESS_MS) return this.tell(now);
    this.newsHeld = true;
    this.user.wake(this, this.newsMs + PROGRESS_MS);
  }

  private tell(now: number): void {
    this.newsMs = now;
    this.newsHeld = false;
    if (this.submit?.quiet && this.news.held === this.toldHeld) return;
    this.toldHeld = this.news.held;
    this.user.news(this);
  }

  private follow(now: number): void {
    if (now >= this.fetchMs) {
      this.req = this.user.nextReq();
      this.user.link.answer({ type: "FETCH", req: this.req, task: this.id });
      this.fetchMs = now + FETCH_AGAIN_MS;
    }
    if (this.newsHeld && now >= this.newsMs + PROGRESS_MS) this.tell(now);
    this.wakeFollowing();
  }

  private wakeFollowing(): void {
    const news = this.newsHeld ? this.newsMs + PROGRESS_MS : Infinity;
    this.user.wake(this, Math.min(this.fetchMs, news));
  }

  private receive(now: number): void {
    if (now >= this.grantMs) this.incoming!.rewind();
    this.grant(now);
    this.user.wake(this, this.grantMs);
  }

  private grant(now: number): void {
    const credit = creditOf(this.incoming!, this.user.link, this.id);
    if (!credit) return;
    this.user.link.answer(credit);
    this.grantMs = now + GRANT_AGAIN_MS;
  }

  onDeliver(m: Message): void {
    if (this.stage === "over" || isLive(m.state!)) return;
    this.end = endOf(m);
    this.accepted = true;
    this.req = 0;
    this.fetchMs = Infinity;
    if (m.state !== "succeeded") return this.finish(this.end);
    if (m.length === undefined || m.sha256 === undefined) return this.withoutResult(this.end);
    this.begin(m);
  }

  private withoutResult(end: End): void {
    if (end.status !== 0) return this.finish(end);
    this.finish({ ...end, status: BAD_MESSAGE, text: "the broker says that the task succeeded, but not with what result" });
  }

  private begin(m: Message): void {
    const now = performance.now();
    const incoming = incomingOf(m, this.user.link, this.incoming);
    if (incoming === HASH_MISMATCH) return this.damaged(now);
    if (typeof incoming === "number") {
      return this.finish({ ...this.end!, status: incoming, text: "the result is larger than this client takes, or than the broker said it would be" });
    }
    if (incoming instanceof Uint8Array) return this.finish(this.end!, incoming);
    this.incoming = incoming;
    this.stage = "receiving";
    this.receive(now);
  }

  onChunk(m: Message): void {
    if (this.stage !== "receiving") return;
    const now = performance.now();
    const taken = this.incoming!.take(m.offset!, m.payload!);
    if (taken === "misplaced") return; // the missing part is granted again after GRANT_AGAIN_MS
    if (taken === "mismatch") return this.damaged(now);
    this.grantMs = now + GRANT_AGAIN_MS;
    if (taken === "complete") this.complete();
    else this.receive(now);
  }

  private complete(): void {
    this.finish({ ...this.end!, bytes: this.incoming!.release() });
  }

  /** Damaged on its way, or at the broker: fetched again at once, then after 1, 2, 4 and 8 s, then given up. */
  private damaged(now: number): void {
    this.incoming = undefined;
    if (this.damages === DAMAGES_MOST) {
      return this.finish({ ...this.end!, status: HASH_MISMATCH, text: "the result came damaged again and again; the broker keeps it" });
    }
    this.stage = "following";
    this.fetchMs = this.damages ? now + 500 * 2 ** this.damages : 0;
    this.damages++;
    this.step();
  }

  /** The broker says no DELIVER to the session that cancelled the task, so the end is fetched. */
  onCancelled(m: Message): void {
    if (this.stage !== "following" || m.state !== "cancelled") return;
    this.fetchMs = 0;
    this.step();
  }

  onError(m: Message): void {
    if (this.stage === "asking" && (m.req === undefined || m.req === this.req)) this.askRefused(m);
    else if (this.stage === "following" && m.req !== undefined && m.req === this.req) this.fetchRefused(m);
  }

  private askRefused(m: Message): void {
    const text = refusal(m, this.attaches ? "ATTACH" : "SUBMIT", this.submit?.fields.queue);
    this.outgoing?.rewind();
    if (m.status === BUSY && !(this.submit?.busyFails ?? false)) return this.later(m, text);
    if (m.status === BAD_STATE && this.hellos++ < 3) {
      this.askMs = performance.now() + 1000; // the WELCOME asks at once
      this.user.wake(this, this.askMs);
      return this.user.link.rehello();
    }
    if (this.accepted) this.finish({ ...this.lost(), status: m.status!, text });
    else this.refuse(m.status!, text);
  }

  /** A limit does not end the task: the broker says when to try again. */
  private later(m: Message, text: string): void {
    const pause = Math.min(Math.max(m.retry_ms ?? 1000, BUSY_LEAST_MS), BUSY_MOST_MS);
    const now = performance.now();
    this.askMs = now + pause + Math.random() * (pause / 4);
    this.news.held = text;
    this.tell(now);
    this.user.wake(this, this.askMs);
  }

  private fetchRefused(m: Message): void {
    this.req = 0;
    this.fetchMs = Infinity;
    if (m.status === BAD_STATE || m.status === BUSY) return; // not over after all: the broker will push the result
    this.finish({ ...this.lost(), status: m.status!, text: refusal(m, "FETCH") });
  }

  private lost(): End {
    return this.end ?? { state: this.news.state, status: 0, text: "", generation: 0, prover: "", measuredMs: 0, bytes: undefined };
  }

  private refuse(status: number, text: string): void {
    if (this.stage === "over") return;
    this.submit?.source.close(true); // it was answered, or never said
    this.drop();
    this.user.refused(this, status, text);
  }

  private finish(end: End, frame?: Uint8Array): void {
    this.drop();
    this.user.over(this, end, frame);
  }

  /** Ends it without a word to anybody. */
  drop(): void {
    this.stage = "over";
    this.incoming = this.outgoing = undefined;
    this.submit?.source.close();
  }
}
