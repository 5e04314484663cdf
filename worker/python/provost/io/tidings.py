"""What the caller's thread and the connection's thread say to each other."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..wire.wire_lists import Message
from .link import Terms
from .source import Source
from .text import UNREACHABLE


@dataclass(slots=True)
class Progress:
    """The latest news of a task. Times are ms, sizes bytes; -1: not known.

    accepted    the broker has the task: from here on it survives every crash
    sent        bytes of the input that were sent so far, of `total`
    percent     of the running attempt, 0 to 100
    position    tasks before it in its queue
    unservable  no live prover can take it at present
    held        why the broker has not taken it yet: the sentence of the limit that is reached, or ""
    """

    state: str = "receiving"
    accepted: bool = False
    sent: int = 0
    total: int = 0
    percent: int = 0
    phase: str = ""
    note: str = ""
    eta_ms: int = -1
    position: int = -1
    unservable: bool = False
    held: str = ""


@dataclass(slots=True)
class End:
    """How a task ended. `status` is a wire code: 0 when it succeeded."""

    state: str
    status: int
    text: str
    generation: int
    prover: str
    measured_ms: int
    data: bytes = b""


@dataclass(frozen=True)
class LinkState:
    up: bool = False
    endpoint: str = ""
    status: int = UNREACHABLE
    text: str = "not connected yet"
    welcomes: int = 0
    terms: Terms | None = None


@dataclass(slots=True)
class Submit:
    """SUBMIT's own fields, without req, task, length and sha256. `deadline`: by time.time(); `expires`: the same by time.monotonic().
    quiet: no news but of limits."""

    fields: Message
    source: Source
    busy_fails: bool = False
    quiet: bool = False
    deadline: float | None = None
    expires: float = field(default=0.0)


class Bridge(Protocol):
    """What takes the caller's orders: the connection's thread, or the mock. `key` names a followed task or a question in what comes
    back. Any thread may call."""

    def submit(self, key: int, task: str, what: Submit) -> None: ...

    def attach(self, key: int, task: str) -> None: ...

    def forget(self, key: int) -> None: ...

    def ask(self, key: int, message: Message, want: str) -> None: ...

    def ack(self, task: str, generation: int, acked: bool) -> None: ...

    def flush(self, key: int) -> None: ...

    def close(self) -> None:
        """Begins to end."""

    def closed(self, seconds: float) -> bool:
        """Waits until it has ended."""


class Listener:
    """Hears what is said under one key. Runs in the caller's thread."""

    def news(self, news: Progress) -> None:
        """The latest of a task."""

    def refused(self, status: int, text: str) -> None:
        """The task was not taken."""

    def over(self, end: End) -> None:
        """The task is over."""

    def answer(self, message: Message, data: bytes) -> None:
        """The answer to a question, and the payload that came with it."""

    def failed(self, status: int, text: str) -> None:
        """There is no answer to a question."""

    def waiting(self, text: str) -> None:
        """A question waits at a limit of the broker."""

    def flushed(self) -> None:
        """Every acknowledgement was said."""
