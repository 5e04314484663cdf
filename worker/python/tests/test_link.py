"""The connection: hello, heartbeats, back-off, several brokers, epochs, and what is said again after a reconnect."""
from __future__ import annotations

import asyncio
import json
import time
import unittest
import unittest.mock

from fake_broker import FakeBroker, poll
from link_case import ID, TASK, LinkCase, delivery
from places import DATA

import provost
from provost.wire.codec import Message
from provost.wire.wire_lists import Row


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
        b.on = lambda who, m: self.accepts(b, who, m) and m["type"] in ("SUBMIT", "ATTACH") and b.say(who, delivery(m["task"], m["type"].encode()))
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
            elif self.accepts(b, who, m) and m["type"] == "SUBMIT":
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

    async def test_a_standby_points_at_the_active_broker_and_one_that_was_active_is_left_at_once(self) -> None:
        standby, after, active = await self.broker(welcomes=False), await self.broker(), await self.broker()
        rows: list[Row] = [{"endpoint": "tcp://192.0.2.1:1"}, {"endpoint": active.url}]
        standby.on = lambda who, m: m["type"] == "HELLO" and standby.say(who, {"type": "ERROR", "status": 27, "endpoints": rows})
        c = await self.client(standby.url, after.url, active.url)
        self.assertEqual(c.connection.endpoint, active.url)
        self.assertEqual(after.of("HELLO"), [])
        active.say(active.heard[0][0], {"type": "DISCONNECT", "status": 27, "endpoints": [{"endpoint": after.url}]})
        await poll("the next one", 5, lambda: bool(after.of("HELLO")))
        self.assertEqual(len(active.of("HELLO")), 1)

    async def test_two_standbys_that_point_at_one_another_are_not_followed_for_ever(self) -> None:
        brokers = [await self.broker(welcomes=False) for _ in range(3)]

        def points(b: FakeBroker, to: FakeBroker) -> None:
            b.on = lambda who, m: m["type"] == "HELLO" and b.say(who, {"type": "ERROR", "status": 27, "endpoints": [{"endpoint": to.url}]})

        for b, to in zip(brokers, (brokers[2], brokers[0], brokers[0])):
            points(b, to)
        c = await self.client(*(b.url for b in brokers), connect_timeout=0, reconnect_min=0.1, reconnect_max=0.1)
        await poll("all are asked", 5, lambda: bool(brokers[1].of("HELLO")))
        self.assertEqual(c.connection.code, "standby")
        self.assertLessEqual(len(brokers[0].of("HELLO")), 2)

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
        self.accepts(b, b.who(), b.of("SUBMIT")[-1])
        for message in (delivery(ID, b"x"), fetch):
            b.say(b.who(), message)
        self.assertEqual(((await proved).bytes, (await fetched).bytes), (b"x", b"y"))

    async def test_a_large_result_goes_on_where_it_was_cut(self) -> None:
        b = await self.broker(terms={"window": 1000, "chunk_max": 500})
        data = bytes(range(250)) * 20
        credits: list[int] = []

        def on(who: bytes, m: Message) -> None:
            if self.accepts(b, who, m) and m["type"] in ("SUBMIT", "ATTACH"):
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
                self.accepts(b, who, m)
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

if __name__ == "__main__":
    unittest.main()
