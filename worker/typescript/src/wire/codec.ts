/**
 * Frames to message and message to frames. Both ways check the same, so a mistake of ours shows here and not at a peer.
 * What the bytes are: wire/PROTOCOL.md.
 */
import { Encoder } from "@msgpack/msgpack";
import { Bin, BODY_MAX, Malformed, Pairs, readBody, Str, type Value } from "./body.js";
import {
  circuitFields, fields, heldFields, messages, states, words,
  type Field, type Fields, type Layout, type MessageName, type Row, type TaskState, type Token,
} from "./lists.js";

export { Malformed };

export const VERSION = 1;
export const INLINE_MAX = 64 * 1024;
export const CHUNK_MAX = 256 * 1024;
/** For ZMQ_MAXMSGSIZE: libzmq counts what CURVE adds (33 bytes) too. */
export const FRAME_MAX = CHUNK_MAX + 64;
const CELLS_MAX = 40;
const CELL_TEXT_MAX = 512;
const BAD_VERSION = 21;
const TOO_LARGE = 23;
const NO_NAME = "is not a name (1 to 64 of A-Z a-z 0-9 . _ -)";

/** Which way a message travels: to the broker, or to a peer. */
export type Way = "up" | "down";

/** A message: its type, its fields, and the payload frame where it has one. Ids and digests are lower-case hex. */
export interface Message extends Fields {
  type: MessageName;
  payload?: Uint8Array;
}

/** One kind of field: how it is read, and what the encoder is given of it. Both throw Malformed with what is wrong, without the key. */
interface Codec {
  read(value: Value, field: Field): unknown;
  write(value: unknown, field: Field): unknown;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;
const NAME_MAX = 64;
const UINT32_MAX = 0xffffffffn;
const UINT64_MAX = 0xffffffffffffffffn;
const inName = new Uint8Array(256);
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") inName[c.charCodeAt(0)] = 1;

function wrong(fault: string, code?: number): never {
  throw new Malformed(fault, code);
}

/** True for what may stand where the protocol wants a name. */
export function isName(text: string): boolean {
  if (text.length < 1 || text.length > NAME_MAX) return false;
  for (let i = 0; i < text.length; i++) if (!inName[text.charCodeAt(i)]) return false;
  return true;
}

function number(value: unknown, most: number | bigint): number | bigint {
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!whole || value < 0) wrong("is not an unsigned integer");
  if (value > most) wrong("is out of range");
  return value;
}

/** As the encoder writes it in the shortest form: it makes floats of numbers above 32 bits, and 64 bits of every bigint. */
function packed(value: number | bigint): number | bigint {
  return value > 0xffffffff || value < -0x80000000 ? BigInt(value) : Number(value);
}

/** True for the usual text: ASCII without controls. */
function isPlain(value: Str): boolean {
  for (let at = value.from; at < value.to; at++) {
    const c = value.bytes[at]!;
    if (c < 0x20 || c >= 0x7f) return false;
  }
  return true;
}

function text(value: Value, most: number): string {
  if (!(value instanceof Str)) wrong("is not a string");
  if (value.length > most) wrong("is too long");
  if (isPlain(value)) return value.latin1;
  let read: string;
  try {
    read = utf8.decode(value.bytes.subarray(value.from, value.to));
  } catch {
    return wrong("is not UTF-8");
  }
  if (CONTROL.test(read)) wrong("holds a control character");
  return read;
}

function writeText(value: unknown, most: number): string {
  if (typeof value !== "string") wrong("is not a string");
  if (Buffer.byteLength(value) > most) wrong("is too long");
  if (!value.isWellFormed()) wrong("is not UTF-8");
  if (CONTROL.test(value)) wrong("holds a control character");
  return value;
}

function isHex(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

function bytes(length: number): Codec {
  return {
    read(value) {
      if (!(value instanceof Bin)) wrong("is not binary");
      if (value.length !== length) wrong("has the wrong length");
      return value.hex;
    },
    write(value) {
      if (typeof value !== "string" || value.length !== 2 * length || !isHex(value)) wrong(`is not ${length} bytes in hex`);
      return Buffer.from(value, "hex");
    },
  };
}

function readToken(value: Value): Token {
  if (!Array.isArray(value) || value.length !== 2) wrong("is not a pair [epoch, seq]");
  return { epoch: Number(number(value[0], UINT32_MAX)), seq: number(value[1], UINT64_MAX) };
}

function oneOf(value: Value, list: readonly string[], fault: string): string {
  if (value instanceof Str) for (const word of list) if (value.is(word)) return word;
  return wrong(fault);
}

function readCell(value: Value): Row[string] {
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "bigint") return value < 1n << 63n ? value : wrong("has a number out of range");
  return text(value, CELL_TEXT_MAX);
}

function writeCell(value: unknown): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value !== "number" && typeof value !== "bigint") return writeText(value, CELL_TEXT_MAX);
  if (value >= 0) return packed(number(value, (1n << 63n) - 1n));
  number(-value, 1n << 63n);
  return packed(value);
}

const row: Codec = {
  read(value) {
    if (!(value instanceof Pairs)) wrong("is not a map");
    if (value.size > CELLS_MAX) wrong("has too many columns");
    return Object.fromEntries(value.map((key, cell) => [key, readCell(cell)]));
  },
  write(value) {
    const cells = Object.entries(value as Row);
    if (cells.length > CELLS_MAX) wrong("has too many columns");
    if (cells.some(([key]) => !/^[\x21-\x7e]{1,32}$/.test(key))) wrong("has a column name that is not printable ASCII");
    return Object.fromEntries(cells.map(([key, cell]) => [key, writeCell(cell)]));
  },
};

function listOf(item: Codec): Codec {
  return {
    read(value, field) {
      if (!Array.isArray(value)) wrong("is not a list");
      if (value.length > Number(field.bound)) wrong("has too many items");
      return value.map((v) => item.read(v, field));
    },
    write(value, field) {
      if (!Array.isArray(value)) wrong("is not a list");
      if (value.length > Number(field.bound)) wrong("has too many items");
      return value.map((v) => item.write(v, field));
    },
  };
}

/** A record inside a list; `key` is always there. */
function record(list: readonly Field[], key: string): Codec {
  const coded = list.map(codedOf);
  return {
    read(value) {
      if (!(value instanceof Pairs)) wrong("is not a map");
      const found = readFields(value, coded);
      return key in found ? found : wrong(`has an entry without ${key}`);
    },
    write(value) {
      if (!(key in (value as object))) wrong(`has an entry without ${key}`);
      return writeFields(value as Record<string, unknown>, coded);
    },
  };
}

const state: Codec = {
  read: (value) => oneOf(value, states, "is not the word of a state"),
  write: (value) => (states.includes(value as TaskState) ? value : wrong("is no state")),
};

const nameCodec: Codec = {
  read(value) {
    if (!(value instanceof Str)) wrong("is not a string");
    const name = value.length <= NAME_MAX ? value.latin1 : "";
    return isName(name) ? name : wrong(NO_NAME);
  },
  write(value) {
    if (typeof value !== "string") wrong("is not a string");
    return isName(value) ? value : wrong(NO_NAME);
  },
};

const token: Codec = {
  read: readToken,
  write(value) {
    const { epoch, seq } = value as Token;
    return [packed(number(epoch, UINT32_MAX)), packed(number(seq, UINT64_MAX))];
  },
};

/** A bound that a number can hold is kept as one: comparing with a bigint takes longer. */
function integer(most: number | bigint): Codec {
  const bound = most <= Number.MAX_SAFE_INTEGER ? Number(most) : most;
  return { read: (value) => number(value, bound), write: (value) => packed(number(value, bound)) };
}

const counts: Codec = {
  read(value) {
    if (!(value instanceof Pairs)) wrong("is not a map");
    if (value.keys.some((key) => !states.includes(key as TaskState))) wrong("is not the word of a state");
    return Object.fromEntries(value.map((key, n) => [key, number(n, UINT64_MAX)]));
  },
  write(value) {
    const of = value as Partial<Record<TaskState, number | bigint>>;
    const there = states.filter((s) => of[s]);
    return Object.fromEntries(there.map((s) => [s, packed(number(of[s], UINT64_MAX))]));
  },
};

function wordOf(list: readonly string[]): Codec {
  return {
    read: (value) => oneOf(value, list, "is not one of its words"),
    write: (value) => (list.includes(value as string) ? value : wrong("is not one of its words")),
  };
}

const codecs: Partial<Record<Field["kind"], Codec>> = {
  STATUS: { read: (value) => number(value, 9999), write: (value) => packed(number(value, UINT32_MAX)) },
  BOOL: {
    read: (value) => (typeof value === "boolean" ? value : wrong("is not a boolean")),
    write: (value) => (typeof value === "boolean" ? value : wrong("is not a boolean")),
  },
  NAME: nameCodec,
  TEXT: {
    read: (value, field) => text(value, Number(field.bound)),
    write: (value, field) => writeText(value, Number(field.bound)),
  },
  ID: bytes(16),
  HASH: bytes(32),
  TOKEN: token,
  STATE: state,
  STATES: {
    read(value) {
      if (!Array.isArray(value) || value.length > states.length) wrong("is not a list of states");
      const set = new Set(value.map((v) => oneOf(v, states, "is not the word of a state")));
      return states.filter((s) => set.has(s));
    },
    write: (value) => states.filter((s) => (value as TaskState[]).includes(s)),
  },
  COUNTS: counts,
  ROW: row,
  NAMES: listOf(nameCodec),
  HASHES: listOf(bytes(32)),
  TOKENS: listOf(token),
  ROWS: listOf(row),
};

/** A field with what reads and writes it. */
interface Coded {
  field: Field;
  codec: Codec;
}

function codecOf(field: Field): Codec {
  if (field.kind === "U32" || field.kind === "U64") return integer(field.bound as bigint);
  if (field.kind === "WORD") return wordOf(words[field.bound as string]!);
  if (field.kind === "CIRCUITS") return listOf(record(circuitFields, "circuit"));
  if (field.kind === "HELDS") return listOf(record(heldFields, "token"));
  return codecs[field.kind]!;
}

function codedOf(field: Field): Coded {
  return { field, codec: codecOf(field) };
}

/** Names the key in what a field's codec says. */
function keyed(e: unknown, key: string): unknown {
  return e instanceof Malformed ? new Malformed(`${key} ${e.message}`, e.code) : e;
}

/** Unknown keys are passed over: a newer peer may send more. A search goes on behind the field before: peers keep the order of the list. */
function readFields(pairs: Pairs, list: readonly Coded[], found: Record<string, unknown> = {}): Record<string, unknown> {
  const { keys, values } = pairs;
  let at = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    for (let left = list.length; left > 0; left--) {
      const { field, codec } = list[at]!;
      at = at + 1 === list.length ? 0 : at + 1;
      if (field.key !== key) continue;
      found[key] = readField(codec, values[i]!, field);
      break;
    }
  }
  return found;
}

function readField(codec: Codec, value: Value, field: Field): unknown {
  try {
    return codec.read(value, field);
  } catch (e) {
    throw keyed(e, field.key);
  }
}

/** Fields go in the order of the list, so that one message has one encoding. */
function writeFields(from: Record<string, unknown>, list: readonly Coded[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  let key = "";
  try {
    for (const { field, codec } of list) {
      const value = from[(key = field.key)];
      if (value !== undefined) made[key] = codec.write(value, field);
    }
  } catch (e) {
    throw keyed(e, key);
  }
  return made;
}

const EMPTY = new Uint8Array(0);

interface Form {
  /** A message of it, see `kept` in body.ts. */
  kept: Message | undefined;
  layout: Layout;
  head: Buffer;
  fields: readonly Coded[];
  needed: Record<Way, readonly string[]>;
}

function formOf(layout: Layout): Form {
  const needed = (way: Way) => Object.keys(layout.fields).filter((k) => layout.fields[k] === "need" || layout.fields[k] === `need-${way}`);
  const mine = fields.filter((f) => f.key in layout.fields).map(codedOf);
  return { kept: undefined, layout, head: Buffer.of(0x50, 0x56, VERSION, layout.code), fields: mine, needed: { up: needed("up"), down: needed("down") } };
}

const forms = messages.map(formOf);
const byCode = new Map(forms.map((f) => [f.layout.code, f]));
const byName = new Map(forms.map((f) => [f.layout.name, f]));

function travels(layout: Layout, way: Way): boolean {
  return layout.way === "both" || layout.way === way;
}

function checkNeeded(form: Form, way: Way, has: Message): void {
  for (const key of form.needed[way]) if (has[key as keyof Message] === undefined) wrong(`${key} is missing`);
}

function checkPayload(layout: Layout, message: Message): void {
  const payload = message.payload;
  if (!payload) {
    if (layout.payload === "chunk") wrong(`${layout.name} has to have a payload`);
    return;
  }
  if (layout.payload === "none") wrong(`${layout.name} has no payload`);
  if (layout.payload === "chunk") {
    if (payload.length < 1 || payload.length > CHUNK_MAX) wrong(`${layout.name} has an empty or too large chunk`);
  } else {
    if (payload.length > INLINE_MAX) wrong(`${layout.name} has a payload too large to be inline`);
    if (message.length !== payload.length) wrong(`${layout.name} has a payload of another length than it says`);
  }
}

function readHead(head: Uint8Array, way: Way): Form {
  if (head.length !== 4 || head[0] !== 0x50 || head[1] !== 0x56) wrong("the head is not 'P' 'V' version type");
  if (head[2] !== VERSION) wrong("the head says another protocol version", BAD_VERSION);
  const form = byCode.get(head[3]!);
  if (!form) return wrong("there is no message of this type");
  if (!travels(form.layout, way)) wrong("this message goes the other way");
  return form;
}

/**
 * Reads one message. Way, version, sizes, depth, counts, types, bounds, needed fields and the length of an inline payload are
 * checked; its digest is the receiver's to check. The payload is borrowed from its frame.
 * @throws Malformed with a sentence and the code of its outcome: bad-message, bad-version, too-large
 */
export function decode(way: Way, frames: readonly Uint8Array[]): Message {
  if (frames.length !== 2 && frames.length !== 3) wrong(`a message of ${frames.length} frames`);
  const [head, body, payload] = frames as [Uint8Array, Uint8Array, Uint8Array?];
  const form = readHead(head, way);
  if (body.length > BODY_MAX || (payload?.length ?? 0) > CHUNK_MAX) wrong("a frame is above its limit", TOO_LARGE);
  const pairs = readBody(body);
  if (!(pairs instanceof Pairs)) return wrong("body is not a map");
  const message = messageOf(form, pairs, payload);
  checkNeeded(form, way, message);
  checkPayload(form.layout, message);
  form.kept ??= messageOf(form, pairs, payload && EMPTY);
  return message;
}

function messageOf(form: Form, pairs: Pairs, payload: Uint8Array | undefined): Message {
  const message = readFields(pairs, form.fields, { type: form.layout.name }) as unknown as Message;
  if (payload) message.payload = payload;
  return message;
}

function checkFields(form: Form, message: Message): void {
  for (const key in message) {
    if (key === "type" || key === "payload" || message[key as keyof Message] === undefined) continue;
    if (!(key in form.layout.fields)) wrong(`${key} is not a field of this message`);
  }
}

/** One for all bodies: it writes into a room that it keeps. */
let encoder = new Encoder({ useBigInt64: true });

/** In memory of its own. */
function bodyOf(type: MessageName, made: object): Buffer {
  const body = encoder.encodeSharedRef(made);
  if (body.length <= BODY_MAX) return Buffer.from(body);
  // The room grew with the body, and an encoder never gives it back.
  encoder = new Encoder({ useBigInt64: true });
  return wrong(`the body of ${type} is too large`, TOO_LARGE);
}

/**
 * Makes the frames of a message: two, or three with a payload.
 * @throws Malformed: a needed field is missing, one is not of this message, a value is out of bound, or the body is too large
 */
export function encode(way: Way, message: Message): Uint8Array[] {
  const form = byName.get(message.type);
  if (!form || !travels(form.layout, way)) return wrong(`${message.type} is not a message of this way`);
  checkFields(form, message);
  const made = writeFields(message as unknown as Record<string, unknown>, form.fields);
  checkNeeded(form, way, message);
  checkPayload(form.layout, message);
  const body = bodyOf(message.type, made);
  return message.payload ? [form.head, body, message.payload] : [form.head, body];
}
