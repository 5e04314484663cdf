"""Keeps a broker busy as a client and a prover: small and large inputs and results, every kind of sync, failures, cancels,
revivals. Some of it is acknowledged, none of it goes (the broker keeps what is over)."""
import hashlib
import time

import pack
import zmtp

INLINE_MAX, CHUNK, SLOTS, AT_ONCE = 65536, 100000, 16, 24


class Peer:
    def __init__(self, endpoint, rng, **hello):
        self.stream, self.req = zmtp.dial(endpoint), 0
        self.send("HELLO", session=rng.randbytes(16), software="load", vmin=1, vmax=1, epoch=0, **hello)
        while self.receive(10)[0] != "WELCOME":
            pass

    def send(self, kind, payload=None, /, **body):
        frames = [pack.head(kind), pack.pack(body)]
        self.stream.send(frames if payload is None else frames + [payload])

    def ask(self, kind, payload=None, /, **body):
        self.req += 1
        self.send(kind, payload, req=self.req, **body)

    def receive(self, seconds):
        frames = self.stream.receive(seconds)
        if frames is None:
            return None
        return pack.name_of(frames), pack.unpack(frames[1]), frames[2] if len(frames) > 2 else b""

    def chunks(self, credit, data, /, **what):
        at, end = credit["offset"], min(len(data), credit["offset"] + credit["bytes"])
        while at < end:
            piece = data[at:min(end, at + CHUNK)]
            self.send("CHUNK", piece, offset=at, **what)
            at += len(piece)


def submission(data):
    return {"length": len(data), "sha256": hashlib.sha256(data).digest()}


def inline(data):
    return data if len(data) <= INLINE_MAX else None


class Client:
    def __init__(self, endpoint, rng, pool):
        self.peer, self.rng, self.pool = Peer(endpoint, rng, role="client", name="load"), rng, pool
        self.inputs, self.live, self.over = {}, set(), 0

    def submit(self, task=None, **more):
        rng = self.rng
        data = rng.choice(self.pool) if rng.random() < 0.35 else rng.randbytes(rng.randrange(2000))
        queue = rng.choice("ggggao")
        task = task or rng.randbytes(15) + queue.encode()
        data = self.inputs.setdefault(task, data)
        self.live.add(task)
        self.peer.ask("SUBMIT", inline(data), task=task, queue=chr(task[15]), circuit="c", **submission(data), **more)

    def turn(self):
        while len(self.live) < AT_ONCE:
            self.submit()
        while m := self.peer.receive(0.001):
            self.hear(*m)
        self.peer.send("HEARTBEAT")

    def hear(self, kind, m, _):
        task = m.get("task")
        if kind == "CREDIT" and task in self.inputs:
            self.peer.chunks(m, self.inputs[task], kind="input", task=task)
        elif kind == "SUBMIT_OK" and self.rng.random() < 0.06:
            self.peer.ask("CANCEL", task=task)
        elif kind == "DELIVER":
            self.over += 1
            self.live.discard(task)
            if self.rng.random() < 0.5:
                self.peer.send("ACK", task=task, generation=m["generation"])
            elif m["state"] in ("dead", "cancelled"):
                self.submit(task, revive=True)
        elif kind in ("CANCELLED", "ERROR"):
            self.live.discard(task)


class Prover:
    def __init__(self, endpoint, rng, pool):
        self.rng, self.pool, self.inputs, self.results = rng, pool, {}, {}
        self.peer = Peer(endpoint, rng, role="prover", name="p", queues=["g", "a", "o"], circuits=[], slots=SLOTS, prefetch=0)
        self.peer.send("READY", credit=SLOTS)

    def finish(self, token, offer):
        rng = self.rng
        if rng.random() < 0.06:
            self.peer.send("FAIL", task=offer["task"], token=token, status=1, failure="permanent")
            return
        data = rng.choice(self.pool) if rng.random() < 0.35 else rng.randbytes(rng.randrange(1, 3000))
        self.results[tuple(token)] = data
        self.peer.send("RESULT", inline(data), task=offer["task"], token=token, input=offer["sha256"], measured_ms=5,
                       **submission(data))

    def turn(self):
        while m := self.peer.receive(0.001):
            self.hear(*m)
        self.peer.send("HEARTBEAT")

    def hear(self, kind, m, payload):
        token = m.get("token")
        key = token and tuple(token)
        if kind == "OFFER":
            self.peer.send("STARTED", token=token)
            if m["length"] <= INLINE_MAX:
                self.finish(token, m)
                return
            self.inputs[key] = [m, 0]
            self.peer.send("CREDIT", kind="input", task=m["task"], token=token, offset=0, bytes=m["length"])
        elif kind == "CHUNK" and key in self.inputs:
            self.inputs[key][1] += len(payload)
            if self.inputs[key][1] >= self.inputs[key][0]["length"]:
                self.finish(token, self.inputs.pop(key)[0])
        elif kind == "CREDIT" and key in self.results:
            self.peer.chunks(m, self.results[key], kind="result", task=m["task"], token=token)
        elif kind == "REVOKE":
            self.peer.send("REVOKED", token=token)
        if kind in ("RESULT_OK", "REVOKE"):
            self.peer.send("READY", credit=SLOTS)


def run(endpoint, seconds, rng):
    """How many tasks were over."""
    pool = [rng.randbytes(rng.randrange(70000, 200000)) for _ in range(6)]
    client, prover, end = Client(endpoint, rng, pool), Prover(endpoint, rng, pool), time.monotonic() + seconds
    while time.monotonic() < end:
        client.turn()
        prover.turn()
    return client.over
