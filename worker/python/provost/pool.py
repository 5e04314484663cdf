"""The shape of a prover pool, `await pool.request(witness)`, with Provost behind it."""
from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from .client import Client, connect
from .error_list import BadStateError, UsageError
from .options import check_name
from .result import Result
from .task import OnProgress
from .witness import Witness

__all__ = ["ProverPool"]

#: The options that are prove()'s; the others are connect()'s.
_PROVE = frozenset((
    "priority", "group", "deadline", "on_restart", "revive", "need_vram", "need_ram", "when_busy", "verification_key",
))


class ProverPool:
    """Any number of requests at once; the fleet is the pool. It connects at the first request.

    ProverPool("tcp://broker:7070", queue="outer", circuit="withdraw", key="worker.key", server_key="broker.pub")

    options   those of connect() and of prove(); client: one to use instead of one of its own
    """

    def __init__(self, url: str = "", *, queue: str, circuit: str, client: Client | None = None, **options: Any) -> None:
        self._prove = {"queue": check_name(queue, "queue"), "circuit": check_name(circuit, "circuit")}
        self._prove.update((key, value) for key, value in options.items() if key in _PROVE)
        self._connect = connect(url, **{key: value for key, value in options.items() if key not in _PROVE})
        if client is not None and not isinstance(client, Client):
            raise UsageError("client: one that connect() gave")
        self._own = client is None
        self._client = client
        self._closed = False
        self._lock = asyncio.Lock()

    async def request(
        self, witness: Witness, *, id: str | None = None, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Result:
        """Proves. Raises as Client.prove."""
        client = await self._connected()
        options: dict[str, Any] = self._prove
        return await client.prove(witness=witness, id=id, timeout=timeout, on_progress=on_progress, **options)

    async def _connected(self) -> Client:
        async with self._lock:
            if self._closed:
                raise BadStateError("the pool is closed")
            if self._client is None:
                self._client = await self._connect
            return self._client

    async def close(self) -> None:
        """Closes the pool's own client."""
        self._closed = True
        async with self._lock:
            if self._client and self._own:
                await self._client.close()

    async def __aenter__(self) -> ProverPool:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()
