"""msgpack as the protocol uses it, and the messages of commit 52f222a by name. The standard library alone, so that the
test needs no more years from now than it does today."""
import struct

# The messages of 52f222a and the ways they travel. This list is history: it never changes.
UP, DOWN, BOTH = ("up",), ("down",), ("up", "down")
MESSAGES = {
    "HELLO": (1, UP), "WELCOME": (2, DOWN), "HEARTBEAT": (3, BOTH), "DISCONNECT": (4, BOTH), "ERROR": (5, DOWN),
    "SUBMIT": (10, UP), "SUBMIT_OK": (11, DOWN), "ATTACH": (12, UP), "SHOW": (13, UP), "TASK": (14, DOWN),
    "FETCH": (15, UP), "DELIVER": (16, DOWN), "ACK": (17, UP), "CANCEL": (18, UP), "CANCELLED": (19, DOWN),
    "CREDIT": (20, BOTH), "CHUNK": (21, BOTH), "PROGRESS": (22, BOTH), "CLAIM": (23, UP), "CLAIMED": (24, DOWN),
    "PURGE": (25, UP), "COUNTS": (26, DOWN), "LIST": (27, UP), "ROWS": (28, DOWN), "KICK": (29, UP), "READY": (40, UP),
    "OFFER": (41, DOWN), "STARTED": (42, UP), "RESULT": (43, UP), "RESULT_OK": (44, DOWN), "FAIL": (45, UP),
    "RELEASE": (46, UP), "REVOKE": (47, DOWN), "REVOKED": (48, UP), "RECALL": (49, DOWN), "DRAIN": (50, UP),
    "QUEUE": (60, UP), "PROVER": (61, UP),
}
NAMES = {code: name for name, (code, _) in MESSAGES.items()}


def head(name):
    return b"PV\x01" + bytes([MESSAGES[name][0]])


def name_of(frames):
    return NAMES.get(frames[0][3], "?")


def _length(n, small, small_max, wide):
    """The first bytes of something n long: small is the short form (or None), wide the codes for 8, 16 and 32 bits."""
    if small is not None and n <= small_max:
        return bytes([small | n])
    for code, form, most in zip(wide, (">BB", ">BH", ">BI"), (0xFF, 0xFFFF, 0xFFFFFFFF)):
        if code and n <= most:
            return struct.pack(form, code, n)
    raise ValueError(n)


def _number(v):
    if v < 0:
        return struct.pack(">Bq", 0xD3, v)
    return bytes([v]) if v < 128 else struct.pack(">BQ", 0xCF, v)


def pack(v):
    if v is None or isinstance(v, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[v]
    if isinstance(v, int):
        return _number(v)
    if isinstance(v, str):
        b = v.encode()
        return _length(len(b), 0xA0, 31, (0xD9, 0xDA, 0xDB)) + b
    if isinstance(v, bytes):
        return _length(len(v), None, 0, (0xC4, 0xC5, 0xC6)) + v
    if isinstance(v, (list, tuple)):
        return _length(len(v), 0x90, 15, (None, 0xDC, 0xDD)) + b"".join(map(pack, v))
    return _length(len(v), 0x80, 15, (None, 0xDE, 0xDF)) + b"".join(pack(k) + pack(x) for k, x in v.items())


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        if self.at > len(self.data):
            raise ValueError("the body ends early")
        return self.data[self.at - n:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def array(self, n):
        return [self.value() for _ in range(n)]

    def map(self, n):
        return {self.value(): self.value() for _ in range(n)}

    def value(self):
        c = self.number("B")
        if c < 0x80:
            return c
        if c >= 0xE0:
            return c - 256
        if c < 0x90:
            return self.map(c & 15)
        if c < 0xA0:
            return self.array(c & 15)
        if c < 0xC0:
            return self.take(c & 31).decode()
        if c in _CONSTANTS:
            return _CONSTANTS[c]
        form, then = _WIDE[c]
        n = self.number(form)
        return n if then is None else then(self, n)


_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_WIDE = {0xCC: ("B", None), 0xCD: ("H", None), 0xCE: ("I", None), 0xCF: ("Q", None), 0xD0: ("b", None), 0xD1: ("h", None),
         0xD2: ("i", None), 0xD3: ("q", None)}
for _codes, _then in (((0xC4, 0xC5, 0xC6), _Reader.take), ((0xD9, 0xDA, 0xDB), lambda r, n: r.take(n).decode())):
    _WIDE.update({c: (f, _then) for c, f in zip(_codes, "BHI")})
for _codes, _then in (((0xDC, 0xDD), _Reader.array), ((0xDE, 0xDF), _Reader.map)):
    _WIDE.update({c: (f, _then) for c, f in zip(_codes, "HI")})


def unpack(data):
    r = _Reader(data)
    v = r.value()
    if r.at != len(data):
        raise ValueError("bytes after the body")
    return v
