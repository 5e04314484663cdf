"""A question with one answer: asked again after a reconnect and after 10 s, answered once."""
from __future__ import annotations

import random
import time
from typing import Protocol

from ..wire.codec import Malformed, Message
from .followed import credit_of, incoming_of, is_live
from .link import Link
from .text import BAD_MESSAGE, BAD_STATE, BUSY, HASH_MISMATCH, NO_MEMORY, USAGE, refusal
from .timers import NEVER, Timers
from .transfer import Incoming

RESEND = 10.0
#: To these, bad-state is an answer about the task, queue or prover. To the others it means that the broker does not know us.
BAD_STATE_ANSWERS = ("FETCH", "KICK", "CANCEL", "PROVER", "QUEUE")


class QuestionUser(Protocol):
    link: Link
    timers: Timers

    def answered(self, question: Question, message: Message, data: bytes) -> None: ...

    def failed(self, question: Question, status: int, text: str) -> None: ...

    def held(self, question: Question, text: str) -> None:
        """A limit is reached: it is asked again."""


class Question:
    def __init__(self, key: int, message: Message, want: str, user: QuestionUser) -> None:
        self.key = key
        self.req = message["req"]
        self.task = message.get("task")
        self.done = False
        self._message = message
        self._want = want
        self._user = user
        self._hellos = 0
        self._answer: Message | None = None
        self._incoming: Incoming | None = None

    def on_time(self, now: float) -> None:
        if self._user.link.blocked:
            self._again(RESEND)  # what was asked may not have left yet
        elif self._user.link.up:
            self.say()

    def say(self) -> None:
        """Says it now, and again when no answer comes."""
        if self.done:
            return
        if self._incoming:
            self._incoming.rewind()
        try:
            self._user.link.send(self._message)
        except Malformed as e:
            return self._fail(USAGE, str(e))
        self._again(RESEND)

    def _again(self, seconds: float) -> None:
        self._user.timers.set(self, time.monotonic() + seconds)

    def drop(self) -> None:
        self.done = True
        self._incoming = None  # it may stay in the heap of times for a while
        self._user.timers.set(self, NEVER)

    def _fail(self, status: int, text: str) -> None:
        self.drop()
        self._user.failed(self, status, text)

    def _finish(self, data: bytes = b"") -> None:
        assert self._answer
        self.drop()
        self._answer.pop("payload", None)
        self._user.answered(self, self._answer, data)

    def on_answer(self, m: Message) -> None:
        if m["type"] == "ERROR":
            return self._refused(m)
        if m["type"] != self._want or (self.task is not None and m.get("task") != self.task):
            return
        self._answer = m
        if self._want == "DELIVER":
            self._result(m)
        else:
            self._finish()

    def _refused(self, m: Message) -> None:
        kind = self._message["type"]
        text = refusal(m, kind, self._message.get("queue"))
        if m["status"] == BUSY:
            pause = max(m.get("retry_ms", 500) / 1000, 0.02)
            self._again(pause + random.random() * pause / 4)
            self._user.held(self, text)
        elif m["status"] == BAD_STATE and kind not in BAD_STATE_ANSWERS and self._hellos < 3:
            self._hellos += 1
            self._again(1)
            self._user.link.rehello()
        else:
            self._fail(m["status"], text)

    def _result(self, m: Message) -> None:
        there = "length" in m and "sha256" in m
        if is_live(m["state"]) or (m["state"] == "succeeded" and m["status"] == 0 and not there):
            return self._fail(BAD_MESSAGE, "the broker answered without a result")
        if m["state"] != "succeeded" or not there:
            return self._finish()
        incoming = incoming_of(m, self._user.link, self._incoming)
        if isinstance(incoming, int):
            self._fail(incoming, "the result does not match its digest, or is larger than this client takes")
        elif isinstance(incoming, bytes):
            self._finish(incoming)
        else:
            self._incoming = incoming
            self._grant(incoming)

    def _grant(self, incoming: Incoming) -> None:
        assert self.task
        credit = credit_of(incoming, self._user.link, self.task)
        if credit:
            self._user.link.send(credit)
        self._again(RESEND)

    def on_chunk(self, m: Message) -> None:
        incoming = self._incoming
        if self.done or incoming is None:
            return
        taken = incoming.take(m["offset"], m["payload"])
        if taken == "mismatch":
            self._fail(HASH_MISMATCH, "the result does not match its digest")
        elif taken == "no-memory":
            self._fail(NO_MEMORY, "there is no memory for the result; the broker keeps it")
        elif taken == "complete":
            self._finish(incoming.release())
        elif taken == "more":
            self._grant(incoming)
