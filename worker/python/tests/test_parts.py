"""The parts that need no socket: timers, credit, sentences."""
from __future__ import annotations

import hashlib
import unittest

from provost.io.text import refusal, size_text, visible
from provost.io.timers import NEVER, Timers
from provost.io.transfer import Incoming, Outgoing
from provost.wire.wire_lists import LIMITS


class Noted:
    def __init__(self, timers: Timers) -> None:
        self.at: list[float] = []
        self.timers = timers
        self.again = NEVER

    def on_time(self, now: float) -> None:
        self.at.append(now)
        self.timers.set(self, self.again)


class TimersCase(unittest.TestCase):
    def test_each_is_called_once_at_its_latest_time(self) -> None:
        timers = Timers()
        a, b, c = (Noted(timers) for _ in range(3))
        for who, at in ((a, 5.0), (b, 3.0), (c, 4.0), (a, 2.0), (b, 6.0), (c, NEVER)):
            timers.set(who, at)
        self.assertEqual(timers.next(), 2.0)
        for now in (1.0, 2.0, 3.0, 5.0, 6.0, 9.0):
            timers.run(now)
        self.assertEqual((a.at, b.at, c.at, timers.next()), ([2.0], [6.0], [], NEVER))

    def test_what_is_due_at_once_again_waits_for_the_next_run(self) -> None:
        timers = Timers()
        one = Noted(timers)
        one.again = 0.0
        timers.set(one, 0.0)
        for _ in range(3):
            timers.run(1.0)
        self.assertEqual(len(one.at), 3)

    def test_what_does_not_count_any_more_is_not_kept(self) -> None:
        timers = Timers()
        for i in range(10_000):
            over = Noted(timers)
            timers.set(over, 10.0 + i)
            timers.set(over, NEVER)
        lasting = Noted(timers)
        for i in range(10_000):
            timers.set(lasting, 10.0 + i)
        self.assertLess(len(timers), 200)
        self.assertEqual(timers.next(), 10_009.0)


class Credit(unittest.TestCase):
    def test_what_may_be_sent(self) -> None:
        out = Outgoing(100)
        self.assertEqual(out.open, 0)
        out.grant(0, 30)
        self.assertEqual((out.sent, out.open), (0, 30))
        out.sent = 30
        out.grant(20, 40)  # they overlap: it goes on from where it is
        self.assertEqual((out.sent, out.open), (30, 30))
        out.grant(10, 20)  # below the last one: the receiver starts over
        self.assertEqual((out.sent, out.open), (10, 20))
        out.grant(101, 5)  # outside
        self.assertEqual((out.sent, out.open), (10, 20))
        out.grant(90, 1 << 63)
        self.assertEqual((out.sent, out.open), (90, 10))
        turns = out.turns
        out.rewind()
        self.assertEqual((out.sent, out.open, out.turns), (0, 0, turns + 1))

    def test_what_is_received(self) -> None:
        data = bytes(range(100))
        incoming = Incoming(100, hashlib.sha256(data).hexdigest())
        self.assertEqual(incoming.grant(60), (0, 60))
        self.assertIsNone(incoming.grant(60))
        self.assertEqual([incoming.take(0, data[:60]), incoming.take(0, data[:60]), incoming.take(60, data)], ["more", "misplaced", "misplaced"])
        self.assertEqual(incoming.grant(60), (60, 40))
        incoming.rewind()
        self.assertEqual(incoming.grant(60), (60, 40))
        self.assertEqual((incoming.take(60, data[60:]), incoming.release(), incoming.grant(60)), ("complete", data, None))
        wrong = Incoming(1, "0" * 64)
        self.assertEqual(wrong.take(0, b"x"), "mismatch")


class Sentences(unittest.TestCase):
    def test_a_peers_text_is_safe_to_show(self) -> None:
        for text, shown in (("plain", "plain"), ("t\u00e4glich", "t\u00e4glich"), ("a\u202eb", "a\\u202eb"), ("\x1b[2J\n", "\\u001b[2J\\u000a"),
                            ("\u200b\u2028", "\\u200b\\u2028"), ("\U000e0001", "\\udb40\\udc01"), ("\x9b", "\\u009b")):
            self.assertEqual(visible(text), shown)

    def test_refusals_say_what_is_wrong(self) -> None:
        self.assertEqual(refusal({"status": 36, "text": "no such queue"}, "SUBMIT", "q"), 'this broker has no queue "q"')
        self.assertEqual(refusal({"status": 4, "text": "not authorised"}, "SUBMIT", "q"), 'this key may not submit to queue "q"')
        self.assertEqual(refusal({"status": 22}, "FETCH"), "not finished yet: wait for it")
        self.assertEqual(refusal({"status": 3, "text": "its own sentence"}, "FETCH"), "its own sentence")
        for which, sentence in LIMITS.items():
            self.assertEqual(refusal({"status": 11, "which": which}, "SUBMIT"), sentence if f"({which})" in sentence else f"{sentence} ({which})")
        self.assertEqual(refusal({"status": 9999}, "SUBMIT"), "internal error")

    def test_sizes(self) -> None:
        found = [size_text(n) for n in (0, 1023, 1024, 1536, 1 << 20, 5 << 30, 1 << 50)]
        self.assertEqual(found, ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "1 MiB", "5 GiB", "1024 TiB"])


if __name__ == "__main__":
    unittest.main()
