"""Bad use has its own typed error and sentence, before anything is sent. The mock, the pool, key files."""
from __future__ import annotations

import asyncio
import copy
import datetime
import os
import pathlib
import pickle
import tempfile
import unittest
import unittest.mock
from typing import Any

import zmq
from cluster import wait_for
from places import BUILD, DATA

import provost
import provost.blocking
from provost import verify
from provost.keys import KeyPair, keys_of
from provost.mock import FAKE_PROOF, is_fake, mock_client
from provost.options import is_local
from provost.pool import ProverPool
from provost.wtns import signals_of

URL = "tcp://127.0.0.1:1"
GOOD: dict[str, Any] = {"queue": "q", "circuit": "c", "witness": b"x"}


class Connect(unittest.IsolatedAsyncioTestCase):
    async def refused(self, options: dict[str, Any], sentence: str, error: type[Exception] = provost.UsageError) -> None:
        given: dict[str, Any] = {"url": URL, "insecure": True, "connect_timeout": 0, **options}
        with self.assertRaisesRegex(error, sentence, msg=str(options)):
            async with provost.connect(**given):
                pass

    async def test_options(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"url": ""}, "1 to 16 brokers"), ({"url": "broker:7070"}, "none of tcp"), ({"url": "http://127.0.0.1:1"}, "none of tcp"),
            ({"url": "tcp://127.0.0.1"}, "none of tcp"), ({"url": "tcp://127.0.0.1:70000"}, "none of tcp"), ({"url": "tcp://127.0.0.1:*"}, "none of tcp"),
            ({"url": "tcp://127.0.0.1:1\n"}, "none of tcp"), ({"url": [5]}, "a string, or a list"), ({"url": 5}, "a string, or a list"), ({"url": None}, "a string, or a list"), ({"url": "tcp://10.0.0.1:7070"}, "not on this machine"),
            ({"url": [URL, "tcp://127.0.0.1.example.org:1"]}, "not on this machine"), ({"insecure": False}, "give key and server_key"),
            ({"insecure": False, "key": "x"}, "belong together"), ({"name": "no name"}, "name:"), ({"name": "x" * 65}, "name:"),
            ({"name": "x\n"}, "name:"), ({"role": "prover"}, "role:"), ({"connect_timeout": -1}, "connect_timeout"),
            ({"wait_timeout": float("inf")}, "wait_timeout"), ({"request_timeout": True}, "request_timeout"), ({"key": "a", "server_key": "b"}, "goes without"),
            ({"insecure": False, "key": 5, "server_key": 7}, "paths or 40 characters"),
            ({"url": "mock:"}, "allow_mock"), ({"url": "mock:", "allow_mock": 1}, "allow_mock"), ({"url": ["mock:"], "allow_mock": True}, "none of tcp"),
        ]
        for options, sentence in cases:
            await self.refused(options, sentence)
        os.environ["PROVOST_ALLOW_MOCK"] = os.environ["ALLOW_MOCK"] = "1"
        self.addCleanup(os.environ.pop, "ALLOW_MOCK")
        self.addCleanup(os.environ.pop, "PROVOST_ALLOW_MOCK")
        await self.refused({"url": "mock:"}, "allow_mock")

    def test_what_stays_on_this_machine(self) -> None:
        for endpoint in ("tcp://localhost:1", "tcp://127.3.2.1:1", "tcp://[::1]:1", "ipc:///tmp/x"):
            self.assertTrue(is_local(endpoint), endpoint)
        for endpoint in ("tcp://127.0.0.1.org:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://localhost.org:1", "tcp://1270.0.1:1"):
            self.assertFalse(is_local(endpoint), endpoint)

    async def test_key_files(self) -> None:
        public, secret = (key.decode() for key in zmq.curve_keypair())
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file, server = pathlib.Path(folder.name, "client.key"), pathlib.Path(folder.name, "broker.pub")
        text = f'#   ZeroMQ CURVE certificate\nmetadata\ncurve\n    public-key = "{public}"\n    secret-key = "{secret}"\n'
        file.write_text(text)
        file.chmod(0o600)
        server.write_text(f"curve\n    public-key = '{public}'\n")
        pair = (public.encode(), secret.encode(), public.encode())
        self.assertEqual(keys_of(file, [server], 1), (pair,))
        self.assertEqual(keys_of(secret, [public], 3), (pair,), "the public key belongs to the secret one")
        self.assertEqual(keys_of(KeyPair(public, secret), [public, str(server)], 2), (pair, pair))
        pathlib.Path(folder.name, "pair.key_secret").write_text(text)
        pathlib.Path(folder.name, "pair.key_secret").chmod(0o600)
        self.assertEqual(keys_of(pathlib.Path(folder.name, "pair.key"), [server], 1), (pair,), "czmq writes a pair into two files")

        async def bad(key: object, server_key: object, sentence: str, error: type[Exception] = provost.BadKeyFileError) -> None:
            await self.refused({"insecure": False, "key": key, "server_key": server_key}, sentence, error)

        await bad(f"{folder.name}/nobody", server, "No such file")
        await bad(file, f"{folder.name}/nobody", "No such file")
        await bad(server, server, "others can read")
        await bad(file, [server, server], "2 keys for 1 urls", provost.UsageError)
        await bad(folder.name, server, "no usable key|cannot be read")
        for mode in (0o640, 0o604, 0o620):
            file.chmod(mode)
            await bad(file, server, "others can read this secret key.*chmod 600")
        for name, content in (("empty", "curve\n"), ("short", text.replace(public, "short")), ("long", text + "#" * 20_000)):
            wrong = pathlib.Path(folder.name, name)
            wrong.write_text(content)
            wrong.chmod(0o600)
            await bad(wrong, server, "no usable key")


class Options(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.client = await mock_client()
        self.addAsyncCleanup(self.client.close)

    async def test_options_of_a_task(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"queue": ""}, "queue:"), ({"queue": "a/b"}, "queue:"), ({"circuit": None}, "circuit:"), ({"id": "12"}, "32 hex digits"), ({"id": 5}, "32 hex"),
            ({"priority": 10}, "priority:"), ({"priority": 1.5}, "priority:"), ({"priority": True}, "priority:"), ({"group": "no group"}, "group:"),
            ({"deadline": -1}, "deadline:"), ({"deadline": float("nan")}, "deadline:"), ({"deadline": datetime.datetime(2030, 1, 1)}, "no time zone"),
            ({"deadline": "tomorrow"}, "deadline:"), ({"on_restart": "stop"}, "on_restart:"), ({"on_restart": datetime.timedelta(seconds=-1)}, "on_restart"),
            ({"need_ram": -1}, "need_ram"), ({"need_vram": 2**64}, "need_vram"), ({"witness": None}, "witness:"), ({"witness": 5}, "witness:"),
            ({"witness": provost.Stream([b"x"], -1)}, "length"), ({"witness": provost.Stream([b"x"], True)}, "length"),
            ({"witness": provost.Stream(5, 1)}, "a stream is"), ({"witness": provost.Stream(["x"], 1)}, "something else than bytes"),  # type: ignore
            ({"public_signals": "12"}, "public_signals"), ({"public_signals": [1]}, "public_signals"), ({"public_signals": ["0x1"]}, "public_signals"),
            ({"when_busy": "never"}, "when_busy"), ({"on_progress": 5}, "on_progress"), ({"verification_key": 5}, "verification_key"),
            *(({"timeout": wrong}, "timeout:") for wrong in (-1, float("nan"), float("inf"), "5")),
        ]
        for options, sentence in cases:
            with self.assertRaisesRegex(provost.UsageError, sentence, msg=str(options)):
                await self.client.prove(**{**GOOD, **options})
        for call in (self.client.attach("zz"), self.client.fetch("zz"), self.client.tasks(state="gone"), self.client.purge(scope="queue")):
            with self.assertRaises(provost.UsageError):
                await call

    async def test_events_are_asked_for_after_a_pause(self) -> None:
        async with provost.mock.mock_client() as client:
            for every in (-1, float("nan"), "5"):
                with self.assertRaisesRegex(provost.UsageError, "every:"):
                    await anext(client.events(every=every))  # type: ignore[arg-type]

    async def test_a_closed_client_says_so(self) -> None:
        waiting = asyncio.create_task(self.client.prove(**GOOD))
        task = await self.client.submit(**GOOD)
        await task.result()
        await waiting
        await self.client.close()
        await self.client.close()
        for call in (self.client.prove(**GOOD), self.client.fetch("0" * 32), self.client.ready()):
            with self.assertRaisesRegex(provost.BadStateError, "the client is closed"):
                await call
        self.assertEqual((await task.result()).task_id, task.id, "what was handed over stays")

    async def test_what_is_over_the_limit_is_told_before_it_is_read(self) -> None:
        class Unread:
            def read(self, n: int) -> bytes:
                raise AssertionError("it was read")

        with self.assertRaises(provost.TooLargeError):
            await self.client.prove(queue="q", circuit="c", witness=provost.Stream(Unread(), 2**40))

    async def test_a_client_and_a_task_cannot_be_sent_to_another_process(self) -> None:
        with self.assertRaisesRegex(provost.BadStateError, r"call connect\(\) there"):
            pickle.dumps(self.client)
        with self.assertRaisesRegex(provost.BadStateError, r"call connect\(\) there"):
            copy.copy(self.client)
        with self.assertRaisesRegex(provost.UsageError, "attach to its id there"):
            pickle.dumps(await self.client.submit(**GOOD))

    async def test_a_client_of_another_event_loop_says_so(self) -> None:
        def elsewhere() -> None:
            with self.assertRaisesRegex(provost.BadStateError, "another event loop"):
                asyncio.run(self.client.prove(**GOOD))

        await asyncio.to_thread(elsewhere)

    async def test_an_id_that_is_followed_already(self) -> None:
        first = asyncio.create_task(self.client.prove(**GOOD, id="ab" * 16))
        await asyncio.sleep(0)
        with self.assertRaisesRegex(provost.BadStateError, "attach to it"):
            await self.client.prove(**GOOD, id="AB" * 16)
        await first


class Mock(unittest.IsolatedAsyncioTestCase):
    async def test_the_mock_answers_at_once_with_a_proof_that_says_that_it_is_none(self) -> None:
        async with provost.connect("mock:", allow_mock=True) as client:
            result = await client.prove(**GOOD)
            self.assertTrue(is_fake(result.proof) and is_fake(FAKE_PROOF) and not is_fake({}))
            self.assertEqual(result.public_signals, [])
            self.assertEqual((await client.fetch(result.task_id)).task_id, result.task_id)
            with self.assertRaises(provost.NotFoundError):
                await client.fetch("0" * 32)
            task = await client.submit(**GOOD)
            self.assertEqual((await (await client.attach(task.id)).result()).task_id, task.id)
            self.assertEqual((await client.tasks(), (await client.purge())["queued"]), ([], 0))

    @unittest.skipUnless((BUILD / "worker/libprovost.so").exists(), "libprovost is not built")
    async def test_no_verifier_accepts_what_the_mock_gives(self) -> None:
        os.environ["PROVOST_LIBRARY"] = str(BUILD / "worker/libprovost.so")
        self.addCleanup(os.environ.pop, "PROVOST_LIBRARY")
        async with mock_client() as client:
            with self.assertRaises(provost.BadProofError):
                await client.prove(**GOOD, verification_key=DATA / "member/vkey.json")
            with self.assertRaisesRegex(provost.BadProofError, "not those of the witness"):
                await client.prove(queue="q", circuit="c", witness=DATA / "member/witness.wtns", verification_key=DATA / "member/vkey.json")

    async def test_without_libprovost_a_key_is_refused_with_a_sentence(self) -> None:
        before, verify._library = verify._library, None
        self.addCleanup(setattr, verify, "_library", before)
        self.addCleanup(lambda: os.environ.pop("PROVOST_LIBRARY", None))
        async with mock_client() as client:
            for library in ("/nowhere/libprovost.so", "libc.so.6"):
                os.environ["PROVOST_LIBRARY"] = library
                with self.assertRaisesRegex(provost.UsageError, "no usable libprovost"):
                    await client.prove(**GOOD, verification_key=DATA / "member/vkey.json")
            del os.environ["PROVOST_LIBRARY"]
            with unittest.mock.patch("ctypes.util.find_library", lambda name: None), self.assertRaisesRegex(provost.UsageError, "not installed"):
                await client.prove(**GOOD, verification_key=DATA / "member/vkey.json")

    async def test_the_pools_request_is_one_call(self) -> None:
        async with ProverPool("mock:", allow_mock=True, queue="q", circuit="c", priority=3) as pool:
            a, b = await asyncio.gather(pool.request(b"a"), pool.request(provost.Stream([b"b"], 1)))
            self.assertTrue(is_fake(a.proof) and is_fake(b.proof) and a.task_id != b.task_id)
        with self.assertRaisesRegex(provost.BadStateError, "the pool is closed"):
            await pool.request(b"a")
        for queue, circuit in (("", "c"), ("q", "")):
            with self.assertRaises(provost.UsageError):
                ProverPool("mock:", queue=queue, circuit=circuit)
        with self.assertRaises(TypeError):
            ProverPool("mock:", queue="q", circuit="c", nonsense=1)

    def test_the_signals_of_a_witness(self) -> None:
        whole = (DATA / "member/witness.wtns").read_bytes()
        expected = provost_json(DATA / "member/public.json")
        self.assertEqual(signals_of(lambda at, n: whole[at:at + n], len(expected)), expected)
        for n in range(0, 120):  # cut anywhere it is no witness, or has fewer signals
            found = signals_of(lambda at, m: whole[:n][at:at + m], 3)
            self.assertTrue(found is None or len(found) < 3, n)
        bent = b"wtns" + bytes([2, 0, 0, 0, 255, 255, 255, 255]) + b"\xff" * 200
        self.assertIsNone(signals_of(lambda at, n: bent[at:at + n], 3))


def provost_json(path: pathlib.Path) -> Any:
    import json

    return json.loads(path.read_text())


class Blocking(unittest.TestCase):
    def test_the_same_calls_without_asyncio(self) -> None:
        with provost.blocking.connect("mock:", allow_mock=True) as client:
            seen: list[str] = []
            result = client.prove(**GOOD, on_progress=lambda p: seen.append(p.state))
            self.assertTrue(is_fake(result.proof) and seen)
            task = client.submit(**GOOD)
            self.assertEqual([p.state for p in task.progress()][-1], "succeeded")
            self.assertEqual(task.result().task_id, task.id)
            client.ack(task.result())
            self.assertEqual(client.attach(task.id).result().task_id, task.id)
            self.assertEqual((client.tasks(), client.queues(), client.fetch(task.id).task_id), ([], [], task.id))
            self.assertTrue(client.connection.connected)
        with self.assertRaisesRegex(provost.BadStateError, "the client is closed"):
            client.prove(**GOOD)
        client.close()

    def test_errors_and_callbacks_come_to_the_thread_that_calls(self) -> None:
        import threading

        with self.assertRaises(provost.UsageError):
            provost.blocking.connect("nowhere")
        with self.assertRaises(provost.UnreachableError):
            provost.blocking.connect(URL, insecure=True, connect_timeout=0.2)
        with provost.blocking.connect("mock:", allow_mock=True) as client:
            threads: list[int] = []
            client.prove(**GOOD, on_progress=lambda p: threads.append(threading.get_ident()))
            self.assertEqual(set(threads), {threading.get_ident()})

            def on_progress(_: provost.Progress) -> None:
                raise ZeroDivisionError

            with self.assertRaisesRegex(provost.UsageError, "on_progress raised") as caught:
                client.prove(**GOOD, on_progress=on_progress)
            self.assertIsInstance(caught.exception.__cause__, ZeroDivisionError)

    def test_no_thread_is_left(self) -> None:
        import threading

        before = threading.active_count()
        for _ in range(5):
            with provost.blocking.connect(URL, insecure=True, connect_timeout=0) as client:
                with self.assertRaises(provost.UnreachableError):
                    client.fetch("0" * 32, timeout=0.05)
        wait_for("the end of every thread", 5, lambda: threading.active_count() == before)


if __name__ == "__main__":
    unittest.main()
