"""A broker that says things without end while the caller's thread is busy: what is held is bounded, and the newest wins."""
from __future__ import annotations

import asyncio
import threading
import time
import unittest
import unittest.mock
from collections.abc import Callable
from typing import Any

import zmq
from fake_broker import TERMS, poll
from link_case import ID, delivery

import provost
import provost.blocking
from provost.core import Core
from provost.io.dealer import REPLIES_MOST
from provost.io.letterbox import Letterbox, Tidings
from provost.io.tidings import End, Progress
from provost.wire.codec import Message, Token, decode, encode

FLOOD = 20_000
QUESTIONS = 100


class ThreadBroker:
    """A broker in a thread of its own, so that it speaks while the event loop stands still. flood: what it says once a task is accepted; then it
    waits until the client has read all of it."""

    def __init__(self, flood: Callable[[int], Message]) -> None:
        self.read = threading.Event()
        self.asked = threading.Event()
        self._ended = threading.Event()
        self.reads = threading.Event()  # cleared: it says things, and reads nothing
        self.reads.set()
        self.hellos = 0
        self._who = b""
        self._flood = flood
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RCVHWM, 8)
        self.url = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def _say(self, who: bytes, message: Message) -> None:
        self._socket.send_multipart([who, *map(bytes, encode("down", message))])

    def _main(self) -> None:
        while not self._ended.is_set():
            if not self.reads.is_set():
                self._harass()
            elif self._socket.poll(50):
                who, *frames = self._socket.recv_multipart()
                self._take(who, decode("up", frames))
        self._context.destroy(0)

    def _harass(self) -> None:
        for number in range(100):
            self._say(self._who, {"type": "REVOKE", "token": Token(1, number), "status": 31})
        self._say(self._who, {"type": "HEARTBEAT", "epoch": 1})
        time.sleep(0.02)

    def _welcome(self) -> Message:
        welcome: Message = {"type": "WELCOME", "epoch": 1}
        welcome.update(TERMS)
        return welcome

    def _take(self, who: bytes, m: Message) -> None:
        kind = m["type"]
        if kind == "HELLO":
            self.hellos += 1
            self._who = who
            self._say(who, self._welcome())
        if kind == "HEARTBEAT":
            self._say(who, {"type": "HEARTBEAT", "epoch": 1})
        if kind == "SUBMIT" and m["task"] == ID:
            self._say(who, {"type": "SUBMIT_OK", "req": m["req"], "task": ID, "state": "queued", "generation": 1})
            self.asked.wait(10)
            for number in range(FLOOD + 1):
                self._say(who, self._flood(number))
            self._say(who, {"type": "REVOKE", "token": Token(1, 7), "status": 31})  # it is answered once all before it is read
        if kind == "REVOKED":
            self._say(who, delivery(ID, b"x"))
            self.read.set()

    def end(self) -> None:
        self._ended.set()
        self.asked.set()
        self._thread.join(10)


def task(number: int) -> Message:
    return {
        "type": "TASK", "req": 0, "task": ID, "state": "queued", "generation": 1, "status": 0, "queue": "q", "circuit": "c", "length": 1,
        "sha256": "0" * 64, "created": 1, "changed": 1, "position": number,
    }


def progress(number: int) -> Message:
    return {"type": "PROGRESS", "token": Token(1, 1), "task": ID, "percent": number % 100, "note": str(number)}


class Flood(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)

    def broker(self, flood: Callable[[int], Message]) -> ThreadBroker:
        made = ThreadBroker(flood)
        self.addCleanup(made.end)
        return made

    async def drowned(self, flood: Callable[[int], Message]) -> tuple[int, list[Progress]]:
        """How many tidings the caller's thread had to hear after it stood still during a flood, and the news among them."""
        b = self.broker(flood)
        heard: list[int] = []
        news: list[Progress] = []
        before = Core.hear

        def hear(core: Core, tidings: Tidings) -> None:
            heard.append(len(tidings))
            before(core, tidings)

        with unittest.mock.patch.object(Core, "hear", hear):
            async with provost.connect(b.url, insecure=True) as c:
                one = await c.submit(queue="q", circuit="c", witness=b"a", id=ID, on_progress=news.append)
                heard.clear()
                b.asked.set()
                self.assertTrue(b.read.wait(30), "the connection's thread goes on beside the loop")
                self.assertEqual((await one.result(timeout=10)).bytes, b"x")
        return sum(heard), news

    async def test_news_without_end_are_held_once_a_task_while_the_event_loop_stands_still(self) -> None:
        for flood in (task, progress):
            held, news = await self.drowned(flood)
            self.assertLessEqual(held, 4, "news of the task, its end")
            if flood is task:
                self.assertEqual(news[-1].position, FLOOD, "the newest")

    async def test_a_broker_that_asks_without_end_and_never_reads_is_owed_little_and_left_in_the_end(self) -> None:
        b = self.broker(task)
        tasks, witness = 1000, bytes(65536)  # more than the kernel and libzmq hold for a connection
        with unittest.mock.patch("provost.io.followed.ASK_AGAIN", 0.2), unittest.mock.patch("provost.io.question.RESEND", 0.2):
            async with provost.connect(b.url, insecure=True, wait_timeout=20, reconnect_min=0.02) as c:
                b.reads.clear()
                waiting = [asyncio.create_task(c.prove(queue="q", circuit="c", witness=witness)) for _ in range(tasks)]
                waiting_too = [asyncio.create_task(c.cancel("0" * 32)) for _ in range(QUESTIONS)]
                engine: Any = c._core.bridge
                dealer = engine._engine.link.dealer
                await poll("the end of what a connection holds", 10, lambda: dealer.blocked)
                await asyncio.sleep(1.5)
                self.assertLessEqual(len(dealer._queue), tasks + QUESTIONS + REPLIES_MOST, "each is asked once, and few replies wait")
                self.assertTrue(c.connection.connected)
                with unittest.mock.patch("provost.io.link.STUCK", 0.3):
                    await poll("the end of patience", 10, lambda: not c.connection.connected)
                    self.assertIn("does not read", c.connection.reason)
                    b.reads.set()
                    await poll("another hello", 10, lambda: b.hellos > 1)
                for one in (*waiting, *waiting_too):
                    one.cancel()

    def test_news_that_no_thread_waits_for_are_held_once_a_task(self) -> None:
        b = self.broker(task)
        b.asked.set()
        seen: list[int] = []
        with provost.blocking.connect(b.url, insecure=True) as c:
            one = c.submit(queue="q", circuit="c", witness=b"a", id=ID, on_progress=lambda p: seen.append(p.position))
            self.assertTrue(b.read.wait(30))
            self.assertEqual(one.result(timeout=10).bytes, b"x")
        self.assertLessEqual(len(seen), 2, "the newest when result() began to look, and perhaps one meanwhile")
        self.assertEqual(seen[-1:], [FLOOD])


class Letters(unittest.TestCase):
    def test_of_a_state_the_newest_is_held_and_of_all_else_everything(self) -> None:
        box = Letterbox()
        most = 1000
        told = [box.put([(key, "news", (Progress(position=n),))]) for n in range(3) for key in range(most)]
        self.assertEqual(told, [True] + [False] * (3 * most - 1), "who takes is woken once")
        self.assertEqual(len(box), most)
        box.put([(most, "news", (Progress(position=2),))])
        self.assertEqual(len(box), most + 1, "another task is not among them")
        box.put([(7, "over", (End("dead", 3, "", 1, "", 0),)), (7, "flushed", ()), (7, "flushed", ())])
        self.assertEqual(len(box), most + 4)
        taken = box.take()
        self.assertEqual({letter[2][0].position for letter in taken if letter[1] == "news"}, {2})
        self.assertEqual([letter[1] for letter in taken[-3:]], ["over", "flushed", "flushed"])
        self.assertEqual((len(box), box.put([(7, "news", (Progress(),))])), (0, True), "and back")

    def test_the_words_of_one_task_stay_in_their_order(self) -> None:
        box = Letterbox()
        box.put([(1, "news", ("queued",)), (2, "news", ("queued",)), (1, "news", ("running",)), (1, "over", ("end",)), (0, "link", ("up",))])
        box.put([(0, "link", ("down",)), (2, "news", ("running",))])
        self.assertEqual(list(box.take()), [
            (1, "news", ("running",)), (2, "news", ("running",)), (1, "over", ("end",)), (0, "link", ("down",))])


if __name__ == "__main__":
    unittest.main()
