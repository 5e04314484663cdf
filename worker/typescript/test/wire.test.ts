// The codec against the golden frames of tests/vectors/wire and the shared list of malformed messages.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decode, encode, Malformed, type Message, type Way } from "../dist/wire/codec.js";
import { statuses } from "../dist/status_list.js";
import { vectors } from "./support/places.js";

/** The frames of a golden file: each as 4 bytes of length, big-endian, and its bytes. */
function framesOf(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32BE(at);
    frames.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

/** A message of one name on both ways has two files, NAME-up and NAME-down; else its type says the way. */
function read(name: string, frames: Buffer[]): [Way, Message] {
  if (name.endsWith("-up")) return ["up", decode("up", frames)];
  if (name.endsWith("-down")) return ["down", decode("down", frames)];
  try {
    return ["up", decode("up", frames)];
  } catch {
    return ["down", decode("down", frames)];
  }
}

/** As the readable twin has it: bin as "hex:..", tokens as pairs. */
function shown(value: unknown): unknown {
  if (typeof value === "string" && /^([0-9a-f]{32}|[0-9a-f]{64})$/.test(value)) return `hex:${value}`;
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "object" && value !== null) {
    if ("epoch" in value && "seq" in value && Object.keys(value).length === 2) return [value.epoch, shown(value.seq)];
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, shown(v)]));
  }
  return typeof value === "bigint" ? Number(value) : value;
}

const golden = readdirSync(join(vectors, "wire")).filter((f) => f.endsWith(".bin")).map((f) => f.slice(0, -4));

test("every golden frame is read, and written again byte for byte", () => {
  assert.ok(golden.length >= 43);
  for (const name of golden) {
    const frames = framesOf(readFileSync(join(vectors, "wire", `${name}.bin`)));
    const [way, message] = read(name, frames);
    const again = encode(way, message).map((f) => Buffer.from(f));
    assert.deepEqual(again.map((f) => f.toString("hex")), frames.map((f) => f.toString("hex")), name);
  }
});

test("what is read is what the readable twin shows", () => {
  for (const name of golden) {
    const [, message] = read(name, framesOf(readFileSync(join(vectors, "wire", `${name}.bin`))));
    const twin = JSON.parse(readFileSync(join(vectors, "wire", `${name}.json`), "utf8"));
    const { type, payload, ...body } = message;
    assert.equal(type, twin.message);
    assert.equal(payload ? `hex:${Buffer.from(payload).toString("hex")}` : null, twin.payload);
    assert.deepEqual(shown(body), twin.body, name);
  }
});

test("every truncation of every golden frame is refused", () => {
  for (const name of golden) {
    const frames = framesOf(readFileSync(join(vectors, "wire", `${name}.bin`)));
    for (let n = 0; n < frames[1]!.length; n++) {
      const cut = [frames[0]!, frames[1]!.subarray(0, n), ...frames.slice(2)];
      assert.throws(() => read(name, cut), Malformed, `${name} cut to ${n}`);
    }
  }
});

interface Case {
  name: string;
  way: Way;
  head: string;
  body: [string, number][];
  payload: string | null;
  status: string;
}

function outcome(c: Case): string {
  const body = Buffer.concat(c.body.map(([hex, times]) => Buffer.from(hex.repeat(times), "hex")));
  const frames = [Buffer.from(c.head, "hex"), body];
  if (c.payload !== null) frames.push(Buffer.from(c.payload, "hex"));
  try {
    decode(c.way, frames);
    return "ok";
  } catch (e) {
    assert.ok(e instanceof Malformed, `${c.name}: ${e}`);
    return statuses.find((s) => s.code === e.code)!.word;
  }
}

test("the shared list of malformed messages is refused as C refuses it", () => {
  const cases: Case[] = JSON.parse(readFileSync(join(vectors, "malformed.json"), "utf8"));
  assert.ok(cases.length > 100);
  for (const c of cases) assert.equal(outcome(c), c.status, c.name);
});

test("a message is never of one frame or of four", () => {
  const frame = Buffer.from("50560132", "hex");
  for (const n of [0, 1, 4]) assert.throws(() => decode("up", Array(n).fill(frame)), Malformed);
});

test("flipped bits are refused or mean something that can be said", () => {
  let seed = Number(process.env["PV_SEED"] ?? 20261129);
  const random = (n: number) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0), Math.floor((seed / 2 ** 32) * n));
  let refused = 0;
  for (const name of golden) {
    const frames = framesOf(readFileSync(join(vectors, "wire", `${name}.bin`)));
    for (let round = 0; round < 200; round++) {
      const body = Buffer.from(frames[1]!);
      for (let flips = 1 + random(3); flips; flips--) {
        const bit = random(8 * body.length);
        body[bit >> 3]! ^= 1 << (bit & 7);
      }
      try {
        const [way, message] = read(name, [frames[0]!, body, ...frames.slice(2)]);
        encode(way, message);
      } catch (e) {
        assert.ok(e instanceof Malformed, String(e));
        refused++;
      }
    }
  }
  assert.ok(refused > 0);
});

test("what a correct peer would refuse is not said", () => {
  const refused: [Way, Message, RegExp][] = [
    ["up", { type: "STARTED" }, /token is missing/],
    ["up", { type: "STARTED", token: { epoch: 1, seq: 1 }, queue: "outer" }, /queue is not a field/],
    ["down", { type: "STARTED", token: { epoch: 1, seq: 1 } }, /not a message of this way/],
    ["up", { type: "STARTED", token: { epoch: 1, seq: 1 }, payload: Buffer.from("x") }, /has no payload/],
    ["up", { type: "PROGRESS", token: { epoch: 1, seq: 1 }, percent: 101 }, /percent is out of range/],
    ["up", { type: "PROGRESS", token: { epoch: 1, seq: 1 }, percent: 1.5 }, /percent is not an unsigned integer/],
    ["up", { type: "PROGRESS", token: { epoch: 1, seq: 1 }, phase: "no name" }, /phase is not a name/],
    ["up", { type: "ATTACH", req: 1, task: "00" }, /task is not 16 bytes/],
    ["up", { type: "DISCONNECT", status: 0, text: "bell\u0007" }, /text holds a control character/],
    ["up", { type: "DISCONNECT", status: 0, text: "\ud800" }, /text is not UTF-8/],
  ];
  for (const [way, message, fault] of refused) assert.throws(() => encode(way, message), fault);
});

test("numbers are written in their shortest form", () => {
  const forms: [number | bigint, string][] = [
    [0, "00"], [127, "7f"], [128, "cc80"], [255, "ccff"], [256, "cd0100"], [65535, "cdffff"], [65536, "ce00010000"], [0xffffffff, "ceffffffff"],
    [0x100000000, "cf0000000100000000"], [5n, "05"], [(1n << 63n) - 1n, "cf7fffffffffffffff"],
    [-1, "ff"], [-32, "e0"], [-33, "d0df"], [-128, "d080"], [-129, "d1ff7f"], [-32768, "d18000"], [-32769, "d2ffff7fff"], [-0x80000000, "d280000000"],
    [-0x80000001, "d3ffffffff7fffffff"], [-5n, "fb"], [-(1n << 63n), "d38000000000000000"],
  ];
  for (const [value, form] of forms) {
    const body = Buffer.from(encode("down", { type: "ROWS", req: 1, schema: "tasks/1", rows: [{ n: value }] })[1]!).toString("hex");
    assert.equal(body.split("81a16e")[1], form, String(value));
  }
  const past: unknown[] = [1n << 63n, -(1n << 63n) - 1n, 1.5, -1.5, NaN, 2 ** 53];
  for (const value of past) {
    const rows = [{ n: value as number }];
    assert.throws(() => encode("down", { type: "ROWS", req: 1, schema: "tasks/1", rows }), /rows is/, String(value));
  }
});

test("a body of 64 KiB is written, one of a byte more is refused as too large, and the next one is whole", () => {
  const others = Array.from({ length: 128 }, () => ({ text: "x".repeat(500) }));
  const written = (last: number) => encode("down", { type: "ROWS", req: 1, schema: "tasks/1", rows: [...others, { text: "y".repeat(last) }] });
  const most = written(346);
  assert.equal(most[1]!.length, 64 * 1024);
  const { code } = statuses.find((s) => s.word === "too-large")!;
  assert.throws(() => written(347), (e) => e instanceof Malformed && e.code === code && e.message === "the body of ROWS is too large");
  assert.deepEqual(written(346), most);
  const small = encode("up", { type: "STARTED", token: { epoch: 1, seq: 1 } })[1]!;
  assert.deepEqual(Buffer.from(small), Buffer.from("81a5746f6b656e920101", "hex"));
  assert.equal(most[1]!.at(-1), 0x79, "a body keeps its bytes when the next one is written");
});
