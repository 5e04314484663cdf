"""What a client and its tasks share: the line to the connection, who listens to what, and waits that end."""
from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .error_list import BadStateError, BusyError, InternalError, TimeoutError, UsageError, error_of
from .process import incarnation
from .provost_error import ProvostError, word_of
from .io.letterbox import Tidings
from .io.tidings import Bridge, LinkState, Listener
from .io.timers import NEVER, Timers
from .wire.wire_lists import Message


T = TypeVar("T")


class Signal:
    """Something that happens once, and who waits for it."""

    __slots__ = ("done", "waiters")

    def __init__(self) -> None:
        self.done = False
        self.waiters: list[asyncio.Future[None]] = []

    def set(self) -> None:
        self.done = True
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


def _nothing() -> str:
    return ""


def _no_more() -> float:
    return 0.0


SECONDS_MOST = 10**15  # what is larger is no time, and some whole numbers are no float


def check_timeout(value: object, what: str = "timeout") -> float:
    """Raises UsageError for what is no number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < SECONDS_MOST:
        raise UsageError(f"{what}: a number of seconds, 0 or more")
    return float(value)


class _Answer(Listener):
    """The answer to a question."""

    def __init__(self) -> None:
        self.ready = Signal()
        self.message: Message = {}
        self.data = b""
        self.why: tuple[int, str] | None = None
        self.held = ""

    def answer(self, message: Message, data: bytes) -> None:
        self.message, self.data = message, data
        self.ready.set()

    def failed(self, status: int, text: str) -> None:
        self.why = (status, text)
        self.ready.set()

    def waiting(self, text: str) -> None:
        self.held = text

    def flushed(self) -> None:
        self.ready.set()


class _Wait:
    """A call that waits, and for how long."""

    __slots__ = ("_core", "_held", "_more", "_task_id", "_waiter")

    def __init__(
        self, core: Core, waiter: asyncio.Future[None], task_id: str | None, held: Callable[[], str], more: Callable[[], float]
    ) -> None:
        self._core = core
        self._waiter = waiter
        self._task_id = task_id
        self._held = held
        self._more = more

    def drop(self) -> None:
        """It may stay in the heap of times for a while, and must hold no task and no result there."""
        self._held, self._more = _nothing, _no_more

    def on_time(self, now: float) -> None:
        seconds = self._more()
        if seconds > 0:
            self._core.wake_at(self, now + seconds)
        elif not self._waiter.done():
            self._waiter.set_exception(self._core.late(self._task_id, self._held()))


class Core:
    """Lives in one event loop."""

    bridge: Bridge

    def __init__(self, request_timeout: float, wait_timeout: float) -> None:
        self.request_timeout = request_timeout
        self.wait_timeout = wait_timeout
        self.link = LinkState()
        self.loop = asyncio.get_running_loop()
        self._over: Callable[[], ProvostError] | None = None
        self._listeners: dict[int, Listener] = {}
        self._waits: set[asyncio.Future[None]] = set()
        self._timers = Timers()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._changed: list[Signal] = []
        self._incarnation = incarnation()
        self._keys = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = Signal()

    @property
    def over(self) -> bool:
        """Nothing works any more."""
        return self._over is not None

    @property
    def forked(self) -> bool:
        return incarnation() != self._incarnation

    def check(self) -> None:
        """Raises BadStateError when the client is closed, was opened in another process, or belongs to another event loop."""
        if self.forked:
            raise BadStateError("this client was opened in another process, before a fork: call connect() in this one")
        if self._over:
            raise self._over()
        if asyncio.get_running_loop() is not self.loop:
            raise BadStateError("this client belongs to another event loop: call connect() in this one")

    # --- what the connection says ---

    def hand_over(self, take: Callable[[], Tidings]) -> None:
        try:
            self.loop.call_soon_threadsafe(self._take, take)
        except RuntimeError:
            pass  # the loop was closed: nobody hears any more

    def is_there(self) -> bool:
        return not self.loop.is_closed()

    def ended(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._ended.set)
        except RuntimeError:
            pass

    def broke(self, why: BaseException) -> None:
        try:
            self.loop.call_soon_threadsafe(self._end_broken, why)
        except RuntimeError:
            pass

    def _end_broken(self, why: BaseException) -> None:
        def broken() -> ProvostError:
            error = InternalError(f"the connection's thread failed: {why}")
            error.__cause__ = why
            return error

        self.end(broken)

    def _take(self, take: Callable[[], Tidings]) -> None:
        self.hear(take())

    def hear(self, tidings: Tidings) -> None:
        for key, method, arguments in tidings:
            if key == 0:
                self._link_changed(*arguments)
            elif key in self._listeners:
                self._tell(self._listeners[key], method, arguments)

    def _tell(self, listener: Listener, method: str, arguments: Any) -> None:
        try:
            getattr(listener, method)(*arguments)
        except Exception as e:  # a mistake of ours, which must not cost the others their news
            self.loop.call_exception_handler({"message": "provost: a listener failed", "exception": e})

    def _link_changed(self, link: LinkState) -> None:
        self.link = link
        changed, self._changed = self._changed, []
        for signal in changed:
            signal.set()

    def new_key(self) -> int:
        return next(self._keys)

    def listen(self, key: int, listener: Listener) -> None:
        self._listeners[key] = listener

    def silence(self, key: int) -> None:
        self._listeners.pop(key, None)

    # --- waits ---

    def end(self, why: Callable[[], ProvostError]) -> None:
        """Ends every wait."""
        self._over = self._over or why
        if self._timer:
            self._timer.cancel()  # else the event loop holds us until it is due
        for waiter in list(self._waits):
            if not waiter.done():
                waiter.set_exception(why())

    def late(self, task_id: str | None, held: str) -> ProvostError:
        """Why a wait ended without an answer: the time, or why there is no connection."""
        if held and self.link.up:
            return BusyError(held, task_id=task_id)
        if self.link.up:
            return TimeoutError("no answer in time", task_id=task_id)
        word = word_of(self.link.status)
        return error_of("unreachable" if word == "ok" else word, self.link.text, task_id)

    async def wait(
        self, signal: Signal, timeout: float, task_id: str | None = None, held: Callable[[], str] = _nothing, more: Callable[[], float] = _no_more
    ) -> None:
        """Waits for a signal, at most `timeout` seconds. held: the limit of the broker that it waits at. more: called when the time is
        over: how many seconds more it may take, 0 to give up."""
        check_timeout(timeout)
        if signal.done:
            return
        if self._over:
            raise self._over()
        waiter = self.loop.create_future()
        wait = _Wait(self, waiter, task_id, held, more)
        self.wake_at(wait, self.loop.time() + timeout)
        signal.waiters.append(waiter)
        self._waits.add(waiter)
        try:
            await waiter
        finally:
            self._timers.set(wait, NEVER)
            wait.drop()
            self._waits.discard(waiter)
            if not signal.done:
                signal.waiters.remove(waiter)

    def wake_at(self, wait: _Wait, at: float) -> None:
        """Has its on_time called. The loop has one timer for all waits: one each costs 4 us a wait, and stays in its heap."""
        self._timers.set(wait, at)
        if at < self._timer_at:
            if self._timer:
                self._timer.cancel()
            self._timer_at = at
            self._timer = self.loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        now = max(self.loop.time(), self._timer_at)  # the loop may be early by its clock's resolution
        self._timer, self._timer_at = None, NEVER
        self._timers.run(now)
        at = self._timers.next()
        if at < self._timer_at:
            self._timer_at = at
            self._timer = self.loop.call_at(at, self._on_timer)

    async def wait_for_news(self, signal: Signal) -> None:
        """Waits for a signal however long it takes."""
        waiter = self.loop.create_future()
        signal.waiters.append(waiter)
        self._waits.add(waiter)
        try:
            await waiter
        finally:
            self._waits.discard(waiter)

    async def ready(self, timeout: float) -> None:
        """Waits until a broker has welcomed the client."""
        self.check()
        end = self.loop.time() + check_timeout(timeout)
        while not self.link.up:
            changed = Signal()
            self._changed.append(changed)
            await self.wait(changed, max(0.0, end - self.loop.time()))

    async def before(self, work: Coroutine[Any, Any, T], timeout: float, task_id: str) -> T:
        """What is done before a task is submitted: it ends with the time and with the client, whatever it waits for."""
        done = Signal()
        task = self.loop.create_task(work)

        def ended(work: asyncio.Task[T]) -> None:
            done.set()
            work.cancelled() or work.exception()  # it is looked at, whoever still waits

        task.add_done_callback(ended)
        try:
            await self.wait(done, timeout, task_id)
        except ProvostError as e:
            if e.code in ("bad-state", "internal"):
                raise
            raise TimeoutError("the witness was not there in time: nothing was submitted", task_id=task_id) from None
        finally:
            task.cancel()
        return task.result()

    async def ask(self, message: Message, want: str, timeout: float | None = None, keep: bool = False) -> tuple[Message, bytes]:
        """Asks a question that has one answer. keep: it is still asked after this wait has ended without an answer."""
        seconds = self.request_timeout if timeout is None else check_timeout(timeout)  # before anything is said
        self.check()
        key, task = self.new_key(), message.get("task")
        answer = _Answer()
        self.listen(key, answer)
        self.bridge.ask(key, message, want)
        try:
            await self.wait(answer.ready, seconds, task, lambda: answer.held)
        finally:
            self.silence(key)
            if not self.over and not keep and not answer.ready.done:
                self.bridge.forget(key)
        if answer.why:
            raise self.failure(*answer.why, task)
        return answer.message, answer.data

    def failure(self, status: int, text: str, task_id: str | None) -> ProvostError:
        return error_of(word_of(status), text, task_id)

    async def flush(self, timeout: float) -> None:
        """Waits until every acknowledgement was said to the broker."""
        self.check()
        key, answer = self.new_key(), _Answer()
        self.listen(key, answer)
        self.bridge.flush(key)
        try:
            await self.wait(answer.ready, timeout)
        finally:
            self.silence(key)

    def spawn(self, task: asyncio.Task[None]) -> None:
        """Keeps a task of ours alive: the event loop does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, seconds: float = 1.0) -> None:
        """Waits at most `seconds` until the connection's thread has ended."""
        if self.forked or self.over:
            return
        self.end(lambda: BadStateError("the client is closed"))
        waiter = self.loop.create_future()
        self._ended.waiters.append(waiter)
        self.bridge.close()
        timer = self.loop.call_later(seconds, self._ended.set)
        try:
            await waiter
        finally:
            timer.cancel()
