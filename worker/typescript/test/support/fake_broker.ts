// A broker that says exactly what the test tells it to.
import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { connect, type Client, type ConnectOptions } from "provost";
import { Router } from "zeromq";
import { decode, encode, type Message } from "../../dist/wire/codec.js";
import type { MessageName } from "../../dist/wire/lists.js";
import { setTimeout as sleep } from "node:timers/promises";
import { poll } from "./cluster.js";

export interface Heard extends Message {
  from: Buffer;
}

export const TERMS = {
  heartbeat_ms: 200, lease_ms: 2000, inline_max: 65536, chunk_max: 262144, payload_max: 1 << 29, window: 1 << 20, principal: "local", software: "fake 0",
};

export class FakeBroker {
  readonly heard: Heard[] = [];
  url = "";
  epoch = 1;
  /** Extra terms, and answers that are given without being asked for. */
  terms: Partial<Message> = {};
  welcomes = true;
  heartbeats = true;
  /** What else is said to a message; runs after it is noted. */
  on: (m: Heard) => void = () => {};
  /** SUBMITs without their answer: the request number by the task. */
  readonly unanswered = new Map<string, number>();
  private socket: Router | undefined;

  async open(): Promise<this> {
    this.socket = new Router({ linger: 0, mandatory: false, sendHighWaterMark: 0 }); // at a mark it would drop what it says
    // What was closed lets go of its port a moment later.
    for (let tries = 50; ; tries--) {
      try {
        await this.socket.bind(this.url || "tcp://127.0.0.1:*");
        break;
      } catch (e) {
        if (!tries) throw e;
        await sleep(20);
      }
    }
    this.url = this.socket.lastEndpoint!;
    void this.listen(this.socket);
    return this;
  }

  private async listen(socket: Router): Promise<void> {
    try {
      for await (const [from, ...frames] of socket) this.take(from!, frames);
    } catch (e) {
      if (!socket.closed) throw e; // an assertion of the test's own: it fails the test
    }
  }

  private take(from: Buffer, frames: Buffer[]): void {
    const message = { from, ...decode("up", frames) };
    this.heard.push(message);
    if (message.type === "SUBMIT") this.unanswered.set(message.task!, message.req!);
    if (message.type === "HELLO" && this.welcomes) this.say(from, { type: "WELCOME", epoch: this.epoch, ...TERMS, ...this.terms });
    if (message.type === "HEARTBEAT" && this.heartbeats) this.say(from, { type: "HEARTBEAT", epoch: this.epoch });
    this.on(message);
  }

  say(to: Buffer, message: Message): void {
    if (message.type === "SUBMIT_OK") this.unanswered.delete(message.task!);
    void this.raw(to, encode("down", message));
  }

  async raw(to: Buffer, frames: Uint8Array[]): Promise<void> {
    const socket = this.socket;
    this.sending = this.sending.then(() => socket?.send([to, ...frames])).catch(() => {});
    await this.sending;
  }

  private sending: Promise<unknown> = Promise.resolve();

  /** Cuts every connection; open() takes the same address again. */
  async close(): Promise<void> {
    await this.sending;
    this.socket?.close();
    this.socket = undefined;
  }

  of(type: MessageName): Heard[] {
    return this.heard.filter((m) => m.type === type);
  }

  /** Waits for the nth message of a type, counted from 1. */
  async hears(type: MessageName, nth = 1): Promise<Heard> {
    await poll(`${nth} of ${type}, heard ${this.heard.map((m) => m.type).join(" ")}`, 15, () => this.of(type).length >= nth);
    return this.of(type)[nth - 1]!;
  }
}

// --- in a test ---

export const ID = "00112233445566778899aabbccddeeff";
export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

export async function broker(t: TestContext, set: Partial<FakeBroker> = {}): Promise<FakeBroker> {
  const made = await Object.assign(new FakeBroker(), set).open();
  t.after(() => made.close());
  return made;
}

export async function client(t: TestContext, url: string | string[], more: Partial<ConnectOptions> = {}): Promise<Client> {
  const made = await connect({ url, insecure: true, name: "shop", reconnectMin: 20, reconnectMax: 200, connectTimeout: 8000, ...more });
  t.after(() => made.close());
  return made;
}

/** Answers SUBMIT and ATTACH with a task that is queued. */
export function accepts(b: FakeBroker): (m: Heard) => void {
  return (m) => {
    if (m.type === "SUBMIT") b.say(m.from, { type: "SUBMIT_OK", req: m.req!, task: m.task!, state: "queued", generation: 1 });
    if (m.type === "ATTACH") {
      b.say(m.from, {
        type: "TASK", req: m.req!, task: m.task!, state: "running", generation: 1, status: 0, queue: "q", circuit: "c", length: 1, sha256: "0".repeat(64),
        created: 1, changed: 1,
      });
    }
  };
}

/** DELIVER, behind the SUBMIT_OK that is still owed. */
export function delivers(b: FakeBroker, m: Heard, bytes: Buffer): void {
  const req = b.unanswered.get(m.task!);
  if (req !== undefined) b.say(m.from, { type: "SUBMIT_OK", req, task: m.task!, state: "queued", generation: 1 });
  b.say(m.from, { type: "DELIVER", task: m.task!, generation: 1, state: "succeeded", status: 0, length: bytes.length, sha256: sha256(bytes), payload: bytes });
}
