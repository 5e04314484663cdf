"""A broker that says anything, legal or not, at any moment: no wait hangs, no thread breaks, and afterwards a task goes through."""
from __future__ import annotations

import asyncio
import os
import random
import unittest
from typing import Any

from fake_broker import FakeBroker
from places import VECTORS
from test_wire import frames_of

import provost
import provost.wire.wire_lists
from provost.wire.codec import Frame, Malformed, Message, decode, encode

SEED = int(os.environ.get("PV_SEED", "20261129"))
ROUNDS = 50 * int(os.environ.get("PV_ROUNDS", "1")) if os.environ.get("PROVOST_SOAK") else 3
SAID = 120  # messages a round
KINDS = ("kind", "state", "status", "length", "offset", "bytes", "req", "retry_ms", "generation")


def golden() -> list[Message]:
    """Every message that travels down."""
    found = []
    for path in sorted((VECTORS / "wire").glob("*.bin")):
        try:
            found.append(decode("down", frames_of(path.stem)))
        except Malformed:
            pass
    return found


class Hostile(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.dice = random.Random(SEED)
        self.messages = golden()
        self.assertGreater(len(self.messages), 15)
        self.tasks: list[str] = []
        self.reqs: list[int] = []

    def bent(self) -> list[Frame]:
        """A message about one of our tasks and requests, a field of it bent, or its bytes."""
        m: Any = dict(self.dice.choice(self.messages))
        if "task" in m and self.tasks:
            m["task"] = self.dice.choice(self.tasks)
        if "req" in m and self.reqs:
            m["req"] = self.dice.choice(self.reqs)
        for key in KINDS:
            if key in m and self.dice.random() < 0.3:
                m[key] = self.value(key)
        if m["type"] in ("DELIVER", "CHUNK") and "payload" in m and self.dice.random() < 0.5:
            m["length"] = len(m["payload"])
        try:
            frames = encode("down", m)
        except Malformed:
            frames = encode("down", self.dice.choice(self.messages))
        if self.dice.random() < 0.2:
            body = bytearray(frames[1])
            body[self.dice.randrange(len(body))] ^= 1 << self.dice.randrange(8)
            frames[1] = bytes(body)
        return frames

    def value(self, key: str) -> Any:
        if key == "kind":
            return self.dice.choice(("input", "result"))
        if key == "state":
            return self.dice.choice(provost.wire.wire_lists.STATES)
        if key == "status":
            return self.dice.choice((0, 3, 4, 6, 11, 22, 24, 33, 9998))
        if key in ("req", "generation", "retry_ms"):
            return self.dice.choice((0, 1, 2, 50))
        return self.dice.choice((0, 1, 999, 70_000, 1 << 40, (1 << 64) - 1))

    def on(self, b: FakeBroker, who: bytes, m: Message) -> None:
        if "task" in m:
            self.tasks = [*self.tasks, m["task"]][-20:]
        if "req" in m:
            self.reqs = [*self.reqs, m["req"]][-20:]

    async def calls(self, c: provost.Client) -> list[Any]:
        q: dict[str, Any] = {"queue": "q", "circuit": "c"}
        id = os.urandom(16).hex()
        return await asyncio.gather(
            c.prove(**q, witness=b"x", timeout=2), c.prove(**q, witness=bytes(300_000), timeout=2), c.submit(**q, witness=b"y", timeout=2),
            c.attach(id, timeout=2), c.fetch(id, timeout=2), c.cancel(id, timeout=2), c.tasks(timeout=2), c.purge(timeout=2), c.kick(id, timeout=2),
            return_exceptions=True)

    async def test_any_message_at_any_moment(self) -> None:
        for number in range(ROUNDS):
            b = await FakeBroker().open()
            b.on = lambda who, m: self.on(b, who, m)
            c = await provost.connect(b.url, insecure=True, reconnect_min=0.01, reconnect_max=0.05, role="admin")
            calling = asyncio.create_task(self.calls(c))
            for _ in range(SAID):
                await asyncio.sleep(0.005)
                b.raw(b.who(), self.bent())
            for outcome in await asyncio.wait_for(calling, 20):
                if isinstance(outcome, BaseException):
                    self.assertIsInstance(outcome, provost.ProvostError, f"round {number}, PV_SEED={SEED}")
                    self.assertNotIn("thread failed", str(outcome), f"round {number}, PV_SEED={SEED}")
            await c.close()
            await b.end()
            await self.still_right()

    async def still_right(self) -> None:
        """The process is as it was: a client with an honest broker works."""
        b = await FakeBroker().open()
        b.on = lambda who, m: m["type"] == "CANCEL" and b.say(who, {"type": "CANCELLED", "req": m["req"], "task": m["task"], "state": "dead"})
        async with provost.connect(b.url, insecure=True) as c:
            self.assertEqual(await c.cancel("0" * 32), "dead")
        await b.end()


if __name__ == "__main__":
    unittest.main()
