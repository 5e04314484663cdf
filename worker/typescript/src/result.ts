/** What a task gave. */
import { BadProofError } from "./errors.js";
import type { End } from "./io/bridge.js";

/** A Groth16 proof as snarkjs has it. */
export interface Groth16Proof {
  pi_a: string[];
  pi_b: string[][];
  pi_c: string[];
  protocol: string;
  curve: string;
  [more: string]: unknown;
}

interface Parsed {
  proof: Groth16Proof;
  public: string[];
}

function parse(bytes: Uint8Array): Parsed | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    const read = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as Partial<Parsed>;
    const whole = typeof read.proof === "object" && read.proof !== null && Array.isArray(read.public) && read.public.every((s) => typeof s === "string");
    return whole ? (read as Parsed) : undefined;
  } catch {
    return undefined;
  }
}

/** The result of a task that succeeded. */
export class Result {
  /** What the prover answered; for Groth16 the JSON {"proof": ..., "public": [...]}. */
  readonly bytes: Uint8Array;
  readonly taskId: string;
  /** The name of the prover. */
  readonly prover: string;
  /** How long it computed, ms. */
  readonly measuredMs: number;
  /** Counts the revivals of the task. */
  readonly generation: number;
  /**
   * What was checked here: nothing; that the public signals are those of the witness, or those that were expected; that the proof is right
   * for the signals that came with it, but perhaps of another input; or both, which is the statement.
   */
  checked: "nothing" | "publics" | "proof" | "statement" = "nothing";
  #parsed: Parsed | undefined | null = null;

  /** @internal */
  constructor(taskId: string, end: End) {
    this.bytes = end.bytes ?? new Uint8Array(0);
    this.taskId = taskId;
    this.prover = end.prover;
    this.measuredMs = end.measuredMs;
    this.generation = end.generation;
  }

  /** True when it is a Groth16 proof with its public signals. */
  get isProof(): boolean {
    if (this.#parsed === null) this.#parsed = parse(this.bytes);
    return this.#parsed !== undefined;
  }

  #whole(): Parsed {
    if (!this.isProof) throw new BadProofError("bad-proof", "the result is no Groth16 proof: look at its bytes", { taskId: this.taskId });
    return this.#parsed!;
  }

  /** The proof, as snarkjs takes it. @throws BadProofError when the result is none */
  get proof(): Groth16Proof {
    return this.#whole().proof;
  }

  /** The public signals, as snarkjs takes them. @throws BadProofError when the result is no proof */
  get publicSignals(): string[] {
    return this.#whole().public;
  }

  toJSON(): object {
    const { taskId, prover, measuredMs, generation, checked } = this;
    return { taskId, prover, measuredMs, generation, checked, ...(this.isProof && { proof: this.proof, publicSignals: this.publicSignals }) };
  }
}
