// The TypeScript part of the mixed drill: mixed.mjs URL QUEUE SHARED-ID ID...      Says the outcome of each id, one a line.
import { connect } from "provost";

const [, , url, queue, shared, ...ids] = process.argv;
const client = await connect({ url, insecure: true, name: "typescript", reconnectMin: 50, reconnectMax: 300, connectTimeout: 60_000 });

async function one(id, witness) {
  try {
    const result = await client.prove({ queue, circuit: "any", id, witness: Buffer.from(witness), timeout: 60_000 });
    console.log(id, Buffer.from(result.bytes).toString() === witness ? "right" : "wrong");
  } catch (e) {
    console.log(id, e.code, e.message);
  }
}

await Promise.all(ids.map((id) => one(id, `${id} of typescript`)));
await one(shared, "shared");
await one(shared, "another input");
await client.close();
