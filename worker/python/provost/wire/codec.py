"""Frames to message and message to frames. Both ways check the same, so a mistake of ours shows here and not at a peer.

What the bytes are: wire/PROTOCOL.md.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar, Union

import msgpack

from .body import BODY_MAX, Malformed, is_key, read_body, read_small
from .wire_lists import CIRCUIT_FIELDS, FIELDS, HELD_FIELDS, MESSAGES, STATES, WORDS, Field, Layout, Message, Token

__all__ = ["CHUNK_MAX", "FRAME_MAX", "INLINE_MAX", "VERSION", "Malformed", "Message", "Token", "decode", "encode", "is_name"]

VERSION = 1
INLINE_MAX = 64 * 1024
CHUNK_MAX = 256 * 1024
#: For ZMQ_MAXMSGSIZE: libzmq counts what CURVE adds (33 bytes) too.
FRAME_MAX = CHUNK_MAX + 64
CELLS_MAX = 40
CELL_TEXT_MAX = 512
_WAYS = ("up", "down")
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
BAD_VERSION = 21
TOO_LARGE = 23

Frame = Union[bytes, memoryview]
#: Checks one value and gives it as the other side has it. Raises Malformed with what is wrong, without the key.
Step = Callable[[Any], Any]

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def wrong(fault: str, code: int = 20) -> NoReturn:
    raise Malformed(fault, code)


def is_name(text: object) -> bool:
    """True for what may stand where the protocol wants a name."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


class Codec(NamedTuple):
    """One kind of field: how it is read, and how it is written."""

    read: Step
    write: Step


def both(step: Step) -> Codec:
    return Codec(step, step)


# --- scalars ---


def integer(most: int) -> Codec:
    def check(value: Any) -> int:
        if value.__class__ is not int or value < 0:
            wrong("is not an unsigned integer")
        if value > most:
            wrong("is out of range")
        return value  # type: ignore[no-any-return]

    return both(check)


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else wrong("is not a boolean")


def _name(value: Any) -> str:
    if not isinstance(value, str):
        wrong("is not a string")
    return value if _NAME.fullmatch(value) else wrong("is not a name (1 to 64 of A-Z a-z 0-9 . _ -)")


def text(most: int) -> Codec:
    def check(value: Any) -> str:
        if value.__class__ is not str:
            wrong("is not a string")
        try:
            length = len(value) if value.isascii() else len(value.encode())
        except UnicodeEncodeError:
            wrong("is not UTF-8")
        if length > most:
            wrong("is too long")
        if _CONTROL.search(value):
            wrong("holds a control character")
        return value  # type: ignore[no-any-return]

    return both(check)


def binary(length: int) -> Codec:
    def read(value: Any) -> str:
        if value.__class__ is not bytes:
            wrong("is not binary")
        if len(value) != length:
            wrong("has the wrong length")
        return value.hex()  # type: ignore[no-any-return]

    def write(value: Any) -> bytes:
        try:
            raw = bytes.fromhex(value)
        except (TypeError, ValueError):
            wrong(f"is not {length} bytes in hex")
        return raw if len(raw) == length else wrong(f"is not {length} bytes in hex")

    return Codec(read, write)


def one_of(list_: Sequence[str], fault: str) -> Codec:
    words = frozenset(list_)

    def check(value: Any) -> str:
        return value if isinstance(value, str) and value in words else wrong(fault)

    return both(check)


_EPOCH = integer(UINT32_MAX).read
_WHOLE = integer(UINT64_MAX).read


def _read_token(value: Any) -> Token:
    if value.__class__ is not list or len(value) != 2:
        wrong("is not a pair [epoch, seq]")
    return Token(_EPOCH(value[0]), _WHOLE(value[1]))


def _write_token(value: Any) -> list[int]:
    if not isinstance(value, tuple) or len(value) != 2:
        wrong("is not a pair [epoch, seq]")
    return [_EPOCH(value[0]), _WHOLE(value[1])]


# --- rows, lists, records ---

_cell_text = text(CELL_TEXT_MAX).read


def _cell(value: Any) -> Any:
    if value is None or value.__class__ is bool:
        return value
    if value.__class__ is int:
        return value if -(2**63) <= value < 2**63 else wrong("has a number out of range")
    return _cell_text(value)


def _row(value: Any) -> dict[str, Any]:
    if value.__class__ is not dict:
        wrong("is not a map")
    if len(value) > CELLS_MAX:
        wrong("has too many columns")
    if not all(map(is_key, value)):
        wrong("has a column name that is not printable ASCII")
    return {key: _cell(cell) for key, cell in value.items()}


def list_of(item: Codec, most: int) -> Codec:
    def made(step: Step) -> Step:
        def check(value: Any) -> list[Any]:
            if value.__class__ is not list:
                wrong("is not a list")
            if len(value) > most:
                wrong("has too many items")
            return [step(v) for v in value]

        return check

    return Codec(made(item.read), made(item.write))


def record(fields: Sequence[Field], key: str) -> Codec:
    """A record inside a list; `key` is always there."""
    readers = {f.key: codec_of(f).read for f in fields}
    writers = [(f.key, codec_of(f).write) for f in fields]

    def read(value: Any) -> dict[str, Any]:
        if value.__class__ is not dict:
            wrong("is not a map")
        return _keep(read_fields(value, readers), key)

    def write(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            wrong("is not a map")
        return _keep(write_fields(value, writers), key)

    return Codec(read, write)


def _keep(found: dict[str, Any], key: str) -> dict[str, Any]:
    return found if key in found else wrong(f"has an entry without {key}")


_state = one_of(STATES, "is not the word of a state")


def _states(value: Any) -> list[str]:
    if value.__class__ is not list or len(value) > len(STATES):
        wrong("is not a list of states")
    there = {_state.read(v) for v in value}
    return [s for s in STATES if s in there]


def _read_counts(value: Any) -> dict[str, int]:
    if value.__class__ is not dict:
        wrong("is not a map")
    return {_state.read(key): _WHOLE(n) for key, n in value.items()}


def _write_counts(value: Any) -> dict[str, int]:
    return {s: _WHOLE(value[s]) for s in STATES if value.get(s)}


def codec_of(field: Field) -> Codec:
    """The codec of a field, by its kind."""
    kind, bound = field.kind, field.bound
    if kind == "WORD":
        return one_of(WORDS[str(bound)], "is not one of its words")
    most = bound if isinstance(bound, int) else 0
    if kind in ("U32", "U64"):
        return integer(most)
    if kind == "TEXT":
        return text(most)
    if kind in _LISTS:
        return list_of(_LISTS[kind], most)
    return _PLAIN[kind]


_PLAIN = {
    "BOOL": both(_boolean), "NAME": both(_name), "ID": binary(16), "HASH": binary(32), "TOKEN": Codec(_read_token, _write_token),
    "STATE": _state, "STATES": both(_states), "COUNTS": Codec(_read_counts, _write_counts), "ROW": both(_row),
    "STATUS": Codec(integer(9999).read, integer(UINT32_MAX).write),
}
_LISTS = {"NAMES": _PLAIN["NAME"], "HASHES": _PLAIN["HASH"], "TOKENS": _PLAIN["TOKEN"], "ROWS": _PLAIN["ROW"]}
_LISTS["CIRCUITS"] = record(CIRCUIT_FIELDS, "circuit")
_LISTS["HELDS"] = record(HELD_FIELDS, "token")


def read_fields(pairs: dict[str, Any], readers: dict[str, Step]) -> dict[str, Any]:
    """Unknown keys are passed over: a newer peer may send more."""
    found = {}
    key = ""
    try:
        for key, value in pairs.items():
            step = readers.get(key)
            if step is not None:
                found[key] = step(value)
    except Malformed as e:
        raise Malformed(f"{key} {e}", e.code) from None
    return found


def write_fields(given: Mapping[str, Any], writers: Iterable[tuple[str, Step]]) -> dict[str, Any]:
    """Fields go in the order of the list, so that one message has one encoding."""
    made = {}
    key = ""
    try:
        for key, step in writers:
            value = given.get(key)
            if value is not None:
                made[key] = step(value)
    except Malformed as e:
        raise Malformed(f"{key} {e}", e.code) from None
    return made


# --- messages ---

#: A peer sends few shapes of a message; one that sends ever new ones (the same keys in another order) is only slower.
SHAPES_MOST = 64
#: Kinds whose values hold no others.
_FLAT = ("U32", "U64", "TEXT", "WORD", "BOOL", "NAME", "ID", "HASH", "STATE", "STATUS")


#: The largest value of each field that is a whole number: these are read without a call each.
_MOST = {f.key: f.bound for f in FIELDS if f.kind in ("U32", "U64") and isinstance(f.bound, int)}


class Flat(NamedTuple):
    """How a body is read: its whole numbers with their largest values, and the others."""

    whole: list[tuple[str, int]]
    others: list[tuple[str, Step]]


T = TypeVar("T")


def _remember(shapes: dict[tuple[str, ...], T], keys: tuple[str, ...], made: T) -> T:
    if len(shapes) >= SHAPES_MOST:
        shapes.clear()
    shapes[keys] = made
    return made


class Form:
    """A layout made ready for use."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.head = bytes((0x50, 0x56, VERSION, layout.code))
        fields = [f for f in FIELDS if f.key in layout.fields]
        self.readers = {f.key: codec_of(f).read for f in fields}
        self.writers = [(f.key, codec_of(f).write) for f in fields]
        self.allowed = frozenset({"type", "payload", *self.readers})
        self.needed = {way: tuple(k for k, use in layout.fields.items() if use in ("need", f"need-{way}")) for way in _WAYS}
        self._needed = {way: frozenset(keys) for way, keys in self.needed.items()}
        self._orders: dict[tuple[str, ...], list[tuple[str, Step]]] = {}
        self._flat = {f.key: codec_of(f).read for f in fields if f.kind in _FLAT}
        self._flats: dict[str, dict[tuple[str, ...], Flat]] = {way: {} for way in _WAYS}

    def writers_of(self, keys: tuple[str, ...]) -> list[tuple[str, Step]]:
        """The writers of these keys, in the order of the list."""
        found = self._orders.get(keys)
        return found if found is not None else _remember(self._orders, keys, [w for w in self.writers if w[0] in keys])

    def flat_of(self, way: str, keys: tuple[str, ...]) -> Flat | None:
        """How these keys are read when all are of this message, none holds another value, and none is missing; else None."""
        found = self._flats[way].get(keys)
        if found is None and self._flat.keys() >= set(keys) and set(keys) >= self._needed[way]:
            whole = [(key, _MOST[key]) for key in keys if key in _MOST]
            found = _remember(self._flats[way], keys, Flat(whole, [(key, self._flat[key]) for key in keys if key not in _MOST]))
        return found

    def travels(self, way: str) -> bool:
        return self.layout.way in ("both", way)

    def check_needed(self, way: str, has: dict[str, Any]) -> None:
        if not has.keys() >= self._needed[way]:
            wrong(f"{next(key for key in self.needed[way] if key not in has)} is missing")

    def check_payload(self, payload: Frame | None, length: object) -> None:
        name, kind = self.layout.name, self.layout.payload
        if payload is None:
            if kind == "chunk":
                wrong(f"{name} has to have a payload")
        elif kind == "none":
            wrong(f"{name} has no payload")
        elif kind == "chunk":
            if not 1 <= len(payload) <= CHUNK_MAX:
                wrong(f"{name} has an empty or too large chunk")
        elif len(payload) > INLINE_MAX:
            wrong(f"{name} has a payload too large to be inline")
        elif length != len(payload):
            wrong(f"{name} has a payload of another length than it says")


_BY_CODE = {m.code: Form(m) for m in MESSAGES}
_BY_HEAD = {way: {form.head: form for form in _BY_CODE.values() if form.travels(way)} for way in _WAYS}
_BY_NAME = {way: {form.layout.name: form for form in _BY_CODE.values() if form.travels(way)} for way in _WAYS}
_KNOWN = frozenset(f.key for f in (*FIELDS, *CIRCUIT_FIELDS, *HELD_FIELDS))


def _read_head(head: Frame, way: str) -> Form:
    if len(head) != 4 or head[0] != 0x50 or head[1] != 0x56:
        wrong("the head is not 'P' 'V' version type")
    if head[2] != VERSION:
        wrong("the head says another protocol version", BAD_VERSION)
    form = _BY_CODE.get(head[3])
    if form is None:
        wrong("there is no message of this type")
    return form if form.travels(way) else wrong("this message goes the other way")


def _read_flat(body: Frame, form: Form, way: str) -> dict[str, Any] | None:
    """Reads a body of few values that hold no others, as nearly all are, in half the time. None: it is another one, or a wrong one."""
    found = read_small(body)
    flat = None if found is None else form.flat_of(way, tuple(found))
    if found is None or flat is None:
        return None
    for key, most in flat.whole:
        value = found[key]
        if value.__class__ is not int or not 0 <= value <= most:
            return None
    try:
        for key, step in flat.others:
            found[key] = step(found[key])
    except Malformed:
        return None
    return found


def decode(way: str, frames: Sequence[Frame]) -> Message:
    """Reads one message that travels "up" (to the broker) or "down".

    Way, version, sizes, depth, counts, types, bounds, needed fields and the length of an inline payload are checked; its digest is the
    receiver's to check. The payload is that frame. Raises Malformed with the code of its outcome: bad-message, bad-version, too-large.
    """
    if len(frames) not in (2, 3):
        wrong(f"a message of {len(frames)} frames")
    form = _BY_HEAD[way].get(bytes(frames[0])) or _read_head(frames[0], way)
    payload = frames[2] if len(frames) == 3 else None
    if len(frames[1]) > BODY_MAX or (payload is not None and len(payload) > CHUNK_MAX):
        wrong("a frame is above its limit", TOO_LARGE)
    message = _read_flat(frames[1], form, way)
    if message is None:
        message = read_fields(read_body(bytes(frames[1]), _KNOWN), form.readers)
        form.check_needed(way, message)
    form.check_payload(payload, message.get("length"))
    message["type"] = form.layout.name
    if payload is not None:
        message["payload"] = payload
    return message  # type: ignore[return-value]


def encode(way: str, message: Message) -> list[Frame]:
    """Makes the frames of a message: two, or three with a payload. A field that is None is not there.

    Raises Malformed: a needed field is missing, one is not of this message, or a value is out of bound.
    """
    form = _BY_NAME[way].get(message["type"])
    if form is None:
        wrong(f"{message['type']} is not a message of this way")
    if not form.allowed.issuperset(message):
        extra = [k for k, v in message.items() if k not in form.allowed and v is not None]
        if extra:
            wrong(f"{extra[0]} is not a field of this message")
    writers = form.writers_of(tuple(message))
    try:
        made = {key: step(message[key]) for key, step in writers}  # type: ignore[literal-required]
    except (Malformed, AttributeError):
        made = write_fields(message, writers)  # one is None, or it says which is wrong
    payload = message.get("payload")
    form.check_needed(way, made)
    form.check_payload(payload, made.get("length"))
    body: bytes = msgpack.packb(made)
    if len(body) > BODY_MAX:
        wrong(f"the body of {message['type']} is too large", TOO_LARGE)
    return [form.head, body] if payload is None else [form.head, body, payload]
