/**
 * One attempt to connect to one broker: a DEALER, its monitor, and the protocol's messages over it.
 *
 * A dealer never dials twice: libzmq's own reconnect is off. What was queued for one connection is then never sent on another, and
 * a CURVE client that was refused can try again (libzmq's reconnect gives up for good).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Dealer as Socket } from "zeromq";
import { decode, encode, FRAME_MAX, Malformed, type Message } from "../wire/codec.js";

/** The keys of one connection, as 40 characters of Z85. */
export interface Keys {
  publicKey: string;
  secretKey: string;
  serverKey: string;
}

export type DealerEvent = "key-refused" | "other-mechanism" | "no-handshake" | "gone";

export interface DealerOptions {
  endpoint: string;
  /** Bound on the TCP connect and on the handshake, ms. */
  connectMs: number;
  keys: Keys | undefined;
  onMessage(message: Message): void;
  /** Something came that is no message of the protocol: a peer ignores it, but it is a sign of life. */
  onNoise(): void;
  onEvent(event: DealerEvent): void;
  /** The send queue has room again. */
  onRoom(): void;
}

const SEND_MOST = 64;
const QUEUE_MOST = 8;
const RECEIVE_MOST = 256;
const EVENTS: Record<string, DealerEvent> = {
  "handshake:error:auth": "key-refused",
  "handshake:error:protocol": "other-mechanism",
  "handshake:error:other": "no-handshake",
  disconnect: "gone",
  close: "gone",
  end: "gone",
};

export class Dealer {
  private readonly socket: Socket;
  private closed = false;
  private queue: Uint8Array[][] = [];
  /** What is being sent of what was in the queue. */
  private batch: Uint8Array[][] = [];
  private sent = 0;
  private pumping: Promise<void> | undefined;
  private told = false;

  /** Starts to connect. Throws when the endpoint is none. */
  constructor(private readonly options: DealerOptions) {
    const { keys, connectMs } = options;
    this.socket = new Socket({
      linger: 0,
      reconnectInterval: -1,
      sendHighWaterMark: SEND_MOST,
      receiveHighWaterMark: RECEIVE_MOST,
      ipv6: true,
      tcpKeepalive: 1,
      connectTimeout: connectMs,
      handshakeInterval: connectMs,
      maxMessageSize: FRAME_MAX,
      ...(keys && { curveServerKey: keys.serverKey, curvePublicKey: keys.publicKey, curveSecretKey: keys.secretKey }),
    });
    void this.watch();
    try {
      this.socket.connect(options.endpoint);
    } catch (e) {
      void this.close();
      throw e;
    }
    void this.receive();
  }

  /** True while more payload may be handed over: control messages are taken always, chunks only with room. */
  get room(): boolean {
    return this.waiting < QUEUE_MOST;
  }

  /** Messages that libzmq has not taken yet. */
  get waiting(): number {
    return this.queue.length + this.batch.length - this.sent;
  }

  /**
   * Sends, in order.
   * @throws Malformed when it is not a legal message
   */
  send(message: Message): void {
    const frames = encode("up", message);
    if (this.closed) return;
    this.queue.push(frames);
    this.pumping ??= this.pump();
  }

  /** Closes it; what was sent has `lingerMs` to leave. Resolves when the socket is closed. */
  async close(lingerMs = 0): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (lingerMs > 0) {
      this.socket.linger = lingerMs;
      await Promise.race([this.pumping, sleep(lingerMs, undefined, { ref: false })]);
    }
    this.socket.close();
  }

  private async pump(): Promise<void> {
    try {
      while (this.queue.length > 0) {
        [this.batch, this.queue, this.sent] = [this.queue, [], 0];
        while (this.sent < this.batch.length) await this.socket.send(this.batch[this.sent++]!);
      }
    } catch {
      this.queue = []; // the connection is gone; its event says so
    } finally {
      this.pumping = undefined;
      this.batch = [];
      this.sent = 0;
    }
    if (!this.closed) this.options.onRoom();
  }

  private async receive(): Promise<void> {
    try {
      while (!this.closed) {
        const frames = await this.socket.receive();
        if (this.closed) return;
        this.take(frames);
      }
    } catch {
      // closed
    }
  }

  private take(frames: Uint8Array[]): void {
    let message: Message;
    try {
      message = decode("down", frames);
    } catch (e) {
      if (!(e instanceof Malformed)) throw e;
      return this.options.onNoise();
    }
    this.options.onMessage(message);
  }

  /** The last messages of a lost connection count, so its end is told a turn later. */
  private async watch(): Promise<void> {
    try {
      for await (const event of this.socket.events) {
        const what = EVENTS[event.type];
        if (what) setImmediate(() => this.tell(what));
      }
    } catch {
      // closed
    }
  }

  private tell(event: DealerEvent): void {
    if (this.closed || this.told) return;
    this.told = true;
    this.options.onEvent(event);
  }
}
