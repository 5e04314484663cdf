"""A payload on its way in or out, by credit. Pure: no socket, no clock. The rules: wire/PROTOCOL.md, "Large payloads"."""
from __future__ import annotations

import hashlib
import io
from typing import Literal

from ..wire.codec import Frame

Taken = Literal["more", "complete", "misplaced", "mismatch", "no-memory"]


class Outgoing:
    """What may be sent of a payload of `length` bytes.

    sent    the next chunk starts here
    turns   counts the changes of `sent` by the receiver, so that a read that began before is known to be stale
    """

    __slots__ = ("_end", "_granted", "_told", "length", "sent", "turns")

    def __init__(self, length: int) -> None:
        self.length = length
        self.sent = 0
        self.turns = 0
        self._end = 0
        self._told = 0
        self._granted = False

    def rewind(self) -> None:
        """Starts over: nothing is granted, the next grant says where to go on."""
        self._granted = False
        self.sent = self._end = self._told = 0
        self.turns += 1

    def grant(self, offset: int, n: int) -> None:
        """Takes a CREDIT. One outside of the payload is ignored."""
        if offset > self.length:
            return
        if not self._granted or offset < self._told or offset > self.sent:
            self.sent = offset
            self.turns += 1
        self._granted = True
        self._told = offset
        self._end = min(offset + n, self.length)

    @property
    def open(self) -> int:
        """How many bytes may be sent now."""
        return max(0, self._end - self.sent) if self._granted else 0


def sha256_of(data: Frame) -> str:
    return hashlib.sha256(data).hexdigest()


class Incoming:
    """A payload that is received. Memory grows with what comes, not with what was announced: a peer may announce anything."""

    def __init__(self, length: int, sha256: str) -> None:
        self.length = length
        self.sha256 = sha256
        self.got = 0
        self._granted = 0
        self._bytes = io.BytesIO()  # its getvalue() gives the buffer itself: no second copy of a large result
        self._digest = hashlib.sha256()

    def take(self, offset: int, data: Frame) -> Taken:
        """Takes a chunk; one that is not the next is dropped. After "mismatch" and "no-memory" nothing is to be kept."""
        if offset != self.got or len(data) > self.length - self.got:
            return "misplaced"
        self._digest.update(data)
        try:
            self._bytes.write(data)
        except MemoryError:
            return "no-memory"
        self.got += len(data)
        if self.got < self.length:
            return "more"
        return "complete" if self._digest.hexdigest() == self.sha256 else "mismatch"

    def grant(self, window: int) -> tuple[int, int] | None:
        """The credit to give now, offset and bytes: the next window, once all of the last has come, so that no two grants overlap."""
        if self.got == self.length or self._granted > self.got:
            return None
        n = min(window, self.length - self.got)
        self._granted = self.got + n
        return self.got, n

    def rewind(self) -> None:
        """Takes back what was granted and did not come."""
        self._granted = self.got

    def release(self) -> bytes:
        """The bytes of a complete payload."""
        return self._bytes.getvalue()
