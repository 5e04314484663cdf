/**
 * A connection to one of several brokers: dialling, HELLO, heartbeats, back-off. It knows no task.
 *
 *     down --(due: dials)--> dialling --(WELCOME of an acceptable broker)--> up
 *      ^------(refused, silent, lower epoch, connection gone)------|----------|
 *
 * Every attempt has a new socket (dealer.ts).
 */
import { CHUNK_MAX, INLINE_MAX, VERSION, type Message } from "../wire/codec.js";
import { Dealer, type DealerEvent, type Keys } from "./dealer.js";
import { BAD_MESSAGE, STALE_BROKER, STANDBY, UNAUTHORIZED, UNREACHABLE, visible } from "./text.js";

export interface LinkOptions {
  endpoints: string[];
  /** One for all endpoints, or one for each. */
  keys: Keys[];
  name: string;
  role: "client" | "admin";
  /** A client or an administrator, whichever the key may be; `role` counts where it may be both. */
  anyRole: boolean;
  session: string;
  software: string;
  /** The first pause between rounds of the endpoints, ms; it doubles, half of it left to chance, up to reconnectMaxMs. */
  reconnectMs: number;
  reconnectMaxMs: number;
  /** An attempt that has no WELCOME by then has failed, ms. */
  connectMs: number;
}

/** What the latest WELCOME said. Sizes are bytes. */
export interface Terms {
  epoch: number;
  heartbeatMs: number;
  leaseMs: number;
  inlineMax: number;
  chunkMax: number;
  payloadMax: number;
  window: number;
  principal: string;
  software: string;
  byPrincipal: boolean;
  purgeForgets: boolean;
  /** SUBMIT may say deadline_in_ms. */
  deadlineIn: boolean;
  /** SUBMIT may say traceparent. */
  traces: boolean;
  /** What SUBMIT may say in input_kind. */
  inputKinds: readonly string[];
  /** LIST keys is known. */
  tellsKeys: boolean;
  /** Why the broker accepts no tasks now; "": it does. */
  notReady: string;
}

export interface LinkUser {
  /** Everything but what the link handles itself. */
  onMessage(message: Message): void;
  onUp(): void;
  /** It went up or down, or an attempt failed. */
  onChange(): void;
  onRoom(): void;
}

const NEXT_ENDPOINT_MS = 20;
const LINGER_MS = 100;
const STANDBY_MAX_MS = 2000; // between rounds in which a broker stood by: another takes over in seconds
const POINTED_MS = 1000; // two brokers that point at one another are followed at once no more often
const WAITING_MOST = 16_384;
const REHELLO_MS = 1000;
const PAYLOAD_MOST = Number.MAX_SAFE_INTEGER;

export class Link {
  state: "down" | "dialling" | "up" = "down";
  /** Why it is not up. */
  trouble = { status: UNREACHABLE, text: "not connected yet" };
  terms: Terms | undefined;
  welcomes = 0;
  private dealer: Dealer | undefined;
  private at = 0;
  private fails = 0;
  private stoodBy = false;
  /** Set while `at` is where a standby pointed: the round goes on after this one. */
  private pointedFrom: number | undefined;
  private pointedMs = -Infinity;
  private heardMs = 0;
  private beatMs = 0;
  private welcomedMs = 0;
  private epochSeen = 0;
  private dueMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly options: LinkOptions,
    private readonly user: LinkUser,
  ) {
    this.arm(0);
  }

  get endpoint(): string {
    return this.options.endpoints[this.at]!;
  }

  /** True while more payload may be handed over. */
  get room(): boolean {
    return this.state === "up" && this.dealer!.room;
  }

  /**
   * Sends while the link is up, else does nothing: what has to be said is said again after the next WELCOME.
   * @throws Malformed when it is not a legal message
   */
  send(message: Message): void {
    if (this.state === "up") this.dealer!.send(message);
  }

  /** True while so much waits that only what callers asked for is added: the broker sends, and does not read. */
  get crowded(): boolean {
    return this.state === "up" && this.dealer!.waiting >= WAITING_MOST;
  }

  /** Sends what may be left out while the link is crowded: it is said again, or its time passes. */
  answer(message: Message): void {
    if (!this.crowded) this.send(message);
  }

  /** The broker does not know us any more, or is a new one: HELLO again on the same connection, at most once a second. */
  rehello(): void {
    if (this.state !== "up" || performance.now() < this.welcomedMs + REHELLO_MS) return;
    this.hello();
  }

  /** Says goodbye and closes; resolves when the socket is closed. */
  async close(): Promise<void> {
    const { dealer, state } = this;
    this.closed = true;
    clearTimeout(this.timer);
    this.dealer = undefined;
    this.state = "down";
    if (state === "up") dealer!.send({ type: "DISCONNECT", status: 0 });
    await dealer?.close(state === "up" ? LINGER_MS : 0);
  }

  /** Goes down; the next attempt is due after a pause. A connection that worked is dialled again first, except after silence. */
  fail(status: number, text: string): void {
    const lost = this.state === "up";
    void this.dealer?.close();
    this.dealer = undefined;
    this.state = "down";
    this.trouble = { status, text: `${this.endpoint}: ${visible(text)}` };
    if (!lost) {
      this.fails++;
      this.nextEndpoint();
    }
    this.arm(this.pauseMs());
    if (this.fails % this.options.endpoints.length === 0) this.stoodBy = false; // the next round finds out anew
    this.user.onChange();
  }

  /**
   * ERROR or DISCONNECT with the status standby: goes down, and on to another endpoint; the one that the message names, if it is one of ours, at once
   * (but at most once a second: two standbys may point at one another). It has one attempt, then the round goes on.
   */
  standby(m: Message, text: string): void {
    const { at, pointedFrom } = this;
    const lost = this.state === "up";
    const named = this.options.endpoints.findIndex((url, i) => i !== at && (m.endpoints ?? []).some((row) => row.endpoint === url));
    this.stoodBy = true;
    this.fail(STANDBY, text);
    if (this.closed) return;
    if (lost) {
      this.nextEndpoint(); // it worked, and is the last to ask now
      if (this.options.endpoints.length > 1) this.arm(0);
    }
    if (pointedFrom !== undefined || named < 0) return;
    if (named !== this.at) this.pointedFrom = at; // else it is the next one anyway
    this.at = named;
    const now = performance.now();
    if (now - this.pointedMs < POINTED_MS) return;
    this.pointedMs = now;
    this.arm(0);
  }

  private nextEndpoint(): void {
    this.at = ((this.pointedFrom ?? this.at) + 1) % this.options.endpoints.length;
    this.pointedFrom = undefined;
  }

  private pauseMs(): number {
    const { endpoints, reconnectMs, reconnectMaxMs } = this.options;
    if (this.fails % endpoints.length !== 0) return Math.min(NEXT_ENDPOINT_MS, reconnectMs);
    const rounds = Math.max(1, this.fails / endpoints.length);
    const most = this.stoodBy ? Math.min(reconnectMaxMs, STANDBY_MAX_MS) : reconnectMaxMs;
    const pause = Math.min(reconnectMs * 2 ** Math.min(rounds - 1, 30), most);
    return pause / 2 + Math.random() * pause;
  }

  private arm(ms: number): void {
    this.dueMs = performance.now() + ms;
    clearTimeout(this.timer);
    // The step comes after what waits in the socket: a process that was stopped first hears what it was told meanwhile.
    if (!this.closed) this.timer = setTimeout(() => setImmediate(() => this.step()), ms);
  }

  private step(): void {
    const now = performance.now();
    if (this.closed) return;
    if (now < this.dueMs) return this.arm(this.dueMs - now); // a timer counts from when its loop's turn began: it may fire early
    if (this.state === "down") this.dial();
    else if (this.state === "dialling") this.fail(UNREACHABLE, "no answer");
    else this.keep(now);
  }

  private keep(now: number): void {
    const { leaseMs, heartbeatMs } = this.terms!;
    if (now >= this.heardMs + leaseMs) {
      this.fail(UNREACHABLE, "the broker has fallen silent");
      this.nextEndpoint(); // its machine may be gone: an attempt there would cost connectMs
      return;
    }
    if (now >= this.beatMs) {
      this.answer({ type: "HEARTBEAT" });
      this.beatMs = now + heartbeatMs;
    }
    this.arm(Math.max(1, Math.min(this.heardMs + leaseMs, this.beatMs) - now));
  }

  private dial(): void {
    const { keys, connectMs } = this.options;
    let dealer: Dealer | undefined;
    const mine = () => this.dealer !== undefined && this.dealer === dealer;
    try {
      dealer = this.dealer = new Dealer({
        endpoint: this.endpoint,
        connectMs,
        keys: keys.length === 1 ? keys[0] : keys[this.at],
        onMessage: (message) => mine() && this.take(message),
        onNoise: () => mine() && (this.heardMs = performance.now()),
        onEvent: (event) => mine() && this.event(event),
        onRoom: () => mine() && this.user.onRoom(),
      });
    } catch (e) {
      return this.fail(UNREACHABLE, e instanceof Error ? e.message : String(e));
    }
    this.hello();
  }

  private hello(): void {
    const { role, anyRole, name, session, software, connectMs } = this.options;
    this.state = "dialling";
    const hello: Message = { type: "HELLO", role, name, session, software, vmin: VERSION, vmax: VERSION, epoch: this.epochSeen };
    this.dealer!.send(anyRole ? { ...hello, any_role: true } : hello);
    this.arm(connectMs);
    this.user.onChange();
  }

  private event(event: DealerEvent): void {
    const keys = this.options.keys.length > 0;
    if (event === "key-refused") this.fail(UNAUTHORIZED, "the broker refuses this key");
    else if (event === "other-mechanism") this.fail(UNAUTHORIZED, "no handshake: only one of the two sides uses keys");
    else if (event === "no-handshake") this.fail(UNAUTHORIZED, `no handshake: ${keys ? "is the broker's key right?" : "does the broker want keys?"}`);
    else this.fail(UNREACHABLE, this.state === "up" ? "the connection was closed" : "no connection");
  }

  private take(message: Message): void {
    this.heardMs = performance.now();
    if (message.type === "WELCOME") {
      if (this.state === "dialling") this.welcome(message);
    } else if (message.type === "DISCONNECT" && message.status === STANDBY) {
      this.standby(message, message.text || "this broker stands by, another one is active");
    } else if (message.type === "DISCONNECT") {
      this.fail(message.status || UNREACHABLE, message.text || "the broker ended the connection");
    } else if (this.state === "up" || message.type === "ERROR") {
      this.user.onMessage(message);
    }
  }

  private welcome(m: Message): void {
    if (m.epoch! < this.epochSeen) {
      this.dealer!.send({ type: "DISCONNECT", status: STALE_BROKER });
      void this.dealer!.close(LINGER_MS);
      return this.fail(STALE_BROKER, "its boot epoch is lower than one already seen");
    }
    if (m.heartbeat_ms === 0 || m.lease_ms! < 4 * m.heartbeat_ms! || m.window === 0 || m.chunk_max === 0) {
      return this.fail(BAD_MESSAGE, "its terms make no sense");
    }
    this.terms = termsOf(m);
    this.epochSeen = this.terms.epoch;
    this.state = "up";
    this.fails = 0;
    this.stoodBy = false;
    this.pointedFrom = undefined;
    this.welcomes++;
    this.welcomedMs = performance.now();
    this.beatMs = this.welcomedMs + this.terms.heartbeatMs;
    this.arm(this.terms.heartbeatMs);
    this.user.onUp();
    this.user.onChange();
  }
}

function termsOf(m: Message): Terms {
  return {
    epoch: m.epoch!,
    heartbeatMs: m.heartbeat_ms!,
    leaseMs: m.lease_ms!,
    inlineMax: Math.min(m.inline_max!, INLINE_MAX),
    chunkMax: Math.min(m.chunk_max!, CHUNK_MAX),
    payloadMax: m.payload_max! > PAYLOAD_MOST ? PAYLOAD_MOST : Number(m.payload_max),
    window: m.window!,
    principal: m.principal!,
    software: visible(m.software!),
    byPrincipal: m.by_principal ?? false,
    purgeForgets: m.purge_forgets ?? false,
    deadlineIn: m.deadline_in ?? false,
    traces: m.traces ?? false,
    inputKinds: m.input_kinds ?? [],
    tellsKeys: m.more_circuits ?? false,
    notReady: visible(m.not_ready ?? ""),
  };
}
