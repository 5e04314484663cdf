#!/usr/bin/env python3
"""Echo tasks, 64 in flight: tasks a second and processor time a task of this process. Prints one line of JSON.

speed.py provost URL BYTES TASKS     a broker with a queue "echo" and provers that serve it with the handler echo
speed.py blocking URL BYTES TASKS    the same by the blocking client, from 64 threads
speed.py libprovost URL BYTES TASKS  the same by libprovost: `provost bench` of the build that PROVOST_BUILD names, its start included
speed.py pika PORT BYTES TASKS       RabbitMQ on this machine: a durable classic queue, persistent, confirms, direct reply-to (Debian: python3-pika);
                                     eight consumers in a process of their own (speed.py consumers PORT)

compare.sh runs them by turns and takes medians of three.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

IN_FLIGHT = 64
Call = Callable[[bytes], Awaitable[int]]


async def measure(which: str, call: Call, size: int, tasks: int) -> None:
    base = os.urandom(size - 4)
    left = iter(range(tasks))

    async def worker() -> None:
        for i in left:
            if await call(i.to_bytes(4, "little") + base) != size:  # each input is another one
                raise AssertionError("another length came back")

    for i in range(IN_FLIGHT):
        await call(b"warm" + base)
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    say(which, size, tasks, time.perf_counter() - began, time.process_time() - cpu)


def say(which: str, size: int, tasks: int, seconds: float, cpu: float) -> None:
    print(json.dumps({
        "which": which, "bytes": size, "tasks": tasks, "per_second": round(tasks / seconds), "cpu_us_per_task": round(cpu * 1e6 / tasks)}), flush=True)


async def provost_(url: str, size: int, tasks: int) -> None:
    import provost

    async with provost.connect(url, insecure=True, name="bench") as client:
        async def call(data: bytes) -> int:
            return len((await client.prove(queue="echo", circuit="any", witness=data)).bytes)

        await measure("provost", call, size, tasks)


def blocking(url: str, size: int, tasks: int) -> None:
    import provost.blocking

    base = os.urandom(size - 4)
    with provost.blocking.connect(url, insecure=True, name="bench") as client, concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as pool:
        def call(i: int) -> int:
            return len(client.prove(queue="echo", circuit="any", witness=i.to_bytes(4, "little") + base).bytes)

        cpu, began = time.process_time(), time.perf_counter()
        assert set(pool.map(call, range(tasks))) == {size}
        say("blocking", size, tasks, time.perf_counter() - began, time.process_time() - cpu)


def libprovost(url: str, size: int, tasks: int) -> None:
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(
        [os.environ["PROVOST_BUILD"] + "/worker/cli/provost", "bench", "--broker", url, "--insecure", "--queue", "echo", "--circuit", "any",
         f"--bytes={size}", f"--count={tasks}", f"--inflight={IN_FLIGHT}", "--output=json"], check=True, capture_output=True).stdout
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = float(json.loads(said)["seconds"])
    say("libprovost", size, tasks, seconds, used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime)


class Rabbit:
    """RPC by pika's asyncio connection: the way of pika that has 64 publishes and their confirms on their way at once."""

    def __init__(self, port: int) -> None:
        from pika import ConnectionParameters
        from pika.adapters.asyncio_connection import AsyncioConnection

        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting: dict[str, asyncio.Future[int]] = {}
        self.connection = AsyncioConnection(ConnectionParameters(port=port), on_open_callback=self.opened)
        self.channel: Any = None

    def opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self.channel_opened)

    def channel_opened(self, channel: Any) -> None:
        self.channel = channel
        channel.confirm_delivery(lambda frame: None)
        channel.queue_declare("echo", durable=True, callback=self.declared)

    def declared(self, frame: Any) -> None:
        self.channel.basic_consume("amq.rabbitmq.reply-to", self.replied, auto_ack=True, callback=lambda frame: self.ready.set_result(None))

    def replied(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self.waiting.pop(properties.correlation_id).set_result(len(body))

    async def call(self, data: bytes) -> int:
        from pika import BasicProperties

        id = uuid.uuid4().hex
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting[id] = answer
        self.channel.basic_publish("", "echo", data, BasicProperties(
            delivery_mode=2, correlation_id=id, reply_to="amq.rabbitmq.reply-to"))
        return await answer


async def rabbit(port: int, size: int, tasks: int) -> None:
    made = Rabbit(port)
    await made.ready
    await measure("pika", made.call, size, tasks)


def consumers(port: int) -> None:
    import pika

    connection = pika.SelectConnection(pika.ConnectionParameters(port=port), on_open_callback=lambda c: [
        c.channel(on_open_callback=consume) for _ in range(8)])
    connection.ioloop.start()


def consume(channel: Any) -> None:
    import pika

    def echo(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        channel.basic_publish("", properties.reply_to, body, pika.BasicProperties(correlation_id=properties.correlation_id))
        channel.basic_ack(method.delivery_tag)

    channel.basic_qos(prefetch_count=1)
    channel.queue_declare("echo", durable=True, callback=lambda frame: channel.basic_consume("echo", echo))


def main() -> None:
    which, where, *rest = sys.argv[1:]
    size, tasks = (int(word) for word in rest or ("1024", "2000"))
    if which == "provost":
        asyncio.run(provost_(where, size, tasks))
    elif which == "blocking":
        blocking(where, size, tasks)
    elif which == "libprovost":
        libprovost(where, size, tasks)
    elif which == "pika":
        asyncio.run(rabbit(int(where), size, tasks))
    else:
        consumers(int(where))


main()
