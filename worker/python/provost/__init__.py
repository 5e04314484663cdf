"""Asking a Provost broker for proofs.

    async with provost.connect("tcp://broker:7070", key="worker.key", server_key="broker.pub", name="worker") as client:
        result = await client.prove(queue="outer", circuit="withdraw", witness="witness.wtns")

Without asyncio: `provost.blocking`. The shape of a prover pool: `provost.pool`. For the users' own tests: `provost.mock`.
"""
from __future__ import annotations

from .client import About, Client, connect
from .error_list import (
    BadConfigError, BadJsonError, BadKeyFileError, BadMessageError, BadProofError, BadStateError, BadVersionError, BadVkeyError,
    BadWitnessError, BadWtnsError, BadZkeyError, BusyError, CancelledError, ConflictError, DeadError, DeviceError, DiskFullError,
    ExpiredError, FailedError, GoneError, HashMismatchError, InternalError, InterruptedError, InvalidInputError, IoError, LostError,
    NameInUseError, NoDeviceError, NoMemoryError, NotFoundError, PausedError, ReleasedError, ResourcesError, RevokedError,
    RunTimeoutError, StaleBrokerError, StalledError, StandbyError, StoreError, SupersededError, TimeoutError, TooLargeError,
    UnauthorizedError, UnknownCircuitError, UnknownQueueError, UnreachableError, UnservableError, UsageError,
)
from .io.tidings import Progress
from .keys import KeyPair
from .operators import TaskInfo
from .provost_error import ProvostError
from .result import Result
from .task import Task
from .version import VERSION as __version__
from .wire.wire_lists import Row
from .witness import Stream

__all__ = [
    "About", "BadConfigError", "BadJsonError", "BadKeyFileError", "BadMessageError", "BadProofError", "BadStateError",
    "BadVersionError", "BadVkeyError", "BadWitnessError", "BadWtnsError", "BadZkeyError", "BusyError", "CancelledError", "Client",
    "ConflictError", "DeadError", "DeviceError", "DiskFullError", "ExpiredError", "FailedError", "GoneError", "HashMismatchError",
    "InternalError", "InterruptedError", "InvalidInputError", "IoError", "KeyPair", "LostError", "NameInUseError", "NoDeviceError",
    "NoMemoryError", "NotFoundError", "PausedError", "Progress", "ProvostError", "ReleasedError", "ResourcesError", "Result",
    "RevokedError", "Row", "RunTimeoutError", "StaleBrokerError", "StalledError", "StandbyError", "StoreError", "Stream",
    "SupersededError", "Task", "TaskInfo", "TimeoutError", "TooLargeError", "UnauthorizedError", "UnknownCircuitError",
    "UnknownQueueError", "UnreachableError", "UnservableError", "UsageError", "__version__", "connect",
]
