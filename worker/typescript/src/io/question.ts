/** A question with one answer: asked again after a reconnect and after 10 s, answered once. */
import { Malformed, type Message } from "../wire/codec.js";
import type { MessageName } from "../wire/lists.js";
import { creditOf, incomingOf, isLive } from "./followed.js";
import type { Link } from "./link.js";
import { BAD_MESSAGE, BAD_STATE, BUSY, INTERNAL, USAGE, refusal } from "./text.js";
import type { Incoming } from "./transfer.js";

export interface QuestionUser {
  readonly link: Link;
  answered(question: Question, message: Message, bytes: Uint8Array<ArrayBuffer> | undefined): void;
  failed(question: Question, status: number, text: string): void;
  /** A limit is reached: it is asked again. */
  held(question: Question, text: string): void;
}

const RESEND_MS = 10_000;
/** To these, bad-state is an answer about the task, queue or prover. To the others it means that the broker does not know us. */
const BAD_STATE_ANSWERS: readonly MessageName[] = ["FETCH", "KICK", "CANCEL", "PROVER", "QUEUE"];

export class Question {
  private timer: NodeJS.Timeout | undefined;
  private hellos = 0;
  private said = false;
  private answer: Message | undefined;
  private incoming: Incoming | undefined;
  done = false;

  constructor(
    readonly key: number,
    private readonly message: Message,
    private readonly want: MessageName,
    private readonly user: QuestionUser,
  ) {}

  get task(): string | undefined {
    return this.message.task;
  }

  get req(): number {
    return this.message.req!;
  }

  /** Says it now, and again when no answer comes. */
  say(): void {
    if (this.done) return;
    if (this.said && this.user.link.crowded) return this.again(RESEND_MS);
    this.said = true;
    this.incoming?.rewind();
    try {
      this.user.link.send(this.message);
    } catch (e) {
      if (!(e instanceof Malformed)) throw e;
      return this.fail(USAGE, e.message);
    }
    this.again(RESEND_MS);
  }

  private again(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say(), ms);
  }

  drop(): void {
    this.done = true;
    clearTimeout(this.timer);
  }

  private fail(status: number, text: string): void {
    this.drop();
    this.user.failed(this, status, text);
  }

  private finish(bytes?: Uint8Array<ArrayBuffer>): void {
    this.drop();
    const { payload: _, ...answer } = this.answer!;
    this.user.answered(this, answer, bytes);
  }

  onAnswer(m: Message): void {
    if (m.type === "ERROR") return this.refused(m);
    if (m.type !== this.want || (this.task !== undefined && m.task !== this.task)) return;
    this.answer = m;
    if (this.want === "DELIVER") this.result(m);
    else this.finish();
  }

  private refused(m: Message): void {
    const text = refusal(m, this.message.type, this.message.queue);
    if (m.status === BUSY) {
      const pause = Math.max(m.retry_ms ?? 500, 20);
      this.again(pause + Math.random() * (pause / 4));
      this.user.held(this, text);
    } else if (m.status === BAD_STATE && !BAD_STATE_ANSWERS.includes(this.message.type) && this.hellos++ < 3) {
      this.again(1000);
      this.user.link.rehello();
    } else {
      this.fail(m.status!, text);
    }
  }

  private result(m: Message): void {
    const there = m.length !== undefined && m.sha256 !== undefined;
    if (isLive(m.state!) || (m.state === "succeeded" && m.status === 0 && !there)) return this.fail(BAD_MESSAGE, "the broker answered without a result");
    if (m.state !== "succeeded" || !there) return this.finish();
    const incoming = incomingOf(m, this.user.link, this.incoming);
    if (typeof incoming === "number") return this.fail(incoming, "the result does not match its digest, or is larger than this client takes");
    if (incoming instanceof Uint8Array) return this.finish(new Uint8Array(incoming)); // a copy: the frame is libzmq's memory
    this.incoming = incoming;
    this.grant();
  }

  private grant(): void {
    const credit = creditOf(this.incoming!, this.user.link, this.task!);
    if (credit) this.user.link.answer(credit);
    this.again(RESEND_MS);
  }

  onChunk(m: Message): void {
    if (this.done || !this.incoming) return;
    const taken = this.incoming.take(m.offset!, m.payload!);
    if (taken === "mismatch") this.fail(INTERNAL, "the result does not match its digest");
    else if (taken === "complete") this.finish(this.incoming.release());
    else if (taken === "more") this.grant();
  }
}
