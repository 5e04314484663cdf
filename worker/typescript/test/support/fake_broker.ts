// A broker that says exactly what the test tells it to.
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
  private socket: Router | undefined;

  async open(): Promise<this> {
    this.socket = new Router({ linger: 0, mandatory: false });
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
    if (message.type === "HELLO" && this.welcomes) this.say(from, { type: "WELCOME", epoch: this.epoch, ...TERMS, ...this.terms });
    if (message.type === "HEARTBEAT" && this.heartbeats) this.say(from, { type: "HEARTBEAT", epoch: this.epoch });
    this.on(message);
  }

  say(to: Buffer, message: Message): void {
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
