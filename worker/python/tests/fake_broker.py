"""A broker that says exactly what the test tells it to."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio

from provost.wire.codec import Frame, Message, decode, encode

TERMS: Message = {
    "heartbeat_ms": 200, "lease_ms": 2000, "inline_max": 65536, "chunk_max": 262144, "payload_max": 1 << 29, "window": 1 << 20,
    "principal": "local", "software": "fake 0",
}


async def poll(what: str, seconds: float, is_so: Callable[[], Any]) -> None:
    """Waits until it is true: no fixed sleeps in tests, only this."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        found = is_so()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if loop.time() > end:
            raise AssertionError(f"waited in vain for: {what}")
        await asyncio.sleep(0.01)


class FakeBroker:
    """on: what else is said to a message; runs after it is noted. It gets the routing id and the message."""

    def __init__(self, terms: Message | None = None, epoch: int = 1, welcomes: bool = True, heartbeats: bool = True) -> None:
        self.heard: list[tuple[bytes, Message]] = []
        self.url = ""
        self.epoch = epoch
        self.terms: Message = terms or {}
        self.welcomes = welcomes
        self.heartbeats = heartbeats
        self.on: Callable[[bytes, Message], object] = lambda who, m: None
        self.failed: BaseException | None = None
        self._context = zmq.asyncio.Context()
        self._socket: zmq.asyncio.Socket | None = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> FakeBroker:
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        await poll("the port", 5, lambda: self._bind(socket))  # what was closed lets go of its port a moment later
        self.url = str(socket.getsockopt_string(zmq.LAST_ENDPOINT)).rstrip("\0")
        self._socket = socket
        self._listening = asyncio.create_task(self._listen(socket))
        return self

    def _bind(self, socket: zmq.asyncio.Socket) -> bool:
        try:
            socket.bind(self.url or "tcp://127.0.0.1:*")
        except zmq.ZMQError:
            return False
        return True

    async def _listen(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            who, *frames = await socket.recv_multipart()
            try:
                self._take(who, decode("up", frames))
            except BaseException as e:  # an assertion of the test's own: end() tells it
                self.failed = self.failed or e

    def _take(self, who: bytes, m: Message) -> None:
        self.heard.append((who, m))
        if m["type"] == "HELLO" and self.welcomes:
            welcome: Message = {"type": "WELCOME", "epoch": self.epoch}
            welcome.update(TERMS)
            welcome.update(self.terms)
            self.say(who, welcome)
        if m["type"] == "HEARTBEAT" and self.heartbeats:
            self.say(who, {"type": "HEARTBEAT", "epoch": self.epoch})
        self.on(who, m)

    def say(self, who: bytes, message: Message) -> bool:
        return self.raw(who, encode("down", message))

    def raw(self, who: bytes, frames: list[Frame]) -> bool:
        if self._socket:
            self._socket.send_multipart([who, *map(bytes, frames)])
        return True

    async def close(self) -> None:
        """Cuts every connection; open() takes the same address again."""
        await asyncio.sleep(0.02)  # what was said leaves
        if self._listening:
            self._listening.cancel()
        if self._socket:
            self._socket.close()
        self._socket = None

    async def end(self) -> None:
        await self.close()
        self._context.term()
        if self.failed:
            raise self.failed

    def of(self, kind: str) -> list[Message]:
        return [m for _, m in self.heard if m["type"] == kind]

    def who(self) -> bytes:
        """The latest peer."""
        return self.heard[-1][0]

    async def hears(self, kind: str, nth: int = 1) -> Message:
        """Waits for the nth message of a type, counted from 1."""
        await poll(f"{nth} of {kind}, heard {[m['type'] for _, m in self.heard]}", 15, lambda: len(self.of(kind)) >= nth)
        return self.of(kind)[nth - 1]
