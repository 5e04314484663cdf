"""The thread of a connection: it owns the socket, so heartbeats go on while the caller computes."""
from __future__ import annotations

import atexit
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, Protocol

import zmq

from ..process import incarnation
from ..wire.codec import Message
from .dealer import Dealer
from .engine import Engine
from .letterbox import Letterbox, Tidings
from .link import LinkOptions, check_descriptors
from .tidings import Submit


class ConnectionUser(Protocol):
    """Where tidings go. Called in the connection's thread."""

    def hand_over(self, take: Callable[[], Tidings]) -> None:
        """There are tidings: has them taken and told in the caller's thread."""

    def broke(self, why: BaseException) -> None:
        """The thread failed: nothing more will come."""

    def ended(self) -> None:
        """The thread has closed its socket."""

    def is_there(self) -> bool:
        """False once nobody can hear any more: then the thread ends."""


Came = Literal["nothing", "messages", "end"]
EXIT = 0.5  # how long the end of the process waits for a goodbye
LOOK = 5.0  # how often an idle thread looks whether its user is still there

_open: weakref.WeakSet[Connection] = weakref.WeakSet()


class Connection:
    """The bridge to the connection's thread. Any thread may call; after a fork the child must not."""

    def __init__(self, options: LinkOptions, user: ConnectionUser) -> None:
        """Raises OSError when this process may start no thread or open no more files."""
        check_descriptors()
        self._options = options
        self._user = user
        self._orders: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._said: list[tuple[int, str, Any]] = []
        self._letters = Letterbox()
        self._hear, self._wake = socket.socketpair()
        self._hear.setblocking(False)
        self._wake.setblocking(False)
        self._hear_fd = self._hear.fileno()
        self._woken = False
        self._incarnation = incarnation()
        self._engine: Engine
        self._looked_at: tuple[Dealer | None, bool] = (None, False)
        self._poller = self._poller_of(None, False)
        self._thread = threading.Thread(target=self._main, name="provost", daemon=True)
        self._thread.start()
        _open.add(self)

    # --- the caller's side ---

    def _post(self, do: Callable[..., None], *arguments: Any) -> None:
        self._orders.append((do, arguments))
        if not self._woken:
            self._woken = True
            try:
                self._wake.send(b"!")
            except OSError:
                pass  # it is full, so it wakes; or closed, and nobody takes orders any more

    def submit(self, key: int, task: str, what: Submit) -> None:
        self._post(Engine.submit, key, task, what)

    def attach(self, key: int, task: str) -> None:
        self._post(Engine.attach, key, task)

    def forget(self, key: int) -> None:
        self._post(Engine.forget, key)

    def ask(self, key: int, message: Message, want: str) -> None:
        self._post(Engine.ask, key, message, want)

    def ack(self, task: str, generation: int, acked: bool) -> None:
        self._post(Engine.ack, task, generation, acked)

    def flush(self, key: int) -> None:
        self._post(Engine.flush, key)

    def close(self) -> None:
        self._post(Engine.close)

    def closed(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _close_at_exit(self) -> None:
        if self._incarnation == incarnation() and self._thread.is_alive():
            self.close()
            self.closed(EXIT)

    # --- the thread ---

    def _main(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] | None = None
        try:
            context = zmq.Context()
            self._engine = Engine(self._options, context, self._say, self._order)
            while not self._engine.closed:
                self._turn(self._engine)
            self._hand_over()
        except BaseException as e:  # a mistake of ours: who waits has to hear of it
            self._user.broke(e)
        finally:
            if context:
                context.destroy()  # waits for the goodbye, at most its linger
            self._hear.close()
            self._wake.close()
            self._orders.clear()
            self._user.ended()

    def _order(self, do: Callable[..., None], *arguments: Any) -> None:
        """_post for what is no method of the engine."""
        self._post(lambda engine: do(*arguments))

    def _say(self, key: int, method: str, arguments: Any) -> None:
        self._said.append((key, method, arguments))

    def _hand_over(self) -> None:
        """What is said in one turn goes together: waking the other thread costs more than what is said."""
        if self._said:
            said, self._said = self._said, []
            if self._letters.put(said):
                self._user.hand_over(self._letters.take)

    def _turn(self, engine: Engine) -> None:
        came = self._wait(engine)
        for _ in range(len(self._orders)):
            do, arguments = self._orders.popleft()
            do(engine, *arguments)
            if engine.closed:
                return
        if came != "nothing":
            engine.link.receive(came == "end")
        engine.link.flush()
        engine.timers.run(time.monotonic())  # after what was received: a process that was stopped first hears what it was told meanwhile
        self._hand_over()
        if not self._user.is_there():
            engine.close()

    def _wait(self, engine: Engine) -> Came:
        """Waits until there is something to do. Tells what came from the broker, or of its connection."""
        dealer = engine.link.dealer
        looked_at = (dealer, dealer is not None and dealer.blocked)
        if looked_at != self._looked_at:
            self._looked_at, self._poller = looked_at, self._poller_of(*looked_at)
        seconds = 0.0 if self._orders else min(LOOK, engine.timers.next() - time.monotonic())
        ready = self._poller.poll(max(0, int(seconds * 1000) + 1 if seconds > 0 else 0))
        came: Came = "nothing"
        for what, _ in ready:
            if what == self._hear_fd:
                self._hear.recv(4096)
            elif dealer and what is dealer.monitor:
                came = "end"
            elif came == "nothing":
                came = "messages"
        self._woken = False  # only now: who posts and sees True is read below, who sees False wakes again
        return came

    def _poller_of(self, dealer: Dealer | None, blocked: bool) -> zmq.Poller:
        poller = zmq.Poller()
        poller.register(self._hear, zmq.POLLIN)
        if dealer:
            poller.register(dealer.socket, zmq.POLLIN | zmq.POLLOUT if blocked else zmq.POLLIN)
            poller.register(dealer.monitor, zmq.POLLIN)
        return poller


def _close_all() -> None:
    """The connection ends with the process: the broker hears a goodbye."""
    for connection in list(_open):
        connection._close_at_exit()


atexit.register(_close_all)
