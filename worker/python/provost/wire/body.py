"""Reads a body, msgpack bytes, into bounded values.

msgpack reads the bytes; what it would let pass is looked at here: a key twice, text that is not UTF-8, depth, counts, ext. It takes
memory for the count that a list announces, so that is bounded before (max_array_len).
"""
from __future__ import annotations

import re
from typing import Any

import msgpack

BODY_MAX = 64 * 1024
DEPTH_MAX = 4
KEYS_MAX = 128
VALUES_MAX = 20000
_KEY = re.compile(r"[\x21-\x7e]{1,32}")


class Malformed(Exception):
    """A message that a correct peer would not send. `code` is that of the list of outcomes."""

    def __init__(self, message: str, code: int = 20) -> None:
        super().__init__(message)
        self.code = code


def is_key(key: object) -> bool:
    return key.__class__ is str and _KEY.fullmatch(key) is not None  # type: ignore[arg-type]


def _pairs(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("a map has a key twice")
    return made


def _ext(code: int, data: bytes) -> None:
    raise Malformed("ext values are not used")


class _Count:
    """Counts the values inside containers as the C reader does: a map's keys and values, a list's items."""

    def __init__(self, known: frozenset[str]) -> None:
        self.values = 0
        self.known = known

    def map(self, pairs: dict[str, Any], depth: int) -> None:
        self.reserve(2 * len(pairs), depth)
        if not self.known.issuperset(pairs) and not all(map(is_key, pairs)):
            raise Malformed("a map key is not 1 to 32 printable ASCII characters")
        for value in pairs.values():
            self.value(value, depth + 1)

    def list(self, items: list[Any], depth: int) -> None:
        self.reserve(len(items), depth)
        for value in items:
            self.value(value, depth + 1)

    def value(self, value: object, depth: int) -> None:
        kind = value.__class__
        if kind is dict:
            self.map(value, depth)  # type: ignore[arg-type]
        elif kind is list:
            self.list(value, depth)  # type: ignore[arg-type]
        elif kind is msgpack.Timestamp:
            raise Malformed("ext values are not used")

    def reserve(self, n: int, depth: int) -> None:
        if depth == DEPTH_MAX:
            raise Malformed("nested too deep")
        self.values += n
        if self.values > VALUES_MAX:
            raise Malformed("too many values")


def read_body(body: bytes, known: frozenset[str]) -> dict[str, Any]:
    """Reads the map that is all of `body`. Text is str, with surrogates where it is not UTF-8; binary is bytes.

    known   keys that are legal without a look
    Raises Malformed with a sentence.
    """
    try:
        root = msgpack.unpackb(
            body, raw=False, unicode_errors="surrogateescape", strict_map_key=True, object_pairs_hook=_pairs, ext_hook=_ext,
            max_array_len=VALUES_MAX, max_map_len=KEYS_MAX, max_ext_len=0,
        )
    except Malformed:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as e:
        raise Malformed(f"the body is not msgpack within its limits: {e}") from None
    if root.__class__ is not dict:
        raise Malformed("body is not a map")
    _Count(known).map(root, 0)
    return root  # type: ignore[no-any-return]


def read_small(body: bytes | memoryview) -> dict[str, Any] | None:
    """Reads a map of at most 15 pairs without a look at what is inside its values. None: it is another one, or a wrong one."""
    head = body[0] if len(body) else 0
    if head & 0xF0 != 0x80:
        return None
    try:
        root: dict[str, Any] = msgpack.unpackb(
            body, raw=False, unicode_errors="surrogateescape", strict_map_key=True, max_array_len=VALUES_MAX, max_map_len=KEYS_MAX, max_ext_len=0)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        return None
    return root if len(root) == head & 0x0F else None  # else it has a key twice
