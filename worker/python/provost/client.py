"""A client of Provost: one awaitable call, safe over restarts."""
from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NoReturn

from .core import Core, check_timeout
from .error_list import BadStateError, InternalError, UsageError
from .process import random_id
from .provost_error import word_of
from .io.connection import Connection
from .io.followed import end_of
from .io.tidings import Submit
from .input_json import Given, InputJson, given
from .keys import Key
from .mock_bridge import MockBridge
from .operators import Operator
from .options import Deadline, OnRestart, Role, check_id, check_signals, deadline_of, flag, link_options, submit_fields, usage
from .result import Result
from .task import Follow, OnProgress, Task
from .verify import VerificationKey, load_key
from .witness import SIGNALS_MOST, Prepared, Witness, is_at_hand, prepare

WhenBusy = Literal["wait", "fail"]


@dataclass(frozen=True)
class About:
    """The state of a connection.

    code, reason   why it is not connected: the word of the outcome ("unreachable", "unauthorized", ...) and a sentence; "ok" and ""
    epoch          the broker's boot epoch: counts its starts
    principal      who this client is to the broker
    not_ready      why the broker accepts no tasks, as it said in its welcome: a full disk, say; "": it does
    payload_max    bytes of the largest input that the broker takes
    connects       welcomes so far: more than one means that the connection was lost
    session        the id of this client's session
    """

    connected: bool
    endpoint: str
    code: str
    reason: str
    epoch: int
    principal: str
    broker: str
    not_ready: str
    payload_max: int
    connects: int
    session: str


class Client(Operator):
    """Made by connect(). Belongs to the event loop that it was made in."""

    def __init__(self, core: Core, session: str) -> None:
        super().__init__(core)
        self._session = session
        self._tasks: dict[str, Task] = {}

    async def prove(
        self, *, queue: str, circuit: str, witness: Witness | None = None, input_json: InputJson | None = None, id: str | None = None,
        priority: int | None = None, group: str | None = None,
        deadline: Deadline | None = None, on_restart: OnRestart = "keep", revive: bool = False, need_vram: int | None = None,
        need_ram: int | None = None, traceparent: str | None = None, when_busy: WhenBusy = "wait", manual_ack: bool = False, verification_key: VerificationKey | None = None,
        public_signals: Sequence[str] | None = None, on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Result:
        """Proves: submits, waits, checks, acknowledges. Cancelling this call cancels the task at the broker; `timeout` leaves it running.

        queue, circuit    names; the circuit also as 64 hex digits of its zkey's SHA-256
        witness           bytes, the path of a file, or a Stream
        input_json        in place of the witness: the circuit's input signals, a mapping or the bytes, path or Stream of an input.json. A prover
                          that has the circuit's program computes the witness. Without public_signals the proof is bound to no statement:
                          `checked` says "proof". BadVersionError: the broker is too old; nothing was sent
        id                32 hex digits. Submitting an id again with the same input is harmless: it is the same task. Default: random
        priority          0 (lowest) to 9, 4 by default;  group  tasks of one group share one turn in their queue
        deadline          a task that is not running by then expires
        on_restart        what happens when a new process of this client's name submits while this one is away: the task stays ("keep"), is
                          cancelled ("cancel"), or lives on for a timedelta
        revive            queue the task again if it is cancelled, expired or dead
        need_vram, need_ram   bytes of memory that a prover needs for it
        traceparent       the trace that the task belongs to, as W3C Trace Context has it: "00-TRACE-PARENT-FLAGS". It comes back in the broker's
                          events, in the prover's log and in its trace file. A broker that is too old to know of traces takes the task without it
        when_busy         at a limit of the broker: "wait" tries again when the broker says so, "fail" is a BusyError at once
        manual_ack        the result is acknowledged by ack(), once the caller has made it durable
        verification_key  snarkjs's key, or the path of its file: the proof is verified before it is handed over. Needs libprovost
        public_signals    what they have to be. Default: those of the witness, when it is a .wtns
        on_progress       called at most once a second with the latest news; what it gives is awaited if it can be, and it is not called again before that
                          is done. When it raises, so does this call, and the task goes on
        timeout           how long this call waits, in seconds, the time that it takes to read the witness included. Default: the client's wait_timeout

        Raises the class of the outcome, with task_id. After a TimeoutError the task goes on: attach() to it.
        """
        began = time.monotonic()
        task = await self._begin(
            queue, circuit, given(witness, input_json, traceparent), id, priority, group, deadline, on_restart, revive, need_vram, need_ram, when_busy, manual_ack,
            verification_key, public_signals, on_progress, timeout, quiet=on_progress is None,
        )
        del witness, input_json  # not to be held by this call once the broker has it
        left = (self._core.wait_timeout if timeout is None else timeout) - (time.monotonic() - began)
        try:
            return await task.result(max(0.0, left))
        except asyncio.CancelledError:
            await task._abandon()
            raise
        finally:
            task.forget()

    async def submit(
        self, *, queue: str, circuit: str, witness: Witness | None = None, input_json: InputJson | None = None, id: str | None = None,
        priority: int | None = None, group: str | None = None,
        deadline: Deadline | None = None, on_restart: OnRestart = "keep", revive: bool = False, need_vram: int | None = None,
        need_ram: int | None = None, traceparent: str | None = None, when_busy: WhenBusy = "wait", manual_ack: bool = False, verification_key: VerificationKey | None = None,
        public_signals: Sequence[str] | None = None, on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Task:
        """Hands a task to the broker and waits until it is durable there, at most `timeout` seconds (default: request_timeout) after the
        last news. The options are those of prove(). Cancelling this call cancels the task at the broker.

        Raises ConflictError: the id was used with another input. BusyError, TooLargeError, UnknownQueueError, UnknownCircuitError,
        UnauthorizedError. After a TimeoutError it is not known whether the broker has the task: submit the same id again.
        """
        task = await self._begin(
            queue, circuit, given(witness, input_json, traceparent), id, priority, group, deadline, on_restart, revive, need_vram, need_ram, when_busy, manual_ack,
            verification_key, public_signals, on_progress, timeout, quiet=False,
        )
        try:
            await self._taken(task, timeout)
        except asyncio.CancelledError:
            await task._abandon()
            raise
        return task

    async def attach(
        self, id: str, *, manual_ack: bool = False, verification_key: VerificationKey | None = None, public_signals: Sequence[str] | None = None,
        on_progress: OnProgress | None = None, timeout: float | None = None,
    ) -> Task:
        """Follows a task that another process, or an earlier run of this one, has submitted. What this client follows already is given as it
        is.

        Raises NotFoundError, GoneError: the broker does not have it. BadStateError: this client follows it, with other checks.
        """
        self._core.check()
        id = check_id(id)
        seconds = self._core.request_timeout if timeout is None else check_timeout(timeout)
        follow = await self._follow(manual_ack, verification_key, public_signals, on_progress)
        self._core.check()
        if id in self._tasks:
            return self._same(self._tasks[id], follow)
        task = self._add(Task(self._core, id, follow, None, self._remove))
        self._core.bridge.attach(task._key, id)
        await self._taken(task, seconds)
        return task

    async def fetch(self, id: str, *, timeout: float | None = None) -> Result:
        """Gets the result of a task that is over, any number of times while the broker keeps it. Never acknowledges, never verifies.

        Raises BadStateError: it is not over. NotFoundError, GoneError; what ended the task, when it did not succeed.
        """
        id = check_id(id)
        message, data = await self._core.ask({"type": "FETCH", "task": id}, "DELIVER", timeout)
        end = end_of(message)
        if end.status != 0:
            raise self._core.failure(end.status, end.text, id)
        end.data = data
        return Result(id, end)

    async def cancel(self, id: str, *, timeout: float | None = None) -> str:
        """Cancels a task. Gives its state: cancelled, or what it was before. Raises NotFoundError, GoneError."""
        message, _ = await self._core.ask({"type": "CANCEL", "task": check_id(id)}, "CANCELLED", timeout)
        return message["state"]

    async def ack(self, result: Result, *, timeout: float | None = None) -> None:
        """Acknowledges a result that was handed over with manual_ack: the broker may then drop it. Returns when it was said to the broker.

        Raises TimeoutError, or why there is no connection; it is said after the next welcome then.
        """
        self._core.check()
        if not isinstance(result, Result):
            usage("ack: give the result that was handed over")
        seconds = self._core.request_timeout if timeout is None else check_timeout(timeout)
        self._core.bridge.ack(result.task_id, result.generation, True)
        await self._core.flush(seconds)

    async def ready(self, *, timeout: float | None = None) -> None:
        """Waits until a broker has welcomed the client. Raises why none has: UnreachableError, UnauthorizedError, StaleBrokerError,
        BadVersionError."""
        await self._core.ready(self._core.request_timeout if timeout is None else timeout)

    @property
    def connection(self) -> About:
        """The state of the connection."""
        link = self._core.link
        terms = link.terms
        return About(
            connected=link.up, endpoint=link.endpoint, code="ok" if link.up else word_of(link.status), reason="" if link.up else link.text,
            epoch=terms.epoch if terms else 0, principal=terms.principal if terms else "", broker=terms.software if terms else "",
            not_ready=terms.not_ready if terms else "", payload_max=terms.payload_max if terms else 0, connects=link.welcomes, session=self._session,
        )

    async def close(self) -> None:
        """Takes leave of the broker and ends the connection's thread. Tasks stay with the broker; calls under way raise BadStateError."""
        await self._core.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise BadStateError("a client cannot be sent to another process: call connect() there")

    # --- beginnings ---

    def _same(self, task: Task, follow: Follow) -> Task:
        if (follow.key, follow.publics, follow.manual_ack, follow.on_progress) != (None, None, False, None):
            raise BadStateError("this client follows the task already, with other checks", task_id=task.id)
        return task

    async def _follow(
        self, manual_ack: bool, verification_key: VerificationKey | None, public_signals: Sequence[str] | None, on_progress: OnProgress | None
    ) -> Follow:
        if on_progress is not None and not callable(on_progress):
            usage("on_progress: a function")
        flag(manual_ack, "manual_ack")
        publics = None if public_signals is None else check_signals(public_signals)
        key = None if verification_key is None else await asyncio.to_thread(load_key, verification_key)
        return Follow(manual_ack, key, publics, on_progress)

    async def _begin(
        self, queue: str, circuit: str, witness: Witness | Given, id: str | None, priority: int | None, group: str | None, deadline: Deadline | None,
        on_restart: OnRestart, revive: bool, need_vram: int | None, need_ram: int | None, when_busy: WhenBusy, manual_ack: bool,
        verification_key: VerificationKey | None, public_signals: Sequence[str] | None, on_progress: OnProgress | None, timeout: float | None, *,
        quiet: bool,
    ) -> Task:
        core = self._core
        core.check()
        name = random_id() if id is None else check_id(id)
        fields = submit_fields(queue, circuit, priority, group, on_restart, revive, need_vram, need_ram)
        if isinstance(witness, Given):
            witness.say(fields)
            witness = witness.source
        moment = None if deadline is None else deadline_of(deadline)
        seconds = core.wait_timeout if timeout is None else check_timeout(timeout)
        if when_busy not in ("wait", "fail"):
            usage('when_busy: "wait" or "fail"')
        self._free(name)
        expires = 0.0 if moment is None else time.monotonic() + moment - time.time()
        reading = self._read(witness, manual_ack, verification_key, public_signals, on_progress)
        if verification_key is None and is_at_hand(witness):
            follow, prepared = await reading
        else:
            follow, prepared = await core.before(reading, seconds, name)
        core.check()
        self._free(name)
        task = self._add(Task(core, name, follow, prepared, self._remove))
        core.bridge.submit(task._key, name, Submit(fields, prepared.source, when_busy == "fail", quiet, moment, expires))
        return task

    async def _read(
        self, witness: Witness, manual_ack: bool, verification_key: VerificationKey | None, public_signals: Sequence[str] | None,
        on_progress: OnProgress | None,
    ) -> tuple[Follow, Prepared]:
        follow = await self._follow(manual_ack, verification_key, public_signals, on_progress)
        terms = self._core.link.terms
        most = terms.payload_max if terms else None
        return follow, await prepare(witness, most, follow.key.publics if follow.key else SIGNALS_MOST)

    def _free(self, id: str) -> None:
        if id in self._tasks:
            raise BadStateError("this client follows the task already: attach to it", task_id=id)

    def _add(self, task: Task) -> Task:
        self._tasks[task.id] = task
        return task

    def _remove(self, task: Task) -> None:
        if self._tasks.get(task.id) is task:
            del self._tasks[task.id]

    async def _taken(self, task: Task, timeout: float | None) -> None:
        try:
            await task._taken(self._core.request_timeout if timeout is None else timeout)
        except Exception:
            task.forget()
            raise


class Connecting:
    """What connect() gives: await it for a client, or `async with` it for one that is closed at the end."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        return _open(**self._options).__await__()

    async def __aenter__(self) -> Client:
        self._client = await self
        return self._client

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._client:
            await self._client.close()


def connect(
    url: str | Sequence[str], *, key: Key | None = None, server_key: object = None, name: str = "client", insecure: bool = False,
    role: Role = "client", connect_timeout: float = 10.0, request_timeout: float = 30.0, wait_timeout: float = 3600.0,
    reconnect_min: float = 0.1, reconnect_max: float = 10.0, attempt_timeout: float = 5.0, allow_mock: bool = False,
) -> Connecting:
    """Connects to a broker, and stays connected: it reconnects by itself, with the same session, and attaches to the tasks that it follows.
    The connection has a thread of its own, so heartbeats go on while the caller computes. It keeps no process alive. Times are seconds.

    url              one or more brokers, "tcp://host:port", tried in turn; several also with commas between them. "mock:" needs allow_mock
    key              the own key pair: a file of czmq's format that only its owner can read, the secret key as 40 characters of Z85, or a KeyPair
    server_key       the broker's public key: a file, or 40 characters of Z85. A list of them: one for each url
    name             the client's name, the same after a restart: it says whose tasks these are
    insecure         no keys: only to a broker on this machine that allows it
    role             "admin" for provers, kick, pausing queues and purges beyond the own session; "either": whichever the key may be
    connect_timeout  how long this waits for a broker's welcome; 0: not at all, the client connects in the background
    request_timeout  how long a call that needs one answer waits
    wait_timeout     how long prove() and result() wait
    reconnect_min, reconnect_max   the first pause before connecting again, which doubles with jitter, and the longest
    attempt_timeout  an endpoint that has not welcomed the client by then is left for the next
    allow_mock       allows url "mock:", a client that answers with proofs that are marked as fake. Only in code, never from the environment

    Raises UsageError, BadKeyFileError: an option is wrong. UnreachableError, UnauthorizedError, StaleBrokerError, BadVersionError: no
    broker has welcomed the client within connect_timeout.
    """
    return Connecting(locals())


async def _open(
    *, url: str | Sequence[str], key: Key | None, server_key: object, name: str, insecure: bool, role: Role, connect_timeout: float,
    request_timeout: float, wait_timeout: float, reconnect_min: float, reconnect_max: float, attempt_timeout: float, allow_mock: bool,
) -> Client:
    core = Core(check_timeout(request_timeout, "request_timeout"), check_timeout(wait_timeout, "wait_timeout"))
    timeout = check_timeout(connect_timeout, "connect_timeout")
    flag(allow_mock, "allow_mock")
    if isinstance(url, str) and url == "mock:":
        if allow_mock is not True:
            raise UsageError('url "mock:" gives fake proofs; it works only with allow_mock=True in the code')
        core.bridge = MockBridge(core)
        return Client(core, "0" * 32)
    options = link_options(url, key, server_key, name, insecure, role, reconnect_min, reconnect_max, attempt_timeout)
    try:
        core.bridge = Connection(options, core)
    except (OSError, RuntimeError) as e:
        raise InternalError(f"the connection's thread cannot be started: {e}") from e
    client = Client(core, options.session)
    if timeout == 0:
        return client
    try:
        await core.ready(timeout)
    except BaseException:
        await client.close()
        raise
    return client
