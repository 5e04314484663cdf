"""A task that is followed, from the submit to its end.

    asking --SUBMIT_OK, TASK--> following --DELIVER--> receiving --last chunk--> over
       '--ERROR--> over (refused)   '---- DELIVER with the result inside ---------'

Every request is idempotent: what was asked is asked again after a reconnect, and after 10 s without an answer.
"""
from __future__ import annotations

import copy
import dataclasses
import random
import time
from typing import Literal, Protocol

from ..provost_error import code_of
from ..wire.codec import Frame, Message
from ..wire.wire_lists import LIVE_STATES
from .link import Link
from .text import BAD_MESSAGE, BAD_VERSION, BAD_STATE, BUSY, HASH_MISMATCH, IO, NO_MEMORY, TOO_LARGE, refusal, size_text, visible
from .tidings import End, Progress, Submit
from .timers import NEVER, Timers
from .transfer import Incoming, Outgoing, sha256_of

ASK_AGAIN = 10.0
BUSY_LEAST = 0.02
BUSY_MOST = 30.0
FETCH_AFTER = 1.0  # the broker pushes the result with its answer; if it does not, ask for it
FETCH_AGAIN = 5.0
GRANT_AGAIN = 10.0
READ_BYTES = 1024 * 1024
READS_A_TURN = 4
WINDOW_MOST = 4 * 1024 * 1024
PROGRESS = 1.0
UPLOAD_NEWS = 0.25
DAMAGES_MOST = 5
#: A result is held whole in memory: above this it is refused, and stays with the broker.
RESULT_MOST = 1024 * 1024 * 1024
UINT32_MAX = 2**32 - 1


class TaskUser(Protocol):
    """What a followed task wants of the engine."""

    link: Link
    timers: Timers

    def next_req(self) -> int: ...

    def read(self, task: Followed, offset: int, n: int) -> None:
        """Has piece() called, at once or later."""

    def wait_room(self, task: Followed) -> None:
        """Has upload() called once there is room again."""

    def news(self, task: Followed) -> None: ...

    def refused(self, task: Followed, status: int, text: str) -> None: ...

    def over(self, task: Followed, end: End) -> None: ...


def is_live(state: str) -> bool:
    """True while the task may still run."""
    return state in LIVE_STATES


def end_of(m: Message) -> End:
    """What DELIVER says of an end; "ok" of a task that did not succeed is read by its state."""
    status, state = m["status"], m["state"]
    if status == 0 and state != "succeeded":
        status = code_of(state) if state in ("cancelled", "expired", "dead") else BAD_MESSAGE
    return End(state, status, visible(m.get("text", "")), m["generation"], m.get("prover", ""), m.get("measured_ms", 0))


def credit_of(incoming: Incoming, link: Link, task: str) -> Message | None:
    """The next window of a result."""
    assert link.terms
    grant = incoming.grant(min(link.terms.window, WINDOW_MOST))
    return {"type": "CREDIT", "kind": "result", "task": task, "offset": grant[0], "bytes": grant[1]} if grant else None


def incoming_of(m: Message, link: Link, before: Incoming | None) -> Incoming | bytes | int:
    """What DELIVER announces: its bytes when they came along, else what receives them; or why not, a wire code."""
    assert link.terms
    length = m["length"]
    if length > min(link.terms.payload_max, RESULT_MOST):
        return TOO_LARGE
    whole = m.get("payload", b"" if length == 0 else None)
    if whole is not None:
        return bytes(whole) if sha256_of(whole) == m["sha256"] else HASH_MISMATCH
    same = before if before and before.length == length and before.sha256 == m["sha256"] else None
    incoming = same or Incoming(length, m["sha256"])
    incoming.rewind()
    return incoming


class Followed:
    __slots__ = (
        "_accepted", "_ask_at", "_damages", "_end", "_fetch_at", "_first_req", "_grant_at", "_hellos", "_incoming", "_news_at", "_news_held",
        "_outgoing", "_reading", "_submit", "_told_held", "_user", "id", "key", "latest", "req", "stage",
    )
    id: str
    stage: Literal["asking", "following", "receiving", "over"]

    def __init__(self, key: int, id: str, user: TaskUser, submit: Submit | None) -> None:
        """submit: None for a task to attach to."""
        self.key = key
        self.id = id
        self.stage = "asking"
        self.req = 0  # of what was asked last on this connection
        self._first_req = 0  # of its SUBMITs; those that follow have higher numbers
        self._user = user
        self._submit = submit
        self.latest = Progress(total=submit.source.length if submit else 0)
        self._accepted = False
        self._ask_at = 0.0
        self._fetch_at = self._grant_at = NEVER
        self._hellos = 0
        self._reading: int | None = None  # the turn of the upload that the read began in
        self._news_at = -NEVER
        self._news_held = False
        self._damages = 0
        self._told_held = ""
        self._outgoing = Outgoing(submit.source.length) if submit else None
        self._incoming: Incoming | None = None
        self._end: End | None = None

    def resume(self) -> None:
        """After a WELCOME everything that waits for the broker is said again."""
        if self.stage == "over":
            return
        self.stage = "asking"  # an accepted task says ATTACH
        self._ask_at = self.req = 0
        if self._outgoing:
            self._outgoing.rewind()
        if self._incoming:
            self._incoming.rewind()
        self.step()

    def on_time(self, now: float) -> None:
        if self._user.link.up:
            self.step()

    def step(self) -> None:
        """Sends what is due. Only while the link is up."""
        now = time.monotonic()
        if self.stage == "asking":
            self._ask(now)
        elif self.stage == "receiving":
            self._receive(now)
        elif self.stage == "following":
            self._follow(now)

    def _wake(self, at: float) -> None:
        self._user.timers.set(self, at)

    # --- submit or attach, and the input ---

    @property
    def _attaches(self) -> bool:
        return self._submit is None or self._accepted

    @property
    def _inline(self) -> bool:
        """The input travels inside the SUBMIT."""
        terms = self._user.link.terms
        return self._submit is not None and terms is not None and self._submit.source.length <= terms.inline_max

    def _ask(self, now: float) -> None:
        link = self._user.link
        assert link.terms
        if self._submit and not self._accepted and self._submit.source.length > link.terms.payload_max:
            size, most = size_text(self._submit.source.length), size_text(link.terms.payload_max)
            return self._refuse(TOO_LARGE, f"{size}; the broker takes at most {most}")
        kind = self._submit.fields.get("input_kind") if self._submit else None
        if kind is not None and not self._accepted and kind not in link.terms.input_kinds:
            # it would pass the kind over, and have the input proved as if it were a witness
            return self._refuse(BAD_VERSION, f"the broker is too old to take an {kind}: it has witnesses proved alone; nothing was sent")
        if now >= self._ask_at and self.req and link.blocked:
            self._ask_at = now + ASK_AGAIN  # what was asked may not have left yet
        if now >= self._ask_at:
            if self._outgoing:
                self._outgoing.rewind()
            self.req = self._user.next_req()
            self._first_req = self._first_req or self.req
            self._ask_at = now + ASK_AGAIN
            self._say()
        if self.stage == "asking":
            self._wake(self._ask_at)
            self.upload()

    def _say(self) -> None:
        link = self._user.link
        assert link.terms
        if self._submit is None or self._accepted:
            link.send({"type": "ATTACH", "req": self.req, "task": self.id})
        elif not self._inline:
            link.send(self._message())
        elif self._reading is None:  # else it comes with a turn that is over, and the SUBMIT is said then
            self._read(0, self._submit.source.length)  # the SUBMIT goes with its bytes

    def _message(self) -> Message:
        what, terms = self._submit, self._user.link.terms
        assert what and terms
        message = what.fields.copy()
        message["type"], message["req"], message["task"] = "SUBMIT", self.req, self.id
        message["length"], message["sha256"] = what.source.length, what.source.sha256
        if what.deadline is not None and terms.deadline_in:  # what is left by our own clock, which may be wrong
            message["deadline_in_ms"] = max(0, int((what.expires - time.monotonic()) * 1000))
        elif what.deadline is not None:
            message["deadline"] = int(what.deadline * 1000)
        if not terms.traces:
            message.pop("traceparent", None)
        return message

    def _read(self, offset: int, n: int) -> None:
        assert self._outgoing
        self._reading = self._outgoing.turns
        self._user.read(self, offset, n)

    def piece(self, offset: int, got: Frame | Exception) -> None:
        """Takes what was read."""
        turn, self._reading = self._reading, None
        out = self._outgoing
        if self.stage != "asking" or out is None or not self._user.link.up:
            return
        if turn != out.turns:  # the broker wants another place, or the SUBMIT is said anew: the bytes are of no use
            if self._inline:
                self._say()
        elif isinstance(got, Exception):
            self._refuse(IO, f"the input cannot be read: {got}")
        elif len(got) < (out.length if self._inline else min(1, out.length)):
            self._refuse(IO, "the input became shorter while it was sent")
        elif self._inline:
            message = self._message()
            message["payload"] = got
            self._user.link.send(message)
        else:
            self._send_chunks(out, offset, memoryview(got))

    def _send_chunks(self, out: Outgoing, offset: int, got: memoryview) -> None:
        link = self._user.link
        assert link.terms
        step = link.terms.chunk_max
        for at in range(0, len(got), step):
            link.send({"type": "CHUNK", "kind": "input", "task": self.id, "offset": offset + at, "payload": got[at:at + step]})
        out.sent = offset + len(got)
        now = time.monotonic()
        self._ask_at = now + ASK_AGAIN  # the upload moves: no new SUBMIT yet
        self._wake(self._ask_at)
        self.latest.sent = out.sent
        if now >= self._news_at + UPLOAD_NEWS or out.sent == out.length:
            self._tell(now)

    def upload(self) -> None:
        """Sends what was granted, one read at a time, while there is room; after some reads others have their turn."""
        for _ in range(READS_A_TURN):
            out = self._outgoing
            if self.stage != "asking" or out is None or self._reading is not None or out.open == 0:
                return
            if not self._user.link.room:
                return self._user.wait_room(self)
            self._read(out.sent, min(READ_BYTES, out.open))
        self._wake(0)

    def on_credit(self, m: Message) -> None:
        if self.stage != "asking" or self._outgoing is None:
            return
        self._outgoing.grant(m["offset"], m["bytes"])
        self._ask_at = max(self._ask_at, time.monotonic() + ASK_AGAIN)
        self.upload()

    # --- news ---

    def is_earlier(self, m: Message) -> bool:
        """True for what the broker still owes of an earlier task of this id: our SUBMIT has no answer yet, and this is none. What it says
        of ours is said again with the answer."""
        if self.stage != "asking" or self._attaches:
            return False
        req: int = m.get("req", 0)
        return not (self._first_req and req and (req - self._first_req) & UINT32_MAX <= (self.req - self._first_req) & UINT32_MAX)

    def on_accepted(self, m: Message) -> None:
        """SUBMIT_OK or TASK."""
        if self.stage not in ("asking", "following"):
            return
        now = time.monotonic()
        if self.stage == "asking":
            self.stage = "following"
            self._accepted = True
            self.req = self._hellos = 0
            self._fetch_at = NEVER
            self._let_go()
        n = self.latest
        n.state, n.accepted, n.held, n.sent = m["state"], True, "", n.total
        n.position, n.eta_ms, n.unservable = m.get("position", -1), m.get("eta_ms", -1), m.get("unservable", False)
        n.percent, n.phase = m.get("percent", n.percent), m.get("phase", n.phase)
        if not is_live(n.state) and self._fetch_at == NEVER:
            self._fetch_at = now + FETCH_AFTER
        self._tell(now)
        self._wake_following()

    def _let_go(self) -> None:
        """The broker has the input."""
        self._outgoing = None
        if self._submit:
            self._submit.source.close()

    def on_progress(self, m: Message) -> None:
        if self.stage not in ("asking", "following"):
            return
        n = self.latest
        n.state, n.position, n.unservable, n.eta_ms = "running", 0, False, m.get("eta_ms", -1)
        n.percent, n.phase = m.get("percent", n.percent), m.get("phase", n.phase)
        if "note" in m:
            n.note = visible(m["note"])
        now = time.monotonic()
        if now >= self._news_at + PROGRESS:
            return self._tell(now)
        self._news_held = True
        self._wake(min(self._news_at + PROGRESS, self._ask_at if self.stage == "asking" else self._fetch_at))

    def _tell(self, now: float) -> None:
        self._news_at = now
        self._news_held = False
        if self._submit and self._submit.quiet and self.latest.held == self._told_held:
            return
        self._told_held = self.latest.held
        self._user.news(self)

    def news(self) -> Progress:
        """A copy of the latest."""
        return copy.copy(self.latest)

    def _follow(self, now: float) -> None:
        if now >= self._fetch_at:
            self.req = self._user.next_req()
            self._user.link.send({"type": "FETCH", "req": self.req, "task": self.id})
            self._fetch_at = now + FETCH_AGAIN
        if self._news_held and now >= self._news_at + PROGRESS:
            self._tell(now)
        self._wake_following()

    def _wake_following(self) -> None:
        self._wake(min(self._fetch_at, self._news_at + PROGRESS if self._news_held else NEVER))

    # --- the result ---

    def on_deliver(self, m: Message) -> None:
        if self.stage == "over" or is_live(m["state"]):
            return
        self._end = end_of(m)
        self._accepted = True
        self.req = 0
        self._fetch_at = NEVER
        if m["state"] != "succeeded":
            self._finish(self._end)
        elif "length" in m and "sha256" in m:
            self._begin(m, self._end)
        elif self._end.status != 0:
            self._finish(self._end)
        else:
            self._finish_as(BAD_MESSAGE, "the broker says that the task succeeded, but not with what result")

    def _begin(self, m: Message, end: End) -> None:
        now = time.monotonic()
        incoming = incoming_of(m, self._user.link, self._incoming)
        if isinstance(incoming, bytes):
            end.data = incoming
            self._finish(end)
        elif incoming == HASH_MISMATCH:
            self._damaged(now)
        elif isinstance(incoming, int):
            self._finish_as(incoming, "the result is larger than this client takes, or than the broker said it would be")
        else:
            self._let_go()
            self._incoming = incoming
            self.stage = "receiving"
            self._receive(now)

    def _receive(self, now: float) -> None:
        assert self._incoming
        if now >= self._grant_at:
            self._incoming.rewind()
        credit = credit_of(self._incoming, self._user.link, self.id)
        if credit:
            self._user.link.send(credit)
            self._grant_at = now + GRANT_AGAIN
        self._wake(self._grant_at)

    def on_chunk(self, m: Message) -> None:
        if self.stage != "receiving":
            return
        assert self._incoming and self._end
        now = time.monotonic()
        taken = self._incoming.take(m["offset"], m["payload"])
        if taken == "misplaced":
            return  # the missing part is granted again after GRANT_AGAIN
        if taken == "mismatch":
            return self._damaged(now)
        if taken == "no-memory":
            return self._finish_as(NO_MEMORY, "there is no memory for the result; the broker keeps it")
        self._grant_at = now + GRANT_AGAIN
        if taken == "more":
            return self._receive(now)
        self._end.data = self._incoming.release()
        self._finish(self._end)

    def _damaged(self, now: float) -> None:
        """Damaged on its way, or at the broker: fetched again at once, then after 1, 2, 4 and 8 s, then given up."""
        self._incoming = None
        if self._damages == DAMAGES_MOST:
            return self._finish_as(HASH_MISMATCH, "the result came damaged again and again; the broker keeps it")
        self.stage = "following"
        self._fetch_at = now + 0.5 * 2.0**self._damages if self._damages else 0
        self._damages += 1
        self.step()

    def on_cancelled(self, m: Message) -> None:
        """The broker says no DELIVER to the session that cancelled the task, so the end is fetched."""
        if self.stage == "following" and m["state"] == "cancelled":
            self._fetch_at = 0
            self.step()

    # --- refusals ---

    def on_error(self, m: Message) -> None:
        if self.stage == "asking" and m.get("req", self.req) == self.req:
            self._ask_refused(m)
        elif self.stage == "following" and m.get("req") == self.req:
            self._fetch_refused(m)

    def _ask_refused(self, m: Message) -> None:
        text = refusal(m, "ATTACH" if self._attaches else "SUBMIT", self._submit.fields["queue"] if self._submit else None)
        if self._outgoing:
            self._outgoing.rewind()
        if m["status"] == BUSY and not (self._submit and self._submit.busy_fails):
            return self._later(m, text)
        if m["status"] == BAD_STATE and self._hellos < 3:
            self._hellos += 1
            self._ask_at = time.monotonic() + 1  # the WELCOME asks at once
            self._wake(self._ask_at)
            return self._user.link.rehello()
        if self._accepted:
            self._finish_as(m["status"], text)
        else:
            self._refuse(m["status"], text)

    def _later(self, m: Message, text: str) -> None:
        """A limit does not end the task: the broker says when to try again."""
        pause = min(max(m.get("retry_ms", 1000) / 1000, BUSY_LEAST), BUSY_MOST)
        now = time.monotonic()
        self._ask_at = now + pause + random.random() * pause / 4
        self.latest.held = text
        self._tell(now)
        self._wake(self._ask_at)

    def _fetch_refused(self, m: Message) -> None:
        self.req = 0
        self._fetch_at = NEVER
        if m["status"] not in (BAD_STATE, BUSY):  # else it is not over after all: the broker will push the result
            self._finish_as(m["status"], refusal(m, "FETCH"))

    # --- the end ---

    def _refuse(self, status: int, text: str) -> None:
        if self.stage != "over":
            self.drop()
            self._user.refused(self, status, text)

    def _finish_as(self, status: int, text: str) -> None:
        end = self._end or End(self.latest.state, status, text, 0, "", 0)
        self._finish(dataclasses.replace(end, status=status, text=text, data=b""))

    def _finish(self, end: End) -> None:
        self.drop()
        self._user.over(self, end)

    def drop(self) -> None:
        """Ends it without a word to anybody."""
        self.stage = "over"
        self._incoming = self._end = None  # it may stay in the heap of times for a while, and a result is large
        self._let_go()
        self._wake(NEVER)
