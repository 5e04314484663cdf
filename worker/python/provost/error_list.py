"""Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again."""
from __future__ import annotations

import builtins

from .provost_error import ProvostError


class FailedError(ProvostError):
    """Failed."""

    code = 'failed'


class UsageError(ProvostError):
    """Wrong usage."""

    code = 'usage'


class NotFoundError(ProvostError):
    """Not found."""

    code = 'not-found'


class UnauthorizedError(ProvostError):
    """This key may not do this."""

    code = 'unauthorized'


class UnreachableError(ProvostError):
    """Broker unreachable."""

    code = 'unreachable'


class TimeoutError(ProvostError, builtins.TimeoutError):
    """Timed out."""

    code = 'timeout'


class CancelledError(ProvostError):
    """Cancelled."""

    code = 'cancelled'


class InvalidInputError(ProvostError):
    """Invalid input."""

    code = 'invalid-input'


class BadProofError(ProvostError):
    """The proof does not verify."""

    code = 'bad-proof'


class NoMemoryError(ProvostError):
    """Out of memory."""

    code = 'no-memory'


class BusyError(ProvostError):
    """A limit is reached, try later."""

    code = 'busy'


class InterruptedError(ProvostError):
    """Interrupted."""

    code = 'interrupted'


class BadMessageError(ProvostError):
    """Malformed message."""

    code = 'bad-message'


class BadVersionError(ProvostError):
    """Protocol version not supported."""

    code = 'bad-version'


class BadStateError(ProvostError):
    """Not possible in its present state."""

    code = 'bad-state'


class TooLargeError(ProvostError):
    """Larger than the limit."""

    code = 'too-large'


class HashMismatchError(ProvostError):
    """Content does not match its SHA-256."""

    code = 'hash-mismatch'


class StaleBrokerError(ProvostError):
    """The broker's boot epoch is older than one already seen."""

    code = 'stale-broker'


class NameInUseError(ProvostError):
    """Another prover process uses this name and key."""

    code = 'name-in-use'


class StandbyError(ProvostError):
    """This broker stands by, another one is active."""

    code = 'standby'


class ConflictError(ProvostError):
    """The id was used before, with another input."""

    code = 'conflict'


class RevokedError(ProvostError):
    """The attempt is no longer valid."""

    code = 'revoked'


class SupersededError(ProvostError):
    """Another result is already committed."""

    code = 'superseded'


class GoneError(ProvostError):
    """No such task here, or no longer."""

    code = 'gone'


class ExpiredError(ProvostError):
    """The deadline passed before the task was done."""

    code = 'expired'


class DeadError(ProvostError):
    """The task used up its attempts."""

    code = 'dead'


class UnknownQueueError(ProvostError):
    """No such queue."""

    code = 'unknown-queue'


class UnknownCircuitError(ProvostError):
    """No such circuit."""

    code = 'unknown-circuit'


class UnservableError(ProvostError):
    """No live prover can serve the task."""

    code = 'unservable'


class PausedError(ProvostError):
    """The queue is paused."""

    code = 'paused'


class LostError(ProvostError):
    """The prover was lost."""

    code = 'lost'


class RunTimeoutError(ProvostError):
    """The attempt ran longer than the queue allows."""

    code = 'run-timeout'


class StalledError(ProvostError):
    """The attempt made no progress for longer than the queue allows."""

    code = 'stalled'


class ReleasedError(ProvostError):
    """Handed back unfinished."""

    code = 'released'


class ResourcesError(ProvostError):
    """Not enough memory for this task on this prover."""

    code = 'resources'


class IoError(ProvostError):
    """Input or output failed."""

    code = 'io'


class DiskFullError(ProvostError):
    """No space left on the device."""

    code = 'disk-full'


class BadZkeyError(ProvostError):
    """Not a usable Groth16 zkey over BN254."""

    code = 'bad-zkey'


class BadWtnsError(ProvostError):
    """Not a usable witness file."""

    code = 'bad-wtns'


class BadWitnessError(ProvostError):
    """The witness does not satisfy the circuit."""

    code = 'bad-witness'


class BadVkeyError(ProvostError):
    """Not a usable verification key."""

    code = 'bad-vkey'


class BadJsonError(ProvostError):
    """Not the JSON that was expected."""

    code = 'bad-json'


class BadConfigError(ProvostError):
    """The configuration is not usable."""

    code = 'bad-config'


class BadKeyFileError(ProvostError):
    """The key file is not usable."""

    code = 'bad-key-file'


class StoreError(ProvostError):
    """The broker's store failed."""

    code = 'store'


class NoDeviceError(ProvostError):
    """No usable GPU."""

    code = 'no-device'


class DeviceError(ProvostError):
    """The GPU failed."""

    code = 'device'


class InternalError(ProvostError):
    """Internal error."""

    code = 'internal'


#: The class of each outcome.
ERROR_CLASSES: dict[str, type[ProvostError]] = {
    'failed': FailedError,
    'usage': UsageError,
    'not-found': NotFoundError,
    'unauthorized': UnauthorizedError,
    'unreachable': UnreachableError,
    'timeout': TimeoutError,
    'cancelled': CancelledError,
    'invalid-input': InvalidInputError,
    'bad-proof': BadProofError,
    'no-memory': NoMemoryError,
    'busy': BusyError,
    'interrupted': InterruptedError,
    'bad-message': BadMessageError,
    'bad-version': BadVersionError,
    'bad-state': BadStateError,
    'too-large': TooLargeError,
    'hash-mismatch': HashMismatchError,
    'stale-broker': StaleBrokerError,
    'name-in-use': NameInUseError,
    'standby': StandbyError,
    'conflict': ConflictError,
    'revoked': RevokedError,
    'superseded': SupersededError,
    'gone': GoneError,
    'expired': ExpiredError,
    'dead': DeadError,
    'unknown-queue': UnknownQueueError,
    'unknown-circuit': UnknownCircuitError,
    'unservable': UnservableError,
    'paused': PausedError,
    'lost': LostError,
    'run-timeout': RunTimeoutError,
    'stalled': StalledError,
    'released': ReleasedError,
    'resources': ResourcesError,
    'io': IoError,
    'disk-full': DiskFullError,
    'bad-zkey': BadZkeyError,
    'bad-wtns': BadWtnsError,
    'bad-witness': BadWitnessError,
    'bad-vkey': BadVkeyError,
    'bad-json': BadJsonError,
    'bad-config': BadConfigError,
    'bad-key-file': BadKeyFileError,
    'store': StoreError,
    'no-device': NoDeviceError,
    'device': DeviceError,
    'internal': InternalError,
}


def error_of(word: str, message: str = "", task_id: str | None = None) -> ProvostError:
    """The error of an outcome, of its own class. "ok" is none, so it reads as internal."""
    return ERROR_CLASSES.get(word, InternalError)(message, task_id=task_id)
