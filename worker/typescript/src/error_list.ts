// Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again.
import { ProvostError } from "./provost_error.js";

/** Failed. */
export class FailedError extends ProvostError {}

/** Wrong usage. */
export class UsageError extends ProvostError {}

/** Not found. */
export class NotFoundError extends ProvostError {}

/** This key may not do this. */
export class UnauthorizedError extends ProvostError {}

/** Broker unreachable. */
export class UnreachableError extends ProvostError {}

/** Timed out. */
export class TimeoutError extends ProvostError {}

/** Cancelled. */
export class CancelledError extends ProvostError {}

/** Invalid input. */
export class InvalidInputError extends ProvostError {}

/** The proof does not verify. */
export class BadProofError extends ProvostError {}

/** Out of memory. */
export class NoMemoryError extends ProvostError {}

/** A limit is reached, try later. */
export class BusyError extends ProvostError {}

/** Interrupted. */
export class InterruptedError extends ProvostError {}

/** Malformed message. */
export class BadMessageError extends ProvostError {}

/** Protocol version not supported. */
export class BadVersionError extends ProvostError {}

/** Not possible in its present state. */
export class BadStateError extends ProvostError {}

/** Larger than the limit. */
export class TooLargeError extends ProvostError {}

/** Content does not match its SHA-256. */
export class HashMismatchError extends ProvostError {}

/** The broker's boot epoch is older than one already seen. */
export class StaleBrokerError extends ProvostError {}

/** Another prover process uses this name and key. */
export class NameInUseError extends ProvostError {}

/** This broker stands by, another one is active. */
export class StandbyError extends ProvostError {}

/** The id was used before, with another input. */
export class ConflictError extends ProvostError {}

/** The attempt is no longer valid. */
export class RevokedError extends ProvostError {}

/** Another result is already committed. */
export class SupersededError extends ProvostError {}

/** No such task here, or no longer. */
export class GoneError extends ProvostError {}

/** The deadline passed before the task was done. */
export class ExpiredError extends ProvostError {}

/** The task used up its attempts. */
export class DeadError extends ProvostError {}

/** No such queue. */
export class UnknownQueueError extends ProvostError {}

/** No such circuit. */
export class UnknownCircuitError extends ProvostError {}

/** No live prover can serve the task. */
export class UnservableError extends ProvostError {}

/** The queue is paused. */
export class PausedError extends ProvostError {}

/** The prover was lost. */
export class LostError extends ProvostError {}

/** The attempt ran longer than the queue allows. */
export class RunTimeoutError extends ProvostError {}

/** The attempt made no progress for longer than the queue allows. */
export class StalledError extends ProvostError {}

/** Handed back unfinished. */
export class ReleasedError extends ProvostError {}

/** Not enough memory for this task on this prover. */
export class ResourcesError extends ProvostError {}

/** Input or output failed. */
export class IoError extends ProvostError {}

/** No space left on the device. */
export class DiskFullError extends ProvostError {}

/** Not a usable Groth16 zkey over BN254. */
export class BadZkeyError extends ProvostError {}

/** Not a usable witness file. */
export class BadWtnsError extends ProvostError {}

/** The witness does not satisfy the circuit. */
export class BadWitnessError extends ProvostError {}

/** Not a usable verification key. */
export class BadVkeyError extends ProvostError {}

/** Not the JSON that was expected. */
export class BadJsonError extends ProvostError {}

/** The configuration is not usable. */
export class BadConfigError extends ProvostError {}

/** The key file is not usable. */
export class BadKeyFileError extends ProvostError {}

/** The broker's store failed. */
export class StoreError extends ProvostError {}

/** No usable GPU. */
export class NoDeviceError extends ProvostError {}

/** The GPU failed. */
export class DeviceError extends ProvostError {}

/** Internal error. */
export class InternalError extends ProvostError {}

/** The class of each outcome. */
export const errorClasses = {
  "failed": FailedError,
  "usage": UsageError,
  "not-found": NotFoundError,
  "unauthorized": UnauthorizedError,
  "unreachable": UnreachableError,
  "timeout": TimeoutError,
  "cancelled": CancelledError,
  "invalid-input": InvalidInputError,
  "bad-proof": BadProofError,
  "no-memory": NoMemoryError,
  "busy": BusyError,
  "interrupted": InterruptedError,
  "bad-message": BadMessageError,
  "bad-version": BadVersionError,
  "bad-state": BadStateError,
  "too-large": TooLargeError,
  "hash-mismatch": HashMismatchError,
  "stale-broker": StaleBrokerError,
  "name-in-use": NameInUseError,
  "standby": StandbyError,
  "conflict": ConflictError,
  "revoked": RevokedError,
  "superseded": SupersededError,
  "gone": GoneError,
  "expired": ExpiredError,
  "dead": DeadError,
  "unknown-queue": UnknownQueueError,
  "unknown-circuit": UnknownCircuitError,
  "unservable": UnservableError,
  "paused": PausedError,
  "lost": LostError,
  "run-timeout": RunTimeoutError,
  "stalled": StalledError,
  "released": ReleasedError,
  "resources": ResourcesError,
  "io": IoError,
  "disk-full": DiskFullError,
  "bad-zkey": BadZkeyError,
  "bad-wtns": BadWtnsError,
  "bad-witness": BadWitnessError,
  "bad-vkey": BadVkeyError,
  "bad-json": BadJsonError,
  "bad-config": BadConfigError,
  "bad-key-file": BadKeyFileError,
  "store": StoreError,
  "no-device": NoDeviceError,
  "device": DeviceError,
  "internal": InternalError,
} as const;
