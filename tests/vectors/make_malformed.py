#!/usr/bin/env python3
"""Writes malformed.json: messages that every codec refuses, each with its nearest legal neighbour. Made once for the codecs of all
languages; `make_malformed.py --check` compares.

Each case: name; way ("up": to the broker, "down": to a peer); head, and payload or null, as hex; body as a list of [hex, times];
status, the word of the outcome ("ok" for a legal one). The tests add what needs no list: every truncation of every golden frame,
every version and type byte.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
READY, DISCONNECT, SUBMIT, CHUNK, ROWS, PURGE, COUNTS, HEARTBEAT, STARTED, CIRCUITS = 40, 4, 10, 21, 28, 25, 26, 3, 42, 62
CREDIT = b"\xa6credit\x01"
cases = []


def head(code, version=1):
    return bytes([0x50, 0x56, version, code])


def case(name, status, body, code=READY, way="up", top=None, payload=None):
    parts = body if isinstance(body, list) else [(body, 1)]
    cases.append({"name": name, "way": way, "head": (head(code) if top is None else top).hex(),
                  "body": [[part.hex(), times] for part, times in parts],
                  "payload": None if payload is None else payload.hex(), "status": status})


def bad(name, body, **more):
    case(name, "bad-message", body, **more)


def good(name, body, **more):
    case(name, "ok", body, **more)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else b"\xd9" + bytes([len(raw)])) + raw


def fields(**pairs):
    return bytes([0x80 | len(pairs)]) + b"".join(text(key) + value for key, value in pairs.items())


def bodies():
    good("the plain one", b"\x81" + CREDIT)
    good("unknown keys are passed over", b"\x83\xa3new\xcb\1\2\3\4\5\6\7\x08" + CREDIT + b"\xa4what\xa1x")
    good("a key that begins as one of ours", b"\x82" + CREDIT + b"\xa4slot\xc0")
    good("a key of other messages, with any type", b"\x82" + CREDIT + b"\xa5slots\xc0")
    bad("a key twice", b"\x82" + CREDIT + CREDIT)
    bad("an unknown key twice", b"\x83\xa1x\x01" + CREDIT + b"\xa1x\x01")
    bad("a key twice in a map inside", b"\x82" + CREDIT + b"\xa1x\x82\xa1y\x01\xa1y\x01")
    for value, name in ((b"\xff", "negative"), (b"\xc0", "nil"), (b"\xa11", "a string"), (b"\xc3", "a boolean"), (b"\x90", "a list"),
                        (b"\xca\x3f\x80\0\0", "a float"), (b"\xcb\x3f\xf0\0\0\0\0\0\0", "a double"), (b"\xd0\xff", "negative, one byte"),
                        (b"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", "negative, eight bytes"), (b"\xc4\x01\x01", "binary")):
        bad("a number that is " + name, b"\x81\xa6credit" + value)
    for body, name in ((b"", "nothing"), (b"\x80", "a map without the needed field"), (b"\x90", "a list"), (b"\x01", "a number"),
                       (b"\xc1", "the byte that is never used"), (b"\x81\x01\x01", "a map with a number as key"),
                       (b"\x81\xa0\x01", "a map with an empty key"), (b"\x81\xc4\x06credit\x01", "a map with a binary key")):
        bad("a body that is " + name, body)
    good("a key of 32 characters", b"\x82" + CREDIT + b"\xd9\x20" + b"k" * 32 + b"\x01")
    bad("a key of 33 characters", b"\x82" + CREDIT + b"\xd9\x21" + b"k" * 33 + b"\x01")
    bad("a key with a blank", b"\x82" + CREDIT + b"\xa2a \x01")
    bad("a key that is not ASCII", b"\x82" + CREDIT + b"\xa2\xc3\xa9\x01")
    bad("bytes behind the body", b"\x81" + CREDIT + b"\xc0")
    bad("a body cut short", b"\x81\xa6credit")
    bad("a body cut short inside a key", b"\x81\xa6cred")


def numbers():
    good("2048, the bound", b"\x81\xa6credit\xcd\x08\x00")
    bad("2049, above the bound", b"\x81\xa6credit\xcd\x08\x01")
    good("a longer form of the same number", b"\x81\xa6credit\xcf\0\0\0\0\0\0\x08\x00")
    good("a signed form of the same number", b"\x81\xa6credit\xd3\0\0\0\0\0\0\x08\x00")
    bad("2^64 - 1", b"\x81\xa6credit\xcf" + b"\xff" * 8)
    good("a token", fields(token=b"\x92\x01\x01"), code=STARTED)
    bad("a token of one", fields(token=b"\x91\x01"), code=STARTED)
    bad("a token of three", fields(token=b"\x93\x01\x01\x01"), code=STARTED)
    bad("a token whose epoch has 33 bits", fields(token=b"\x92\xcf\0\0\0\1\0\0\0\0\x01"), code=STARTED)
    good("a token whose seq has 64 bits", fields(token=b"\x92\x01\xcf" + b"\xff" * 8), code=STARTED)
    good("a status that nobody knows", fields(status=b"\xcd\x27\x0f"), code=DISCONNECT)
    bad("a status above 9999", fields(status=b"\xcd\x27\x10"), code=DISCONNECT)


def containers():
    bad("ext", b"\x82" + CREDIT + b"\xa1x\xd4\x01\x01")
    bad("an ext of 2^32 - 1 bytes", b"\x81\xa1x\xc9\xff\xff\xff\xff")
    bad("an ext of 2^32 - 1 bytes, begun", b"\x81\xa1x\xc9\xff\xff\xff\xff\x01\x01")
    bad("an ext of no bytes", b"\x82" + CREDIT + b"\xa1x\xc7\x00\x01")
    good("four containers inside one another", b"\x82" + CREDIT + b"\xa1x\x91\x91\x91\x01")
    bad("five containers inside one another", b"\x82" + CREDIT + b"\xa1x\x91\x91\x91\x91\x01")
    bad("five containers, the last one empty", b"\x82" + CREDIT + b"\xa1x\x91\x91\x91\x90")
    bad("20,000 lists inside one another", [(b"\x91", 20000)])
    bad("20,000 maps inside one another", [(b"\x81", 20000)])
    for name, count in (("list", b"\xdd"), ("map", b"\xdf"), ("string", b"\xdb"), ("binary", b"\xc6")):
        bad(f"a {name} of 2^32 - 1", b"\x81\xa1x" + count + b"\xff\xff\xff\xffz")
    bad("a list of 65,535 that is not there", b"\x81\xa1x\xdc\xff\xff\x01")
    bad("a body that is a map of 2^31 + 1", b"\xdf\x80\x00\x00\x01")
    bad("a body that is a list of 2^32 - 1", b"\xdd\xff\xff\xff\xff")
    for n, status in ((19996, "ok"), (19997, "bad-message")):
        case(f"{n + 4:,} values", status, [(b"\x82" + CREDIT + b"\xa1x\xdc" + n.to_bytes(2, "big"), 1), (b"\xc0", n)])
    bad("a list of 257 where 256 may be", [(b"\x82" + CREDIT + b"\xa4warm\xdc\x01\x01", 1), (b"\xc0", 257)])
    good("a list of 256 digests", [(b"\x82" + CREDIT + b"\xa4warm\xdc\x01\x00", 1), (b"\xc4\x20" + b"d" * 32, 256)])
    bad("a list of digests with one that is none", [(b"\x82" + CREDIT + b"\xa4warm\x91", 1), (b"\xc4\x1f" + b"d" * 31, 1)])
    for n, status in ((128, "ok"), (129, "bad-message")):
        keys = b"".join(bytes([0xA2, 0x21 + i // 80, 0x21 + i % 80, 1]) for i in range(1, n))
        case(f"a map of {n} keys", status, b"\xde\x00" + bytes([n]) + CREDIT + keys)
    case("a body of 65,537 bytes", "too-large", [(b"\x81" + CREDIT, 1), (b"\x00", 65537 - 9)])


def scalars():
    for raw, status, name in (
            ("fine \u00e9 \u2713 \U0001f600\n\t".encode(), "ok", "fine"), (b"\xc0\x80", "bad-message", "an overlong NUL"),
            (b"\xed\xa0\x80", "bad-message", "a surrogate"), (b"\xed\xbf\xbf", "bad-message", "the other surrogate"),
            (b"\xee\x80\x80", "ok", "above the surrogates"), (b"\xf4\x90\x80\x80", "bad-message", "above the last character"),
            (b"\xff", "bad-message", "no UTF-8"), (b"\xe2\x9c", "bad-message", "cut inside a character"),
            (b"bell\x07", "bad-message", "with a bell"), (b"\x7f", "bad-message", "DEL"), (b"\x80", "bad-message", "a byte that continues"),
            (b"\x00", "bad-message", "NUL"), (b"\xef\xbb\xbfx", "ok", "with a byte order mark")):
        case("a text that is " + name, status, fields(status=b"\x00", text=text(raw)), code=DISCONNECT, way="down")
    good("a text of 512 bytes", fields(status=b"\x00", text=b"\xda\x02\x00" + b"t" * 512), code=DISCONNECT)
    bad("a text of 513 bytes", fields(status=b"\x00", text=b"\xda\x02\x01" + b"t" * 513), code=DISCONNECT)
    base = {"req": b"\x01", "what": text("tasks")}
    good("a name of 64", fields(**base, queue=b"\xd9\x40" + b"q" * 64), code=27)
    bad("a name of 65", fields(**base, queue=b"\xd9\x41" + b"q" * 65), code=27)
    bad("an empty name", fields(**base, queue=text("")), code=27)
    bad("a name with a slash", fields(**base, queue=text("a/b")), code=27)
    bad("a name with NUL", fields(**base, queue=text(b"a\0")), code=27)
    bad("a name that is not ASCII", fields(**base, queue=text("caf\u00e9")), code=27)
    bad("a word that is none", fields(req=b"\x01", what=text("tables")), code=27)
    bad("a word that begins as one", fields(req=b"\x01", what=text("task")), code=27)
    bad("a word with NUL behind it", fields(req=b"\x01", what=text(b"tasks\0")), code=27)
    bad("a state that is none", fields(**base, state=text("lost")), code=27)
    bad("a boolean that is a number", fields(req=b"\x01", scope=text("session"), dry=b"\x01"), code=PURGE)
    good("states, one of them twice", fields(req=b"\x01", scope=text("session"), states=b"\x92" + 2 * text("queued")), code=PURGE)
    bad("eleven states", fields(req=b"\x01", scope=text("session"), states=b"\x9b" + 11 * text("queued")), code=PURGE)
    bad("an id of 15 bytes", fields(req=b"\x01", task=b"\xc4\x0f" + b"i" * 15), code=12)
    bad("an id of 17 bytes", fields(req=b"\x01", task=b"\xc4\x11" + b"i" * 17), code=12)
    bad("an id that is a string", fields(req=b"\x01", task=b"\xb0" + b"i" * 16), code=12)


def tables():
    def rows(row):
        return fields(req=b"\x01", schema=text("provost.tasks/1"), rows=b"\x91" + row)
    good("a row of each type", rows(b"\x84\xa1a\xc0\xa1b\xc2\xa1c\xff\xa1d\xa1x"), code=ROWS, way="down")
    bad("a row with a float", rows(b"\x81\xa1a\xca\0\0\0\0"), code=ROWS, way="down")
    bad("a row with binary", rows(b"\x81\xa1a\xc4\x01\x01"), code=ROWS, way="down")
    bad("a row with a list", rows(b"\x81\xa1a\x91\x01"), code=ROWS, way="down")
    good("a row with 2^63 - 1", rows(b"\x81\xa1a\xcf\x7f" + b"\xff" * 7), code=ROWS, way="down")
    bad("a row with 2^63", rows(b"\x81\xa1a\xcf\x80" + b"\0" * 7), code=ROWS, way="down")
    for n, status in ((40, "ok"), (41, "bad-message")):
        case(f"a row of {n} columns", status, rows(b"\xde\x00" + bytes([n]) + b"".join(bytes([0xA1, 0x30 + i, 1]) for i in range(n))), code=ROWS, way="down")
    bad("a row that is a list", rows(b"\x90"), code=ROWS, way="down")
    good("CIRCUITS that says nothing", b"\x80", code=CIRCUITS)
    bad("CIRCUITS on its way to a peer", b"\x80", code=CIRCUITS, way="down")
    for n, status in ((256, "ok"), (257, "bad-message")):
        case(f"{n} circuits", status, [(fields(circuits=b"\xdc" + n.to_bytes(2, "big")), 1), (fields(circuit=text("c")), n)], code=CIRCUITS)
    bad("a circuit without its name", fields(circuits=b"\x91" + fields(warm=b"\xc3")), code=CIRCUITS)
    for n, status in ((16, "ok"), (17, "bad-message")):
        case(f"{n} files that are not served", status, [(fields(unserved=b"\xdc\x00" + bytes([n])), 1), (fields(file=text("f")), n)], code=CIRCUITS)
    good("counts", fields(req=b"\x01", counts=b"\x81" + text("queued") + b"\x05"), code=COUNTS, way="down")
    bad("counts of no state", fields(req=b"\x01", counts=b"\x81" + text("lost") + b"\x05"), code=COUNTS, way="down")
    bad("counts below zero", fields(req=b"\x01", counts=b"\x81" + text("queued") + b"\xff"), code=COUNTS, way="down")
    bad("a held attempt without its token", fields(held=b"\x91\x81" + text("percent") + b"\x05"), code=HEARTBEAT)
    good("a held attempt", fields(held=b"\x91\x81" + text("token") + b"\x92\x01\x01"), code=HEARTBEAT)


def frames():
    plain = b"\x81" + CREDIT
    for top, name in ((b"", "no head"), (b"PV\x01", "a head of three bytes"), (b"PV\x01\x28\x00", "a head of five bytes"), (b"VP\x01\x28", "a head of another protocol")):
        bad(name, plain, top=top)
    for version in (0, 2, 255):
        case(f"version {version}", "bad-version", plain, top=head(READY, version))
    for code in (0, 6, 9, 30, 39, 51, 63, 255):
        bad(f"type {code}, which is none", plain, top=head(code))
    bad("READY on its way to a peer", plain, way="down")
    bad("WELCOME on its way to the broker", plain, code=2)
    bad("a payload where none may be", plain, payload=b"x")
    bad("an empty payload where none may be", plain, payload=b"")
    chunk = fields(kind=text("input"), task=b"\xc4\x10" + b"i" * 16, offset=b"\x00")
    good("a chunk", chunk, code=CHUNK, payload=b"x")
    bad("a chunk without its bytes", chunk, code=CHUNK)
    bad("an empty chunk", chunk, code=CHUNK, payload=b"")
    submit = dict(req=b"\x01", task=b"\xc4\x10" + b"i" * 16, queue=text("q"), circuit=text("c"), length=b"\x03", sha256=b"\xc4\x20" + b"h" * 32)
    good("a payload as long as it says", fields(**submit), code=SUBMIT, payload=b"abc")
    good("a payload that is to come in chunks", fields(**submit), code=SUBMIT)
    bad("a payload longer than it says", fields(**submit), code=SUBMIT, payload=b"abcd")
    bad("a payload shorter than it says", fields(**submit), code=SUBMIT, payload=b"ab")
    bad("an empty payload that says three", fields(**submit), code=SUBMIT, payload=b"")
    good("an empty payload", fields(**{**submit, "length": b"\x00"}), code=SUBMIT, payload=b"")
    for key in submit:
        bad(f"SUBMIT without {key}", fields(**{k: v for k, v in submit.items() if k != key}), code=SUBMIT)


def main():
    for group in (bodies, numbers, containers, scalars, tables, frames):
        group()
    made = "[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n"
    path = HERE / "malformed.json"
    if "--check" in sys.argv:
        return 0 if path.read_text(encoding="utf-8") == made else 1
    path.write_text(made, encoding="utf-8")
    print(f"{len(cases)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
