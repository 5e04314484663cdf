"""The same client for programs without asyncio. Any number of threads may use one.

    with provost.blocking.connect("tcp://127.0.0.1:7070", insecure=True) as client:
        result = client.prove(queue="outer", circuit="withdraw", witness="witness.wtns")

Callbacks run on the thread that waits. An interrupted prove() (Ctrl-C) cancels the task at the broker, as a cancelled one does in asyncio.
"""
from __future__ import annotations

import asyncio
import contextlib
import concurrent.futures
import inspect
import queue as queues
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, NoReturn, TypeVar

from . import client as asynchronous
from . import task as tasks
from .client import About, WhenBusy
from .error_list import BadStateError, InternalError, UsageError
from .io.tidings import Progress
from .input_json import Given, InputJson, given
from .keys import Key
from .operators import Scope, TaskInfo
from .options import Deadline, OnRestart, Role, usage
from .process import incarnation
from .result import Result
from .task import OnProgress
from .verify import VerificationKey
from .wire.wire_lists import Row
from .witness import Witness

__all__ = ["Client", "Task", "connect"]

T = TypeVar("T")
CLOSE = 5.0  # how long close() waits for the loop's thread


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._incarnation = incarnation()
        self._thread = threading.Thread(target=self._main, name="provost-blocking", daemon=True)
        try:
            self._loop = asyncio.new_event_loop()
            self._thread.start()
        except (OSError, RuntimeError) as e:
            raise InternalError(f"the connection's thread cannot be started: {e}") from e

    @property
    def forked(self) -> bool:
        return incarnation() != self._incarnation

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            rest = asyncio.all_tasks(self._loop)
            for task in rest:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        finally:
            self._loop.close()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Has it run by the loop. Raises BadStateError."""
        try:
            self._check()
            with self._lock:
                if self._closed:
                    raise BadStateError("the client is closed")
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except BaseException:
            coroutine.close()
            raise

    def _check(self) -> None:
        if self.forked:
            raise BadStateError("this client was opened in another process, before a fork: call connect() in this one")
        if threading.get_ident() == self._thread.ident:
            raise BadStateError("a call of the blocking client on its own thread would wait for itself")

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Waits for it, and cancels it when this thread is interrupted."""
        future = self.start(coroutine)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise BadStateError("the client is closed") from None
        except (KeyboardInterrupt, SystemExit):
            future.cancel()
            raise

    def soon(self, do: Callable[[], object]) -> None:
        with self._lock:
            if not self._closed:
                self._loop.call_soon_threadsafe(do)

    def close(self, coroutine: Coroutine[Any, Any, None]) -> None:
        with self._lock:
            if self.forked or self._closed:
                return coroutine.close()
            self._closed = True
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            future.result(CLOSE)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSE)


class _News:
    """Takes the latest news from the loop's thread to the thread that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Progress | None = None
        self._calls: queues.SimpleQueue[bool] = queues.SimpleQueue()

    def tell(self, news: Progress) -> None:
        """Keeps the newest only: nobody may ever look."""
        with self._lock:
            before, self._latest = self._latest, news
        if before is None:
            self._calls.put(True)

    def _take(self) -> Progress | None:
        with self._lock:
            taken, self._latest = self._latest, None
            return taken

    def until(self, future: concurrent.futures.Future[T], on_progress: OnProgress, begun: Sequence[tasks.Task]) -> None:
        """Runs the callback until the future is done."""
        future.add_done_callback(lambda _: self._calls.put(False))
        while self._calls.get():
            news = self._take()
            if news:
                self._call(on_progress, news, begun)

    def _call(self, on_progress: OnProgress, news: Progress, begun: Sequence[tasks.Task]) -> None:
        try:
            given = on_progress(news)
        except Exception as e:
            raise UsageError("on_progress raised an error; the task goes on at the broker", task_id=begun[0].id) from e
        if inspect.isawaitable(given):
            if inspect.iscoroutine(given):
                given.close()
            raise UsageError(f"{NO_COROUTINE}; the task goes on at the broker", task_id=begun[0].id)


NO_COROUTINE = "on_progress: a function, and no coroutine: here is no event loop that would run it"


def _news_for(on_progress: object) -> _News | None:
    if on_progress is None:
        return None
    if not callable(on_progress):
        usage("on_progress: a function")
    return usage(NO_COROUTINE) if inspect.iscoroutinefunction(on_progress) else _News()


class Task:
    """A task that is followed. Made by Client.submit and Client.attach."""

    def __init__(self, loop: _Loop, task: tasks.Task, on_progress: OnProgress | None, news: _News | None) -> None:
        self._loop = loop
        self._task = task
        self._on_progress = on_progress
        self._news = news

    @property
    def id(self) -> str:
        """32 hex digits."""
        return self._task.id

    @property
    def state(self) -> str:
        """The state that was heard of last."""
        return self._task.state

    def progress(self) -> Iterator[Progress]:
        """The news, at most one a second; the latest only, for who comes late. Ends when the task is over."""
        news = self._task.progress()
        while True:
            try:
                yield self._loop.run(_next(news))
            except StopAsyncIteration:
                return

    def result(self, timeout: float | None = None) -> Result:
        """Waits until the task is over; as provost.Task.result. on_progress runs here."""
        future = self._loop.start(self._task._outcome(timeout))
        try:
            if self._news and self._on_progress:
                self._news.until(future, self._on_progress, [self._task])
            result = future.result()
        except concurrent.futures.CancelledError:
            raise BadStateError("the client is closed", task_id=self.id) from None
        except BaseException:
            future.cancel()
            raise
        self._task._acknowledge()
        return result

    def cancel(self, timeout: float | None = None) -> str:
        """Cancels the task at the broker. Gives its state: cancelled, or what it was before."""
        return self._loop.run(self._task.cancel(timeout))

    def forget(self) -> None:
        """Stops following it here. The broker keeps the task."""
        self._loop.soon(self._task.forget)

    def __reduce__(self) -> NoReturn:
        raise UsageError("a task cannot be sent to another process: attach to its id there")


async def _next(news: Any) -> Progress:
    found: Progress = await news.__anext__()
    return found


class Client:
    """Made by connect(). The calls are those of provost.Client."""

    def __init__(self, loop: _Loop, client: asynchronous.Client) -> None:
        self._loop = loop
        self._client = client

    def prove(
        self, *, queue: str, circuit: str, witness: Witness | None = None, input_json: InputJson | None = None, id: str | None = None,
        priority: int | None = None, group: str | None = None,
        deadline: Deadline | None = None, on_restart: OnRestart = "keep", revive: bool = False, need_vram: int | None = None,
        need_ram: int | None = None, traceparent: str | None = None, when_busy: WhenBusy = "wait", manual_ack: bool = False, verification_key: VerificationKey | None = None,
        public_signals: Sequence[str] | None = None, on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Result:
        """Proves: submits, waits, checks, acknowledges. As provost.Client.prove."""
        news = _news_for(on_progress)
        with self._begun() as begun:
            future = self._loop.start(self._prove(
                begun, timeout, queue, circuit, given(witness, input_json, traceparent), id, priority, group, deadline, on_restart, revive, need_vram, need_ram, when_busy,
                manual_ack, verification_key, public_signals, news, timeout, news is None,
            ))
            del witness, input_json  # not to be held by this call once the broker has it
            try:
                if news and on_progress:
                    news.until(future, on_progress, begun)
                task, result = future.result()
            except concurrent.futures.CancelledError:
                raise BadStateError("the client is closed") from None
            except (KeyboardInterrupt, SystemExit):
                for task in begun:
                    task._abandon_now()  # before the loop's thread forgets it, which would be all
                future.cancel()
                raise
            except BaseException:
                future.cancel()
                for task in begun:
                    self._loop.soon(task.forget)
                raise
            task._acknowledge()  # in this thread: now the caller has it
            return result

    async def _prove(self, begun: list[tasks.Task], timeout: float | None, *what: Any) -> tuple[tasks.Task, Result]:
        """All of prove() in one call of the loop's thread: each costs two switches between threads."""
        began = time.monotonic()
        task = await self._begin(begun, *what)
        del what  # the witness is not to be held any more
        return task, await task._outcome(None if timeout is None else max(0.0, timeout - (time.monotonic() - began)))

    def submit(
        self, *, queue: str, circuit: str, witness: Witness | None = None, input_json: InputJson | None = None, id: str | None = None,
        priority: int | None = None, group: str | None = None,
        deadline: Deadline | None = None, on_restart: OnRestart = "keep", revive: bool = False, need_vram: int | None = None,
        need_ram: int | None = None, traceparent: str | None = None, when_busy: WhenBusy = "wait", manual_ack: bool = False, verification_key: VerificationKey | None = None,
        public_signals: Sequence[str] | None = None, on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Task:
        """Hands a task to the broker and waits until it is durable there. As provost.Client.submit."""
        news = _news_for(on_progress)
        with self._begun() as begun:
            task = self._loop.run(self._begin(
                begun, queue, circuit, given(witness, input_json, traceparent), id, priority, group, deadline, on_restart, revive, need_vram, need_ram, when_busy, manual_ack,
                verification_key, public_signals, news, timeout, False,
            ))
            self._loop.run(self._client._taken(task, timeout))
            return Task(self._loop, task, on_progress, news)

    @contextlib.contextmanager
    def _begun(self) -> Iterator[list[tasks.Task]]:
        """Where the loop's thread puts what it began: it is cancelled at the broker if this thread is interrupted, at whatever moment."""
        begun: list[tasks.Task] = []
        try:
            yield begun
        except (KeyboardInterrupt, SystemExit):
            for task in begun:
                task._abandon_now()  # a second time does no harm
                self._loop.soon(task.forget)
            raise

    async def _begin(
        self, begun: list[tasks.Task], queue: str, circuit: str, witness: Witness | Given, id: str | None, priority: int | None, group: str | None,
        deadline: Deadline | None, on_restart: OnRestart, revive: bool, need_vram: int | None, need_ram: int | None, when_busy: WhenBusy,
        manual_ack: bool, verification_key: VerificationKey | None, public_signals: Sequence[str] | None, news: _News | None,
        timeout: float | None, quiet: bool,
    ) -> tasks.Task:
        task = await self._client._begin(
            queue, circuit, witness, id, priority, group, deadline, on_restart, revive, need_vram, need_ram, when_busy, manual_ack,
            verification_key, public_signals, news.tell if news else None, timeout, quiet=quiet,
        )
        begun.append(task)
        return task

    def attach(
        self, id: str, *, manual_ack: bool = False, verification_key: VerificationKey | None = None, public_signals: Sequence[str] | None = None,
        on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Task:
        """Follows a task that another process, or an earlier run of this one, has submitted."""
        news = _news_for(on_progress)
        told = news.tell if news else None
        task = self._loop.run(self._client.attach(
            id, manual_ack=manual_ack, verification_key=verification_key, public_signals=public_signals, on_progress=told, timeout=timeout))
        return Task(self._loop, task, on_progress, news)

    def fetch(self, id: str, *, timeout: float | None = None) -> Result:
        """Gets the result of a task that is over, any number of times while the broker keeps it."""
        return self._loop.run(self._client.fetch(id, timeout=timeout))

    def cancel(self, id: str, *, timeout: float | None = None) -> str:
        """Cancels a task. Gives its state: cancelled, or what it was before."""
        return self._loop.run(self._client.cancel(id, timeout=timeout))

    def ack(self, result: Result, *, timeout: float | None = None) -> None:
        """Acknowledges a result that was handed over with manual_ack."""
        self._loop.run(self._client.ack(result, timeout=timeout))

    def ready(self, *, timeout: float | None = None) -> None:
        """Waits until a broker has welcomed the client."""
        self._loop.run(self._client.ready(timeout=timeout))

    def tasks(self, *, queue: str | None = None, state: str | None = None, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The tasks that the key may see."""
        return self._loop.run(self._client.tasks(queue=queue, state=state, limit=limit, timeout=timeout))

    def queues(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The queues that the key may use."""
        return self._loop.run(self._client.queues(limit=limit, timeout=timeout))

    def provers(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The provers."""
        return self._loop.run(self._client.provers(limit=limit, timeout=timeout))

    def clients(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The clients."""
        return self._loop.run(self._client.clients(limit=limit, timeout=timeout))

    def prover_keys(self, prover: str, principal: str, *, limit: int = 10_000, timeout: float | None = None) -> list[Row]:
        """The circuits of one prover with the state of their keys, and the key files that it does not serve."""
        return self._loop.run(self._client.prover_keys(prover, principal, limit=limit, timeout=timeout))

    def status(self, *, timeout: float | None = None) -> Row:
        """The broker's own figures."""
        return self._loop.run(self._client.status(timeout=timeout))

    def events(self, *, after: int | None = None, every: float = 1.0) -> Iterator[Row]:
        """What happens to tasks, provers and queues, from now on, or after the event of that number."""
        events = self._client.events(after=after, every=every)
        while True:
            yield self._loop.run(_next_row(events))

    def show(self, id: str, *, timeout: float | None = None) -> TaskInfo:
        """Looks at a task."""
        return self._loop.run(self._client.show(id, timeout=timeout))

    def kick(self, id: str, *, timeout: float | None = None) -> TaskInfo:
        """Queues a dead, cancelled or expired task again, as a new generation."""
        return self._loop.run(self._client.kick(id, timeout=timeout))

    def pause(self, queue: str, *, timeout: float | None = None) -> Row:
        """The queue gives no more tasks out."""
        return self._loop.run(self._client.pause(queue, timeout=timeout))

    def resume(self, queue: str, *, timeout: float | None = None) -> Row:
        """The queue gives tasks out again."""
        return self._loop.run(self._client.resume(queue, timeout=timeout))

    def drain(self, prover: str, *, principal: str | None = None, timeout: float | None = None) -> Row:
        """The prover gets no new tasks; it finishes those it has."""
        return self._loop.run(self._client.drain(prover, principal=principal, timeout=timeout))

    def undrain(self, prover: str, *, principal: str | None = None, timeout: float | None = None) -> Row:
        """The prover gets tasks again."""
        return self._loop.run(self._client.undrain(prover, principal=principal, timeout=timeout))

    def purge(
        self, *, scope: Scope = "session", queue: str | None = None, client: str | None = None, session: str | None = None,
        states: Sequence[str] | None = None, age_ms: int | None = None, dry_run: bool = False, forget: bool = False, timeout: float | None = None,
    ) -> dict[str, int]:
        """Cancels and forgets tasks, running ones included. Gives how many there were in each state."""
        return self._loop.run(self._client.purge(
            scope=scope, queue=queue, client=client, session=session, states=states, age_ms=age_ms, dry_run=dry_run, forget=forget, timeout=timeout))

    @property
    def connection(self) -> About:
        """The state of the connection."""
        return self._client.connection

    def close(self) -> None:
        """Takes leave of the broker. Tasks stay with the broker; calls under way raise BadStateError."""
        self._loop.close(self._client.close())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise BadStateError("a client cannot be sent to another process: call connect() there")


async def _next_row(events: Any) -> Row:
    row: Row = await events.__anext__()
    return row


async def _opened(connecting: asynchronous.Connecting) -> asynchronous.Client:
    return await connecting


def connect(
    url: str | Sequence[str], *, key: Key | None = None, server_key: object = None, name: str = "client", insecure: bool = False,
    role: Role = "client", connect_timeout: float = 10.0, request_timeout: float = 30.0, wait_timeout: float = 3600.0,
    reconnect_min: float = 0.1, reconnect_max: float = 10.0, attempt_timeout: float = 5.0, allow_mock: bool = False,
) -> Client:
    """As provost.connect, for a `with` or for a call to close()."""
    connecting = asynchronous.connect(
        url, key=key, server_key=server_key, name=name, insecure=insecure, role=role, connect_timeout=connect_timeout,
        request_timeout=request_timeout, wait_timeout=wait_timeout, reconnect_min=reconnect_min, reconnect_max=reconnect_max,
        attempt_timeout=attempt_timeout, allow_mock=allow_mock)
    loop = _Loop()
    try:
        return Client(loop, loop.run(_opened(connecting)))
    except BaseException:
        loop.close(_nothing())
        raise


async def _nothing() -> None:
    """For a client that there never was."""
