"""The public signals in circom's .wtns: "wtns", version, sections of {id u32, bytes u64}, all little-endian; the values are section 2."""
from __future__ import annotations

from collections.abc import Callable

#: Reads n bytes at an offset; fewer at the end.
ReadAt = Callable[[int, int], "bytes | memoryview"]

VALUE = 32
SECTIONS_MOST = 16


def _values_at(read: ReadAt) -> int | None:
    """Where the values begin; None when this is no witness of 32-byte values."""
    head = bytes(read(0, 12))
    if len(head) < 12 or head[:4] != b"wtns":
        return None
    at = 12
    for _ in range(min(int.from_bytes(head[8:12], "little"), SECTIONS_MOST)):
        section = bytes(read(at, 16))
        if len(section) < 12:
            return None
        kind = int.from_bytes(section[:4], "little")
        if kind == 1 and len(section) == 16 and int.from_bytes(section[12:16], "little") != VALUE:
            return None
        if kind == 2:
            return at + 12
        at += 12 + int.from_bytes(section[4:12], "little")
    return None


def signals_of(read: ReadAt, most: int) -> list[str] | None:
    """The first `most` values after the constant 1, or all there are, as decimals; None when this is no witness."""
    at = _values_at(read)
    if at is None or at >= 2**62:
        return None
    data = bytes(read(at + VALUE, most * VALUE))
    return [str(int.from_bytes(data[i:i + VALUE], "little")) for i in range(0, len(data) - VALUE + 1, VALUE)]
