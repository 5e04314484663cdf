// Echo tasks, 64 in flight: tasks a second and processor time a task of this process.
//   node speed.mjs provost URL  BYTES TASKS      a broker with a queue "echo" and provers that serve it with the handler echo
//   node speed.mjs amqplib URL  BYTES TASKS      RabbitMQ: a durable classic queue, persistent, confirms, direct reply-to; 8 consumers in a
//                                                process of their own (speed.mjs consumers URL). With noDelay: without it 300 a second of 1 KiB
// Prints one line of JSON. Run both by turns in one run, and take medians of three. amqplib is not among the dependencies: npm install it beside.
import { randomBytes, randomUUID } from "node:crypto";

const [, , which, url, bytes = "1024", tasks = "2000"] = process.argv;
const IN_FLIGHT = 64;
/** Tasks that are not counted: until then the compilation of the JavaScript costs as much as the tasks do. */
const WARM_UP = 2000;

async function provost() {
  const { connect } = await import("provost");
  const client = await connect({ url, insecure: true, name: "bench" });
  return { call: async (input) => (await client.prove({ queue: "echo", circuit: "any", witness: input })).bytes.length, close: () => client.close() };
}

async function rabbit() {
  const { default: amqp } = await import("amqplib");
  const connection = await amqp.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("echo", { durable: true });
  const waiting = new Map();
  await channel.consume("amq.rabbitmq.reply-to", (m) => waiting.get(m.properties.correlationId)(m.content.length), { noAck: true });
  const call = (input) => new Promise((resolve, reject) => {
    const correlationId = randomUUID();
    waiting.set(correlationId, (n) => (waiting.delete(correlationId), resolve(n)));
    channel.sendToQueue("echo", input, { persistent: true, correlationId, replyTo: "amq.rabbitmq.reply-to" }, (e) => e && reject(e));
  });
  return { call, close: () => connection.close() };
}

async function consumers() {
  const { default: amqp } = await import("amqplib");
  const connection = await amqp.connect(url, { noDelay: true });
  for (let i = 0; i < 8; i++) {
    const channel = await connection.createChannel();
    await channel.assertQueue("echo", { durable: true });
    await channel.prefetch(1);
    await channel.consume("echo", (m) => {
      channel.sendToQueue(m.properties.replyTo, m.content, { correlationId: m.properties.correlationId });
      channel.ack(m);
    });
  }
  console.log("ready");
}

async function measure({ call, close }) {
  const input = randomBytes(Number(bytes));
  let made = 0;
  let left = 0;
  const worker = async () => {
    while (left-- > 0) {
      input.writeUInt32LE(made++); // each input is another one
      if ((await call(Buffer.from(input))) !== input.length) throw new Error("another length came back");
    }
  };
  const run = (n) => ((left = n), Promise.all(Array.from({ length: IN_FLIGHT }, worker)));
  await run(WARM_UP);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run(Number(tasks));
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  const us = Math.round((used.user + used.system) / Number(tasks));
  console.log(JSON.stringify({ which, bytes: Number(bytes), tasks: Number(tasks), per_second: Math.round(Number(tasks) / seconds), cpu_us_per_task: us }));
  await close();
}

if (which === "consumers") await consumers();
else await measure(which === "amqplib" ? await rabbit() : await provost());
