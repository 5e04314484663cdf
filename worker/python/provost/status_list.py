"""Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again."""
from __future__ import annotations

from typing import NamedTuple


class Status(NamedTuple):
    """An outcome: code on the wire, exit status of a program, word in logs, sentence."""

    code: int
    exit: int
    word: str
    retryable: bool
    text: str


STATUSES: tuple[Status, ...] = (
    Status(0, 0, 'ok', False, 'ok'),
    Status(1, 1, 'failed', False, 'failed'),
    Status(2, 2, 'usage', False, 'wrong usage'),
    Status(3, 3, 'not-found', False, 'not found'),
    Status(4, 4, 'unauthorized', False, 'this key may not do this'),
    Status(5, 5, 'unreachable', True, 'broker unreachable'),
    Status(6, 6, 'timeout', True, 'timed out'),
    Status(7, 7, 'cancelled', False, 'cancelled'),
    Status(8, 8, 'invalid-input', False, 'invalid input'),
    Status(9, 9, 'bad-proof', False, 'the proof does not verify'),
    Status(10, 10, 'no-memory', True, 'out of memory'),
    Status(11, 11, 'busy', True, 'a limit is reached, try later'),
    Status(12, 130, 'interrupted', True, 'interrupted'),
    Status(20, 1, 'bad-message', False, 'malformed message'),
    Status(21, 1, 'bad-version', False, 'protocol version not supported'),
    Status(22, 1, 'bad-state', False, 'not possible in its present state'),
    Status(23, 8, 'too-large', False, 'larger than the limit'),
    Status(24, 8, 'hash-mismatch', True, 'content does not match its SHA-256'),
    Status(25, 1, 'stale-broker', True, "the broker's boot epoch is older than one already seen"),
    Status(26, 1, 'name-in-use', True, 'another prover process uses this name and key'),
    Status(27, 5, 'standby', True, 'this broker stands by, another one is active'),
    Status(30, 8, 'conflict', False, 'the id was used before, with another input'),
    Status(31, 7, 'revoked', False, 'the attempt is no longer valid'),
    Status(32, 1, 'superseded', False, 'another result is already committed'),
    Status(33, 3, 'gone', False, 'no such task here, or no longer'),
    Status(34, 6, 'expired', False, 'the deadline passed before the task was done'),
    Status(35, 1, 'dead', False, 'the task used up its attempts'),
    Status(36, 3, 'unknown-queue', False, 'no such queue'),
    Status(37, 3, 'unknown-circuit', False, 'no such circuit'),
    Status(38, 12, 'unservable', True, 'no live prover can serve the task'),
    Status(39, 11, 'paused', True, 'the queue is paused'),
    Status(40, 1, 'lost', True, 'the prover was lost'),
    Status(41, 6, 'run-timeout', True, 'the attempt ran longer than the queue allows'),
    Status(42, 6, 'stalled', True, 'the attempt made no progress for longer than the queue allows'),
    Status(43, 1, 'released', True, 'handed back unfinished'),
    Status(44, 10, 'resources', True, 'not enough memory for this task on this prover'),
    Status(60, 1, 'io', False, 'input or output failed'),
    Status(61, 1, 'disk-full', True, 'no space left on the device'),
    Status(62, 8, 'bad-zkey', False, 'not a usable Groth16 zkey over BN254'),
    Status(63, 8, 'bad-wtns', False, 'not a usable witness file'),
    Status(64, 8, 'bad-witness', False, 'the witness does not satisfy the circuit'),
    Status(65, 8, 'bad-vkey', False, 'not a usable verification key'),
    Status(66, 8, 'bad-json', False, 'not the JSON that was expected'),
    Status(67, 2, 'bad-config', False, 'the configuration is not usable'),
    Status(68, 4, 'bad-key-file', False, 'the key file is not usable'),
    Status(80, 1, 'store', True, "the broker's store failed"),
    Status(81, 1, 'no-device', True, 'no usable GPU'),
    Status(82, 1, 'device', True, 'the GPU failed'),
    Status(99, 1, 'internal', False, 'internal error'),
)
