"""The connection's side of a client: what the caller orders, what the broker says. All of it runs in the connection's thread."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import zmq

from ..wire.codec import Frame, Message, Token
from .followed import Followed
from .link import Link, LinkOptions
from .question import Question
from .text import BAD_MESSAGE, BAD_STATE, STANDBY, UNAUTHORIZED, refusal
from .tidings import End, LinkState, Submit
from .timers import Timers

ACKS_MOST = 1024  # results handed over that are remembered, in case they come again

#: Says something to the caller's thread: under which key (0: of the link), the method of the listener, its arguments.
Say = Callable[[int, str, Any], None]
#: Has something done by the connection's thread.
Post = Callable[..., None]


class Engine:
    def __init__(self, options: LinkOptions, context: zmq.Context[zmq.Socket[bytes]], say: Say, post: Post) -> None:
        self._say = say
        self._post = post
        self._tasks: dict[str, Followed] = {}
        self._by_key: dict[int, Followed] = {}
        self._submits: dict[int, Submit] = {}
        self._questions: dict[int, Question] = {}
        self._by_req: dict[int, Question] = {}
        self._acked: dict[str, tuple[int, bool]] = {}
        self._unsent: list[tuple[str, int]] = []
        self._flushing: list[int] = []
        self._waiting: dict[Followed, None] = {}  # for room to send more of an input
        self._reqs = 0
        self._thread = threading.get_ident()
        self.closed = False
        self.timers = Timers()
        self.link = Link(options, self, self.timers, context)

    # --- what the caller orders ---

    def submit(self, key: int, id: str, what: Submit) -> None:
        self._submits[key] = what
        self._follow(Followed(key, id, self, what))

    def attach(self, key: int, id: str) -> None:
        self._follow(Followed(key, id, self, None))

    def _follow(self, task: Followed) -> None:
        before = self._tasks.get(task.id)
        if before:  # the caller's side allows one at a time
            before.drop()
            self._gone(before)
        self._tasks[task.id] = task
        self._by_key[task.key] = task
        if self.link.up:
            task.step()

    def forget(self, key: int) -> None:
        question = self._questions.get(key)
        if question:
            question.drop()
            self._closed(question)
        task = self._by_key.get(key)
        if task:
            task.drop()
            self._gone(task)

    def _gone(self, task: Followed) -> None:
        self._by_key.pop(task.key, None)
        self._submits.pop(task.key, None)
        self._waiting.pop(task, None)
        if self._tasks.get(task.id) is task:
            del self._tasks[task.id]

    def ask(self, key: int, message: Message, want: str) -> None:
        asked = message.copy()
        asked["req"] = self.next_req()
        question = Question(key, asked, want, self)
        self._questions[key] = question
        self._by_req[question.req] = question
        if self.link.up:
            question.say()

    def ack(self, task: str, generation: int, acked: bool) -> None:
        self._acked.pop(task, None)
        self._acked[task] = (generation, acked)
        if len(self._acked) > ACKS_MOST:
            del self._acked[next(iter(self._acked))]
        if acked:
            self._unsent.append((task, generation))
            self._send_acks()

    def flush(self, key: int) -> None:
        self._flushing.append(key)
        self._send_acks()

    def _send_acks(self) -> None:
        if not self.link.up:
            return
        for task, generation in self._unsent:
            self.link.send({"type": "ACK", "task": task, "generation": generation})
        self._unsent.clear()
        for key in self._flushing:
            self._say(key, "flushed", ())
        self._flushing.clear()

    def close(self) -> None:
        for task in self._by_key.values():
            task.drop()
        self.link.close()
        self.closed = True

    # --- what the broker says ---

    def on_up(self) -> None:
        self._send_acks()
        for task in list(self._by_key.values()):
            task.resume()
        for question in list(self._questions.values()):
            question.say()

    def on_change(self) -> None:
        link = self.link
        self._say(0, "link", (LinkState(link.up, link.endpoint, link.status, link.trouble, link.welcomes, link.terms),))

    def on_room(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for task in waiting:
            task.upload()

    def on_message(self, m: Message) -> None:
        if m.get("req") == 0:
            del m["req"]  # no request has it
        kind = m["type"]
        if kind in _HANDLERS:
            _HANDLERS[kind](self, m)
        else:
            self._answer(m)

    def _heartbeat(self, m: Message) -> None:
        if self.link.terms and m["epoch"] != self.link.terms.epoch:
            return self.link.rehello()  # WELCOME tells whether that broker is older
        for token in m.get("revoked", ()):
            self._confirm(token)

    def _confirm(self, token: Token) -> None:
        """This process proves nothing, so what is revoked has stopped."""
        self.link.reply({"type": "REVOKED", "token": token})

    def _credit(self, m: Message) -> None:
        task = self._tasks.get(m["task"])
        if task and m["kind"] == "input":
            task.on_credit(m)

    def _claimed(self, m: Message) -> None:
        self.link.reply({"type": "RELEASE", "token": m["token"], "reason": "drain"})

    def _question(self, m: Message) -> Question | None:
        return self._by_req.get(m.get("req", 0))

    def _closed(self, question: Question) -> None:
        self._questions.pop(question.key, None)
        self._by_req.pop(question.req, None)

    def _answer(self, m: Message) -> None:
        kind, task = m["type"], self._tasks.get(m.get("task", ""))
        if kind == "CANCELLED" and task:
            task.on_cancelled(m)
        question = self._question(m)
        if question:
            question.on_answer(m)
        elif not task or task.is_earlier(m):
            if kind == "DELIVER":
                self._repeat_ack(m)
        elif kind in ("SUBMIT_OK", "TASK"):
            task.on_accepted(m)
        elif kind == "DELIVER":
            task.on_deliver(m)
        elif kind == "PROGRESS":
            task.on_progress(m)

    def _repeat_ack(self, m: Message) -> None:
        """A result that comes again is acknowledged again, and not handed over again."""
        if self._acked.get(m["task"]) == (m["generation"], True):
            self.link.reply({"type": "ACK", "task": m["task"], "generation": m["generation"]})

    def _chunk(self, m: Message) -> None:
        if m["kind"] != "result":
            return
        for question in list(self._questions.values()):
            if question.task == m["task"]:
                question.on_chunk(m)
        task = self._tasks.get(m["task"])
        if task:
            task.on_chunk(m)

    def _error(self, m: Message) -> None:
        if m["status"] == 0:
            m["status"] = BAD_MESSAGE  # "ok" would end a request without its answer
        question = self._question(m)
        if question:
            return question.on_answer(m)
        task = self._tasks.get(m["task"]) if "task" in m else self._task_of(m.get("req"))
        if task and self.link.up:
            task.on_error(m)
        elif self.link.state == "dialling" and m["status"] == STANDBY:
            self.link.standby(m, refusal(m, "HELLO"))
        elif self.link.state == "dialling":
            self.link.fail(m["status"], refusal(m, "HELLO"))
        elif "req" not in m and m["status"] == BAD_STATE:
            self.link.rehello()
        elif "req" not in m and m["status"] == UNAUTHORIZED:
            self.link.fail(UNAUTHORIZED, refusal(m, "HELLO"))  # the key was revoked

    def _task_of(self, req: int | None) -> Followed | None:
        return next((task for task in self._by_key.values() if req is not None and task.req == req), None)

    # --- of the tasks and questions ---

    def next_req(self) -> int:
        self._reqs = self._reqs % 0xFFFFFFFF + 1
        return self._reqs

    def read(self, task: Followed, offset: int, n: int) -> None:
        def give(got: Frame | Exception) -> None:
            if threading.get_ident() == self._thread:
                task.piece(offset, got)
            else:
                self._post(self._piece, task, offset, got)

        self._submits[task.key].source.read(offset, n, give)

    def wait_room(self, task: Followed) -> None:
        self._waiting[task] = None

    def _piece(self, task: Followed, offset: int, got: Frame | Exception) -> None:
        task.piece(offset, got)
        task.upload()

    def news(self, task: Followed) -> None:
        self._say(task.key, "news", (task.news(),))

    def refused(self, task: Followed, status: int, text: str) -> None:
        self._gone(task)
        self._say(task.key, "refused", (status, text))

    def over(self, task: Followed, end: End) -> None:
        self._gone(task)
        self._say(task.key, "over", (end,))

    def answered(self, question: Question, message: Message, data: bytes) -> None:
        self._closed(question)
        self._say(question.key, "answer", (message, data))

    def failed(self, question: Question, status: int, text: str) -> None:
        self._closed(question)
        self._say(question.key, "failed", (status, text))

    def held(self, question: Question, text: str) -> None:
        self._say(question.key, "waiting", (text,))


_HANDLERS: dict[str, Callable[[Engine, Message], None]] = {
    "HEARTBEAT": Engine._heartbeat,
    "ERROR": Engine._error,
    "CREDIT": Engine._credit,
    "CHUNK": Engine._chunk,
    "REVOKE": lambda engine, m: engine._confirm(m["token"]),
    "CLAIMED": Engine._claimed,
}
