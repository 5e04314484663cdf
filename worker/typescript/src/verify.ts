/** Verification by snarkjs, an optional peer dependency, on a thread of its own. */
import { readFile } from "node:fs/promises";
import { BadProofError, BadVkeyError } from "./errors.js";
import type { Result } from "./result.js";
import { snark } from "./snark.js";

/** A verification key that was looked at. */
export interface VerificationKey {
  json: object;
  /** How many public signals it checks. */
  publics: number;
}

interface VkeyJson {
  protocol?: unknown;
  curve?: unknown;
  nPublic?: unknown;
  IC?: unknown;
  vk_gamma_2?: unknown;
  vk_delta_2?: unknown;
}

function bad(sentence: string, cause?: unknown): never {
  throw new BadVkeyError("bad-vkey", sentence, { cause });
}

function isZero(point: unknown): boolean {
  return Array.isArray(point) && String(point[2]) === "0";
}

/** A key for which anyone can forge proofs is refused: one without a contribution to its second phase, or that leaves a signal unchecked. */
function checked(json: VkeyJson): VerificationKey {
  if (json.protocol !== "groth16" || json.curve !== "bn128") bad("the verification key is not one of Groth16 over bn128");
  if (!Array.isArray(json.IC) || json.IC.length !== Number(json.nPublic) + 1) bad("the verification key's IC does not fit nPublic");
  if (JSON.stringify(json.vk_gamma_2) === JSON.stringify(json.vk_delta_2)) bad("the verification key has no contribution (delta is gamma): proofs can be forged");
  if (json.IC.slice(1).some(isZero)) bad("the verification key leaves a public signal unchecked");
  return { json, publics: json.IC.length - 1 };
}

async function read(path: string): Promise<object> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as object;
  } catch (e) {
    return bad(`${path}: ${e instanceof Error ? e.message : e}`, e);
  }
}

/**
 * Takes snarkjs's verification key, or reads it from a file.
 * @throws BadVkeyError
 */
export async function loadKey(key: object | string): Promise<VerificationKey> {
  const json = typeof key === "string" ? await read(key) : key;
  if (typeof json !== "object" || json === null) bad("the verification key is no object");
  return checked(json);
}

/**
 * @throws BadProofError when the proof does not verify; UsageError when snarkjs is not installed
 */
export async function verifyProof(key: VerificationKey, result: Result, taskId: string): Promise<void> {
  const right = await snark({ do: "verify", vkey: key.json, publicSignals: result.publicSignals, proof: result.proof });
  if (right !== true) throw new BadProofError("bad-proof", "the proof does not verify", { taskId });
}
