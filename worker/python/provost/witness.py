"""The input of a task on the caller's side: how its bytes reach the connection, and its public signals."""
from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import stat
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Union

from .error_list import InvalidInputError, IoError, NoMemoryError, TooLargeError, UsageError
from .io.source import OPEN_FLAGS, File, Memory, Source, identity_of
from .io.text import size_text
from .options import UINT64_MAX, path_of
from .provost_error import ProvostError
from .wtns import signals_of


class Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


@dataclass(frozen=True)
class Stream:
    """An input that is read once: an iterable or async iterable of bytes, or something with read(n). `length` in bytes."""

    source: Iterable[bytes] | AsyncIterable[bytes] | Readable
    length: int


#: The input of a task: bytes (or what has a buffer, which must not change until the broker has it), the path of a file, or a Stream.
Witness = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]", Stream]

#: Below this, what may change is copied at once; above it the digest shows a change.
COPY_MOST = 64 * 1024
READ_BYTES = 1024 * 1024
#: How many public signals of a witness are kept to compare when no verification key says how many there are.
SIGNALS_MOST = 4096


@dataclass
class Prepared:
    """signals: the first public signals, as many as were asked for; None when the input is no witness."""

    source: Source
    signals: list[str] | None


def check_size(length: int, most: int | None) -> None:
    if most is not None and length > most:
        raise TooLargeError(f"{size_text(length)}; the broker takes at most {size_text(most)}")


def _of_memory(data: bytes | memoryview, signals: int) -> Prepared:
    view = memoryview(data)
    found = signals_of(lambda at, n: view[at:at + n], signals) if view[:4] == b"wtns" else None
    return Prepared(Memory(data, hashlib.sha256(data).hexdigest()), found)


def _view(witness: object) -> bytes | memoryview:
    """The bytes of a buffer; a copy if they are few and may change."""
    if isinstance(witness, bytes):
        return witness
    try:
        view = memoryview(witness).cast("B")  # type: ignore[arg-type]
    except TypeError:
        raise UsageError("witness: bytes, the path of a file, or a Stream") from None
    except (ValueError, BufferError) as e:
        raise UsageError(f"witness: its memory is not there any more, or is in use: {e}") from e
    return bytes(view) if len(view) <= COPY_MOST else view


def _of_file(path: str, most: int | None, signals: int) -> Prepared:
    try:
        fd = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError) as e:
        raise IoError(f"{path}: the witness cannot be read: {getattr(e, 'strerror', None) or e}") from e
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise IoError(f"{path}: the witness cannot be read: it is no regular file")
        check_size(found.st_size, most)
        if found.st_size <= COPY_MOST:
            return _of_memory(os.read(fd, COPY_MOST + 1), signals)
        identity = identity_of(fd)
        source = File(os.path.abspath(path), identity, _digest(fd, identity.size))
        return Prepared(source, signals_of(lambda at, n: os.pread(fd, n, at), signals))
    except OSError as e:
        raise IoError(f"{path}: the witness cannot be read: {e.strerror}") from e
    finally:
        os.close(fd)


def _digest(fd: int, length: int) -> str:
    digest = hashlib.sha256()
    for at in range(0, length, READ_BYTES):
        digest.update(os.pread(fd, min(READ_BYTES, length - at), at))
    return digest.hexdigest()


class _Gathered:
    """One copy of a stream."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.got = 0
        try:
            self.data = bytearray(length)
        except (MemoryError, OverflowError) as e:
            raise NoMemoryError(f"witness: no memory for {size_text(length)}") from e

    def add(self, piece: object) -> None:
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise UsageError("witness: the stream gives something else than bytes")
        view = memoryview(piece).cast("B")
        if len(view) > self.length - self.got:
            raise InvalidInputError(f"witness: the stream is longer than its length, {self.length} bytes")
        self.data[self.got:self.got + len(view)] = view
        self.got += len(view)

    def whole(self) -> memoryview:
        if self.got < self.length:
            raise InvalidInputError(f"witness: the stream ended after {self.got} of {self.length} bytes")
        return memoryview(self.data)


def _pieces(source: Iterable[bytes] | Readable) -> Iterator[bytes]:
    if not hasattr(source, "read"):
        yield from source
        return
    while piece := source.read(READ_BYTES):
        if inspect.iscoroutine(piece):
            piece.close()
            raise UsageError("witness: read(n) of the stream is a coroutine: give an async iterable of bytes")
        yield piece


def _gather(stream: Stream) -> memoryview:
    gathered = _Gathered(stream.length)
    for piece in _pieces(stream.source):  # type: ignore[arg-type]
        gathered.add(piece)
    return gathered.whole()


async def _gather_async(source: AsyncIterable[bytes], length: int) -> memoryview:
    gathered = _Gathered(length)
    async for piece in source:
        gathered.add(piece)
    return gathered.whole()


async def _gathered(stream: Stream) -> memoryview:
    if isinstance(stream.source, AsyncIterable):
        return await _gather_async(stream.source, stream.length)
    if isinstance(stream.source, Iterable) or callable(getattr(stream.source, "read", None)):
        return await asyncio.to_thread(_gather, stream)
    raise UsageError("witness: a stream is an iterable of bytes, or has read(n)")


async def _of_stream(stream: Stream, most: int | None, signals: int) -> Prepared:
    if isinstance(stream.length, bool) or not isinstance(stream.length, int) or not 0 <= stream.length <= UINT64_MAX:
        raise UsageError("witness: the length of the stream, in bytes, has to be known")
    check_size(stream.length, most)
    try:
        data = await _gathered(stream)
    except ProvostError:
        raise
    except Exception as e:
        raise IoError(f"witness: the stream failed: {e}") from e
    return await asyncio.to_thread(_of_memory, data, signals)


def is_at_hand(witness: object) -> bool:
    """Nothing has to be waited for to read it."""
    return not isinstance(witness, (Stream, str, os.PathLike))


async def prepare(witness: Witness, most: int | None, signals: int) -> Prepared:
    """Makes an input ready to be submitted. Long reads and digests run in another thread, so that the event loop goes on.

    most      bytes of the largest input that the broker takes, when that is known
    signals   how many public signals to keep
    """
    if isinstance(witness, Stream):
        return await _of_stream(witness, most, signals)
    if isinstance(witness, (str, os.PathLike)):
        return await asyncio.to_thread(_of_file, path_of(witness, "witness"), most, signals)
    data = _view(witness)
    check_size(len(data), most)
    if len(data) <= READ_BYTES:
        return _of_memory(data, signals)
    return await asyncio.to_thread(_of_memory, data, signals)
