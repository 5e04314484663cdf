"""A task on its way, against a broker that says what the test tells it to: input, result, news, cancellation."""
from __future__ import annotations

import asyncio
import gc
import json
import os
import pathlib
import tempfile
import time
import unittest
import unittest.mock
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

from fake_broker import FakeBroker, poll
from link_case import ID, TASK, LinkCase, delivery

import provost
from provost.io.tidings import End
from provost.io.transfer import Incoming
from provost.provost_error import code_of
from provost.wire.codec import Message, Token

BUSY = code_of("busy")
CONFLICT = code_of("conflict")


class Full:
    """Memory that is used up."""

    def write(self, data: bytes) -> int:
        raise MemoryError


class Big(bytearray):
    """Bytes whose end can be seen."""


class Before(LinkCase):
    async def test_a_stream_that_never_ends_is_waited_for_as_long_as_was_said_or_until_the_client_is_closed(self) -> None:
        async def never() -> AsyncIterator[bytes]:
            await asyncio.sleep(3600)
            yield b"x"

        b = await self.broker()
        c = await self.client(b.url)
        with self.assertRaisesRegex(provost.TimeoutError, "nothing was submitted"):
            await c.prove(queue="q", circuit="c", witness=provost.Stream(never(), 1), timeout=0.1)
        self.assertEqual(b.of("SUBMIT"), [])
        waiting = asyncio.create_task(c.submit(queue="q", circuit="c", witness=provost.Stream(never(), 1)))
        await asyncio.sleep(0.05)
        await c.close()
        with self.assertRaisesRegex(provost.BadStateError, "closed"):
            await waiting

    async def test_the_witness_is_let_go_of_when_the_broker_has_it(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT":
                b.say(who, {"type": "CREDIT", "kind": "input", "task": m["task"], "offset": 0, "bytes": 1 << 20})
            if m["type"] == "CHUNK" and m["offset"] + len(m["payload"]) == 300_000:
                b.say(who, {"type": "SUBMIT_OK", "req": b.of("SUBMIT")[-1]["req"], "task": m["task"], "state": "queued", "generation": 1})

        b.on = on
        c = await self.client(b.url)
        big = Big(300_000)
        seen = weakref.ref(big)
        proved = asyncio.create_task(c.prove(queue="q", circuit="c", witness=big))
        del big
        await b.hears("SUBMIT")
        await poll("the end of the bytes", 5, lambda: gc.collect() is None or seen() is None)
        self.assertFalse(proved.done())
        proved.cancel()

    async def test_what_the_public_signals_have_to_be_may_be_said(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        answer = json.dumps({"proof": {"pi_a": []}, "public": ["1", "2"]}).encode()
        told: list[tuple[dict[str, Any], bytes, str]] = [
            ({"public_signals": ["1", "2"]}, answer, ""), ({"public_signals": ("1", "3")}, answer, "those that were expected"),
            ({"public_signals": []}, answer, "those that were expected"), ({"public_signals": ["1"]}, b"{}", "no Groth16 proof"),
        ]
        for checks, data, sentence in told:
            task = await c.attach(os.urandom(16).hex(), **checks)
            b.say(b.who(), delivery(task.id, data))
            if sentence:
                with self.assertRaisesRegex(provost.BadProofError, sentence):
                    await task.result()
            else:
                self.assertEqual((await task.result()).checked, "publics")
        task = await c.attach(ID)
        self.assertIs(await c.attach(ID), task)
        with self.assertRaisesRegex(provost.BadStateError, "with other checks"):
            await c.attach(ID, public_signals=["1"])


class Results(LinkCase):
    async def test_a_result_that_is_damaged_is_fetched_again_and_never_delivered(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            self.accepts(b, who, m)
            if m["type"] == "SUBMIT":
                wrong = delivery(m["task"], b"right")
                wrong["payload"] = b"wrong"
                b.say(who, wrong)
            if m["type"] == "FETCH":
                b.say(who, delivery(m["task"], b"right"))

        b.on = on
        c = await self.client(b.url)
        self.assertEqual((await c.prove(**TASK)).bytes, b"right")

    async def test_a_result_that_comes_again_is_acknowledged_again_and_not_handed_over_again(self) -> None:
        b = await self.broker()
        self.delivers(b, b"x")
        c = await self.client(b.url)
        await c.prove(**TASK, id=ID)
        await b.hears("ACK")
        b.say(b.who(), delivery(ID, b"x"))
        self.assertEqual((await b.hears("ACK", 2))["task"], ID)

    async def test_what_is_owed_of_an_earlier_task_is_not_taken_for_one_of_its_id_that_is_not_accepted_yet(self) -> None:
        """A broker that was restarted delivers again what it never saw the acknowledgement of, before it answers our SUBMIT."""
        b = await self.broker()
        self.delivers(b, b"of an earlier one")
        c = await self.client(b.url)
        await c.prove(**TASK, id=ID)
        await b.hears("ACK")
        news: list[str] = []

        def refuses(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT":
                b.say(who, delivery(ID, b"of an earlier one"))
                b.say(who, {"type": "PROGRESS", "task": ID, "percent": 50, "phase": "earlier"})
                b.say(who, {"type": "SUBMIT_OK", "req": m["req"] - 1, "task": ID, "state": "queued", "generation": 1})
                b.say(who, {"type": "ERROR", "req": m["req"], "task": ID, "status": CONFLICT})

        b.on = refuses
        with self.assertRaises(provost.ConflictError):
            await c.prove(queue="q", circuit="c", witness=b"another", id=ID, on_progress=lambda p: news.append(p.phase))
        self.assertEqual(news, [])
        self.assertEqual((await b.hears("ACK", 2))["task"], ID, "and the broker hears again that we have it")

    async def test_what_a_broker_says_of_our_own_task_before_it_answers_is_asked_for_after_the_answer(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT":
                b.say(who, delivery(ID, b"x"))
                b.say(who, {"type": "SUBMIT_OK", "req": m["req"], "task": ID, "state": "succeeded", "generation": 1})
            if m["type"] == "FETCH":
                fetched = delivery(ID, b"x")
                fetched["req"] = m["req"]
                b.say(who, fetched)

        b.on = on
        c = await self.client(b.url)
        self.assertEqual((await c.prove(**TASK, id=ID)).bytes, b"x")
        self.assertEqual(len(b.of("FETCH")), 1)

    async def test_the_answer_to_a_submit_that_was_said_before_counts(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT" and len(b.of("SUBMIT")) == 1:
                b.say(who, {"type": "ERROR", "req": m["req"], "task": ID, "status": BUSY, "retry_ms": 20})
            elif m["type"] == "SUBMIT":
                b.say(who, {"type": "SUBMIT_OK", "req": b.of("SUBMIT")[0]["req"], "task": ID, "state": "queued", "generation": 1})
                b.say(who, delivery(ID, b"x"))

        b.on = on
        c = await self.client(b.url)
        self.assertEqual((await c.prove(**TASK, id=ID)).bytes, b"x")

    async def test_a_result_is_acknowledged_once_somebody_has_it_and_with_manual_ack_when_told_to(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            self.accepts(b, who, m)
            if m["type"] == "SUBMIT":
                b.say(who, delivery(m["task"], b"x"))

        b.on = on
        c = await self.client(b.url)
        task = await c.submit(**TASK)
        await poll("its end", 5, lambda: task.state == "succeeded")
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual(b.of("ACK"), [])
        await task.result()
        await b.hears("ACK")
        result = await c.prove(**TASK, manual_ack=True)
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual(len(b.of("ACK")), 1)
        await c.ack(result)
        self.assertEqual((await b.hears("ACK", 2))["task"], result.task_id)

    async def test_a_result_whose_waiter_was_cancelled_is_not_acknowledged(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        task = await c.submit(**TASK)
        waiting = asyncio.create_task(task.result())
        await asyncio.sleep(0)
        waiting.cancel()
        b.say(b.who(), delivery(task.id, b"x"))
        await poll("its end", 5, lambda: task.state == "succeeded")
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual(b.of("ACK"), [])
        self.assertEqual((await task.result()).bytes, b"x")
        await b.hears("ACK")

    async def test_a_large_input_goes_by_credit_and_from_there_again_after_a_reconnect(self) -> None:
        b = await self.broker(terms={"chunk_max": 1000, "inline_max": 100})
        witness = b"0123456789abcdef" * 18750
        got = bytearray()

        def grant(who: bytes, n: int) -> None:
            b.say(who, {"type": "CREDIT", "kind": "input", "task": ID, "offset": len(got), "bytes": n})

        def on(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT":
                self.assertNotIn("payload", m)
                grant(who, self.granted)
            if m["type"] == "CHUNK":
                self.assertEqual(m["offset"], len(got))
                self.assertLessEqual(len(m["payload"]), 1000)
                got.extend(m["payload"])
                if len(got) == len(witness):
                    self.accepts(b, who, b.of("SUBMIT")[-1])
                    b.say(who, delivery(ID, b"done"))

        self.granted = 50_000
        b.on = on
        c = await self.client(b.url)
        proved = asyncio.create_task(c.prove(queue="q", circuit="c", witness=witness, id=ID))
        await poll("the first grant", 5, lambda: len(got) == 50_000)
        await asyncio.sleep(0.1)
        self.assertEqual(len(got), 50_000, "more than was granted")
        await b.close()
        self.granted = 300_000
        await b.open()
        self.assertEqual((await proved).bytes, b"done")
        self.assertEqual(bytes(got), witness)

    async def test_a_file_that_is_cut_replaced_or_gone_while_it_is_sent_is_told(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, other = pathlib.Path(folder, "witness"), pathlib.Path(folder, "other")
            harms: list[tuple[Callable[[], object], str]] = [
                (lambda: path.write_bytes(b"cut"), "was changed while it was sent"), (lambda: other.replace(path), "was changed while it was sent"),
                (path.unlink, "No such file"), (lambda: None, ""),
            ]
            for harm, sentence in harms:
                path.write_bytes(bytes(300_000))
                other.write_bytes(bytes(300_000))
                b = await self.broker()
                c = await self.client(b.url)
                proved = asyncio.create_task(c.prove(queue="q", circuit="c", witness=path, id=ID))
                await b.hears("SUBMIT")
                harm()
                b.say(b.who(), {"type": "CREDIT", "kind": "input", "task": ID, "offset": 1000, "bytes": 300_000})
                if sentence:
                    with self.assertRaisesRegex(provost.IoError, sentence):
                        await proved
                else:
                    await b.hears("CHUNK", 2)
                    self.accepts(b, b.who(), b.of("SUBMIT")[-1])
                    b.say(b.who(), delivery(ID, b"done"))
                    await proved

    async def test_a_result_that_memory_is_not_there_for_ends_its_own_task_only(self) -> None:
        b = await self.broker()
        self.delivers(b, b"x")
        c = await self.client(b.url)
        b.on = lambda who, m: self.sends_large(b, who, m)
        with unittest.mock.patch("io.BytesIO", Full), self.assertRaises(provost.NoMemoryError):
            await c.prove(**TASK)
        self.delivers(b, b"x")
        await c.prove(**TASK)
        self.assertEqual(c.connection.connects, 1)

    def sends_large(self, b: FakeBroker, who: bytes, m: Message) -> bool:
        self.accepts(b, who, m)
        if m["type"] == "SUBMIT":
            b.say(who, delivery(m["task"], bytes(1000), inline=False))
        if m["type"] == "CREDIT":
            b.say(who, {"type": "CHUNK", "kind": "result", "task": m["task"], "offset": 0, "payload": bytes(1000)})
        return True

    async def test_a_result_is_held_by_its_caller_alone_once_it_was_handed_over(self) -> None:
        """What is over may stay in a heap of times for a while, but not with a gigabyte."""
        b = await self.broker()
        inline = True

        def on(who: bytes, m: Message) -> None:
            self.accepts(b, who, m)
            if m["type"] in ("SUBMIT", "FETCH"):
                said = delivery(m["task"], bytes(1000), inline=inline)
                said["req"] = m["req"] if m["type"] == "FETCH" else 0
                b.say(who, said)
            if m["type"] == "CREDIT":
                b.say(who, {"type": "CHUNK", "kind": "result", "task": m["task"], "offset": 0, "payload": bytes(1000)})

        b.on = on
        c = await self.client(b.url)
        before = self.held()
        for inline in (True, False):
            for result in (await c.prove(**TASK), await c.fetch(ID)):
                self.assertEqual(result.bytes, bytes(1000))
        self.assertLessEqual(self.held(), before)

    async def test_a_client_that_was_closed_is_let_go_of(self) -> None:
        b = await self.broker()
        self.delivers(b, b"x")
        async with provost.connect(b.url, insecure=True) as c:
            await c.prove(**TASK, timeout=3600)
            seen = weakref.ref(c._core)
        del c
        await poll("its end", 5, lambda: gc.collect() is None or seen() is None)

    def held(self) -> int:
        gc.collect()
        return sum(isinstance(one, (End, Incoming)) for one in gc.get_objects())

    async def test_two_calls_that_attach_to_one_task_both_hear_its_end(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        with unittest.mock.patch("provost.client.load_key", lambda key: None):  # it is read in another thread: both are on their way
            tasks = await asyncio.gather(c.attach(ID, verification_key="x"), c.attach(ID, verification_key="x"))
        b.say(b.who(), delivery(ID, b"x"))
        self.assertEqual([(await task.result(timeout=5)).bytes for task in tasks], [b"x", b"x"])

    async def test_a_large_result_is_asked_for_window_by_window(self) -> None:
        b = await self.broker(terms={"window": 1000, "chunk_max": 500})
        data = b"xyz" * 867
        credits: list[tuple[int, int]] = []

        def on(who: bytes, m: Message) -> None:
            self.accepts(b, who, m)
            if m["type"] == "SUBMIT":
                b.say(who, delivery(m["task"], data, inline=False))
            if m["type"] == "CREDIT":
                credits.append((m["offset"], m["bytes"]))
                end = m["offset"] + m["bytes"]
                for at in range(m["offset"], end, 500):
                    b.say(who, {"type": "CHUNK", "kind": "result", "task": m["task"], "offset": at, "payload": data[at:min(at + 500, end)]})

        b.on = on
        c = await self.client(b.url)
        self.assertEqual((await c.prove(**TASK)).bytes, data)
        self.assertEqual(credits, [(0, 1000), (1000, 1000), (2000, 601)])

    async def test_what_a_hostile_broker_revokes_claims_or_announces_does_no_harm(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        who, token = b.who(), Token(1, 7)
        b.say(who, {"type": "REVOKE", "token": token, "status": 31})
        self.assertEqual((await b.hears("REVOKED"))["token"], token)
        b.say(who, {"type": "CLAIMED", "req": 99, "task": ID, "token": token})
        self.assertEqual((await b.hears("RELEASE"))["token"], token)
        b.say(who, {"type": "ERROR", "status": 0, "req": 77})
        b.say(who, {"type": "CREDIT", "kind": "input", "task": ID, "offset": 0, "bytes": 1 << 60})
        b.say(who, {"type": "CHUNK", "kind": "result", "task": ID, "offset": 0, "payload": b"x"})
        end: Message = {"type": "DELIVER", "generation": 1, "state": "succeeded", "status": 0}
        announced: list[tuple[Any, type[Exception], str]] = [
            ({"length": 1 << 50, "sha256": "0" * 64}, provost.TooLargeError, "larger than"), ({}, provost.BadMessageError, "what result"),
            ({"state": "dead", "text": "\u202eevil"}, provost.DeadError, r"^\\u202eevil$"),
        ]
        for more, error, sentence in announced:
            def on(who: bytes, m: Message, more: Any = more) -> None:
                self.accepts(b, who, m)
                if m["type"] == "SUBMIT":
                    said = end.copy()
                    said["task"] = m["task"]
                    said.update(more)
                    b.say(who, said)

            b.on = on
            with self.assertRaisesRegex(error, sentence):
                await c.prove(**TASK)

    async def test_progress_comes_at_most_once_a_second_the_last_of_it_too(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        task = await c.submit(**TASK)
        seen: list[int] = []

        async def follow() -> None:
            async for p in task.progress():
                seen.append(p.percent)

        following = asyncio.create_task(follow())
        for percent in range(1, 51):
            b.say(b.who(), {"type": "PROGRESS", "task": task.id, "percent": percent, "phase": "msm"})
        await poll("the last of it", 5, lambda: 50 in seen)
        self.assertLessEqual(len(seen), 4)
        b.say(b.who(), delivery(task.id, b"x"))
        await task.result()
        await following


class Cancellation(LinkCase):
    async def test_cancelling_prove_cancels_the_task_at_the_broker(self) -> None:
        b = await self.broker()

        def on(who: bytes, m: Message) -> None:
            self.accepts(b, who, m)
            if m["type"] == "CANCEL":
                b.say(who, {"type": "CANCELLED", "req": m["req"], "task": m["task"], "state": "cancelled"})

        b.on = on
        c = await self.client(b.url)
        proved = asyncio.create_task(c.prove(**TASK, id=ID))
        await b.hears("SUBMIT")
        proved.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await proved
        self.assertEqual((await b.hears("CANCEL"))["task"], ID)
        with self.assertRaises(asyncio.CancelledError):
            await asyncio.gather(self.cancelled(c))

    async def cancelled(self, c: provost.Client) -> None:
        """Cancelled before anything was sent."""
        task = asyncio.current_task()
        assert task
        task.cancel()
        await c.prove(**TASK)

    async def test_cancelling_while_there_is_no_connection_is_told_after_the_next_welcome(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        proved = asyncio.create_task(c.prove(**TASK, id=ID))
        await b.hears("SUBMIT")
        await b.close()
        await poll("the end of the connection", 5, lambda: not c.connection.connected)
        before = time.monotonic()
        proved.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await proved
        self.assertLess(time.monotonic() - before, 2)
        await b.open()
        self.assertEqual((await b.hears("CANCEL"))["task"], ID)

    async def test_a_time_out_cancels_nothing(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: self.accepts(b, who, m)
        c = await self.client(b.url)
        with self.assertRaises(TimeoutError):
            await c.prove(**TASK, timeout=0.2)
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual((b.of("CANCEL"), len(b.of("SUBMIT"))), ([], 1))

if __name__ == "__main__":
    unittest.main()
