"""What the tests of the connection share."""
from __future__ import annotations

import asyncio
import hashlib
import unittest
from typing import Any

from fake_broker import FakeBroker

import provost
from provost.wire.codec import Message

ID = "00112233445566778899aabbccddeeff"
TASK: dict[str, Any] = {"queue": "q", "circuit": "c", "witness": b"a"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def delivery(task: str, data: bytes, inline: bool = True) -> Message:
    message: Message = {
        "type": "DELIVER", "task": task, "generation": 1, "state": "succeeded", "status": 0, "length": len(data), "sha256": sha256(data),
    }
    if inline:
        message["payload"] = data
    return message


class LinkCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)

    async def broker(self, **options: Any) -> FakeBroker:
        made = await FakeBroker(**options).open()
        self.addAsyncCleanup(made.end)
        return made

    async def client(self, *urls: str, **options: Any) -> provost.Client:
        more: dict[str, Any] = {"reconnect_min": 0.02, "reconnect_max": 0.2, "connect_timeout": 8, **options}
        made = await provost.connect(list(urls), insecure=True, name="shop", **more)
        self.addAsyncCleanup(made.close)
        return made

    def accepts(self, b: FakeBroker, who: bytes, m: Message) -> bool:
        """Answers SUBMIT and ATTACH with a task that is queued or running."""
        if m["type"] == "SUBMIT":
            b.say(who, {"type": "SUBMIT_OK", "req": m["req"], "task": m["task"], "state": "queued", "generation": 1})
        if m["type"] == "ATTACH":
            b.say(who, {
                "type": "TASK", "req": m["req"], "task": m["task"], "state": "running", "generation": 1, "status": 0, "queue": "q",
                "circuit": "c", "length": 1, "sha256": "0" * 64, "created": 1, "changed": 1,
            })
        return True

    def delivers(self, b: FakeBroker, data: bytes) -> None:
        """Every SUBMIT succeeds at once."""
        b.on = lambda who, m: self.accepts(b, who, m) and m["type"] == "SUBMIT" and b.say(who, delivery(m["task"], data))
