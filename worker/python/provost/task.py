"""A task that is followed."""
from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from .core import Core, Signal
from .error_list import BadProofError, CancelledError, UsageError
from .provost_error import ProvostError
from .io.tidings import End, Listener, Progress
from .result import Result
from .verify import Key
from .witness import SIGNALS_MOST, Prepared

#: Called with the latest news of a task, at most once a second. What it returns is awaited if it can be; the blocking client refuses such.
OnProgress = Callable[[Progress], object]


@dataclass
class Follow:
    """What of a caller's options concerns the way back."""

    manual_ack: bool = False
    key: Key | None = None
    publics: list[str] | None = None  # what the public signals have to be; None: those of the witness
    on_progress: OnProgress | None = None


#: How long a cancellation waits for the broker's word that the task is cancelled, seconds.
CANCEL = 5.0


class Task(Listener):
    """id: 32 hex digits. Made by Client.submit and Client.attach."""

    def __init__(self, core: Core, id: str, follow: Follow, prepared: Prepared | None, on_end: Callable[[Task], None]) -> None:
        self.id = id
        self._core = core
        self._follow = follow
        self._prepared = prepared
        self._on_end = on_end
        self._key = core.new_key()
        self._news = Progress()
        self._news_at = core.loop.time()
        self._version = 0
        self._called = False
        self._untold: Progress | None = None
        self._changed = Signal()
        self._accepted = Signal()
        self._settled = Signal()
        self._result: Result | None = None
        self._why: ProvostError | None = None
        self._owed: int | None = None
        core.listen(self._key, self)

    @property
    def state(self) -> str:
        """The state that was heard of last."""
        return self._news.state

    async def progress(self) -> AsyncIterator[Progress]:
        """The news, at most one a second; the latest only, for who comes late. Ends when the task is over; how it ended, result() tells."""
        seen = 0
        while True:
            if self._version > seen:
                seen = self._version
                yield copy.copy(self._news)
            elif self._settled.done or self._core.over:
                return
            else:
                await self._core.wait_for_news(self._changed)

    async def result(self, timeout: float | None = None) -> Result:
        """Waits until the task is over, at most `timeout` seconds (default: the client's wait_timeout). The result is acknowledged then,
        unless manual_ack was set. Any number of calls get the same. Cancelling this call stops the waiting only; cancel() ends the task.

        Raises CancelledError, ExpiredError, DeadError or the cause, when the task did not succeed; BadProofError; TimeoutError, and the
        task goes on.
        """
        result = await self._outcome(timeout)
        self._acknowledge()
        return result

    async def _outcome(self, timeout: float | None) -> Result:
        """result() without the acknowledgement."""
        if not self._settled.done:
            self._core.check()
        seconds = self._core.wait_timeout if timeout is None else timeout
        await self._core.wait(self._settled, seconds, self.id, lambda: self._news.held)
        if self._why:
            self._acknowledge()
            raise self._why.with_traceback(None)
        assert self._result
        return self._result

    async def cancel(self, timeout: float | None = None) -> str:
        """Cancels the task at the broker. Gives its state: cancelled, or what it was before.

        Raises NotFoundError, GoneError, TimeoutError.
        """
        message, _ = await self._core.ask({"type": "CANCEL", "task": self.id}, "CANCELLED", timeout)
        return message["state"]

    def forget(self) -> None:
        """Stops following it here. The broker keeps the task."""
        if not self._settled.done:
            self._drop()
            self._reject(CancelledError("the task is not followed any more; the broker keeps it", task_id=self.id))

    async def _abandon(self) -> None:
        """Cancels it at the broker because the caller's wait was cancelled; while there is no connection the broker is told later."""
        if self._settled.done or self._core.over:
            return
        self._drop()
        asked = self._core.ask({"type": "CANCEL", "task": self.id}, "CANCELLED", CANCEL if self._core.link.up else 0.0, keep=True)
        try:
            await asked
        except ProvostError:
            pass  # it never was there, or is not told yet
        finally:
            self._reject(CancelledError("cancelled by its caller", task_id=self.id))

    def _abandon_now(self) -> None:
        """The same without waiting for the broker's word, for a process that may end at once. Any thread may call."""
        if not self._settled.done and not self._core.over:
            self._core.bridge.forget(self._key)
            self._core.bridge.ask(self._core.new_key(), {"type": "CANCEL", "task": self.id}, "CANCELLED")

    # --- what the connection says ---

    def news(self, news: Progress) -> None:
        self._news = news
        self._news_at = self._core.loop.time()
        self._version += 1
        if news.accepted:
            self._accepted.set()
        self._wake()
        if self._follow.on_progress is not None:
            self._call_back(self._follow.on_progress, news)

    def _call_back(self, on_progress: OnProgress, news: Progress) -> None:
        """One call at a time: while what the callback gave is awaited, the newest news wait."""
        if self._called:
            self._untold = news
            return
        try:
            given = on_progress(copy.copy(news))
            if inspect.isawaitable(given):
                self._called = True
                self._core.spawn(self._core.loop.create_task(self._await(on_progress, given)))
        except Exception as e:
            self._raised(e)

    async def _await(self, on_progress: OnProgress, given: Awaitable[object]) -> None:
        try:
            await given
        except Exception as e:
            return self._raised(e)
        finally:
            self._called = False
        news, self._untold = self._untold, None
        if news and not self._settled.done:
            self._call_back(on_progress, news)

    def _raised(self, cause: Exception) -> None:
        if self._settled.done:
            return
        self._drop()
        error = UsageError("on_progress raised an error; the task goes on at the broker", task_id=self.id)
        error.__cause__ = cause
        self._reject(error)

    def refused(self, status: int, text: str) -> None:
        self._gone()
        self._reject(self._core.failure(status, text, self.id))

    def over(self, end: End) -> None:
        self._news.state, self._news.accepted = end.state, True
        self._version += 1
        self._accepted.set()
        self._gone()
        if end.status == 0:
            self._check(Result(self.id, end))
            return
        self._owed = None if self._follow.manual_ack or end.state == "succeeded" else end.generation
        self._reject(self._core.failure(end.status, end.text, self.id))

    # --- the end ---

    def _check(self, result: Result) -> None:
        """A proof that verifies may be an old one of another input: the public signals have to be those of the witness."""
        try:
            self._check_signals(result)
        except ProvostError as e:
            return self._wrong(result, e)
        if self._follow.key:
            self._core.spawn(self._core.loop.create_task(self._verify(self._follow.key, result)))
        else:
            self._resolve(result)

    def _check_signals(self, result: Result) -> None:
        key, publics = self._follow.key, self._follow.publics
        if not result.is_proof:
            if key or publics is not None:
                raise BadProofError("the result is no Groth16 proof", task_id=self.id)
            return
        signals = result.public_signals
        if publics is not None and publics != signals:
            raise BadProofError("the public signals are not those that were expected", task_id=self.id)
        expected = self._expected(key.publics if key else len(signals)) if publics is None else publics
        if expected is None:
            return
        if expected != (signals if key else signals[:SIGNALS_MOST]) and publics is None:
            raise BadProofError("the public signals are not those of the witness", task_id=self.id)
        if len(expected) == len(signals):
            result.checked = "publics"

    def _expected(self, n: int) -> list[str] | None:
        """The first n public signals of the witness, as far as they are known; None when the input was none."""
        found = self._prepared.signals if self._prepared else None
        return None if found is None else found[:n]

    async def _verify(self, key: Key, result: Result) -> None:
        try:
            await asyncio.to_thread(key.verify, result.bytes, result.public_signals, self.id)
        except ProvostError as e:
            return self._wrong(result, e)
        except Exception as e:  # a mistake of ours: the wait has to end all the same
            return self._wrong(result, BadProofError(f"the proof was not verified: {e}", task_id=self.id))
        result.checked = "statement" if result.checked == "publics" else "proof"
        self._resolve(result)

    def _wrong(self, result: Result, why: ProvostError) -> None:
        """A wrong result is never acknowledged, so that it can still be looked at."""
        if not self._core.over:
            self._core.bridge.ack(self.id, result.generation, False)
        self._reject(why)

    def _resolve(self, result: Result) -> None:
        if not self._follow.manual_ack:
            self._owed = result.generation
        self._result = result
        self._settle()

    def _reject(self, why: ProvostError) -> None:
        if not self._settled.done:
            self._why = why
            self._settle()

    def _settle(self) -> None:
        self._prepared = None
        self._accepted.set()
        self._settled.set()
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, Signal()
        changed.set()

    def _gone(self) -> None:
        self._core.silence(self._key)
        self._on_end(self)

    def _drop(self) -> None:
        self._gone()
        if not self._core.over:
            self._core.bridge.forget(self._key)

    def _acknowledge(self) -> None:
        """Once the caller has it. Any thread may call."""
        owed, self._owed = self._owed, None
        if owed is not None and not self._core.over:
            self._core.bridge.ack(self.id, owed, True)

    # --- of the client ---

    async def _taken(self, timeout: float) -> None:
        """Waits until the broker has it, `timeout` seconds after the last news at most."""

        def more() -> float:
            return 0.0 if self._news.held else max(0.0, timeout - (self._core.loop.time() - self._news_at))

        await self._core.wait(self._accepted, timeout, self.id, lambda: self._news.held, more)
        if self._why and not self._news.accepted:
            raise self._why.with_traceback(None)

    def __reduce__(self) -> NoReturn:
        raise UsageError("a task cannot be sent to another process: attach to its id there")
