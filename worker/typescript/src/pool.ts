/**
 * The shape of a prover pool, `request(input): Promise<Proof>`, with Provost behind it.
 *
 * @packageDocumentation
 */
import { Client, connect, type ProveOptions } from "./client.js";
import { BadStateError } from "./errors.js";
import { checkName, checkOptions, optionsOf, usage, type ConnectOptions, type Witness } from "./options.js";
import type { Result } from "./result.js";

export interface PoolOptions extends Omit<ProveOptions, "witness" | "inputJson" | "id" | "signal">, ConnectOptions {
  /** The circuit's wasm, a file or its bytes: then `request` takes the circuit's signals and computes the witness with snarkjs. */
  wasm?: string | Uint8Array | undefined;
  /** A client to use instead of one of its own. */
  client?: Client | undefined;
}

/** What a request takes: a witness (bytes, a file, a stream), or with `wasm` the circuit's input signals. */
export type PoolInput = Witness | Record<string, unknown>;

function isWitness(input: PoolInput): input is Witness {
  return typeof input === "string" || input instanceof Uint8Array || (typeof input === "object" && "stream" in input && "length" in input);
}

/** Any number of requests at once; the fleet is the pool. It connects at the first request. */
export class ProverPool {
  readonly #options: PoolOptions;
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    checkOptions(options, "ProverPool");
    checkName(options.queue, "queue");
    checkName(options.circuit, "circuit");
    const { client, wasm } = options;
    if (client !== undefined && !(client instanceof Client)) usage("client: one that connect() gave");
    if (wasm !== undefined && typeof wasm !== "string" && !(wasm instanceof Uint8Array)) usage("wasm: the path of a file, or its bytes");
    this.#options = options;
  }

  /** Proves. @throws as `Client.prove` */
  async request(input: PoolInput, more?: Pick<ProveOptions, "id" | "signal" | "timeout" | "onProgress">): Promise<Result> {
    const { wasm } = this.#options;
    const options = { ...this.#options, ...optionsOf(more, "request") };
    if (typeof input !== "string" && (typeof input !== "object" || input === null)) usage("request: give a witness, or the circuit's signals");
    const client = await this.#connected();
    if (isWitness(input)) return client.prove({ ...options, witness: input });
    if (wasm === undefined) usage("request: with the circuit's signals as input the pool needs wasm");
    return client.fullProve(input, wasm, options);
  }

  #connected(): Promise<Client> {
    if (this.#closed) throw new BadStateError("bad-state", "the pool is closed");
    this.#client ??= this.#options.client ? Promise.resolve(this.#options.client) : connect(this.#options);
    this.#client.catch(() => (this.#client = undefined)); // the next request tries again
    return this.#client;
  }

  /** Closes the pool's own client. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#options.client) await (await this.#client)?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
