"""A connection to one of several brokers: dialling, HELLO, heartbeats, back-off. It knows no task.

    down --(due: dials)--> dialling --(WELCOME of an acceptable broker)--> up
     ^------(refused, silent, lower epoch, connection gone)------|----------|

Every attempt has a new socket (dealer.py).
"""
from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import Literal, Protocol

import zmq

from ..wire.codec import CHUNK_MAX, INLINE_MAX, VERSION, Message
from .dealer import Dealer, Keys
from .text import BAD_MESSAGE, STALE_BROKER, STANDBY, UNAUTHORIZED, UNREACHABLE, visible
from .timers import Timers


@dataclass(frozen=True)
class LinkOptions:
    """keys: none, one for all endpoints, or one for each. any_role: a client or an administrator, whichever the key may be; `role`
    counts where it may be both. Times are seconds: the first pause between rounds of the endpoints, which doubles, half of it left to
    chance, up to the second; and how long an attempt has for its WELCOME."""

    endpoints: tuple[str, ...]
    keys: tuple[Keys, ...]
    name: str
    role: Literal["client", "admin"]
    any_role: bool
    session: str
    software: str
    reconnect: float
    reconnect_max: float
    connect: float


@dataclass(frozen=True)
class Terms:
    """What the latest WELCOME said. Times are seconds, sizes bytes."""

    epoch: int
    heartbeat: float
    lease: float
    inline_max: int
    chunk_max: int
    payload_max: int
    window: int
    principal: str
    software: str
    by_principal: bool
    purge_forgets: bool
    more_circuits: bool
    deadline_in: bool
    traces: bool
    input_kinds: tuple[str, ...]
    not_ready: str  # why the broker accepts no tasks now


class LinkUser(Protocol):
    def on_message(self, message: Message) -> None:
        """Everything but what the link handles itself."""

    def on_up(self) -> None: ...

    def on_change(self) -> None:
        """It went up or down, or an attempt failed."""

    def on_room(self) -> None: ...


NEXT_ENDPOINT = 0.02
LINGER_MS = 100
STANDBY_MAX = 2.0  # between rounds in which a broker stood by: another takes over in seconds
POINTED = 1.0  # two brokers that point at one another are followed at once no more often
REHELLO = 1.0
#: How long nothing of what waits may leave. libzmq takes more only after half of SEND_MOST has left: 8 MiB of chunks, 2 minutes at 0.5 Mbit/s.
STUCK = 600.0
DESCRIPTORS = 10  # of a context, a connection and its monitor


def check_descriptors() -> None:
    """libzmq ends the process when it gets no descriptor, so they are tried first. Raises OSError."""
    tried = []
    try:
        for _ in range(DESCRIPTORS):
            tried.append(os.pipe())
    finally:
        for pair in tried:
            os.close(pair[0])
            os.close(pair[1])


class Link:
    def __init__(self, options: LinkOptions, user: LinkUser, timers: Timers, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._options = options
        self._user = user
        self._timers = timers
        self._context = context
        self.state: Literal["down", "dialling", "up"] = "down"
        self.status = UNREACHABLE  # why it is not up
        self.trouble = "not connected yet"
        self.terms: Terms | None = None
        self.welcomes = 0
        self.dealer: Dealer | None = None
        self._at = 0
        self._fails = 0
        self._stood_by = False
        self._pointed_from: int | None = None  # set while at is where a standby pointed: the round goes on after this one
        self._pointed = float("-inf")
        self._heard = self._beat = self._welcomed = 0.0
        self._left = 0
        self._moved = 0.0  # when something left last, or nothing waited
        self._epoch_seen = 0
        timers.set(self, 0)

    @property
    def endpoint(self) -> str:
        return self._options.endpoints[self._at]

    @property
    def up(self) -> bool:
        return self.state == "up"

    @property
    def room(self) -> bool:
        """True while more payload may be handed over."""
        return self.up and self.dealer is not None and self.dealer.room

    @property
    def blocked(self) -> bool:
        """True while what was said waits here: then nothing is said a second time."""
        return self.dealer is not None and self.dealer.blocked

    def reply(self, message: Message) -> None:
        """Sends what the broker asks for again if it does not hear it."""
        if self.up and self.dealer:
            self.dealer.reply(message)

    def send(self, message: Message) -> None:
        """Sends while the link is up, else does nothing: what has to be said is said again after the next WELCOME.

        Raises Malformed when it is not a legal message.
        """
        if self.up and self.dealer:
            self.dealer.send(message)

    def rehello(self) -> None:
        """The broker does not know us any more, or is a new one: HELLO again on the same connection, at most once a second."""
        if self.up and time.monotonic() >= self._welcomed + REHELLO:
            self._hello()

    def close(self) -> None:
        """Says goodbye and closes."""
        dealer, up = self.dealer, self.up
        self.dealer, self.state = None, "down"
        self._timers.set(self, float("inf"))
        if dealer and up:
            dealer.send({"type": "DISCONNECT", "status": 0})
        if dealer:
            dealer.close(LINGER_MS if up else 0)

    def fail(self, status: int, text: str) -> None:
        """Goes down; the next attempt is due after a pause. A connection that worked is dialled again first, except after silence."""
        lost = self.up
        if self.dealer:
            self.dealer.close()
        self.dealer, self.state = None, "down"
        self.status, self.trouble = status, f"{self.endpoint}: {visible(text)}"
        if not lost:
            self._fails += 1
            self._next_endpoint()
        self._timers.set(self, time.monotonic() + self._pause())
        if self._fails % len(self._options.endpoints) == 0:
            self._stood_by = False  # the next round finds out anew
        self._user.on_change()

    def standby(self, m: Message, text: str) -> None:
        """ERROR or DISCONNECT with the status standby: goes down, and on to another endpoint; the one that the message names, if it is one of
        ours, at once (but at most once a second: two standbys may point at one another). It has one attempt, then the round goes on."""
        said, followed, lost, ours = self._at, self._pointed_from is not None, self.up, self._options.endpoints
        names = [row.get("endpoint") for row in m.get("endpoints", ())]
        named = next((i for name in names for i, url in enumerate(ours) if i != said and url == name), None)
        self._stood_by = True
        self.fail(STANDBY, text)
        now = time.monotonic()
        if lost:
            self._next_endpoint()  # it worked, and is the last to ask now
            if len(ours) > 1:
                self._timers.set(self, now)
        if followed or named is None:
            return
        if named != self._at:  # else it is the next one anyway
            self._pointed_from, self._at = said, named
        if now - self._pointed >= POINTED:
            self._pointed = now
            self._timers.set(self, now)

    def _next_endpoint(self) -> None:
        after = self._at if self._pointed_from is None else self._pointed_from
        self._at = (after + 1) % len(self._options.endpoints)
        self._pointed_from = None

    def _pause(self) -> float:
        o = self._options
        if self._fails % len(o.endpoints) != 0:
            return min(NEXT_ENDPOINT, o.reconnect)
        rounds = max(1, self._fails // len(o.endpoints))
        most = min(o.reconnect_max, STANDBY_MAX) if self._stood_by else o.reconnect_max
        pause = min(o.reconnect * 2.0 ** min(rounds - 1, 30), most)
        return pause / 2 + random.random() * pause

    # --- what is due, and what came ---

    def on_time(self, now: float) -> None:
        if self.state == "down":
            self._dial()
        elif self.state == "dialling":
            self.fail(UNREACHABLE, "no answer")
        else:
            self._keep(now)

    def _keep(self, now: float) -> None:
        assert self.terms and self.dealer
        if now >= self._heard + self.terms.lease:
            self.fail(UNREACHABLE, "the broker has fallen silent")
            self._next_endpoint()  # its machine may be gone: an attempt there would cost a whole connect time-out
            return
        if not self.dealer.blocked or self.dealer.left != self._left:
            self._left, self._moved = self.dealer.left, now
        elif now >= self._moved + STUCK:
            self.fail(UNREACHABLE, "the broker does not read what it is told")
            return
        if now >= self._beat:
            self.dealer.reply({"type": "HEARTBEAT"})
            self._beat = now + self.terms.heartbeat
        self._timers.set(self, min(self._heard + self.terms.lease, self._beat))

    def _dial(self) -> None:
        o = self._options
        keys = None if not o.keys else o.keys[0] if len(o.keys) == 1 else o.keys[self._at]
        try:
            check_descriptors()
            self.dealer = Dealer(self._context, self.endpoint, max(1, int(o.connect * 1000)), keys)
        except OSError as e:  # zmq.ZMQError is one in spirit only
            return self.fail(UNREACHABLE, f"this process may open no more files: {e.strerror}")
        except zmq.ZMQError as e:
            return self.fail(UNREACHABLE, str(e))
        self._hello()

    def _hello(self) -> None:
        o = self._options
        assert self.dealer
        self.state = "dialling"
        hello: Message = {
            "type": "HELLO", "role": o.role, "name": o.name, "session": o.session, "software": o.software, "vmin": VERSION, "vmax": VERSION,
            "epoch": self._epoch_seen,
        }
        if o.any_role:
            hello["any_role"] = True
        self.dealer.send(hello)
        self._timers.set(self, time.monotonic() + o.connect)
        self._user.on_change()

    def receive(self, ended: bool) -> None:
        """Takes what has come. The last messages of a lost connection count, so its end, if there is word of one, is looked at after them."""
        dealer = self.dealer
        if dealer is None:
            return
        if not self._take_all(dealer):
            return
        event = dealer.event() if ended else None
        if event and self._take_all(dealer):  # they may have come between the two looks
            self._ended(event)

    def _take_all(self, dealer: Dealer) -> bool:
        """False when it is not the dealer any more after a message."""
        for message in dealer.received():
            self._heard = time.monotonic()
            if message is not None:
                self._take(message)
            if self.dealer is not dealer:
                return False
        return True

    def flush(self) -> None:
        """Sends what waits for room."""
        if self.dealer and self.dealer.blocked and self.dealer.flush() and self.up:
            self._user.on_room()

    def _ended(self, event: str) -> None:
        if event == "key-refused":
            self.fail(UNAUTHORIZED, "the broker refuses this key")
        elif event == "other-mechanism":
            self.fail(UNAUTHORIZED, "no handshake: only one of the two sides uses keys")
        elif event == "no-handshake":
            self.fail(UNAUTHORIZED, f"no handshake: {'is the broker key right?' if self._options.keys else 'does the broker want keys?'}")
        else:
            self.fail(UNREACHABLE, "the connection was closed" if self.up else "no connection")

    def _take(self, m: Message) -> None:
        kind = m["type"]
        if kind == "WELCOME":
            if self.state == "dialling":
                self._welcome(m)
        elif kind == "DISCONNECT" and m["status"] == STANDBY:
            self.standby(m, m.get("text") or "this broker stands by, another one is active")
        elif kind == "DISCONNECT":
            self.fail(m["status"] or UNREACHABLE, m.get("text") or "the broker ended the connection")
        elif self.up or kind == "ERROR":
            self._user.on_message(m)

    def _welcome(self, m: Message) -> None:
        assert self.dealer
        if m["epoch"] < self._epoch_seen:
            self.dealer.send({"type": "DISCONNECT", "status": STALE_BROKER})
            self.dealer.close(LINGER_MS)
            return self.fail(STALE_BROKER, "its boot epoch is lower than one already seen")
        if m["heartbeat_ms"] == 0 or m["lease_ms"] < 4 * m["heartbeat_ms"] or m["window"] == 0 or m["chunk_max"] == 0:
            return self.fail(BAD_MESSAGE, "its terms make no sense")
        self.terms = _terms_of(m)
        self._epoch_seen = self.terms.epoch
        self.state = "up"
        self._fails = 0
        self._stood_by, self._pointed_from = False, None
        self.welcomes += 1
        self._welcomed = self._heard = self._moved = time.monotonic()
        self._beat = self._welcomed + self.terms.heartbeat
        self._timers.set(self, self._beat)
        self._user.on_change()
        self._user.on_up()


def _terms_of(m: Message) -> Terms:
    return Terms(
        epoch=m["epoch"], heartbeat=m["heartbeat_ms"] / 1000, lease=m["lease_ms"] / 1000, inline_max=min(m["inline_max"], INLINE_MAX),
        chunk_max=min(m["chunk_max"], CHUNK_MAX), payload_max=m["payload_max"], window=m["window"], principal=m["principal"],
        software=visible(m["software"]), by_principal=m.get("by_principal", False), purge_forgets=m.get("purge_forgets", False),
        more_circuits=m.get("more_circuits", False), deadline_in=m.get("deadline_in", False), traces=m.get("traces", False),
        input_kinds=tuple(m.get("input_kinds", ())),
        not_ready=visible(m.get("not_ready", "")),
    )
