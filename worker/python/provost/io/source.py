"""Where the bytes of an input come from: memory, or a file that a thread of its own reads."""
from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..wire.codec import Frame

OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hold us

#: Takes the bytes that were asked for, or why they cannot be had.
Give = Callable[["Frame | Exception"], None]


class Source(Protocol):
    @property
    def length(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def read(self, offset: int, n: int, give: Give) -> None:
        """Gives n bytes from offset on, fewer only at the end: at once, or later from another thread."""

    def close(self) -> None: ...


class Memory:
    """Bytes that nobody changes while they are sent. They are not copied."""

    def __init__(self, data: bytes | memoryview, sha256: str) -> None:
        self._view = memoryview(data)
        self.length = len(self._view)
        self.sha256 = sha256

    def read(self, offset: int, n: int, give: Give) -> None:
        give(self._view[offset:offset + n])

    def close(self) -> None:
        self._view = memoryview(b"")


class _Reader:
    """Reads files in a thread, so that a slow disk costs no heartbeat. One for all files: what they wait for is the same disk."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = False

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        with self._lock:
            if not self._started:
                threading.Thread(target=self._main, args=(self._jobs,), name="provost-files", daemon=True).start()
            self._started = True

    @staticmethod
    def _main(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
        while True:
            jobs.get()()


_reader = _Reader()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reader.__init__)  # type: ignore[misc]  # the thread is not there after a fork


class Identity(NamedTuple):
    """What tells a file from the one that takes its place, or from itself after it was written to."""

    device: int
    number: int
    size: int
    changed_ns: int


def identity_of(fd: int) -> Identity:
    found = os.fstat(fd)
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class File:
    """A file, opened for each read: a thousand tasks hold no thousand descriptors."""

    def __init__(self, path: str, identity: Identity, sha256: str) -> None:
        self._path = path
        self._identity = identity
        self.length = identity.size
        self.sha256 = sha256

    def read(self, offset: int, n: int, give: Give) -> None:
        _reader.do(lambda: give(self._read(offset, n)))

    def _read(self, offset: int, n: int) -> Frame | Exception:
        try:
            fd = os.open(self._path, OPEN_FLAGS)
        except OSError as e:
            return e
        try:
            if identity_of(fd) != self._identity:
                return OSError(f"{self._path} was changed while it was sent")
            return os.pread(fd, n, offset)
        except OSError as e:
            return e
        finally:
            os.close(fd)

    def close(self) -> None:
        """Nothing is held."""
