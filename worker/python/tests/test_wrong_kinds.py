"""Every public call with every wrong kind of argument: what comes is always an error of ours, with a code and a sentence, and no other call is harmed."""
from __future__ import annotations

import asyncio
import datetime
import functools
import gc
import inspect
import mmap
import sys
import unittest
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from cluster import Cluster, wait_for

import provost
import provost.blocking
from provost import mock
from provost.pool import ProverPool

ECHO: dict[str, Any] = {"queue": "echo", "circuit": "any", "witness": b"x"}
ID = "ab" * 16


async def nothing() -> None:
    """Never awaited by anybody, and closed by the test."""


def released() -> memoryview:
    view = memoryview(b"gone")
    view.release()
    return view


def closed_map() -> mmap.mmap:
    made = mmap.mmap(-1, 8)
    made.close()
    return made


def closed_file() -> Any:
    with open("/dev/null", "rb") as file:
        return file


def ended() -> Iterator[bytes]:
    made = (b"" for _ in ())
    list(made)
    return made


def in_itself() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


class NoPath:
    def __fspath__(self) -> Any:
        return 5


#: What callers without a type checker give.
WRONG: dict[str, Callable[[], Any]] = {
    "none": lambda: None, "true": lambda: True, "nan": lambda: float("nan"), "minus": lambda: -1, "fraction": lambda: 1.5, "infinity": lambda: float("inf"), "huge": lambda: 10**5000,
    "empty text": lambda: "", "text": lambda: "no name", "nul": lambda: "a\0b", "bytes": lambda: b"x", "object": object, "list": list, "list of none": lambda: [None],
    "list in itself": in_itself, "dict": dict, "dict of numbers": lambda: {1: 2}, "set": set, "function": lambda: print, "class": lambda: dict, "coroutine": nothing,
    "released": released, "closed map": closed_map, "closed file": closed_file, "ended": ended, "no path": NoPath, "no zone": lambda: datetime.datetime(2030, 1, 1),
    "past": lambda: datetime.timedelta(days=-9999999), "error": ValueError, "doubles": lambda: memoryview(b"12345678").cast("d"),
}
TIME = ["none", "fraction"]
SWITCH = ["true"]
OPTIONAL = ["none"]
SIGNALS = ["none", "list"]
CALLBACK = ["none", "function", "class", "error"]
CONNECT_TIMES = ("connect_timeout", "request_timeout", "wait_timeout", "reconnect_min", "reconnect_max", "attempt_timeout")
#: By the name of a parameter: the values that are right for it. One that is not here fails the test: it has to be thought of.
RIGHT: dict[str, list[str]] = {
    **dict.fromkeys(CONNECT_TIMES, ["fraction", "true"][:1]), "url": [], "key": ["none"], "server_key": ["none"], "name": [], "insecure": SWITCH, "role": [], "allow_mock": SWITCH,
    "queue": [], "circuit": [], "witness": ["bytes", "doubles"], "input_json": ["bytes", "dict", "doubles"], "id": OPTIONAL, "priority": OPTIONAL, "group": OPTIONAL,
    "deadline": ["none", "fraction"], "on_restart": [], "revive": SWITCH, "need_vram": OPTIONAL, "need_ram": OPTIONAL, "traceparent": OPTIONAL, "when_busy": [], "manual_ack": SWITCH,
    "verification_key": OPTIONAL, "public_signals": SIGNALS, "on_progress": CALLBACK, "timeout": TIME, "result": [], "state": OPTIONAL, "limit": [], "prover": [], "principal": OPTIONAL,
    "after": OPTIONAL, "every": ["fraction"], "scope": [], "client": OPTIONAL, "session": OPTIONAL, "states": SIGNALS, "age_ms": OPTIONAL, "dry_run": SWITCH, "forget": SWITCH,
    "proof": list(WRONG), "source": [], "length": [], "piece": ["bytes"], "signal": ["true", "minus", "empty text", "text", "nul", "list"], "options": [],
}
#: Right for one call, wrong for others of the same word.
ALSO: dict[str, list[str]] = {
    "queue of tasks": OPTIONAL, "queue of purge": OPTIONAL, "url of url": ["empty text"], "public_signals of attach": SIGNALS, "limit of prover_keys": [], "on_progress of request": CALLBACK,
}
NOT: dict[str, list[str]] = {
    "id of attach": OPTIONAL, "id of fetch": OPTIONAL, "id of cancel": OPTIONAL, "id of show": OPTIONAL, "id of kick": OPTIONAL, "witness of request": [],
    "principal of prover_keys": OPTIONAL, "verification_key of request": [],
}
#: They take nothing, or are taken apart below.
WITHOUT = {"close", "forget", "connection", "state", "id", "progress"}

Call = Callable[..., Any]


def public(of: object) -> list[str]:
    return [name for name in dir(of) if not name.startswith("_") and name not in WITHOUT]


def refused(given: BaseException | None) -> str:
    """What is wrong with an outcome; "" for an error of ours that says something."""
    if given is None:
        return "no error"
    if not isinstance(given, provost.ProvostError):
        return f"{type(given).__name__}: {given}"
    return "" if given.code and len(str(given)) > 8 and "object at 0x" not in str(given) else f"{given.code}: {given}"


class Base(unittest.IsolatedAsyncioTestCase):
    """A broker, a prover, and a task that waits while the wrong calls are made."""

    async def asyncSetUp(self) -> None:
        self.cluster = Cluster()
        self.addCleanup(self.cluster.end)
        self.cluster.start_broker()
        self.cluster.start_prover("p1", "--insecure", "--queue", "echo:echo")
        self.client = await provost.connect(self.cluster.url, insecure=True, role="either", name="wrong")
        self.addAsyncCleanup(self.client.close)
        self.done = await self.client.prove(**ECHO)
        self.idle = await self.client.submit(queue="idle", circuit="any", witness=b"bystander")
        self.bad: list[str] = []
        self.tried = 0
        self.unraisable: list[str] = []
        before = sys.unraisablehook
        sys.unraisablehook = lambda args: self.unraisable.append(str(args.exc_value))
        self.addCleanup(setattr, sys, "unraisablehook", before)

    def good(self, name: str) -> dict[str, Any]:
        """Right arguments of a call."""
        by_name: dict[str, dict[str, Any]] = {
            "prove": ECHO, "submit": ECHO, "ack": {"result": self.done}, "prover_keys": {"prover": "p1", "principal": "x"}, "pause": {"queue": "member"}, "resume": {"queue": "member"},
            "drain": {"prover": "nobody"}, "undrain": {"prover": "nobody"}, "fetch": {"id": self.done.task_id}, "request": {"witness": b"x"},
            "connect": {"url": self.cluster.url, "insecure": True, "connect_timeout": 0.0}, "result": {}, "is_fake": {"proof": {}},
        }
        needs_id = name in ("attach", "cancel", "show", "kick")
        return by_name.get(name, {"id": self.idle.id} if needs_id else {})

    async def try_all(self, name: str, call: Call, outcome: Callable[[Callable[[], Any]], Awaitable[BaseException | None]], of: object = None) -> None:
        for parameter in inspect.signature(of or call).parameters.values():  # type: ignore[arg-type]
            if parameter.name in ("self", "more"):
                continue
            await self.try_one(name, parameter.name, outcome, functools.partial(self.called, call, name, parameter))

    def called(self, call: Call, name: str, parameter: inspect.Parameter, value: Any) -> Any:
        given = {**self.good(name), parameter.name: value}
        if parameter.name == "input_json":
            del given["witness"]
        first = [given.pop(p.name) for p in inspect.signature(call).parameters.values() if p.kind is p.POSITIONAL_ONLY]
        return call(*first, **given)

    async def try_one(self, name: str, parameter: str, outcome: Callable[[Callable[[], Any]], Awaitable[BaseException | None]], make: Callable[[Any], Any]) -> None:
        where = f"{parameter} of {name}"
        right = [value for value in RIGHT[parameter] + ALSO.get(where, []) if value not in NOT.get(where, [])]
        for what, value in WRONG.items():
            if what in right:
                continue
            self.tried += 1
            given = value()
            said = refused(await outcome(lambda: make(given)))
            if inspect.iscoroutine(given):
                given.close()
            if said:
                self.bad.append(f"{name}: {parameter}: {what}: {said}")

    async def unharmed(self, least: int) -> None:
        gc.collect()
        self.assertEqual(self.bad, [])
        self.assertEqual(self.unraisable, [])
        self.assertGreater(self.tried, least)
        self.assertEqual((await self.client.show(self.idle.id)).state, "queued", "the task that waits meanwhile")
        self.assertEqual((self.client.connection.connected, self.client.connection.connects), (True, 1))
        self.assertEqual((await self.client.prove(**ECHO)).bytes, b"x")


async def awaited(make: Callable[[], Any]) -> BaseException | None:
    """The error of an asynchronous call."""
    try:
        given = make()
        if hasattr(given, "__anext__"):
            await anext(given)
        elif inspect.isawaitable(given):
            await given
    except Exception as e:
        return e
    return None


async def in_a_thread(make: Callable[[], Any]) -> BaseException | None:
    """The error of a call that blocks."""

    def run() -> BaseException | None:
        try:
            given = make()
            if hasattr(given, "__next__"):
                next(given)
        except Exception as e:
            return e
        return None

    return await asyncio.to_thread(run)


class Table(Base):
    async def test_the_asynchronous_client(self) -> None:
        await self.try_all("connect", provost.connect, awaited)
        for name in public(self.client):
            await self.try_all(name, getattr(self.client, name), awaited)
        for name in ("result", "cancel"):
            await self.try_all("result", getattr(self.idle, name), awaited)
        self.assertEqual(mock.is_fake(None), False)  # type: ignore[arg-type]
        await self.unharmed(2000)

    async def test_the_blocking_client(self) -> None:
        client = await asyncio.to_thread(provost.blocking.connect, self.cluster.url, insecure=True, role="either", name="blocking")
        self.addCleanup(client.close)
        task = await asyncio.to_thread(client.submit, queue="idle", circuit="any", witness=b"another")
        await self.try_all("connect", provost.blocking.connect, in_a_thread)
        for name in public(client):
            await self.try_all(name, getattr(client, name), in_a_thread)
        for name in ("result", "cancel"):
            await self.try_all("result", getattr(task, name), in_a_thread)
        self.assertEqual((await asyncio.to_thread(client.show, task.id)).state, "queued")
        await self.unharmed(2000)

    async def test_what_is_inside_of_an_argument(self) -> None:
        def prove(**more: Any) -> Any:
            return self.client.prove(queue="echo", circuit="any", **more)

        def pieces(value: Any) -> Any:
            async def later() -> AsyncIterator[bytes]:
                yield value

            return provost.Stream(later(), 1)

        await self.try_one("Stream", "source", awaited, lambda v: prove(witness=provost.Stream(v, 1)))
        await self.try_one("Stream", "length", awaited, lambda v: prove(witness=provost.Stream([b"x"], v)))
        await self.try_one("Stream", "piece", awaited, lambda v: prove(witness=provost.Stream([v], 1)))
        await self.try_one("Stream", "piece", awaited, lambda v: prove(witness=pieces(v)))
        await self.try_one("Stream", "piece", awaited, lambda v: prove(witness=provost.Stream(Reader(v), 1)))
        await self.try_one("input_json", "signal", awaited, lambda v: prove(input_json={"a": v}))
        await self.try_one("url", "url", awaited, lambda v: provost.connect([self.cluster.url, v], insecure=True))
        await self.unharmed(100)

    async def test_the_pool(self) -> None:
        made = ProverPool("mock:", allow_mock=True, queue="q", circuit="c")
        self.addAsyncCleanup(made.close)
        await self.try_all("request", made.request, awaited)
        for where in ("queue", "circuit", "client"):
            await self.try_one("ProverPool", where, awaited, functools.partial(pool_with, where))
        for where in ("priority", "verification_key", "revive"):
            async def request(value: Any, where: str = where) -> object:
                async with ProverPool("mock:", allow_mock=True, queue="q", circuit="c", **{where: value}) as pool:
                    return await pool.request(b"x")

            await self.try_one("ProverPool", where, awaited, request)
        await self.unharmed(200)


def pool_with(where: str, value: Any) -> ProverPool:
    return ProverPool("mock:", **{"queue": "q", "circuit": "c", where: value})


class Reader:
    """Something with read(n) that gives what it was told to, once."""

    def __init__(self, piece: Any) -> None:
        self.piece = piece

    def read(self, n: int) -> Any:
        piece, self.piece = self.piece, b""
        return piece


class Callbacks(Base):
    async def test_a_callback_that_gives_a_coroutine_is_awaited_one_at_a_time(self) -> None:
        inside = most = 0
        seen: list[str] = []
        release = asyncio.Event()

        class Told:
            async def __call__(self, progress: provost.Progress) -> None:
                nonlocal inside, most
                inside, most = inside + 1, max(most, inside + 1)
                seen.append(progress.state)
                await release.wait()
                inside -= 1

        async def told(_: object, progress: provost.Progress) -> None:
            await Told.__call__(Told(), progress)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            callbacks: list[Callable[[provost.Progress], object]] = [Told(), functools.partial(told, None), Told().__call__]
            for on_progress in callbacks:
                seen.clear()
                release.clear()
                await self.client.prove(queue="echo", circuit="any", witness=bytes(4 << 20), on_progress=on_progress)
                self.assertEqual((len(seen), most), (1, 1))
                release.set()
                await asyncio.sleep(0.01)
                self.assertEqual((len(seen), inside), (1, 0), "the call is over: what is left to tell is nobody's")
            gc.collect()
        self.assertEqual([str(w.message) for w in caught], [])
        self.assertEqual(self.unraisable, [])

    async def test_what_a_coroutine_of_a_callback_raises_ends_the_call_and_the_task_goes_on(self) -> None:
        boom = ZeroDivisionError("boom")

        async def raises(_: object) -> None:
            await asyncio.sleep(0)
            raise boom

        task = await self.client.submit(queue="idle", circuit="any", witness=b"y", id=ID, on_progress=functools.partial(raises))
        with self.assertRaisesRegex(provost.UsageError, "on_progress raised an error; the task goes on") as caught:
            await task.result(5)
        self.assertIs(caught.exception.__cause__, boom)
        self.assertEqual((await self.client.show(ID)).state, "queued")

    def test_the_blocking_client_refuses_one_that_gives_a_coroutine(self) -> None:
        with warnings.catch_warnings(record=True) as caught, provost.blocking.connect(self.cluster.url, insecure=True, name="blocking") as client:
            warnings.simplefilter("always")

            async def told(_: object, progress: provost.Progress) -> None:
                raise AssertionError("it ran")

            with self.assertRaisesRegex(provost.UsageError, "on_progress: a function, and no coroutine"):
                client.prove(**ECHO, on_progress=functools.partial(told, None))  # seen before: nothing is submitted
            with self.assertRaisesRegex(provost.UsageError, "no coroutine.*the task goes on at the broker"):
                client.prove(queue="idle", circuit="any", witness=b"z", id="cd" * 16, on_progress=lambda p: told(None, p))
            wait_for("the task", 5, lambda: client.show("cd" * 16).state == "queued")
            gc.collect()
        self.assertEqual([str(w.message) for w in caught], [])


if __name__ == "__main__":
    unittest.main()
