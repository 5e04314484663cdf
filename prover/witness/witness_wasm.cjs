// Computes one witness with circom's WebAssembly:   node witness_wasm.cjs circuit.wasm input.json out.wtns
//
// It does what circom's own calculator does (witness_calculator.js of circom 2, and circom_runtime), byte for byte; the test
// `witness_programs` compares the two. It is here so that a node needs Node.js and no package. What fails is one line on stderr, with status 1;
// log() of a circuit is not printed, as it may be of private signals.
"use strict";
const fs = require("node:fs");

const MEMORY_PAGES = 32767; // as circom_runtime offers it to wasm of circom 1; circom 2 brings its own

const REASONS = {
  1: "Signal not found.",
  2: "Too many signals set.",
  3: "Signal already set.",
  4: "Assert Failed.",
  5: "Not enough memory.",
  6: "Input signal array access exceeds the size.",
};

class Refused extends Error {}

// FNV-1a of 64 bits: by it the wasm knows a signal's name. In two halves.
function hashOf(name) {
  let h = 0xcbf29ce484222325n;
  for (let i = 0; i < name.length; i++) h = BigInt.asUintN(64, (h ^ BigInt(name.charCodeAt(i))) * 0x100000001b3n);
  return [Number(h >> 32n), Number(h & 0xffffffffn)];
}

function textOf(exports) {
  let text = "";
  for (let c = exports.getMessageChar(); c !== 0; c = exports.getMessageChar()) text += String.fromCharCode(c);
  return text;
}

async function instanceOf(path) {
  let printed = "";
  let instance;
  const runtime = {
    exceptionHandler(code) {
      throw new Refused(`${REASONS[code] ?? `Error ${code}.`} ${printed}`.trim());
    },
    printErrorMessage() {
      printed += `${textOf(instance.exports)} `;
    },
    writeBufferMessage() {
      textOf(instance.exports); // reading it empties it
    },
    showSharedRWMemory() {},
    printDebug() {},
  };
  const module = await WebAssembly.compile(fs.readFileSync(path));
  const needsMemory = WebAssembly.Module.imports(module).some((i) => i.module === "env" && i.name === "memory");
  const env = needsMemory ? { memory: new WebAssembly.Memory({ initial: MEMORY_PAGES }) } : {};
  instance = await WebAssembly.instantiate(module, { env, runtime });
  if (typeof instance.exports.getVersion !== "function") throw new Refused("Error: made by circom 1: compile it with circom 2");
  return instance.exports;
}

class Calculator {
  constructor(exports) {
    this.x = exports;
    this.words = exports.getFieldNumLen32();
    this.size = exports.getWitnessSize();
    exports.getRawPrime();
    this.prime = 0n;
    for (let i = this.words - 1; i >= 0; i--) this.prime = (this.prime << 32n) | BigInt(exports.readSharedRWMemory(i) >>> 0);
  }

  // Numbers above 2^53 lose their last digits in JSON, silently: refused.
  number(value, name) {
    const whole = typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "string" && /^\s*-?(0x[0-9a-f]+|[0-9]+)\s*$/i.test(value);
    if (typeof value === "boolean") return value ? 1n : 0n;
    if (!whole) throw new Refused(`Error: signal ${name}: not a whole number, or above 2^53 and not in quotes`);
    const text = String(value).trim();
    const n = (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text)) % this.prime;
    return n < 0n ? n + this.prime : n;
  }

  set(name, value) {
    const values = [value].flat(Infinity);
    const [high, low] = hashOf(name);
    const wanted = this.x.getInputSignalSize?.(high, low) ?? values.length;
    if (wanted < 0) throw new Refused(`Signal ${name} not found`);
    if (values.length < wanted) throw new Refused(`Error: not enough values for input signal ${name}`);
    if (values.length > wanted) throw new Refused(`Too many values for input signal ${name}`);
    values.forEach((v, i) => {
      let n = this.number(v, name);
      for (let j = 0; j < this.words; j++, n >>= 32n) this.x.writeSharedRWMemory(j, Number(n & 0xffffffffn));
      this.x.setInputSignal(high, low, i);
    });
    return values.length;
  }

  compute(input) {
    if (typeof input !== "object" || input === null || Array.isArray(input)) throw new Refused("Error: input.json is not an object");
    this.x.init(0);
    let set = 0;
    for (const name of Object.keys(input)) set += this.set(name, input[name]);
    if (set < this.x.getInputSize()) throw new Refused(`Not all inputs have been set. Only ${set} out of ${this.x.getInputSize()}`);
  }

  // A .wtns: two sections, the field and the values.
  bytes() {
    const bytesOfOne = 4 * this.words;
    const to = Buffer.alloc(64 - 32 + bytesOfOne + 12 + this.size * bytesOfOne);
    let at = to.write("wtns", 0, "latin1");
    const u32 = (n) => (at = to.writeUInt32LE(n >>> 0, at));
    const u64 = (n) => (at = to.writeBigUInt64LE(BigInt(n), at));
    const shared = () => {
      for (let j = 0; j < this.words; j++) u32(this.x.readSharedRWMemory(j));
    };
    [2, 2, 1].forEach(u32);
    u64(8 + bytesOfOne);
    u32(bytesOfOne);
    this.x.getRawPrime();
    shared();
    u32(this.size);
    u32(2);
    u64(bytesOfOne * this.size);
    for (let i = 0; i < this.size; i++) {
      this.x.getWitness(i);
      shared();
    }
    return to;
  }
}

function inputOf(path) {
  try {
    return JSON.parse(fs.readFileSync(path, "utf8"));
  } catch (e) {
    // V8's own sentence shows a piece of the text, which may be private.
    const at = /position (\d+)/.exec(e.message);
    throw new Refused(`Error: input.json is not JSON${at ? ` (position ${at[1]})` : ""}`);
  }
}

async function main([wasm, input, out]) {
  const calculator = new Calculator(await instanceOf(wasm));
  calculator.compute(inputOf(input));
  fs.writeFileSync(out, calculator.bytes());
}

main(process.argv.slice(2)).catch((e) => {
  process.stderr.write(`${e instanceof Refused ? e.message : `Error: ${e.message}`}\n`);
  process.exit(1);
});
