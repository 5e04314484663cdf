// Payloads of some KiB go between the threads in slots of shared memory.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { InputSlots } from "../dist/io/input.js";
import { Slots } from "../dist/io/slots.js";
import { accepts, broker, client, delivers, ID } from "./support/fake_broker.js";

const LEAST = 4096;
const MOST = 65536;
const SLOTS = 64;

test("64 payloads of 4 to 64 KiB have a slot each, the 65th none, until one is free", () => {
  const memory = Slots.memory();
  const here = new Slots(memory);
  const there = new Slots(memory);
  const payloads = Array.from({ length: SLOTS }, (_, i) => randomBytes(i % 2 ? LEAST : MOST));
  const slots = payloads.map((bytes) => here.put(bytes));
  assert.equal(new Set(slots).size, SLOTS);
  assert.equal(here.put(payloads[0]!), -1);
  slots.forEach((slot, i) => assert.ok(there.bytes(slot, payloads[i]!.length).equals(payloads[i]!), `${i}`));
  there.free(slots[7]!);
  assert.equal(here.put(payloads[0]!), slots[7]);
  assert.equal(here.put(payloads[0]!), -1);
  there.free(slots[7]!);
  assert.deepEqual([here.put(Buffer.alloc(LEAST - 1)), here.put(Buffer.alloc(MOST + 1)), here.put(Buffer.alloc(LEAST))], [-1, -1, slots[7]]);
});

test("the slot of an input that may be on its way is free after the next welcome, that of an accepted one at once", () => {
  const slots = new InputSlots(Slots.memory());
  const [first, second] = [slots.put(Buffer.alloc(LEAST)), slots.put(Buffer.alloc(LEAST))];
  slots.release(first, false);
  const third = slots.put(Buffer.alloc(LEAST));
  assert.ok(![first, second].includes(third));
  slots.release(second, true);
  assert.equal(slots.put(Buffer.alloc(LEAST)), second);
  slots.welcomed();
  assert.equal(slots.put(Buffer.alloc(LEAST)), first);
});

test("200 inputs at once arrive as they were when they were given, and come back right", async (t) => {
  const b = await broker(t);
  b.on = (m) => m.type === "SUBMIT" && delivers(b, m, Buffer.from(m.payload!));
  const c = await client(t, b.url);
  for (let round = 0; round < 3; round++) {
    const proved = Array.from({ length: 200 }, async (_, i) => {
      const witness = randomBytes(i % 5 === 0 ? MOST : 3000 + 100 * i);
      const was = Buffer.from(witness);
      const result = c.prove({ queue: "q", circuit: "c", witness });
      witness.fill(0);
      assert.ok(was.equals((await result).bytes), `${i}`);
    });
    await Promise.all(proved);
  }
});

test("an input that was given up is not written over while it may be on its way", async (t) => {
  const b = await broker(t);
  const c = await client(t, b.url);
  const witness = randomBytes(MOST);
  await assert.rejects(c.prove({ queue: "q", circuit: "c", witness, id: ID, timeout: 1 }), { code: "timeout" });
  b.on = accepts(b);
  for (let i = 0; i < 5; i++) await c.submit({ queue: "q", circuit: "c", witness: randomBytes(MOST) });
  const [given] = b.of("SUBMIT");
  assert.equal(given!.task, ID);
  assert.ok(witness.equals(given!.payload!));
});
