"""The client with a real broker and real provers on loopback."""
from __future__ import annotations

import asyncio
import datetime
import io
import json
import os
import resource
import time
import unittest
from collections.abc import AsyncIterator
from typing import Any

from cluster import Cluster
from fake_broker import poll
from places import BUILD, DATA

import provost

LIBRARY = BUILD / "worker" / "libprovost.so"
ECHO: dict[str, Any] = {"queue": "echo", "circuit": "any"}
IDLE: dict[str, Any] = {"queue": "idle", "circuit": "any"}


class ClientCase(unittest.IsolatedAsyncioTestCase):
    cluster: Cluster

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)
        cls.cluster.start_broker("--heartbeat-ms", "500", "--lease-ms", "2000", "--grace-ms", "200")
        cls.cluster.start_prover("echo-1", "--insecure", "--queue", "echo:echo", "--slots", "4")

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.client = await provost.connect(self.cluster.url, insecure=True, name="shop", role="admin")
        self.addAsyncCleanup(self.client.close)


class Tasks(ClientCase):
    async def test_a_task_goes_through_with_its_news(self) -> None:
        states: list[str] = []
        result = await self.client.prove(**ECHO, witness=b"hello", on_progress=lambda p: states.append(p.state))
        self.assertEqual((result.bytes, result.prover), (b"hello", "echo-1"))
        self.assertRegex(result.task_id, "^[0-9a-f]{32}$")
        self.assertTrue(states)
        with self.assertRaises(provost.BadProofError):
            result.proof

    async def test_the_input_may_be_bytes_a_file_or_a_stream_of_known_length(self) -> None:
        data = b"some bytes " * 18182
        path = self.cluster.folder / "witness"
        path.write_bytes(data)
        small = self.cluster.folder / "small"
        small.write_bytes(b"small")

        async def later() -> AsyncIterator[bytes]:
            yield data[:7]
            yield data[7:]

        n = len(data)
        sources: list[Any] = [
            data, bytearray(data), memoryview(data), path, str(path), provost.Stream([data[:7], data[7:]], n), provost.Stream(later(), n),
            provost.Stream(io.BytesIO(data), n),
        ]
        for witness in sources:
            self.assertEqual((await self.client.prove(**ECHO, witness=witness)).bytes, data, type(witness))
        self.assertEqual((await self.client.prove(**ECHO, witness=small)).bytes, b"small")
        self.assertEqual((await self.client.prove(**ECHO, witness=b"")).bytes, b"")
        with self.assertRaisesRegex(provost.InvalidInputError, "longer than its length"):
            await self.client.prove(**ECHO, witness=provost.Stream([data], 5))
        with self.assertRaisesRegex(provost.InvalidInputError, "ended after"):
            await self.client.prove(**ECHO, witness=provost.Stream([data], 1_000_000))
        for nothing in ("/nowhere/witness.wtns", "/dev/null", "/"):
            with self.assertRaisesRegex(provost.IoError, "cannot be read"):
                await self.client.prove(**ECHO, witness=nothing)

    async def test_the_same_id_with_the_same_input_is_the_same_task_with_another_a_conflict(self) -> None:
        id = "a0" * 16
        await self.client.prove(**ECHO, id=id, witness=b"one", manual_ack=True)
        again = await self.client.prove(**ECHO, id=id, witness=b"one")
        self.assertEqual((again.task_id, again.bytes), (id, b"one"))
        with self.assertRaises(provost.ConflictError) as caught:
            await self.client.prove(**ECHO, id=id, witness=b"two")
        self.assertEqual((caught.exception.code, caught.exception.task_id, caught.exception.retryable), ("conflict", id, False))

    async def test_a_task_is_followed_by_another_client_and_fetched_by_a_third(self) -> None:
        task = await self.client.submit(**ECHO, witness=b"shared")
        async with provost.connect(self.cluster.url, insecure=True, name="other") as other:
            theirs = await other.attach(task.id, manual_ack=True)
            self.assertEqual((await theirs.result()).bytes, b"shared")
            self.assertEqual((await task.result()).bytes, b"shared")
            self.assertEqual((await other.fetch(task.id)).bytes, b"shared")
        for asked in (self.client.attach("0" * 32), self.client.fetch("0" * 32)):
            with self.assertRaises(provost.NotFoundError):
                await asked

    async def test_a_wait_that_times_out_leaves_the_task_running_and_attach_goes_on(self) -> None:
        id = "b1" * 16
        with self.assertRaises(provost.TimeoutError) as caught:
            await self.client.prove(**IDLE, id=id, witness=b"x", timeout=0.3)
        self.assertEqual((caught.exception.task_id, caught.exception.retryable), (id, True))
        self.assertEqual((await self.client.show(id)).state, "queued")
        with self.assertRaises(provost.BadStateError):
            await self.client.fetch(id)
        task = await self.client.attach(id)
        with self.assertRaises(TimeoutError):
            await task.result(timeout=0.1)
        self.assertEqual(await task.cancel(), "cancelled")
        with self.assertRaises(provost.CancelledError):
            await task.result()

    async def test_cancelling_prove_cancels_the_task_at_the_broker_not_only_the_waiting(self) -> None:
        id = "c2" * 16
        proved = asyncio.create_task(self.client.prove(**IDLE, id=id, witness=b"x"))

        async def queued() -> bool:
            try:
                return (await self.client.show(id)).state == "queued"
            except provost.NotFoundError:
                return False

        await poll("the task", 10, queued)
        proved.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await proved
        self.assertEqual((await self.client.show(id)).state, "cancelled")

    async def test_a_time_out_of_asyncio_is_a_cancellation(self) -> None:
        id = "c3" * 16
        with self.assertRaises(TimeoutError):
            await asyncio.wait_for(self.client.prove(**IDLE, id=id, witness=b"x"), 0.5)
        self.assertEqual((await self.client.show(id)).state, "cancelled")

    async def test_a_task_cancelled_by_somebody_else_and_one_whose_deadline_passed(self) -> None:
        task = await self.client.submit(**IDLE, witness=b"x")
        self.assertEqual(await self.client.cancel(task.id), "cancelled")
        with self.assertRaises(provost.CancelledError) as caught:
            await task.result()
        self.assertEqual(caught.exception.task_id, task.id)
        with self.assertRaises(provost.ExpiredError):
            await self.client.prove(**IDLE, witness=b"x", deadline=time.time() + 0.3)
        with self.assertRaisesRegex(provost.UnknownQueueError, 'no queue "nowhere"'):
            await self.client.prove(queue="nowhere", circuit="any", witness=b"x")

    async def test_what_becomes_of_a_task_when_its_client_is_started_again(self) -> None:
        ids = {what: digit * 32 for what, digit in (("keep", "1"), ("cancel", "2"), ("ttl", "3"))}
        async with provost.connect(self.cluster.url, insecure=True, name="again") as first:
            for what, id in ids.items():
                on_restart: Any = datetime.timedelta(milliseconds=300) if what == "ttl" else what
                await first.submit(**IDLE, id=id, witness=b"x", on_restart=on_restart)
        async with provost.connect(self.cluster.url, insecure=True, name="again") as second:
            await second.submit(**IDLE, witness=b"y")

            async def states() -> bool:
                found = {what: (await self.client.show(id)).state for what, id in ids.items()}
                return found == {"keep": "queued", "cancel": "cancelled", "ttl": "cancelled"}

            await poll("the end of the two", 10, states)
            self.assertEqual((await (await second.attach(ids["keep"])).cancel()), "cancelled")

    async def test_a_cancelled_task_is_revived(self) -> None:
        id = "4" * 32
        task = await self.client.submit(**IDLE, id=id, witness=b"x")
        await task.cancel()
        with self.assertRaises(provost.CancelledError):
            await task.result()
        with self.assertRaises(provost.CancelledError):
            await self.client.prove(**IDLE, id=id, witness=b"x")
        revived = await self.client.submit(**IDLE, id=id, witness=b"x", revive=True)
        self.assertEqual(((await self.client.show(id)).generation, revived.state), (2, "queued"))
        await revived.cancel()

    async def test_a_callback_that_raises_is_the_callers_own_error_and_the_task_goes_on(self) -> None:
        id, boom = "d3" * 16, ZeroDivisionError("boom")

        def on_progress(_: provost.Progress) -> None:
            raise boom

        with self.assertRaisesRegex(provost.UsageError, "on_progress raised") as caught:
            await self.client.prove(**ECHO, id=id, witness=b"x", on_progress=on_progress)
        self.assertIs(caught.exception.__cause__, boom)
        self.assertEqual((await (await self.client.attach(id)).result()).bytes, b"x")


class Many(ClientCase):
    async def test_a_thousand_tasks_at_once(self) -> None:
        results = await asyncio.gather(*(self.client.prove(**ECHO, witness=b"task %d" % i) for i in range(1000)))
        self.assertEqual([r.bytes for r in results], [b"task %d" % i for i in range(1000)])
        self.assertEqual(self.client.connection.connects, 1)
        await self.client.ack(results[0])  # what was ordered before is done then
        engine: Any = self.client._core.bridge
        kept = [getattr(engine._engine, name) for name in ("_tasks", "_by_key", "_submits", "_questions", "_by_req", "_unsent", "_waiting")]
        self.assertEqual(([len(k) for k in kept], self.client._tasks, len(self.client._core._listeners)), ([0] * 7, {}, 0))
        self.assertLess(len(engine._engine.timers), 100)

    async def test_many_files_at_once_hold_no_descriptors(self) -> None:
        files = [self.cluster.folder / f"file-{i}" for i in range(200)]
        for i, file in enumerate(files):
            file.write_bytes(b"%d" % i * 20_000)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 48, limits[1]))
        results = await asyncio.gather(*(self.client.prove(**ECHO, witness=file) for file in files))
        self.assertEqual([r.bytes for r in results], [b"%d" % i * 20_000 for i in range(200)])

    async def test_64_mib_there_and_back_by_credit_without_a_second_copy_while_heartbeats_go_on(self) -> None:
        big = os.urandom(1 << 16) * 1024
        before = resident()
        result = await self.client.prove(**ECHO, witness=big)
        self.assertTrue(result.bytes == big)
        self.assertEqual(self.client.connection.connects, 1)
        # What grew is the result, 64 MiB, not the witness as well. BytesIO may hold an eighth more while it grows.
        self.assertLess(resident() - before, 110 << 20)

    async def test_an_event_loop_that_is_blocked_for_three_leases_loses_no_connection_and_no_task(self) -> None:
        proved = asyncio.create_task(self.client.prove(**ECHO, witness=b"blocked"))
        await asyncio.sleep(0)
        end = time.monotonic() + 6.5
        while time.monotonic() < end:  # busy, as a witness is: not asleep
            pow(3, 10_001, 10_007)
        self.assertEqual((await proved).bytes, b"blocked")
        self.assertEqual((await self.client.prove(**ECHO, witness=b"after")).bytes, b"after")
        self.assertEqual(self.client.connection.connects, 1)


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Operators(ClientCase):
    async def test_operators_verbs(self) -> None:
        c = self.client
        task = await c.submit(**IDLE, witness=b"x", priority=7, group="g")
        info = await c.show(task.id)
        self.assertEqual(
            (info.queue, info.circuit, info.state, info.priority, info.group, info.client), ("idle", "any", "queued", 7, "g", "shop"))
        self.assertGreaterEqual(len(await c.tasks(queue="idle", state="queued")), 1)
        self.assertTrue(any(row["queue"] == "echo" for row in await c.queues()))
        self.assertTrue(any(row["prover"] == "echo-1" for row in await c.provers()))
        self.assertEqual([row for row in await c.prover_keys("echo-1", "local") if not row["served"]], [])
        self.assertTrue(await c.clients())
        self.assertTrue(await c.status())
        await c.pause("idle")
        self.assertIs(next(row for row in await c.queues() if row["queue"] == "idle")["paused"], True)
        await c.resume("idle")
        await c.drain("echo-1")
        await c.undrain("echo-1")
        with self.assertRaises(provost.NotFoundError):
            await c.drain("nobody")
        with self.assertRaises(provost.UnknownQueueError):
            await c.pause("nowhere")
        self.assertGreaterEqual((await c.purge(scope="queue", queue="idle", dry_run=True))["queued"], 1)
        await c.purge(scope="queue", queue="idle")
        with self.assertRaises(provost.CancelledError):
            await task.result()
        self.assertEqual((await c.kick(task.id)).state, "queued")
        await c.purge(scope="queue", queue="idle", forget=True)
        with self.assertRaises((provost.GoneError, provost.NotFoundError)):
            await c.show(task.id)

    async def test_a_table_of_several_pages(self) -> None:
        tasks = [await self.client.submit(**IDLE, witness=b"%d" % i, timeout=20) for i in range(1)]
        tasks += await asyncio.gather(*(self.client.submit(**IDLE, witness=b"%d" % i) for i in range(1, 450)))
        rows = await self.client.tasks(queue="idle", state="queued")
        self.assertEqual({row["task"] for row in rows} & {t.id for t in tasks}, {t.id for t in tasks})
        self.assertEqual(len(await self.client.tasks(queue="idle", limit=201)), 201)
        await self.client.purge(scope="queue", queue="idle", forget=True)

    async def test_events_are_followed(self) -> None:
        seen: list[Any] = []

        async def follow() -> None:
            async for event in self.client.events(every=0.05):
                seen.append(event.get("task"))

        following = asyncio.create_task(follow())

        async def heard() -> bool:
            await self.client.prove(**ECHO, witness=b"event")
            return bool(seen)

        await poll("an event of a task", 15, heard)
        following.cancel()


@unittest.skipUnless(LIBRARY.exists(), "libprovost is not built")
class Proofs(ClientCase):
    async def test_a_real_proof_verified_by_libprovost(self) -> None:
        os.environ["PROVOST_LIBRARY"] = str(LIBRARY)
        self.addCleanup(os.environ.pop, "PROVOST_LIBRARY")
        circuits = self.cluster.folder / "circuits"
        circuits.mkdir()
        (circuits / "member.zkey").symlink_to(DATA / "member/circuit.zkey")
        self.cluster.start_prover("member-1", "--insecure", "--queue", "member:groth16", "--circuits", str(circuits), "--allow-development-key")
        vkey = json.loads((DATA / "member/vkey.json").read_text())
        witness = DATA / "member/witness.wtns"
        options: dict[str, Any] = {"queue": "member", "circuit": "member", "timeout": 60}
        keys: list[Any] = [vkey, DATA / "member/vkey.json"]
        for key in keys:
            result = await self.client.prove(**options, witness=witness, verification_key=key)
            self.assertEqual(result.checked, "statement")
        self.assertEqual(result.public_signals, json.loads((DATA / "member/public.json").read_text()))
        self.assertEqual(result.proof["protocol"], "groth16")
        self.assertEqual((await self.client.prove(**options, witness=witness.read_bytes())).checked, "publics")
        wrong = {**vkey, "IC": [vkey["IC"][1], vkey["IC"][0], *vkey["IC"][2:]]}
        with self.assertRaises(provost.BadProofError):
            await self.client.prove(**options, witness=witness, verification_key=wrong)
        before = len(await self.client.tasks(queue="member"))
        bad_keys: list[Any] = [{**vkey, "vk_delta_2": vkey["vk_gamma_2"]}, {}, {"IC": object()}, "/nowhere/vkey.json"]
        for bad in bad_keys:
            with self.assertRaises(provost.BadVkeyError):
                await self.client.prove(**options, witness=witness, verification_key=bad)
        self.assertEqual(len(await self.client.tasks(queue="member")), before, "a bad key is told before anything is sent")


if __name__ == "__main__":
    unittest.main()
