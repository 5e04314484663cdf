/** Verification by snarkjs, an optional peer dependency, on a thread of its own. */
import { BadProofError, BadVkeyError } from "./errors.js";
import { openRegular } from "./regular.js";
import type { Result } from "./result.js";
import { snark, snarkReady } from "./snark.js";

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

const KEY_BYTES_MOST = 64 * 1024 * 1024;

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
    const { file, bytes } = await openRegular(path);
    try {
      if (bytes > KEY_BYTES_MOST) bad(`${path}: larger than any verification key`);
      return JSON.parse(await file.readFile("utf8")) as object;
    } finally {
      await file.close();
    }
  } catch (e) {
    if (e instanceof BadVkeyError) throw e;
    return bad(`${path}: ${e instanceof Error ? e.message : e}`, e);
  }
}

function copyOf(json: object): object {
  try {
    return structuredClone(json);
  } catch (e) {
    return bad("the verification key is not JSON", e);
  }
}

/**
 * Takes snarkjs's verification key, or reads it from a file; asks whether there is a snarkjs.
 * @throws BadVkeyError; UsageError when snarkjs is not installed
 */
export async function loadKey(key: object | string): Promise<VerificationKey> {
  const json = typeof key === "string" ? await read(key) : key;
  if (typeof json !== "object" || json === null) bad("the verification key is no object");
  const looked = checked(copyOf(json)); // the caller may change its own
  await snarkReady();
  return looked;
}

/**
 * @throws BadProofError when the proof does not verify; UsageError when snarkjs is not installed
 */
export async function verifyProof(key: VerificationKey, result: Result, taskId: string): Promise<void> {
  const right = await snark({ do: "verify", vkey: key.json, publicSignals: result.publicSignals, proof: result.proof });
  if (right !== true) throw new BadProofError("bad-proof", "the proof does not verify", { taskId });
}
