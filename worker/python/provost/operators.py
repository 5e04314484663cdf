"""The verbs of operators and dashboards."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .core import Core, check_timeout
from .error_list import BadVersionError
from .io.link import Terms
from .options import UINT64_MAX, check_id, check_name, flag, listed, shown, usage, whole
from .wire.wire_lists import STATES, Message, Row

PAGE = 200
Scope = Literal["session", "client", "queue", "principal"]


@dataclass(frozen=True)
class TaskInfo:
    """A task as the broker shows it. None: the broker does not say. Times are Unix ms or ms, sizes bytes."""

    id: str
    state: str
    queue: str
    circuit: str
    generation: int
    status: int
    length: int
    created: int
    changed: int
    text: str | None = None
    prover: str | None = None
    client: str | None = None
    principal: str | None = None
    group: str | None = None
    priority: int | None = None
    phase: str | None = None
    percent: int | None = None
    position: int | None = None
    eta_ms: int | None = None
    unservable: bool | None = None
    failures: int | None = None
    losses: int | None = None
    attempts: int | None = None
    result_length: int | None = None
    measured_ms: int | None = None
    deadline: int | None = None


def _info(m: Message) -> TaskInfo:
    names = TaskInfo.__dataclass_fields__
    return TaskInfo(id=m["task"], **{key: value for key, value in m.items() if key in names})  # type: ignore[arg-type]



class Operator:
    """timeout, in every call: how long it waits for each answer, in seconds. Default: request_timeout."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def tasks(self, *, queue: str | None = None, state: str | None = None, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The tasks that the key may see, as rows of the broker's table; at most `limit`."""
        asked: Message = {"type": "LIST", "what": "tasks"}
        if queue is not None:
            asked["queue"] = check_name(queue, "queue")
        if state is not None:
            asked["state"] = state if state in STATES else usage(f"state: {shown(state)} is none of {', '.join(STATES)}")
        return await self._list(asked, limit, timeout)

    async def queues(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The queues that the key may use."""
        return await self._list({"type": "LIST", "what": "queues"}, limit, timeout)

    async def provers(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The provers. Raises UnauthorizedError."""
        return await self._list({"type": "LIST", "what": "provers"}, limit, timeout)

    async def clients(self, *, limit: int = 1000, timeout: float | None = None) -> list[Row]:
        """The clients. Raises UnauthorizedError."""
        return await self._list({"type": "LIST", "what": "clients"}, limit, timeout)

    async def prover_keys(self, prover: str, principal: str, *, limit: int = 10_000, timeout: float | None = None) -> list[Row]:
        """The circuits of one prover with the state of their keys, and the key files that it does not serve, with its reasons (`served` is
        False). Raises UnauthorizedError; BadVersionError: the broker is too old to tell."""
        asked: Message = {"type": "LIST", "what": "keys", "prover": check_name(prover, "prover"), "principal": check_name(principal, "principal")}
        await self._needs("more_circuits", "tell which keys a prover has", timeout)
        return await self._list(asked, limit, timeout)

    async def status(self, *, timeout: float | None = None) -> Row:
        """The broker's own figures."""
        rows = await self._list({"type": "LIST", "what": "status"}, PAGE, timeout)
        return rows[0] if rows else {}

    async def events(self, *, after: int | None = None, every: float = 1.0) -> AsyncIterator[Row]:
        """What happens to tasks, provers and queues, from now on, or after the event of that number (0: all that are kept). When the broker
        keeps some of them no longer, a row with `what` "lost" says so. Asks once in `every` seconds."""
        every = check_timeout(every, "every")
        last = await self._newest() if after is None else whole(after, UINT64_MAX, "after")
        while True:
            rows = await self._events(last)
            for row in rows:
                number = row.get("event")
                last = number if isinstance(number, int) else last
                yield row
            if not rows:
                await asyncio.sleep(every)

    async def _events(self, after: int | None) -> list[Row]:
        asked: Message = {"type": "LIST", "what": "events", "limit": PAGE}
        if after is not None:
            asked["after"] = str(after)
        message, _ = await self._core.ask(asked, "ROWS")
        return message["rows"]

    async def _newest(self) -> int:
        return max((n for row in await self._events(None) if isinstance(n := row.get("event"), int)), default=0)

    async def show(self, id: str, *, timeout: float | None = None) -> TaskInfo:
        """Looks at a task. Raises NotFoundError, GoneError."""
        return _info((await self._core.ask({"type": "SHOW", "task": check_id(id)}, "TASK", timeout))[0])

    async def kick(self, id: str, *, timeout: float | None = None) -> TaskInfo:
        """Queues a dead, cancelled or expired task again, as a new generation. Raises BadStateError, NotFoundError, UnauthorizedError."""
        return _info((await self._core.ask({"type": "KICK", "task": check_id(id)}, "TASK", timeout))[0])

    async def pause(self, queue: str, *, timeout: float | None = None) -> Row:
        """The queue gives no more tasks out. Gives its row. Raises UnknownQueueError, UnauthorizedError."""
        return await self._operate({"type": "QUEUE", "queue": check_name(queue, "queue"), "verb": "pause"}, timeout)

    async def resume(self, queue: str, *, timeout: float | None = None) -> Row:
        """The queue gives tasks out again. Raises UnknownQueueError, UnauthorizedError."""
        return await self._operate({"type": "QUEUE", "queue": check_name(queue, "queue"), "verb": "resume"}, timeout)

    async def drain(self, prover: str, *, principal: str | None = None, timeout: float | None = None) -> Row:
        """The prover gets no new tasks; it finishes those it has. principal: whose, where several have one of that name."""
        return await self._prover(prover, "drain", principal, timeout)

    async def undrain(self, prover: str, *, principal: str | None = None, timeout: float | None = None) -> Row:
        """The prover gets tasks again."""
        return await self._prover(prover, "resume", principal, timeout)

    async def purge(
        self, *, scope: Scope = "session", queue: str | None = None, client: str | None = None, session: str | None = None,
        states: Sequence[str] | None = None, age_ms: int | None = None, dry_run: bool = False, forget: bool = False, timeout: float | None = None,
    ) -> dict[str, int]:
        """Cancels and forgets tasks, running ones included. Gives how many there were in each state.

        scope    whose: "client" and "session" mean the own ones unless `client` or `session` says another
        states   only tasks in these states;  age_ms  only tasks unchanged for this long;  dry_run  only count, change nothing
        forget   what it cancels goes at once, with its input, and does not stay to be looked at
        Raises UnauthorizedError; BadVersionError: the broker is too old for `forget`.
        """
        message = _purge(scope, queue, client, session, states, age_ms)
        if flag(dry_run, "dry_run"):
            message["dry"] = True
        if flag(forget, "forget"):
            await self._needs("purge_forgets", "forget what it purges", timeout)
            message["forget"] = True
        counts = (await self._core.ask(message, "COUNTS", timeout))[0]["counts"]
        return {state: counts.get(state, 0) for state in STATES}

    async def _prover(self, prover: str, verb: str, principal: str | None, timeout: float | None) -> Row:
        message: Message = {"type": "PROVER", "prover": check_name(prover, "prover"), "verb": verb}
        if principal is not None:
            message["principal"] = check_name(principal, "principal")
            await self._needs("by_principal", "tell provers of one name apart", timeout)
        return await self._operate(message, timeout)

    async def _needs(self, term: str, what: str, timeout: float | None) -> None:
        """An older broker would do something else without a word."""
        await self._core.ready(self._core.request_timeout if timeout is None else timeout)
        terms: Terms | None = self._core.link.terms
        if not getattr(terms, term, False):
            raise BadVersionError(f"this broker is too old to {what}")

    async def _operate(self, message: Message, timeout: float | None) -> Row:
        rows = (await self._core.ask(message, "ROWS", timeout))[0]["rows"]
        return rows[0] if rows else {}

    async def _list(self, asked: Message, limit: int, timeout: float | None) -> list[Row]:
        """The table, page by page."""
        rows: list[Row] = []
        while len(rows) < whole(limit, UINT64_MAX, "limit"):
            asked["limit"] = min(PAGE, limit - len(rows))
            page, _ = await self._core.ask(asked, "ROWS", timeout)
            rows += page["rows"]
            if "next" not in page:
                break
            asked["after"] = page["next"]
        return rows[:limit]


def _purge(
    scope: str, queue: str | None, client: str | None, session: str | None, states: Sequence[str] | None, age_ms: int | None
) -> Message:
    if scope not in ("session", "client", "queue", "principal"):
        usage(f"purge: scope {shown(scope)} is none of session, client, queue, principal")
    if scope == "queue" and queue is None:
        usage("purge: scope queue needs a queue")
    message: Message = {"type": "PURGE", "scope": scope}
    if queue is not None:
        message["queue"] = check_name(queue, "queue")
    if client is not None:
        message["client"] = check_name(client, "client")
    if session is not None:
        message["session"] = check_id(session)
    if states is not None:
        only = listed(states)
        if only is None or not all(s in STATES for s in only):
            usage(f"states: a list of {', '.join(STATES)}")
        message["states"] = list(map(str, only))
    if age_ms is not None:
        message["age_ms"] = whole(age_ms, UINT64_MAX, "age_ms")
    return message
