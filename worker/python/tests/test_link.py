"""The connection: hello, heartbeats, back-off, several brokers, epochs, and what is said again after a reconnect."""
from __future__ import annotations

import asyncio
import hashlib
import json
import pathlib
import tempfile
import time
import unittest
import unittest.mock
from collections.abc import Callable
from typing import Any

from fake_broker import FakeBroker, poll
from places import DATA

import provost
from provost.wire.codec import Message, Token

ID = "00112233445566778899aabbccddeeff"
TASK: dict[str, Any] = {"queue": "q", "circuit": "c", "witness": b"a"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def delivery(task: str, data: bytes, inline: bool = True) -> Message:
    message: Message = {
        "type": "DELIVER", "task": task, "generation": 1, "state": "succeeded", "status": 0, "length": len(data), "sha256": sha256(data),
    }
    if inline:
        message["payload"] = data
    return message


class Full:
    """Memory that is used up."""

    def write(self, data: bytes) -> int:
        raise MemoryError


class LinkCase(unittest.IsolatedAsyncioTestCase):
    async def broker(self, **options: Any) -> FakeBroker:
        made = await FakeBroker(**options).open()
        self.addAsyncCleanup(made.end)
        return made

    async def client(self, *urls: str, **options: Any) -> provost.Client:
        more: dict[str, Any] = {"reconnect_min": 0.02, "reconnect_max": 0.2, "connect_timeout": 8, **options}
        made = await provost.connect(list(urls), insecure=True, name="shop", **more)
        self.addAsyncCleanup(made.close)
        return made

    def accepts(self, b: FakeBroker, who: bytes, m: Message) -> bool:
        """Answers SUBMIT and ATTACH with a task that is queued or running."""
        if m["type"] == "SUBMIT":
            b.say(who, {"type": "SUBMIT_OK", "req": m["req"], "task": m["task"], "state": "queued", "generation": 1})
        if m["type"] == "ATTACH":
            b.say(who, {
                "type": "TASK", "req": m["req"], "task": m["task"], "state": "running", "generation": 1, "status": 0, "queue": "q",
                "circuit": "c", "length": 1, "sha256": "0" * 64, "created": 1, "changed": 1,
            })
        return True

    def delivers(self, b: FakeBroker, data: bytes) -> None:
        """Every SUBMIT succeeds at once."""
        b.on = lambda who, m: m["type"] == "SUBMIT" and b.say(who, delivery(m["task"], data))


class Session(LinkCase):
    async def test_hello_says_who_it_is_heartbeats_follow_and_goodbye_is_said(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        hello = await b.hears("HELLO")
        self.assertEqual((hello["role"], hello["name"], hello["epoch"], hello["vmin"], hello["vmax"]), ("client", "shop", 0, 1, 1))
        self.assertEqual(hello["session"], c.connection.session)
        await b.hears("HEARTBEAT", 3)
        await c.close()
        self.assertEqual((await b.hears("DISCONNECT"))["status"], 0)

    async def test_after_a_reconnect_the_same_session_attaches_and_submits_again(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: m.get("queue") == "taken" and self.accepts(b, who, m)
        c = await self.client(b.url)
        taken = await c.submit(queue="taken", circuit="c", witness=b"a")
        waiting = asyncio.create_task(c.prove(queue="open", circuit="c", witness=b"b", id=ID))
        await b.hears("SUBMIT", 2)
        await b.close()
        b.epoch = 2
        b.heard.clear()
        b.on = lambda who, m: m["type"] in ("SUBMIT", "ATTACH") and b.say(who, delivery(m["task"], m["type"].encode()))
        await b.open()
        hello = await b.hears("HELLO")
        self.assertEqual((hello["session"], hello["epoch"]), (c.connection.session, 1))
        self.assertEqual((await b.hears("ATTACH"))["task"], taken.id)
        self.assertEqual((await b.hears("SUBMIT"))["task"], ID)
        self.assertEqual((await waiting).bytes, b"SUBMIT")
        self.assertEqual((await taken.result()).bytes, b"ATTACH")
        await b.hears("ACK", 2)
        self.assertEqual(c.connection.connects, 2)

    async def test_a_broker_with_a_lower_epoch_is_refused_and_the_next_one_tried(self) -> None:
        old, young = await self.broker(epoch=3), await self.broker(epoch=7)
        c = await self.client(young.url, old.url)
        self.assertEqual(c.connection.epoch, 7)
        await young.close()
        self.assertEqual((await old.hears("DISCONNECT"))["status"], 25)
        await poll("the stale broker is told", 5, lambda: c.connection.code in ("stale-broker", "unreachable"))
        with self.assertRaises((provost.StaleBrokerError, provost.UnreachableError)):
            await c.fetch(ID, timeout=0.3)
        await young.open()
        await c.ready()
        self.assertEqual(c.connection.endpoint, young.url)

    async def test_the_second_of_two_urls_is_used_when_the_first_is_dead(self) -> None:
        b = await self.broker()
        c = await self.client(f"tcp://127.0.0.1:1,{b.url}")
        self.assertEqual(c.connection.endpoint, b.url)

    async def test_a_broker_that_falls_silent_is_left_after_a_lease(self) -> None:
        b = await self.broker(heartbeats=False, terms={"heartbeat_ms": 100, "lease_ms": 400})
        await self.client(b.url)
        await b.hears("HELLO", 2)

    async def test_a_broker_that_does_not_know_the_peer_is_told_hello_again(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        await asyncio.sleep(1.1)  # HELLO again is said at most once a second
        refused: list[int] = []

        def on(who: bytes, m: Message) -> None:
            if m["type"] == "SUBMIT" and not refused:
                refused.append(m["req"])
                b.say(who, {"type": "ERROR", "status": 22, "req": m["req"], "task": m["task"]})
            elif m["type"] == "SUBMIT":
                b.say(who, delivery(m["task"], b"x"))

        b.on = on
        await c.prove(**TASK)
        first, second = b.of("HELLO")
        self.assertEqual(first["session"], second["session"])

    async def test_a_heartbeat_of_another_epoch_is_answered_by_hello(self) -> None:
        b = await self.broker()
        await self.client(b.url)
        await asyncio.sleep(1.1)
        b.epoch = 2
        await b.hears("HELLO", 2)

    async def test_a_broker_of_another_version_and_one_whose_terms_make_no_sense(self) -> None:
        b = await self.broker(welcomes=False)
        b.on = lambda who, m: m["type"] == "HELLO" and b.say(who, {"type": "ERROR", "status": 21, "text": "this broker speaks 2 to 3"})
        odd = await self.broker(terms={"heartbeat_ms": 1000, "lease_ms": 1000})
        told: list[tuple[FakeBroker, type[Exception], str, str]] = [
            (b, provost.BadVersionError, "bad-version", "speaks 2 to 3"), (odd, provost.BadMessageError, "bad-message", "terms make no sense"),
        ]
        for broker, error, code, sentence in told:
            c = await self.client(broker.url, connect_timeout=0)
            await poll("the refusal", 10, lambda: c.connection.code == code)
            with self.assertRaisesRegex(error, sentence):
                await c.ready(timeout=0)

    async def test_nobody_there_is_unreachable_within_the_time_that_was_given(self) -> None:
        before = time.monotonic()
        with self.assertRaises(provost.UnreachableError) as caught:
            await self.client("tcp://127.0.0.1:1", connect_timeout=0.4)
        self.assertTrue(caught.exception.retryable)
        self.assertLess(time.monotonic() - before, 5)

    async def test_what_is_malformed_is_ignored(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        for frames in ([b"PV\1\3"], [b"XX\1\3", b"\x80"], [b"PV\1\3", b"\xdd\xff\xff\xff\xff"], [b"PV\1\3", b"\x91" * 60000]):
            b.raw(b.who(), list(frames))
        self.delivers(b, b"x")
        await c.prove(**TASK)
        self.assertEqual(c.connection.connects, 1)

    async def test_what_is_malformed_counts_as_a_sign_of_life(self) -> None:
        b = await self.broker(heartbeats=False, terms={"heartbeat_ms": 100, "lease_ms": 400})
        b.on = lambda who, m: m["type"] == "HEARTBEAT" and b.raw(who, [b"XX\1\3", b"\x80"])
        c = await self.client(b.url)
        await b.hears("HEARTBEAT", 8)
        self.assertEqual(c.connection.connects, 1)


    async def test_a_broker_that_says_stale_broker_to_hello_is_left_for_the_next(self) -> None:
        old, young = await self.broker(welcomes=False), await self.broker()
        old.on = lambda who, m: m["type"] == "HELLO" and old.say(who, {"type": "ERROR", "status": 25})
        waiting = await self.client(old.url, connect_timeout=0)
        await poll("its word", 10, lambda: waiting.connection.code == "stale-broker")
        with self.assertRaises(provost.StaleBrokerError) as caught:
            await waiting.fetch(ID, timeout=0.05)
        self.assertTrue(caught.exception.retryable)
        c = await self.client(old.url, young.url)
        self.assertEqual(c.connection.endpoint, young.url)

    async def test_a_broker_that_accepts_no_tasks_says_why_in_its_welcome(self) -> None:
        full, fine = await self.broker(terms={"not_ready": "the disk is full"}), await self.broker()
        self.assertEqual((await self.client(full.url)).connection.not_ready, "the disk is full")
        self.assertEqual((await self.client(fine.url)).connection.not_ready, "")

    async def test_a_broker_that_is_too_old_for_a_question_is_not_asked_it(self) -> None:
        old = await self.broker()
        c = await self.client(old.url, role="admin")
        for asked in (c.prover_keys("p", "o"), c.drain("p", principal="o"), c.purge(forget=True)):
            with self.assertRaisesRegex(provost.BadVersionError, "too old"):
                await asked
        self.assertEqual({m["type"] for _, m in old.heard} - {"HELLO", "HEARTBEAT"}, set())
        today = await self.broker(terms={"more_circuits": True})
        today.on = lambda who, m: m["type"] == "LIST" and today.say(
            who, {"type": "ROWS", "req": m["req"], "schema": "provost.keys/1", "rows": [{"circuit": "c", "served": True}]})
        c = await self.client(today.url, role="admin")
        self.assertEqual(await c.prover_keys("p", "o"), [{"circuit": "c", "served": True}])
        asked_for = today.of("LIST")[0]
        self.assertEqual((asked_for["what"], asked_for["prover"], asked_for["principal"]), ("keys", "p", "o"))


class AskedAgain(LinkCase):
    async def test_what_was_asked_is_asked_again_when_no_answer_comes(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        with unittest.mock.patch("provost.io.followed.ASK_AGAIN", 0.1), unittest.mock.patch("provost.io.question.RESEND", 0.1):
            proved = asyncio.create_task(c.prove(**TASK, id=ID))
            fetched = asyncio.create_task(c.fetch("f" * 32))
            await b.hears("SUBMIT", 3)
            await b.hears("FETCH", 3)
        self.assertEqual({m["task"] for m in b.of("SUBMIT")}, {ID})
        fetch = delivery("f" * 32, b"y")
        fetch["req"] = b.of("FETCH")[-1]["req"]
        for message in (delivery(ID, b"x"), fetch):
            b.say(b.who(), message)
        self.assertEqual(((await proved).bytes, (await fetched).bytes), (b"x", b"y"))

    async def test_a_large_result_goes_on_where_it_was_cut(self) -> None:
        b = await self.broker(terms={"window": 1000, "chunk_max": 500})
        data = bytes(range(250)) * 20
        credits: list[int] = []

        def on(who: bytes, m: Message) -> None:
            if m["type"] in ("SUBMIT", "ATTACH"):
                b.say(who, delivery(m["task"], data, inline=False))
            if m["type"] == "CREDIT" and (m["offset"] < 2000 or len(b.of("HELLO")) > 1):
                for at in range(m["offset"], m["offset"] + m["bytes"], 500):
                    b.say(who, {"type": "CHUNK", "kind": "result", "task": m["task"], "offset": at, "payload": data[at:at + 500]})
            if m["type"] == "CREDIT":
                credits.append(m["offset"])

        b.on = on
        c = await self.client(b.url)
        proved = asyncio.create_task(c.prove(**TASK))
        await poll("the part before the cut", 5, lambda: 2000 in credits)
        await b.close()
        await b.open()
        self.assertEqual((await proved).bytes, data)
        self.assertEqual(credits, [0, 1000, 2000, 2000, 3000, 4000])

    async def test_a_proof_of_another_input_is_refused_and_never_acknowledged(self) -> None:
        b = await self.broker()
        answer = {"proof": {"pi_a": []}, "public": ["1", "2"]}
        self.delivers(b, json.dumps(answer).encode())
        c = await self.client(b.url)
        with self.assertRaisesRegex(provost.BadProofError, "not those of the witness"):
            await c.prove(queue="q", circuit="c", witness=DATA / "member/witness.wtns")
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual(b.of("ACK"), [])
        b.say(b.who(), delivery(b.of("SUBMIT")[0]["task"], json.dumps(answer).encode()))  # it comes again
        await b.hears("HEARTBEAT", len(b.of("HEARTBEAT")) + 2)
        self.assertEqual(b.of("ACK"), [])


class Limits(LinkCase):
    async def test_an_input_above_the_brokers_limit_is_refused_before_it_is_sent(self) -> None:
        b = await self.broker(terms={"payload_max": 1000})
        c = await self.client(b.url)
        with self.assertRaisesRegex(provost.TooLargeError, "1001 bytes; the broker takes at most 1000 bytes"):
            await c.prove(queue="q", circuit="c", witness=bytes(1001))
        self.assertEqual(b.of("SUBMIT"), [])

    async def test_at_a_limit_the_submit_is_tried_again_when_the_broker_says_so_or_fails_at_once(self) -> None:
        b = await self.broker()
        at: list[float] = []

        def on(who: bytes, m: Message) -> None:
            if m["type"] != "SUBMIT":
                return
            at.append(time.monotonic())
            if len(at) == 1:
                b.say(who, {"type": "ERROR", "status": 11, "req": m["req"], "task": m["task"], "which": "disk", "retry_ms": 300})
            else:
                b.say(who, delivery(m["task"], b"x"))

        b.on = on
        c = await self.client(b.url)
        held: list[str] = []
        await c.prove(**TASK, on_progress=lambda p: held.append(p.held))
        self.assertGreaterEqual(at[1] - at[0], 0.29)
        self.assertTrue(any("too little free disk" in s and "(disk)" in s for s in held), held)
        at.clear()
        with self.assertRaises(provost.BusyError) as caught:
            await c.prove(**TASK, when_busy="fail")
        self.assertTrue(caught.exception.retryable)

    async def test_a_wait_at_a_limit_that_lasts_ends_as_busy_with_its_sentence(self) -> None:
        b = await self.broker()
        b.on = lambda who, m: m["type"] == "SUBMIT" and b.say(
            who, {"type": "ERROR", "status": 11, "req": m["req"], "task": m["task"], "which": "queued_tasks", "retry_ms": 5000})
        c = await self.client(b.url)
        with self.assertRaisesRegex(provost.BusyError, "queued_tasks"):
            await c.prove(**TASK, timeout=0.4)

    async def test_a_deadline_travels_as_a_duration_where_the_broker_reads_that(self) -> None:
        for terms, key in (({"deadline_in": True}, "deadline_in_ms"), ({}, "deadline")):
            b = await self.broker(terms=terms)
            self.delivers(b, b"x")
            c = await self.client(b.url)
            moment = time.time() + 60
            await c.prove(**TASK, deadline=moment)
            said = b.of("SUBMIT")[0]
            self.assertEqual({"deadline_in_ms", "deadline"} & said.keys(), {key})
            left = said["deadline_in_ms"] if terms else said["deadline"] - time.time() * 1000
            self.assertTrue(50_000 < left <= 60_000, left)

    async def test_a_clock_that_is_set_while_the_client_waits_for_its_broker_changes_no_deadline(self) -> None:
        b = await self.broker(terms={"deadline_in": True})
        self.delivers(b, b"x")
        c = await self.client(b.url)
        await b.close()
        proved = asyncio.create_task(c.prove(**TASK, deadline=time.time() + 60))
        await asyncio.sleep(0.01)
        real = time.time
        with unittest.mock.patch("time.time", lambda: real() + 3600):
            await b.open()
            await proved
        self.assertGreater(b.of("SUBMIT")[0]["deadline_in_ms"], 40_000)


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
        if m["type"] == "SUBMIT":
            b.say(who, delivery(m["task"], bytes(1000), inline=False))
        if m["type"] == "CREDIT":
            b.say(who, {"type": "CHUNK", "kind": "result", "task": m["task"], "offset": 0, "payload": bytes(1000)})
        return True

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
