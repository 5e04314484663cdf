/** The connection's side of a client: what the caller orders, what the broker says. One per thread. */
import type { Message } from "../wire/codec.js";
import type { Token } from "../wire/lists.js";
import type { End, LinkState, Order, Tiding } from "./bridge.js";
import { Followed, type TaskUser } from "./followed.js";
import { InputSlots, Pulled, sourceInFile, sourceOf, type Source } from "./input.js";
import { Link, type LinkOptions, type LinkUser } from "./link.js";
import { Slots } from "./slots.js";
import { Question, type QuestionUser } from "./question.js";
import { BAD_MESSAGE, BAD_STATE, STANDBY, UNAUTHORIZED, refusal } from "./text.js";
import { codeOf } from "../errors.js";

interface Ack {
  task: string;
  generation: number;
  acked: boolean;
}

type Submit = Order & { do: "submit" };

const ACKS_MOST = 1024; // results handed over that are remembered, in case they come again

export class Engine implements LinkUser, TaskUser, QuestionUser {
  readonly link: Link;
  private readonly tasks = new Map<string, Followed>();
  private readonly byKey = new Map<number, Followed>();
  private readonly questions = new Map<number, Question>();
  private readonly byReq = new Map<number, Question>();
  /** Results that were handed over, a ring. */
  private readonly acks: Ack[] = [];
  private acksAt = 0;
  private flushing: number[] = [];
  private unsent: { task: string; generation: number }[] = [];
  private readonly due = new Map<Followed, number>();
  /** Tasks whose upload waits for room. */
  private readonly uploads = new Set<Followed>();
  private readonly opening = new Map<number, { dropped: boolean }>();
  private timer: NodeJS.Timeout | undefined;
  private timerMs = Infinity;
  private reqs = 0;

  constructor(
    start: LinkOptions,
    private readonly say: (tiding: Tiding, transfer?: ArrayBuffer) => void,
    private readonly inputs = new InputSlots(Slots.memory()),
    private readonly results = new Slots(Slots.memory()),
  ) {
    this.link = new Link(start, this);
  }

  // --- what the caller orders ---

  take(order: Order): void {
    switch (order.do) {
      case "submit": return this.submit(order);
      case "attach": return this.follow(new Followed(order.key, order.task, this, undefined));
      case "forget": return this.forget(order.key);
      case "ask": return this.ask(order);
      case "piece": return this.piece(order);
      case "ack": return this.ack(order.task, order.generation, order.acked);
      case "flush": return this.flush(order.key);
      case "close": return void this.close();
    }
  }

  private submit(order: Submit): void {
    const { key, input } = order;
    if (input.kind === "file") return void this.open(order, input.path);
    this.begin(order, sourceOf(input, this.inputs, (offset, bytes) => this.say({ say: "pull", key, offset, bytes })));
  }

  private begin(order: Submit, source: Source): void {
    const { key, task, fields, expiresMs, busyFails, quiet } = order;
    this.follow(new Followed(key, task, this, { fields, expiresMs, source, busyFails, quiet }));
  }

  private async open(order: Submit, path: string): Promise<void> {
    const { key } = order;
    const opening = { dropped: false };
    this.opening.set(key, opening);
    try {
      const source = await sourceInFile(path);
      if (opening.dropped) source.close();
      else this.begin(order, source);
    } catch (e) {
      this.say({ say: "refused", key, status: codeOf("io"), text: e instanceof Error ? e.message : String(e) });
    } finally {
      this.opening.delete(key);
    }
  }

  private follow(task: Followed): void {
    this.tasks.get(task.id)?.drop(); // the caller's side allows one at a time
    this.tasks.set(task.id, task);
    this.byKey.set(task.key, task);
    if (this.link.state === "up") task.step();
  }

  private forget(key: number): void {
    const opening = this.opening.get(key);
    if (opening) opening.dropped = true;
    const question = this.questions.get(key);
    question?.drop();
    if (question) this.closed(question);
    const task = this.byKey.get(key);
    if (!task) return;
    task.drop();
    this.gone(task);
  }

  private gone(task: Followed): void {
    this.byKey.delete(task.key);
    this.due.delete(task);
    this.uploads.delete(task);
    if (this.tasks.get(task.id) === task) this.tasks.delete(task.id);
  }

  private ask(order: Order & { do: "ask" }): void {
    const question = new Question(order.key, { ...order.message, req: this.nextReq() }, order.want, this);
    this.questions.set(order.key, question);
    this.byReq.set(question.req, question);
    if (this.link.state === "up") question.say();
  }

  private piece(order: Order & { do: "piece" }): void {
    const source = this.byKey.get(order.key)?.source;
    if (source instanceof Pulled) source.give(order.offset, order.bytes);
  }

  private ack(task: string, generation: number, acked: boolean): void {
    this.acks[this.acksAt] = { task, generation, acked };
    this.acksAt = (this.acksAt + 1) % ACKS_MOST;
    if (!acked) return;
    if (this.link.state === "up") this.link.send({ type: "ACK", task, generation });
    else this.unsent.push({ task, generation });
  }

  private sendAcks(): void {
    if (this.link.state !== "up") return;
    for (const ack of this.unsent) this.link.send({ type: "ACK", ...ack });
    this.unsent = [];
    for (const key of this.flushing.splice(0)) this.say({ say: "flushed", key });
  }

  private flush(key: number): void {
    this.flushing.push(key);
    if (this.link.state === "up") this.sendAcks();
  }

  private async close(): Promise<void> {
    clearTimeout(this.timer);
    for (const task of this.byKey.values()) task.drop();
    for (const question of this.questions.values()) question.drop();
    await this.link.close();
    this.say({ say: "closed" });
  }

  // --- what the broker says ---

  onUp(): void {
    this.inputs.welcomed();
    this.sendAcks();
    for (const task of [...this.byKey.values()]) task.resume();
    for (const question of [...this.questions.values()]) question.say();
  }

  onChange(): void {
    const { state, endpoint, trouble, welcomes, terms } = this.link;
    const link: LinkState = { up: state === "up", endpoint, status: trouble.status, text: trouble.text, welcomes, terms };
    this.say({ say: "link", link });
  }

  onRoom(): void {
    if (this.uploads.size === 0) return;
    const waiting = [...this.uploads];
    this.uploads.clear();
    for (const task of waiting) task.room();
  }

  onMessage(m: Message): void {
    if (m.req === 0) delete m.req; // no request has it
    switch (m.type) {
      case "HEARTBEAT": return this.heartbeat(m);
      case "ERROR": return this.error(m);
      case "CREDIT": return m.kind === "input" ? this.tasks.get(m.task!)?.onCredit(m) : undefined;
      case "CHUNK": return this.chunk(m);
      case "REVOKE": return this.confirm(m.token!);
      case "CLAIMED": return this.link.answer({ type: "RELEASE", token: m.token!, reason: "drain" });
      default: return this.answer(m);
    }
  }

  private heartbeat(m: Message): void {
    if (m.epoch !== this.link.terms!.epoch) return this.link.rehello(); // WELCOME tells whether that broker is older
    for (const token of m.revoked ?? []) this.confirm(token);
  }

  /** This process proves nothing, so what is revoked has stopped. */
  private confirm(token: Token): void {
    this.link.answer({ type: "REVOKED", token });
  }

  private question(req: number | undefined): Question | undefined {
    return req === undefined ? undefined : this.byReq.get(req);
  }

  private closed(question: Question): void {
    this.questions.delete(question.key);
    this.byReq.delete(question.req);
  }

  private answer(m: Message): void {
    const task = m.task === undefined ? undefined : this.tasks.get(m.task);
    if (m.type === "CANCELLED") task?.onCancelled(m);
    const question = this.question(m.req);
    if (question) return question.onAnswer(m);
    if (!task || task.isEarlier(m)) return m.type === "DELIVER" ? this.repeatAck(m) : undefined;
    if (m.type === "SUBMIT_OK" || m.type === "TASK") task.onAccepted(m);
    else if (m.type === "DELIVER") task.onDeliver(m);
    else if (m.type === "PROGRESS") task.onProgress(m);
  }

  /** A result that comes again is acknowledged again, and not handed over again. */
  private repeatAck(m: Message): void {
    if (this.acks.some((a) => a.acked && a.task === m.task && a.generation === m.generation)) this.link.answer({ type: "ACK", task: m.task!, generation: m.generation! });
  }

  private chunk(m: Message): void {
    if (m.kind !== "result") return;
    for (const question of this.questions.values()) if (question.task === m.task) question.onChunk(m);
    this.tasks.get(m.task!)?.onChunk(m);
  }

  private error(m: Message): void {
    if (m.status === 0) m.status = BAD_MESSAGE; // "ok" would end a request without its answer
    const question = this.question(m.req);
    if (question) return question.onAnswer(m);
    const task = m.task !== undefined ? this.tasks.get(m.task) : this.taskOf(m.req);
    if (task && this.link.state === "up") return task.onError(m);
    if (this.link.state === "dialling" && m.status === STANDBY) return this.link.standby(m, refusal(m, "HELLO"));
    if (this.link.state === "dialling") return this.link.fail(m.status!, refusal(m, "HELLO"));
    if (m.req !== undefined) return;
    if (m.status === BAD_STATE) this.link.rehello();
    else if (m.status === UNAUTHORIZED) this.link.fail(UNAUTHORIZED, refusal(m, "HELLO")); // the key was revoked
  }

  private taskOf(req: number | undefined): Followed | undefined {
    if (req === undefined) return undefined;
    for (const task of this.byKey.values()) if (task.req === req) return task;
    return undefined;
  }

  // --- of the tasks and questions ---

  nextReq(): number {
    this.reqs = this.reqs === 0xffffffff ? 1 : this.reqs + 1;
    return this.reqs;
  }

  waitRoom(task: Followed): void {
    this.uploads.add(task);
  }

  /** One timer for all tasks, at the earliest of their times or before it. */
  wake(task: Followed, atMs: number): void {
    if (atMs === Infinity) {
      this.due.delete(task);
      return;
    }
    this.due.set(task, atMs);
    if (atMs < this.timerMs) this.arm(atMs);
  }

  private arm(atMs: number): void {
    clearTimeout(this.timer);
    this.timerMs = atMs;
    this.timer = setTimeout(() => this.stepDue(), Math.max(0, atMs - performance.now()) + 1);
  }

  private stepDue(): void {
    const now = performance.now();
    this.timerMs = Infinity;
    for (const [task, atMs] of [...this.due]) {
      if (atMs > now) continue;
      this.due.delete(task);
      if (this.link.state === "up") task.step();
    }
    let next = Infinity;
    for (const atMs of this.due.values()) next = Math.min(next, atMs);
    if (next < this.timerMs) this.arm(next);
  }

  news(task: Followed): void {
    this.say({ say: "news", key: task.key, news: { ...task.news } });
  }

  refused(task: Followed, status: number, text: string): void {
    this.gone(task);
    this.say({ say: "refused", key: task.key, status, text });
  }

  over(task: Followed, end: End, frame?: Uint8Array): void {
    this.gone(task);
    const slot = frame ? this.results.put(frame) : -1;
    if (slot >= 0) return this.say({ say: "over", key: task.key, end, inSlot: { slot, length: frame!.length } });
    if (frame) end.bytes = new Uint8Array(frame); // a copy: the frame is libzmq's memory
    this.say({ say: "over", key: task.key, end }, end.bytes?.buffer);
  }

  answered(question: Question, message: Message, bytes: Uint8Array<ArrayBuffer> | undefined): void {
    this.closed(question);
    this.say({ say: "answer", key: question.key, message, bytes }, bytes?.buffer);
  }

  failed(question: Question, status: number, text: string): void {
    this.closed(question);
    this.say({ say: "failed", key: question.key, status, text });
  }

  held(question: Question, text: string): void {
    this.say({ say: "waiting", key: question.key, text });
  }
}
