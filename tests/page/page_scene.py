"""A broker with a fleet of raw peers, for whoever looks at it over HTTP: tasks in every state, provers in every state, and texts of peers
that would be HTML if somebody let them.

As a program it sets the scene, prints {"url", "admin", "read", ...} as one line of JSON, and stays until its standard input ends:
    page_scene.py [--provers N] [--tasks N]
"""
import argparse
import hashlib
import json
import os
import re
import selectors
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "compat"))
import pack  # noqa: E402
import zmtp  # noqa: E402
from programs import Programs, until  # noqa: E402

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> \u202e\x1b[31m & \"quoted\""
HOSTILE = HOSTILE.replace("\x1b", "")  # the protocol itself refuses controls
ADMIN, READ = "admin-token-of-the-page-scene", "read-token-of-the-page-scene"
PHASES = ["load-key", "witness", "ntt", "msm-a", "msm-b", "check"]


class Peer:
    """A raw peer: HELLO, and what it was told."""

    def __init__(self, endpoint, role, name, **hello):
        self.stream, self.name = zmtp.dial(endpoint), name
        self.say("HELLO", role=role, name=name, session=os.urandom(16), vmin=1, vmax=1, epoch=0,
                 **{"software": "page-scene 1", **hello})
        self.welcome = self.wait("WELCOME")

    def say(self, kind, payload=None, **body):
        self.stream.send([pack.head(kind), pack.pack(body)] + ([payload] if payload is not None else []))

    def hear(self, seconds=0.001):
        frames = self.stream.receive(seconds)
        return frames and (pack.name_of(frames), pack.unpack(frames[1]), frames[2] if len(frames) > 2 else None)

    def wait(self, *kinds):
        """The next message of these kinds; others are dropped."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            heard = self.hear(0.5)
            if heard and heard[0] in kinds:
                return heard[1]
            if heard and heard[0] == "ERROR" and "ERROR" not in kinds:
                raise AssertionError(f"{self.name}: {heard[1]}")
        raise AssertionError(f"{self.name} waited in vain for {kinds}")


class Client(Peer):
    def __init__(self, endpoint, name="shop"):
        super().__init__(endpoint, "client", name)
        self.req = 0

    def submit_only(self, queue, circuit, **more):
        self.req += 1
        task, data = os.urandom(16), os.urandom(8)
        self.say("SUBMIT", data, req=self.req, task=task, queue=queue, circuit=circuit, length=len(data),
                 sha256=hashlib.sha256(data).digest(), **more)
        return task.hex()

    def submit(self, queue, circuit, **more):
        task = self.submit_only(queue, circuit, **more)
        self.wait("SUBMIT_OK")
        return task


class Prover(Peer):
    """What it does with a task is said by the circuit: done, poison (fails for good), flaky (fails and may be tried again), proved (takes its
    time), or else it stays at it, phase by phase."""

    def __init__(self, endpoint, name, queues, circuits, slots=1, every=1.5, **hello):
        listed = [{"circuit": c, "warm": True} for c in circuits]
        super().__init__(endpoint, "prover", name, queues=queues, circuits=listed, slots=slots, prefetch=0, **hello)
        self.held, self.slots, self.beat, self.every = {}, slots, 0.0, every
        self.say("READY", credit=slots, warm=[])

    def _free(self):
        self.say("READY", credit=self.slots - len(self.held), warm=[])

    def _offer(self, m):
        token = m["token"]
        self.say("STARTED", token=token)
        self.say("PROGRESS", token=token, percent=10, phase=PHASES[0])
        if m["circuit"].startswith("poison"):
            self.say("FAIL", task=m["task"], token=token, status=64, failure="permanent", text=HOSTILE)
        elif m["circuit"].startswith("flaky"):
            self.say("FAIL", task=m["task"], token=token, status=44, failure="retryable", text="out of memory, " + HOSTILE)
        elif m["circuit"].startswith("done"):
            for i, phase in enumerate(PHASES[1:]):
                self.say("PROGRESS", token=token, percent=20 + 15 * i, phase=phase)
            self._proved(m)
        else:
            self.held[tuple(token)] = [m, time.monotonic(), 0]
            return
        self._free()

    def _proved(self, m):
        data = b"proof of " + m["task"]
        self.say("RESULT", data, task=m["task"], token=m["token"], length=len(data), sha256=hashlib.sha256(data).digest(), input=m["sha256"],
                 measured_ms=1234)

    def _go_on(self, now):
        """Those that take their time: a phase takes 0.2 s and more, as it does."""
        for token, at in list(self.held.items()):
            if not at[0]["circuit"].startswith("proved"):
                continue
            phase = sum(now - at[1] > x for x in (0.25, 0.4, 0.9, 1.3, 1.9, 2.1))
            if phase == len(PHASES):
                del self.held[token]
                self._proved(at[0])
                self._free()
            elif phase > at[2]:
                at[2] = phase
                self.say("PROGRESS", token=list(token), percent=15 * phase, phase=PHASES[phase])

    def _stop(self, token):
        self.held.pop(tuple(token), None)
        self.say("REVOKED", token=token)
        self._free()

    def turn(self):
        """Takes what came, and beats."""
        while heard := self.hear():
            kind, m, _ = heard
            if kind == "OFFER":
                self._offer(m)
            elif kind in ("REVOKE", "RECALL"):
                self._stop(m["token"])
        now = time.monotonic()
        self._go_on(now)
        if now - self.beat > self.every:
            self.beat = now
            held = []
            for token, at in self.held.items():
                if at[0]["circuit"].startswith("proved"):
                    held.append({"token": list(token)})
                    continue
                at[2] += 1
                held.append({"token": list(token), "phase": PHASES[at[2] // 2 % len(PHASES)], "percent": at[2] % 100})
            self.say("HEARTBEAT", held=held)


class Fleet:
    """Raw provers, on a thread of their own."""

    def __init__(self):
        self.provers, self.lock, self.stop = [], threading.Lock(), False
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, *arguments, **more):
        p = Prover(*arguments, **more)
        with self.lock:
            self.provers.append(p)
        return p

    def _run(self):
        while not self.stop:
            with self.lock:
                provers = list(self.provers)
            ready = selectors.DefaultSelector()
            for p in provers:
                ready.register(p.stream.sock, selectors.EVENT_READ, p)
            due = {key.data for key, _ in ready.select(0.1)} if provers else set()
            ready.close()
            now = time.monotonic()
            for p in provers:
                timed = any(at[0]["circuit"].startswith("proved") for at in p.held.values())
                if p in due or p.stream.waiting or timed or now - p.beat > p.every:
                    try:
                        p.turn()
                    except zmtp.Closed:
                        with self.lock:
                            self.provers.remove(p)
            if not provers:
                time.sleep(0.05)


def token_file(p, name, token, mode=0o600):
    path = p.path(name)
    with open(path, "w", encoding="ascii") as f:
        f.write(token + "\n")
    os.chmod(path, mode)
    return path


class Scene:
    """The broker, and the words to ask it."""

    def __init__(self, *more, admin=True, read=False, http="127.0.0.1:0", environment=None, keys=False):
        self.p = Programs(os.environ["PV_BUILD"])
        self.p.environment.update(environment or {})
        arguments = [*(self.keys() if keys else ["--insecure"]), "--queue", "outer", "--queue", "inner", "--queue", "held", "--http", http, "--log-level", "info"]
        if admin:
            arguments += ["--http-admin-token", token_file(self.p, "admin.token", ADMIN)]
        if read:
            arguments += ["--http-read-token", token_file(self.p, "read.token", READ)]
        self.broker = self.p.broker([*arguments, *more], self.p.path("state"))
        until("HTTP", lambda: "http.listening" in self.log())
        self.port = int(re.search(r"http.listening port=(\d+)", self.log())[1])
        self.fleet = Fleet()

    def keys(self):
        """alice and bob are clients; each says who it is with person(). The broker's arguments."""
        os.mkdir(self.p.path("keys"), 0o700)
        self.p.key_gen("keys/broker")
        with open(self.p.path("keys", "authorized_keys.yaml"), "w", encoding="ascii") as f:
            f.write("keys:\n")
            for name in ("alice", "bob"):
                f.write(f'  - name: {name}\n    key: "{self.p.key_gen("keys/" + name)}"\n    roles: [client]\n')
        return ["--key", "keys/broker", "--authorized-keys", "keys/authorized_keys.yaml"]

    def person(self, name):
        self.p.security = ["--key", f"keys/{name}", "--server-key", "keys/broker.pub"]

    def log(self):
        with open(self.p.path("broker.log"), encoding="utf-8") as f:
            return f.read()

    def play(self):
        """Tasks and provers in every state. The ids of some, by what they are."""
        e, ids = self.p.endpoint, {}
        client = Client(e)
        for name, slots in (("gpu-a", 4), ("gpu-b", 2)):
            self.fleet.add(e, name, ["outer", "inner"], ["membership", "keccak", "done", "flaky", "poison", "proved"], slots=slots,
                           software="prover <b>1</b>")
        self.fleet.add(e, "gpu-idle", ["inner"], ["other"], slots=3)
        drained = self.fleet.add(e, "gpu-drain", ["inner"], ["other"], slots=2)
        drained.say("DRAIN")
        ids["dead"] = client.submit("outer", "poison")
        ids["done"] = [client.submit("outer", "done", group="batch-1") for _ in range(12)][0]
        client.submit("outer", "poison")
        for _ in range(2):  # or both provers would be put into quarantine
            client.submit("outer", "done")
        ids["running"] = client.submit("outer", "membership", priority=7)
        for i in range(4):
            client.submit("outer", "keccak" if i % 2 else "membership")
        ids["queued"] = client.submit("held", "membership")
        for _ in range(20):
            client.submit("held", "membership")
        ids["delayed"] = client.submit("inner", "flaky")
        self.client = client
        return ids

    def live(self):
        """A task every now and then, for as long as it lasts: for pictures."""
        e = self.p.endpoint
        self.fleet.add(e, "gpu-c", ["outer"], ["proved"], slots=6)
        client, n = Client(e, "web"), 0
        while not self.fleet.stop:
            n += 1
            client.submit("outer", "proved" if n % 11 else "flaky")
            time.sleep(0.15 + 0.5 * abs((n % 80) - 40) / 40)

    def close(self):
        self.fleet.stop = True
        self.p.close()


def crowd(scene, provers, tasks):
    """Many of both: each prover busy with one task, the others wait."""
    e = scene.p.endpoint
    for i in range(provers):
        scene.fleet.add(e, f"node-{i:04d}", ["outer"], [f"circuit-{i % 7}"], slots=1, every=3 + i % 3)
    client = Client(e, "crowd")
    for i in range(tasks):
        client.submit_only("outer", f"circuit-{i % 7}")
        while i % 64 == 63 and client.hear():
            pass
    end = time.monotonic() + 300
    while client.req and time.monotonic() < end:
        heard = client.hear(1)
        if heard and heard[0] == "SUBMIT_OK" and heard[1]["req"] == client.req:
            return


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--provers", type=int, default=0)
    a.add_argument("--tasks", type=int, default=0)
    a.add_argument("--alive", action="store_true")
    a.add_argument("--read", action="store_true", help="reads need a token")
    a = a.parse_args()
    scene = Scene("--connections-max", str(max(100, 2 * a.provers)), read=a.read)
    ids = scene.play()
    if a.provers or a.tasks:
        crowd(scene, a.provers, a.tasks)
    ids["story"] = Client(scene.p.endpoint, "shop-2").submit("outer", "proved", group="batch-1") if not a.provers else None
    if a.alive:
        threading.Thread(target=scene.live, daemon=True).start()
    time.sleep(1.5)
    print(json.dumps({"url": f"http://127.0.0.1:{scene.port}", "admin": ADMIN, "read": READ, "hostile": HOSTILE, "pid": scene.broker.pid, **ids}), flush=True)
    sys.stdin.read()
    scene.close()


if __name__ == "__main__":
    main()
