// What zeromq.js itself takes for the messages of speed.mjs: a loop that sends and receives them, in one thread, without a client.
//   node bare_zeromq.mjs URL BYTES TASKS      beside a node_modules/provost (its codec writes the frames)
// Each task: SUBMIT, SUBMIT_OK, DELIVER, ACK, and both digests. Prints one line of JSON as speed.mjs does.
import { createHash, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";

const [, , url, bytes = "1024", tasks = "2000"] = process.argv;
const IN_FLIGHT = 64;
const WARM_UP = 2000;
const DELIVER = 16;
const require = createRequire(realpathSync("node_modules/provost/dist/index.js"));
const { Dealer } = require("zeromq");
const { encode } = require("./wire/codec.js");

const socket = new Dealer({ linger: 100, sendHighWaterMark: 64, receiveHighWaterMark: 256 });
const input = randomBytes(Number(bytes));
const run = randomBytes(12).toString("hex");
const total = WARM_UP + Number(tasks);
const digest = (b) => createHash("sha256").update(b).digest("hex");
const queue = [];
let sending = false;
let said = 0;

async function send(frames) {
  queue.push(frames);
  if (sending) return;
  sending = true;
  for (let next = queue.shift(); next; next = queue.shift()) await socket.send(next);
  sending = false;
}

function submit() {
  if (said === total) return;
  const payload = Buffer.from(input);
  payload.writeUInt32LE(++said);
  const task = said.toString(16).padStart(8, "0") + run;
  void send(encode("up", { type: "SUBMIT", req: said, task, queue: "echo", circuit: "any", length: payload.length, sha256: digest(payload), payload }));
}

socket.connect(url);
void send(encode("up", { type: "HELLO", role: "client", name: "bare", session: randomBytes(16).toString("hex"), software: "bare", vmin: 1, vmax: 1, epoch: 0 }));
await socket.receive(); // WELCOME
for (let i = 0; i < IN_FLIGHT; i++) submit();
let began;
let cpu;
for (let done = 0; done < total; ) {
  const [head, body, payload] = await socket.receive();
  if (head[3] !== DELIVER) continue;
  digest(payload);
  const at = body.indexOf("task") + 6; // behind the key and the head of a bin of 16 bytes
  void send(encode("up", { type: "ACK", task: body.toString("hex", at, at + 16), generation: 1 }));
  submit();
  if (++done === WARM_UP) [began, cpu] = [performance.now(), process.cpuUsage()];
}
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - began) / 1000;
const us = Math.round((used.user + used.system) / Number(tasks));
console.log(JSON.stringify({ which: "zeromq", bytes: Number(bytes), tasks: Number(tasks), per_second: Math.round(Number(tasks) / seconds), cpu_us_per_task: us }));
socket.close();
