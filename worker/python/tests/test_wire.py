"""The codec against the golden frames of tests/vectors/wire and the shared list of malformed messages."""
from __future__ import annotations

import json
import os
import pickle
import random
import unittest
from typing import Any

import msgpack
from places import VECTORS

from provost.provost_error import word_of
from provost.wire.body import DEPTH_MAX, VALUES_MAX
from provost.wire.codec import Frame, Malformed, Message, Token, decode, encode

GOLDEN = sorted(path.stem for path in (VECTORS / "wire").glob("*.bin"))


def frames_of(name: str) -> list[Frame]:
    """The frames of a golden file: each as 4 bytes of length, big-endian, and its bytes."""
    whole, at, frames = (VECTORS / "wire" / f"{name}.bin").read_bytes(), 0, []
    while at < len(whole):
        length = int.from_bytes(whole[at:at + 4], "big")
        frames.append(whole[at + 4:at + 4 + length])
        at += 4 + length
    return list(frames)


def read(name: str, frames: list[Frame]) -> tuple[str, Message]:
    """A message of one name on both ways has two files, NAME-up and NAME-down; else its type says the way."""
    for way in ("up", "down"):
        if name.endswith(f"-{way}"):
            return way, decode(way, frames)
    try:
        return "up", decode("up", frames)
    except Malformed:
        return "down", decode("down", frames)


def shown(value: Any) -> Any:
    """As the readable twin has it: bin as "hex:..", tokens as pairs."""
    if isinstance(value, Token):
        return list(value)
    if isinstance(value, list):
        return [shown(v) for v in value]
    if isinstance(value, dict):
        return {key: shown(v) for key, v in value.items()}
    if isinstance(value, str) and len(value) in (32, 64) and all(c in "0123456789abcdef" for c in value):
        return f"hex:{value}"
    return value


class GoldenFrames(unittest.TestCase):
    def test_every_golden_frame_is_read_and_written_again_byte_for_byte(self) -> None:
        self.assertGreaterEqual(len(GOLDEN), 43)
        for name in GOLDEN:
            frames = frames_of(name)
            way, message = read(name, frames)
            self.assertEqual([bytes(f).hex() for f in encode(way, message)], [bytes(f).hex() for f in frames], name)

    def test_what_is_read_is_what_the_readable_twin_shows(self) -> None:
        for name in GOLDEN:
            _, message = read(name, frames_of(name))
            twin = json.loads((VECTORS / "wire" / f"{name}.json").read_text())
            payload = message.pop("payload", None)
            self.assertEqual(message.pop("type"), twin["message"])
            self.assertEqual(None if payload is None else f"hex:{bytes(payload).hex()}", twin["payload"])
            self.assertEqual(shown(message), twin["body"], name)

    def test_every_truncation_of_every_golden_frame_is_refused(self) -> None:
        for name in GOLDEN:
            head, body, *rest = frames_of(name)
            for n in range(len(body)):
                with self.assertRaises(Malformed, msg=f"{name} cut to {n}"):
                    read(name, [head, body[:n], *rest])

    def test_flipped_bits_are_refused_or_mean_something_that_can_be_said(self) -> None:
        seed = int(os.environ.get("PV_SEED", "20261129"))
        dice, refused = random.Random(seed), 0
        for name in GOLDEN:
            head, body, *rest = frames_of(name)
            for _ in range(200):
                bits = bytearray(body)
                for _ in range(dice.randint(1, 3)):
                    bits[dice.randrange(len(bits))] ^= 1 << dice.randrange(8)
                try:
                    way, message = read(name, [head, bytes(bits), *rest])
                    encode(way, message)
                except Malformed:
                    refused += 1
        self.assertGreater(refused, 0, seed)


class MalformedMessages(unittest.TestCase):
    def outcome(self, case: dict[str, Any]) -> str:
        body = b"".join(bytes.fromhex(part) * times for part, times in case["body"])
        frames: list[Frame] = [bytes.fromhex(case["head"]), body]
        if case["payload"] is not None:
            frames.append(bytes.fromhex(case["payload"]))
        try:
            decode(case["way"], frames)
        except Malformed as e:
            return word_of(e.code)
        return "ok"

    def test_the_shared_list_is_refused_as_c_refuses_it(self) -> None:
        cases = json.loads((VECTORS / "malformed.json").read_text())
        self.assertGreater(len(cases), 100)
        for case in cases:
            self.assertEqual(self.outcome(case), case["status"], case["name"])

    def test_a_message_is_never_of_one_frame_or_of_four(self) -> None:
        for n in (0, 1, 4):
            with self.assertRaises(Malformed):
                decode("up", [bytes.fromhex("50560132")] * n)

    def test_what_msgpack_lets_pass_is_refused(self) -> None:
        inside: Any = 1
        for _ in range(DEPTH_MAX - 1):
            inside = [inside]
        cases: list[tuple[str, Any, bool]] = [
            ("as deep as may be", inside, True), ("one deeper", [inside], False),
            ("as many values as may be", [0] * (VALUES_MAX - 4), True), ("one more", [0] * (VALUES_MAX - 3), False),
            ("an ext", msgpack.ExtType(5, b""), False), ("a time", msgpack.Timestamp(1), False),
        ]
        for name, value, right in cases:
            body = msgpack.packb({"req": 1, "x": value})
            frames: list[Frame] = [bytes((0x50, 0x56, 1, 50)), body]
            if right:
                self.assertEqual(decode("up", frames)["type"], "DRAIN", name)
            else:
                with self.assertRaises(Malformed, msg=name):
                    decode("up", frames)

    def test_lists_that_announce_more_than_they_have_cost_nothing(self) -> None:
        for body in (b"\x81\xa1x" + b"\xdc\x4e\x20" * 2000, b"\x81\xa1x" + b"\x91" * 60000, b"\xdd\xff\xff\xff\xff", b"\x81\xa1x\xdb\xff\xff\xff\xff"):
            with self.assertRaises(Malformed):
                decode("up", [bytes((0x50, 0x56, 1, 50)), body])


class WhatIsNotSaid(unittest.TestCase):
    def test_what_a_correct_peer_would_refuse(self) -> None:
        token = Token(1, 1)
        refused: list[tuple[str, Message, str]] = [
            ("up", {"type": "STARTED"}, "token is missing"),
            ("up", {"type": "STARTED", "token": token, "queue": "outer"}, "queue is not a field"),
            ("down", {"type": "STARTED", "token": token}, "not a message of this way"),
            ("up", {"type": "STARTED", "token": token, "payload": b"x"}, "has no payload"),
            ("up", {"type": "PROGRESS", "token": token, "percent": 101}, "percent is out of range"),
            ("up", {"type": "PROGRESS", "token": token, "percent": 1.5}, "percent is not an unsigned integer"),  # type: ignore[typeddict-item]
            ("up", {"type": "PROGRESS", "token": token, "percent": True}, "percent is not an unsigned integer"),
            ("up", {"type": "PROGRESS", "token": token, "phase": "no name"}, "phase is not a name"),
            ("up", {"type": "PROGRESS", "token": token, "phase": "name\n"}, "phase is not a name"),
            ("up", {"type": "ATTACH", "req": 1, "task": "00"}, "task is not 16 bytes"),
            ("up", {"type": "ATTACH", "req": 1, "task": " " * 32}, "task is not 16 bytes"),
            ("up", {"type": "DISCONNECT", "status": 0, "text": "bell\u0007"}, "text holds a control character"),
            ("up", {"type": "DISCONNECT", "status": 0, "text": "\ud800"}, "text is not UTF-8"),
        ]
        for way, message, fault in refused:
            with self.assertRaisesRegex(Malformed, fault):
                encode(way, message)


class Lists(unittest.TestCase):
    def test_each_outcome_has_a_class_of_its_own(self) -> None:
        import provost
        from provost.error_list import error_of
        from provost.status_list import STATUSES

        for status in STATUSES[1:]:
            error = error_of(status.word, task_id="ab")
            name = "".join(part.capitalize() for part in status.word.split("-")) + "Error"
            self.assertIs(type(error), getattr(provost, name))
            self.assertIn(name, provost.__all__)
            self.assertIsInstance(error, provost.ProvostError)
            found = (error.code, str(error), error.task_id, error.retryable, word_of(status.code))
            self.assertEqual(found, (status.word, status.text, "ab", status.retryable, status.word))
        self.assertEqual(word_of(9999), "internal")
        self.assertIsInstance(error_of("timeout", "late"), TimeoutError)
        self.assertEqual(str(error_of("timeout", "late")), "late")

    def test_an_error_comes_through_another_process_whole(self) -> None:
        from provost.error_list import ERROR_CLASSES, error_of

        for word in ERROR_CLASSES:
            error = pickle.loads(pickle.dumps(error_of(word, "a sentence", "ab")))
            self.assertEqual((type(error), str(error), error.task_id, error.code), (ERROR_CLASSES[word], "a sentence", "ab", word))


if __name__ == "__main__":
    unittest.main()
