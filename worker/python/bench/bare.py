#!/usr/bin/env python3
"""What pyzmq, msgpack and the two digests alone cost for the messages of speed.py: one thread, no client, nothing checked, nothing survives.

bare.py URL BYTES TASKS     prints the line of speed.py
"""
from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from typing import Any

import msgpack
import zmq

IN_FLIGHT = 64
HELLO, WELCOME, HEARTBEAT, SUBMIT, DELIVER, ACK = 1, 2, 3, 10, 16, 17


class Bare:
    def __init__(self, url: str) -> None:
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect(url)
        self.reqs = 0
        self.say(HELLO, {
            "epoch": 0, "name": "bare", "role": "client", "session": os.urandom(16), "software": "bare", "vmax": 1, "vmin": 1})
        if self.hear()[0] != WELCOME:
            raise SystemExit("not welcome")

    def say(self, kind: int, body: dict[str, Any], payload: bytes | None = None) -> None:
        send = self.socket.send
        send(bytes((0x50, 0x56, 1, kind)), zmq.SNDMORE)
        send(msgpack.packb(body), 0 if payload is None else zmq.SNDMORE)
        if payload is not None:
            send(payload)

    def hear(self) -> tuple[int, dict[str, Any], bytes]:
        frames = [self.socket.recv()]
        while self.socket.getsockopt(zmq.RCVMORE):
            frames.append(self.socket.recv())
        body: dict[str, Any] = msgpack.unpackb(frames[1])
        return frames[0][3], body, frames[2] if len(frames) > 2 else b""

    def submit(self, data: bytes) -> None:
        self.reqs += 1
        self.say(SUBMIT, {
            "req": self.reqs, "task": os.urandom(16), "queue": "echo", "circuit": "any", "length": len(data),
            "sha256": hashlib.sha256(data).digest()}, data)

    def run(self, base: bytes, tasks: int) -> None:
        said = done = 0
        while done < tasks:
            while said < tasks and said - done < IN_FLIGHT:
                self.submit(said.to_bytes(4, "little") + base)
                said += 1
            kind, body, data = self.hear()
            if kind == DELIVER:
                if hashlib.sha256(data).digest() != body["sha256"]:
                    raise SystemExit("damaged")
                self.say(ACK, {"task": body["task"], "generation": body["generation"]})
                done += 1


def main() -> None:
    url, size, tasks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bare = Bare(url)
    base = os.urandom(size - 4)
    bare.run(base, IN_FLIGHT)
    cpu, began = time.process_time(), time.perf_counter()
    bare.run(base[::-1], tasks)
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    print(json.dumps({
        "which": "bare", "bytes": size, "tasks": tasks, "per_second": round(tasks / seconds), "cpu_us_per_task": round(cpu * 1e6 / tasks)}), flush=True)


main()
