#!/usr/bin/env python3
"""What is served is what openapi.json says, route by route and member by member; who may not ask is told so, bad requests get a sentence
and the right status, and nobody who misbehaves keeps the others.

    http_api.py [NAME...]        the names of the functions below that are told apart by `check_`
"""
import http.client
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time

import page_scene
from page_scene import ADMIN, READ, HOSTILE, Scene, token_file
from programs import until

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SPEC = json.load(open(os.path.join(ROOT, "broker/page/openapi.json"), encoding="utf-8"))
failures = []


def expect(what, ok, more=""):
    if not ok:
        failures.append(f"{what} {more}")
        print(f"not ok: {what} {more}")


def resolve(node):
    while "$ref" in node:
        at = SPEC
        for word in node["$ref"].removeprefix("#/").split("/"):
            at = at[word]
        node = at
    return node


KINDS = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "number": (int, float), "null": type(None)}


def is_a(value, kind):
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def faults(value, schema, at="$"):
    """Where a value is not what the schema says: the part of JSON Schema that openapi.json uses."""
    schema = resolve(schema)
    if "const" in schema and value != schema["const"]:
        return [f"{at} is {value!r}, not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is {value!r}, none of {schema['enum']}"]
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_a(value, k) for k in kinds):
            return [f"{at} is {value!r}, no {kinds}"]
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        return [f"{at} is {value!r}, not {schema['pattern']}"]
    if isinstance(value, list) and "items" in schema:
        return [f for i, v in enumerate(value) for f in faults(v, schema["items"], f"{at}[{i}]")]
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        found = [f"{at} lacks {k}" for k in schema.get("required", []) if k not in value]
        for k, v in value.items():
            if k in known or isinstance(more, dict):
                found += faults(v, known.get(k, more), f"{at}.{k}")
            elif more is False:
                found.append(f"{at}.{k} is not described")
        return found
    return []


def ask(scene, method, path, token=None, headers=None, body=None, seconds=15):
    c = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=seconds)
    all_headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    c.request(method, path, body=body, headers=all_headers)
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, r.getheader("Content-Type"), data, r


def described(method, path, status, kind, data):
    """Whether openapi.json has this answer, and its form is right."""
    operation = SPEC["paths"][path][method.lower()]
    answer = operation["responses"].get(str(status))
    expect(f"{method} {path}: {status} is described", answer is not None, data[:200])
    if answer is None:
        return
    content = resolve(answer)["content"]
    expect(f"{method} {path}: {kind} is described", kind in content, list(content))
    if kind == "application/json" and kind in content:
        wrong = faults(json.loads(data), content[kind]["schema"])
        expect(f"{method} {path} is as described", not wrong, wrong[:5])


def row(scene, task, **more):
    return json.loads(ask(scene, "GET", f"/v1/tasks/{task}")[2])["task"]


def check_routes_are_the_described_ones():
    text = open(os.path.join(ROOT, "broker/web/http_routes.h"), encoding="utf-8").read()
    routes = {(m, p) for m, p in re.findall(r'R\((GET|POST), "([^"]+)"', text)}
    said = {(m.upper(), p) for p, methods in SPEC["paths"].items() for m in methods}
    expect("routes and openapi.json have the same", routes == said, routes ^ said)


def check_everything_that_is_served_is_described():
    scene = Scene()
    try:
        ids = scene.play()
        until("the dead one", lambda: row(scene, ids["dead"])["state"] == "dead")
        until("the running one", lambda: row(scene, ids["running"])["state"] == "running")
        until("the done one", lambda: row(scene, ids["done"])["state"] == "succeeded")
        time.sleep(1.1)  # what is published each second
        words = {"{task}": ids["dead"], "{queue}": "inner", "{prover}": "gpu-idle"}
        for path, methods in SPEC["paths"].items():
            real = path
            for word, value in words.items():
                real = real.replace(word, value)
            for method in methods:
                status, kind, data, _ = ask(scene, method.upper(), real, ADMIN)
                expect(f"{method} {path} is served", status == 200, (status, data[:200]))
                described(method.upper(), path, status, kind, data)
        status, kind, data, r = ask(scene, "GET", "/openapi.json")
        expect("openapi.json is the file", status == 200 and json.loads(data) == SPEC)
        story_is_told(scene, ids)
        pages_follow(scene)
        writes_do_what_they_say(scene)
    finally:
        scene.close()


def story_is_told(scene, ids):
    story = json.loads(ask(scene, "GET", f"/v1/tasks/{ids['done']}")[2])
    moves = [m["to"] for m in story["moves"]]
    expect("the moves of a task", moves[-3:] == ["offered", "running", "succeeded"], moves)
    attempt = story["attempts"][-1]
    expect("its attempt", attempt["prover"] in ("gpu-a", "gpu-b") and attempt["outcome"] == "succeeded", attempt)
    expect("in order", attempt["offered"] <= attempt["started"] <= attempt["ended"], attempt)
    expect("its phases", [x["phase"] for x in attempt["phases"]] == page_scene.PHASES, attempt["phases"])
    dead = row(scene, ids["dead"])
    expect("a hostile text is text", dead["text"].startswith(HOSTILE), dead["text"])
    status = ask(scene, "GET", "/v1/tasks/" + "0" * 32)[0]
    expect("no such task", status == 404, status)
    status = ask(scene, "GET", f"/v1/tasks/{ids['done']}?principal=other")[0]
    expect("nobody else's", status == 404, status)


def pages_follow(scene):
    seen, path = [], "/v1/tasks?limit=7"
    for _ in range(30):
        page = json.loads(ask(scene, "GET", path)[2])
        seen += [(r["created"], r["task"]) for r in page["rows"]]
        if not page["next"]:
            break
        path = f"/v1/tasks?limit=7&after={page['next']}"
    expect("all tasks, once each", len(seen) == len(set(seen)) == 43, len(seen))
    expect("the newest first", [c for c, _ in seen] == sorted((c for c, _ in seen), reverse=True))
    oldest = json.loads(ask(scene, "GET", "/v1/tasks?limit=50&order=oldest")[2])["rows"]
    expect("or the oldest", [r["task"] for r in oldest] == [t for _, t in reversed(seen)])
    held = json.loads(ask(scene, "GET", "/v1/tasks?queue=held&state=queued&limit=3")[2])
    expect("filtered", len(held["rows"]) == 3 and all(r["queue"] == "held" for r in held["rows"]), held)
    provers = json.loads(ask(scene, "GET", "/v1/provers")[2])["rows"]
    at = {p["prover"]: [s["circuit"] for s in p["at"]] for p in provers}
    expect("what slots are at", sorted(at["gpu-a"] + at["gpu-b"]).count("membership") == 3 and at["gpu-idle"] == [], at)


def writes_do_what_they_say(scene):
    def write(path, want=200):
        status, _, data, _ = ask(scene, "POST", path, ADMIN)
        expect(f"POST {path}", status == want, (status, data))
        return json.loads(data)

    def queue(name):
        time.sleep(1.2)
        return [q for q in json.loads(ask(scene, "GET", "/v1/queues")[2])["rows"] if q["queue"] == name][0]

    write("/v1/queues/held/pause")
    expect("it is paused", queue("held")["paused"])
    write("/v1/queues/held/resume")
    expect("it is not", not queue("held")["paused"])
    write("/v1/queues/nothere/pause", 404)
    write("/v1/provers/nothere/drain", 404)
    task = scene.client.submit("held", "membership")
    expect("cancelled", write(f"/v1/tasks/{task}/cancel")["state"] == "cancelled")
    expect("kicked", write(f"/v1/tasks/{task}/kick")["state"] == "queued")
    write(f"/v1/tasks/{task}/kick", 409)
    write("/v1/tasks/" + "0" * 32 + "/cancel", 404)
    before = queue("held")["queued"]
    dry = write("/v1/queues/held/purge?dry=yes&states=queued")
    expect("a dry purge counts", dry["counts"]["queued"] == before == queue("held")["queued"] and dry["dry"], dry)
    done = write("/v1/queues/held/purge?states=queued")
    expect("a purge purges", done["counts"]["queued"] == before and queue("held")["queued"] == 0, done)
    events = json.loads(ask(scene, "GET", "/v1/events?queue=held")[2])["rows"]
    expect("it is in the journal", any(e["what"] == "paused" and e["text"] == "by http 127.0.0.1" for e in events))


def check_who_may_not_is_told_so():
    scene = Scene(read=True)
    try:
        for path, want in (("/livez", 200), ("/readyz", 200), ("/healthz", 200), ("/", 200), ("/page.js", 200), ("/metrics", 401),
                           ("/v1/queues", 401), ("/v1/scale/outer", 401), ("/v1/access", 401), ("/v1/events", 401)):
            status, _, data, r = ask(scene, "GET", path)
            expect(f"without a token {path}", status == want, (status, data[:100]))
            if want == 401:
                expect("it says how", r.getheader("WWW-Authenticate") == "Bearer")
        expect("the read token reads", ask(scene, "GET", "/v1/scale/outer", READ)[0] == 200)
        expect("and does not write", ask(scene, "POST", "/v1/queues/outer/pause", READ)[0] == 403)
        expect("the admin token does both", ask(scene, "GET", "/metrics", ADMIN)[0] == 200 and
               ask(scene, "POST", "/v1/queues/outer/resume", ADMIN)[0] == 200)
        expect("not in the URL", ask(scene, "GET", f"/v1/queues?token={READ}")[0] == 401)
        expect("not for another origin", ask(scene, "POST", "/v1/queues/outer/pause", ADMIN, {"Origin": "http://evil.example"})[0] == 403)
        expect("not under another name", ask(scene, "GET", "/v1/queues", ADMIN, {"Host": "evil.example"})[0] == 421)
        expect("health under any name", ask(scene, "GET", "/livez", None, {"Host": "evil.example"})[0] == 200)
        wrong = [ask(scene, "GET", "/v1/queues", f"wrong-token-number-{i:04d}")[0] for i in range(15)]
        expect("who guesses waits", wrong[:10] == [401] * 10 and 429 in wrong[10:], wrong)
        time.sleep(1.5)
        expect("and may again", ask(scene, "GET", "/v1/queues", READ)[0] == 200)
        log = scene.log()
        expect("no token in the log", ADMIN not in log and READ not in log and "wrong-token" not in log)
        changed(scene)
    finally:
        scene.close()


def changed(scene):
    """A token that is replaced, and a file that is not usable: HUP."""
    token_file(scene.p, "read.token", "another-token-0123456789")
    scene.broker.send_signal(signal.SIGHUP)
    until("the new token", lambda: ask(scene, "GET", "/v1/queues", "another-token-0123456789")[0] == 200)
    expect("the old one has ended", ask(scene, "GET", "/v1/queues", READ)[0] == 401)
    os.chmod(scene.p.path("read.token"), 0o644)
    scene.broker.send_signal(signal.SIGHUP)
    until("it is said", lambda: "http.unchanged" in scene.log() and "others than its owner may read it" in scene.log())
    time.sleep(1.5)  # for the wrong ones above
    expect("and what was in force is", ask(scene, "GET", "/v1/queues", "another-token-0123456789")[0] == 200)


def check_without_a_token_file_there_are_no_writes():
    scene = Scene(admin=False)
    try:
        for path, methods in SPEC["paths"].items():
            if "post" in methods:
                real = path.replace("{task}", "0" * 32).replace("{queue}", "outer").replace("{prover}", "p")
                expect(f"POST {path}", ask(scene, "POST", real, ADMIN)[0] == 404)
                expect(f"GET {path}", ask(scene, "GET", real)[0] == 404)
        expect("reads are open on loopback", ask(scene, "GET", "/v1/queues")[0] == 200)
    finally:
        scene.close()


def check_beyond_loopback_only_health_is_open():
    scene = Scene(admin=False, http="0.0.0.0:0")
    try:
        expect("health", ask(scene, "GET", "/livez")[0] == 200 and ask(scene, "GET", "/readyz")[0] == 200)
        status, _, data, _ = ask(scene, "GET", "/metrics")
        expect("metrics", status == 401 and b"http_read_token" in data, (status, data))
        expect("it is said at the start", "http.closed" in scene.log())
    finally:
        scene.close()


def raw(scene, data, seconds=12):
    s = socket.create_connection(("127.0.0.1", scene.port), 5)
    s.settimeout(seconds)
    got = b""
    try:
        s.sendall(data)
        while chunk := s.recv(65536):
            got += chunk
    except OSError:
        pass
    s.close()
    return got


def check_bad_requests_get_a_sentence():
    scene = Scene()
    h = "Host: localhost\r\n"
    try:
        for line, want in (("GET /v1/tasks?limit=0", 400), ("GET /v1/tasks?limit=201", 400), ("GET /v1/tasks?limit=1&limit=1", 400),
                           ("GET /v1/tasks?limit=x", 400), ("GET /v1/tasks?state=sleeping", 400), ("GET /v1/tasks?queue=a%20b", 400),
                           ("GET /v1/tasks?queue=%00", 400), ("GET /v1/tasks?order=up", 400), ("GET /v1/tasks?after=-1", 400),
                           ("GET /v1/tasks?after=99999999999999999999", 400), ("GET /v1/tasks/xyz", 400), ("GET /v1/scale/..", 404),
                           ("GET /v1/scale/%2e%2e%2fetc", 404), ("GET /v1/scale/" + "a" * 65, 400), ("GET //v1/tasks", 404), ("GET /v1/tasks/", 400),
                           ("GET /v1", 404), ("GET /../etc/passwd", 404), ("DELETE /v1/tasks", 405), ("POST /metrics", 405), ("PUT /", 405),
                           ("OPTIONS /v1/queues", 405), ("GET /v1/queues/outer/pause", 405), ("GET /v1/queues?x", 400),
                           ("GET /readyz?verbose=maybe", 400)):
            got = raw(scene, f"{line} HTTP/1.1\r\n{h}\r\n".encode())
            expect(line, got.startswith(f"HTTP/1.1 {want} ".encode()), got[:300])
            if want == 400:
                body = json.loads(got.split(b"\r\n\r\n", 1)[1])
                expect(f"{line} has a sentence", body["status"] == "usage" and len(body["text"]) > 10, body)
        auth = f"Authorization: Bearer {ADMIN}\r\n"
        for more, want in (("purge?states=none", 400), ("purge?age=long", 400), ("purge?dry=perhaps", 400), ("purge?states=", 400)):
            got = raw(scene, f"POST /v1/queues/outer/{more} HTTP/1.1\r\n{h}{auth}Content-Length: 0\r\n\r\n".encode())
            expect(more, got.startswith(f"HTTP/1.1 {want} ".encode()), got[:200])
        got = raw(scene, f"POST /v1/queues/outer/pause HTTP/1.1\r\n{h}{auth}Content-Length: 3\r\n\r\nabc".encode())
        expect("a body is refused", got.startswith(b"HTTP/1.1 400 "), got[:200])
        for bad in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 5000,
                    b"GET /v1/tasks HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                    b"POST /v1/queues HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                    b"GET /v1/queues HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + b"x" * 7000 + b"\r\n\r\n"):
            got = raw(scene, bad, 2)
            expect("nothing, or an answer", not got or got.startswith(b"HTTP/1."), got[:100])
        two = raw(scene, b"GET /v1/queues HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        expect("two names are refused", two.startswith(b"HTTP/1.1 400 "), two[:200])
        expect("it is served as before", ask(scene, "GET", "/v1/queues")[0] == 200)
    finally:
        scene.close()


def check_nobody_who_misbehaves_keeps_the_others():
    """A thousand connections that never finish their request, streams that nobody reads, wrong tokens: a scrape takes no longer."""
    scene = Scene()
    try:
        ids = scene.play()
        held = []
        event = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
        for i in range(40):
            s = socket.create_connection(("127.0.0.1", scene.port), 5)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(event)
            held.append(s)
        took = []
        for i in range(1000):
            s = socket.socket()
            s.setblocking(False)
            try:
                s.connect_ex(("127.0.0.1", scene.port))
            except OSError:
                pass
            held.append(s)
            if i % 4 == 0:
                try:
                    s.send(b"GET /metrics HTTP/1.1\r\nHost: lo")
                except OSError:
                    pass
            if i % 100 == 99:
                from_ = time.monotonic()
                expect("a scrape", ask(scene, "GET", "/metrics")[0] == 200)
                took.append(time.monotonic() - from_)
        expect("a scrape takes no longer", max(took) < 2, took)
        task = scene.client.submit("held", "membership")
        expect("the queue goes on", row(scene, task)["state"] == "queued" and row(scene, ids["queued"])["state"] == "queued")
        for s in held:
            s.close()
    finally:
        scene.close()


def check_events_come_as_they_happen():
    scene = Scene()
    heard = []
    try:
        def listen():
            c = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=20)
            c.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
            r = c.getresponse()
            heard.append(r.status)
            while line := r.readline():
                heard.append(line.decode().strip())
        threading.Thread(target=listen, daemon=True).start()
        until("the stream", lambda: heard)
        time.sleep(1.2)
        task = page_scene.Client(scene.p.endpoint).submit("outer", "membership")
        until("the event", lambda: any(task in str(x) for x in heard), 10)
        data = json.loads([x for x in heard if task in str(x)][0].removeprefix("data: "))
        wrong = faults(data, {"$ref": "#/components/schemas/Event"})
        expect("an event is as described", not wrong, wrong)
        now = json.loads([x for x in heard if str(x).startswith("data: {\"time\"")][-1].removeprefix("data: ")) if any(
            str(x).startswith("data: {\"time\"") for x in heard) else {}
        expect("an overview is as described", not (w := faults(now, {"$ref": "#/components/schemas/Now"})), w)
    finally:
        scene.close()


class HeldDisk:
    """A scene whose disk does what it is told: tests/support/drill/held_disk.c."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.control = os.path.join(self.folder.name, "disk")
        self.says("go")
        self.scene = Scene(environment={"LD_PRELOAD": os.environ["PV_HELD_DISK_PATH"], "PV_HELD_DISK": self.control})
        return self

    def __exit__(self, *why):
        self.scene.close()
        self.folder.cleanup()

    def says(self, word):
        with open(self.control + ".new", "w", encoding="ascii") as f:
            f.write(word)
        os.rename(self.control + ".new", self.control)


def check_a_write_is_answered_when_it_is_durable():
    """The disk holds the sync of its log, then fails it: nobody is told that it is done before it is, and reads go on meanwhile."""
    if "PV_HELD_DISK_PATH" not in os.environ:
        return  # a sanitizer's runtime wants to be the first library
    with HeldDisk() as disk:
        scene, heard = disk.scene, []
        task = page_scene.Client(scene.p.endpoint).submit("held", "membership")
        time.sleep(0.3)  # what was committed before is synced
        disk.says("log")
        cancel = ["POST", f"/v1/tasks/{task}/cancel", ADMIN]
        threading.Thread(target=lambda: heard.append(ask(scene, *cancel)), daemon=True).start()
        until("it is done", lambda: row(scene, task)["state"] == "cancelled")
        time.sleep(0.5)
        expect("nobody is told yet", not heard, heard)
        expect("reads go on", ask(scene, "GET", "/v1/queues")[0] == 200)
        disk.says("go")
        until("the answer", lambda: heard)
        expect("now it is told", heard[0][0] == 200 and json.loads(heard[0][2])["state"] == "cancelled", heard)
        disk.says("fail")
        status, _, data, _ = ask(scene, "POST", f"/v1/tasks/{task}/kick", ADMIN)
        expect("a store that fails is told", status == 503 and json.loads(data)["status"] == "store", (status, data))
        until("it is not ready", lambda: ask(scene, "GET", "/readyz")[0] == 503)
        expect("and so is the next", ask(scene, "POST", f"/v1/tasks/{task}/kick", ADMIN)[0] == 503)
        expect("reads go on still", row(scene, task)["task"] == task)


def check_after_a_full_disk_all_goes_on():
    """The core is made anew: streams go on, writes too, and what was asked of the old one is answered."""
    if "PV_HELD_DISK_PATH" not in os.environ:
        return
    with HeldDisk() as disk:
        scene, heard = disk.scene, []
        task = page_scene.Client(scene.p.endpoint).submit("held", "membership")
        expect("paused", ask(scene, "POST", "/v1/queues/outer/pause", ADMIN)[0] == 200)

        def listen():
            c = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=30)
            c.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
            r = c.getresponse()
            while line := r.readline():
                heard.append(line.decode())
        threading.Thread(target=listen, daemon=True).start()
        until("the stream", lambda: heard)
        disk.says("log-full")
        status = ask(scene, "POST", f"/v1/tasks/{task}/cancel", ADMIN)[0]
        expect("it cannot be done", status == 503, status)
        until("it is said", lambda: ask(scene, "GET", "/readyz")[0] == 503)
        disk.says("go")
        until("it has healed", lambda: "store.healed" in scene.log())
        until("it is ready", lambda: ask(scene, "GET", "/readyz")[0] == 200)
        expect("the task is as it was", row(scene, task)["state"] == "queued", row(scene, task))
        expect("writes go on", ask(scene, "POST", f"/v1/tasks/{task}/cancel", ADMIN)[0] == 200)
        until("the stream goes on", lambda: any("store healed" in line for line in heard) and any(task in line and "cancelled" in line for line in heard))


def check_with_keys_everybody_s_tasks_are_there():
    """Two principals have a task of the same id: it has to be said whose is meant, and the right one is cancelled."""
    scene, task = Scene(keys=True), "ab" * 16
    try:
        for name in ("alice", "bob"):
            scene.person(name)
            scene.p.cli("task", "submit", "--queue", "held", "--circuit", "c", "--id", task, "small")
        rows = json.loads(ask(scene, "GET", "/v1/tasks")[2])["rows"]
        expect("both are there", sorted(r["principal"] for r in rows) == ["alice", "bob"], rows)
        for method, path in (("GET", f"/v1/tasks/{task}"), ("POST", f"/v1/tasks/{task}/cancel")):
            status, _, data, _ = ask(scene, method, path, ADMIN)
            expect(f"{method}: whose?", status == 409 and b"principal" in data, (status, data))
        done = ask(scene, "POST", f"/v1/tasks/{task}/cancel?principal=bob", ADMIN)
        expect("bob's is cancelled", done[0] == 200, done)
        states = {r["principal"]: r["state"] for r in json.loads(ask(scene, "GET", "/v1/tasks")[2])["rows"]}
        expect("and not alice's", states == {"alice": "queued", "bob": "cancelled"}, states)
        expect("nobody's", ask(scene, "POST", f"/v1/tasks/{task}/cancel?principal=carol", ADMIN)[0] == 404)
    finally:
        scene.close()


def check_a_start_that_cannot_be_says_why():
    import subprocess
    scene = Scene(admin=False)
    broker = f"{scene.p.build}/broker/provost-broker"
    open_file = token_file(scene.p, "open.token", ADMIN, 0o644)
    short = token_file(scene.p, "short.token", "short")
    try:
        for more, says in ((["--http", f"127.0.0.1:{scene.port}"], "Address already in use"),
                           (["--http", "127.0.0.1:0", "--http-admin-token", open_file], "others than its owner may read it"),
                           (["--http", "127.0.0.1:0", "--http-read-token", short], "16 to 256"),
                           (["--http", "127.0.0.1:0", "--http-read-token", "/nonexistent"], "No such file"),
                           (["--http", "nowhere"], "is not ADDRESS:PORT")):
            usual = [broker, "--insecure", "--bind", "tcp://127.0.0.1:*", "--queue", "q", "--state", scene.p.path("state-2")]
            done = subprocess.run([*usual, *more], capture_output=True, text=True, timeout=20, check=False)
            expect(says, done.returncode in (1, 2) and says in done.stderr, (done.returncode, done.stderr[-300:]))
            if "Address already" not in says:
                done = subprocess.run([*usual, *more, "--check-config"], capture_output=True, text=True, timeout=20, check=False)
                expect(f"--check-config: {says}", done.returncode == 2 and says in done.stderr, (done.returncode, done.stderr[-300:]))
    finally:
        scene.close()


def main():
    names = [n for n in globals() if n.startswith("check_")]
    wanted = [n for n in names if not sys.argv[1:] or n.removeprefix("check_") in sys.argv[1:]]
    for name in wanted:
        print(name.removeprefix("check_"), flush=True)
        globals()[name]()
    print("\n".join(failures) or "all as described")
    sys.exit(1 if failures or not wanted else 0)


if __name__ == "__main__":
    main()
