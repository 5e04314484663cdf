/**
 * Frames to message and message to frames. Both ways check the same, so a mistake of ours shows here and not at a peer.
 * What the bytes are: wire/PROTOCOL.md.
 */
import { Encoder } from "@msgpack/msgpack";
import { BODY_MAX, Malformed, readBody, Str, type Value } from "./body.js";
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

/** Which way a message travels: to the broker, or to a peer. */
export type Way = "up" | "down";

/** A message: its type, its fields, and the payload frame where it has one. Ids and digests are lower-case hex. */
export interface Message extends Fields {
  type: MessageName;
  payload?: Uint8Array;
}

/** One kind of field: how it is read, and how it is written. Both throw Malformed with what is wrong, without the key. */
interface Codec {
  read(value: Value, field: Field): unknown;
  write(value: unknown, field: Field): unknown;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new Encoder({ useBigInt64: true });
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;
const UINT32_MAX = 0xffffffffn;
const UINT64_MAX = 0xffffffffffffffffn;

function wrong(fault: string, code?: number): never {
  throw new Malformed(fault, code);
}

/** True for what may stand where the protocol wants a name. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

function number(value: unknown, most: bigint): number | bigint {
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!whole || value < 0) wrong("is not an unsigned integer");
  if (value > most) wrong("is out of range");
  return value;
}

/** As the encoder wants it: numbers above 32 bits have to be bigints, else it writes floats. */
function packed(value: number | bigint): number | bigint {
  return value > 0xffffffff ? BigInt(value) : Number(value);
}

function text(value: Value, most: number): string {
  if (!(value instanceof Str)) wrong("is not a string");
  if (value.bytes.length > most) wrong("is too long");
  let read: string;
  try {
    read = utf8.decode(value.bytes);
  } catch {
    return wrong("is not UTF-8");
  }
  if (CONTROL.test(read)) wrong("holds a control character");
  return read;
}

function textWritten(value: unknown, most: number): string {
  if (typeof value !== "string") wrong("is not a string");
  if (Buffer.byteLength(value) > most) wrong("is too long");
  if (!value.isWellFormed()) wrong("is not UTF-8");
  if (CONTROL.test(value)) wrong("holds a control character");
  return value;
}

function name(value: string): string {
  return isName(value) ? value : wrong("is not a name (1 to 64 of A-Z a-z 0-9 . _ -)");
}

function bytes(length: number): Codec {
  return {
    read(value) {
      if (!(value instanceof Uint8Array)) wrong("is not binary");
      if (value.length !== length) wrong("has the wrong length");
      return Buffer.from(value.buffer, value.byteOffset, length).toString("hex");
    },
    write(value) {
      if (typeof value !== "string" || value.length !== 2 * length || !/^[0-9a-f]*$/.test(value)) wrong(`is not ${length} bytes in hex`);
      return Buffer.from(value, "hex");
    },
  };
}

function readToken(value: Value): Token {
  if (!Array.isArray(value) || value.length !== 2) wrong("is not a pair [epoch, seq]");
  return { epoch: Number(number(value[0], UINT32_MAX)), seq: number(value[1], UINT64_MAX) };
}

function oneOf(value: Value, list: readonly string[], fault: string): string {
  if (!(value instanceof Str) || value.bytes.length >= 32) wrong(fault);
  const word = Buffer.from(value.bytes).toString("latin1");
  return list.includes(word) ? word : wrong(fault);
}

function readCell(value: Value): Row[string] {
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "bigint") return value < 1n << 63n ? value : wrong("has a number out of range");
  return text(value, CELL_TEXT_MAX);
}

function writeCell(value: unknown): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" || typeof value === "bigint") {
    if (value >= 0) return packed(number(value, (1n << 63n) - 1n));
    return value >= -0x80000000 ? Number(value) : BigInt(value);
  }
  return textWritten(value, CELL_TEXT_MAX);
}

const row: Codec = {
  read(value) {
    if (!(value instanceof Map)) wrong("is not a map");
    if (value.size > CELLS_MAX) wrong("has too many columns");
    return Object.fromEntries([...value].map(([key, cell]) => [key, readCell(cell)]));
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
  return {
    read(value) {
      if (!(value instanceof Map)) wrong("is not a map");
      const found = readFields(value, list);
      return key in found ? found : wrong(`has an entry without ${key}`);
    },
    write(value) {
      if (!(key in (value as object))) wrong(`has an entry without ${key}`);
      return writeFields(value as Record<string, unknown>, list);
    },
  };
}

const state: Codec = {
  read: (value) => oneOf(value, states, "is not the word of a state"),
  write: (value) => (states.includes(value as TaskState) ? value : wrong("is no state")),
};

const nameCodec: Codec = {
  read: (value) => (value instanceof Str ? name(Buffer.from(value.bytes).toString("latin1")) : wrong("is not a string")),
  write: (value) => (typeof value === "string" ? name(value) : wrong("is not a string")),
};

const token: Codec = {
  read: readToken,
  write(value) {
    const { epoch, seq } = value as Token;
    return [packed(number(epoch, UINT32_MAX)), packed(number(seq, UINT64_MAX))];
  },
};

const integer: Codec = {
  read: (value, field) => number(value, field.bound as bigint),
  write: (value, field) => packed(number(value, field.bound as bigint)),
};

const counts: Codec = {
  read(value) {
    if (!(value instanceof Map)) wrong("is not a map");
    if ([...value.keys()].some((key) => !states.includes(key as TaskState))) wrong("is not the word of a state");
    return Object.fromEntries([...value].map(([key, n]) => [key, number(n, UINT64_MAX)]));
  },
  write(value) {
    const of = value as Partial<Record<TaskState, number | bigint>>;
    const there = states.filter((s) => of[s]);
    return Object.fromEntries(there.map((s) => [s, packed(number(of[s], UINT64_MAX))]));
  },
};

const codecs: Record<Field["kind"], Codec> = {
  U32: integer,
  U64: integer,
  STATUS: { read: (value) => number(value, 9999n), write: (value) => packed(number(value, UINT32_MAX)) },
  BOOL: {
    read: (value) => (typeof value === "boolean" ? value : wrong("is not a boolean")),
    write: (value) => (typeof value === "boolean" ? value : wrong("is not a boolean")),
  },
  NAME: nameCodec,
  TEXT: {
    read: (value, field) => text(value, Number(field.bound)),
    write: (value, field) => textWritten(value, Number(field.bound)),
  },
  ID: bytes(16),
  HASH: bytes(32),
  TOKEN: token,
  WORD: {
    read: (value, field) => oneOf(value, words[field.bound as string]!, "is not one of its words"),
    write: (value, field) => (words[field.bound as string]!.includes(value as string) ? value : wrong("is not one of its words")),
  },
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
  CIRCUITS: listOf(record(circuitFields, "circuit")),
  HELDS: listOf(record(heldFields, "token")),
};

/** Names the key in what a field's codec says. */
function keyed(e: unknown, key: string): unknown {
  return e instanceof Malformed ? new Malformed(`${key} ${e.message}`, e.code) : e;
}

/** Unknown keys are passed over: a newer peer may send more. */
function readFields(map: Map<string, Value>, list: readonly Field[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  let key = "";
  try {
    for (const field of list) {
      const value = map.get((key = field.key));
      if (value !== undefined) found[key] = codecs[field.kind].read(value, field);
    }
  } catch (e) {
    throw keyed(e, key);
  }
  return found;
}

/** Fields go in the order of the list, so that one message has one encoding. */
function writeFields(from: Record<string, unknown>, list: readonly Field[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  let key = "";
  try {
    for (const field of list) {
      const value = from[(key = field.key)];
      if (value !== undefined) made[key] = codecs[field.kind].write(value, field);
    }
  } catch (e) {
    throw keyed(e, key);
  }
  return made;
}

interface Form {
  layout: Layout;
  fields: readonly Field[];
  needed: Record<Way, readonly string[]>;
}

function formOf(layout: Layout): Form {
  const needed = (way: Way) => Object.keys(layout.fields).filter((k) => layout.fields[k] === "need" || layout.fields[k] === `need-${way}`);
  return { layout, fields: fields.filter((f) => f.key in layout.fields), needed: { up: needed("up"), down: needed("down") } };
}

const byCode = new Map(messages.map((m) => [m.code, formOf(m)]));
const byName = new Map(messages.map((m) => [m.name, formOf(m)]));

function travels(layout: Layout, way: Way): boolean {
  return layout.way === "both" || layout.way === way;
}

function checkNeeded(form: Form, way: Way, has: object): void {
  for (const key of form.needed[way]) if (!(key in has)) wrong(`${key} is missing`);
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
  const map = readBody(body);
  if (!(map instanceof Map)) return wrong("body is not a map");
  const message = { type: form.layout.name, ...readFields(map, form.fields) } as Message;
  if (payload) message.payload = payload;
  checkNeeded(form, way, message);
  checkPayload(form.layout, message);
  return message;
}

function checkFields(form: Form, message: Message): void {
  for (const [key, value] of Object.entries(message)) {
    if (key === "type" || key === "payload" || value === undefined) continue;
    if (!(key in form.layout.fields)) wrong(`${key} is not a field of this message`);
  }
}

/**
 * Makes the frames of a message: two, or three with a payload.
 * @throws Malformed: a needed field is missing, one is not of this message, or a value is out of bound
 */
export function encode(way: Way, message: Message): Uint8Array[] {
  const form = byName.get(message.type);
  if (!form || !travels(form.layout, way)) return wrong(`${message.type} is not a message of this way`);
  checkFields(form, message);
  const made = writeFields(message as unknown as Record<string, unknown>, form.fields);
  checkNeeded(form, way, made);
  checkPayload(form.layout, message);
  const body = encoder.encode(made);
  if (body.length > BODY_MAX) wrong(`the body of ${message.type} is too large`, TOO_LARGE);
  const frames: Uint8Array[] = [Uint8Array.of(0x50, 0x56, VERSION, form.layout.code), body];
  if (message.payload) frames.push(message.payload);
  return frames;
}
