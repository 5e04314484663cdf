"""A broker and its fleet that are not there: every task succeeds in a millisecond with a proof that is marked as fake."""
from __future__ import annotations

import asyncio
import json
from typing import Any

from .io.connection import ConnectionUser
from .io.link import Terms
from .io.tidings import End, LinkState, Progress, Submit
from .provost_error import code_of
from .wire.wire_lists import Message

#: No verifier accepts it: the points are not on the curve.
FAKE_PROOF = {
    "pi_a": ["1", "1", "1"], "pi_b": [["1", "1"], ["1", "1"], ["1", "0"]], "pi_c": ["1", "1", "1"], "protocol": "groth16", "curve": "bn128",
    "fake": True,
}
_TERMS = Terms(
    epoch=1, heartbeat=3.0, lease=15.0, inline_max=65536, chunk_max=262144, payload_max=512 * 1024 * 1024, window=1 << 20, principal="mock",
    software="mock", by_principal=True, purge_forgets=True, more_circuits=True, deadline_in=True, traces=True, input_kinds=("wtns", "input.json"),
    not_ready="",
)
_NOT_FOUND = code_of("not-found")
ENDS_MOST = 10_000  # a test suite may run for long


class MockBridge:
    def __init__(self, user: ConnectionUser) -> None:
        self._user = user
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, End] = {}
        self._running: dict[int, asyncio.TimerHandle] = {}
        self._ended = False
        self._say(0, "link", LinkState(True, "mock:", 0, "", 1, _TERMS))

    def _say(self, key: int, method: str, *arguments: Any) -> None:
        if not self._ended:
            self._user.hand_over(lambda: [(key, method, arguments)])

    def submit(self, key: int, task: str, what: Submit) -> None:
        what.source.close()
        self._say(key, "news", Progress("queued", True, what.source.length, what.source.length, eta_ms=1, position=0))
        self._running[key] = self._loop.call_later(0.001, self._succeed, key, task)

    def _succeed(self, key: int, task: str) -> None:
        self._running.pop(key, None)
        end = End("succeeded", 0, "", 1, "mock", 1, json.dumps({"proof": FAKE_PROOF, "public": []}).encode())
        self._ends[task] = end
        if len(self._ends) > ENDS_MOST:
            del self._ends[next(iter(self._ends))]
        self._say(key, "over", end)

    def attach(self, key: int, task: str) -> None:
        end = self._ends.get(task)
        if end is None:
            return self._say(key, "refused", _NOT_FOUND, "not found")
        self._say(key, "news", Progress(end.state, True))
        self._say(key, "over", end)

    def forget(self, key: int) -> None:
        timer = self._running.pop(key, None)
        if timer:
            timer.cancel()

    def ask(self, key: int, message: Message, want: str) -> None:
        end = self._ends.get(message.get("task", ""))
        answer: Message = {"type": want}
        data = b""
        if want == "CANCELLED":
            answer["state"] = end.state if end else "cancelled"
        elif want == "DELIVER" and end:
            answer["state"], answer["status"], answer["generation"], answer["prover"] = end.state, 0, 1, "mock"
            data = end.data
        elif want == "ROWS":
            answer["rows"] = []
        elif want == "COUNTS":
            answer["counts"] = {}
        else:
            return self._say(key, "failed", _NOT_FOUND, "the mock does not have it")
        self._say(key, "answer", answer, data)

    def ack(self, task: str, generation: int, acked: bool) -> None:
        """Nothing is kept for it."""

    def flush(self, key: int) -> None:
        self._say(key, "flushed")

    def close(self) -> None:
        self._ended = True
        for timer in self._running.values():
            timer.cancel()
        self._user.ended()

    def closed(self, seconds: float) -> bool:
        return True
