#!/usr/bin/env python3
"""Two brokers on PostgreSQL with their large payloads in a bucket (a radosgw of their own): the active one and its machine go, the
server stands still, is full, loses an object, is another fleet's.

    bucket_drills.py DRILL... [--soak]
"""
import glob
import os
import subprocess
import sys
import time

from bucket_brokers import BUCKET, PREFIX, BucketBrokers

from brokers import expect, rounds, run, until  # noqa: E402  (bucket_brokers makes the path)
from drill import BROKER, CLI, Failed  # noqa: E402
from load import Load  # noqa: E402
from takeover_drills import takes_over, told  # noqa: E402

MIB = 1 << 20


def fetched(c, task):
    """The result's bytes."""
    path = c.path(f"{task}.out")
    c.cli("task", "fetch", task, path, who="client")
    with open(path, "rb") as f:
        return f.read()


def order(mib, bytes_back=10):
    return b'{"bytes": %d, "text": "%s"}' % (bytes_back, b"x" * (mib * MIB))


def drill_machine_lost(c, soak):
    """kill -9 of the active broker and its folder is gone: a payload of 1 MiB that was submitted before is proved and fetched after."""
    c.start_both()
    waits = c.submit(order(1, MIB))
    node = c.prover("p1")
    c.wait(waits, "succeeded")
    node.end()
    queued = c.submit(order(2))
    until("the result and the input are objects, and no more", lambda: len(c.objects()) == 2)
    was = c.a.epochs()[-1]
    c.a.process.kill()
    c.forget(c.a)
    takes_over(c.b, was)
    expect(not c.cached(c.b), "the new one has a payload of the old one")
    first = fetched(c, waits)
    expect(len(first) > MIB, f"{len(first)} bytes")
    c.prover("p2")
    c.wait(queued, "succeeded")
    expect(fetched(c, waits) == first, "another result the second time")
    expect(len(fetched(c, queued)) > 2 * MIB, "not the whole result")
    expect(c.cached(c.b), "the cache is empty")
    return {"objects": len(c.objects())}


def drill_killed_under_load(c, soak):
    """kill -9 of the active broker, again and again, each time with its cache: nothing that was acknowledged is lost."""
    active, standby = c.start_both()
    nodes = [c.prover(f"p{i}", "--slots", "4") for i in (1, 2)]
    callers = Load(c, "load")
    until("each kind of task is answered", callers.flows)
    moments = []
    for _ in range(rounds(3, 50, soak)):
        time.sleep(1)
        was = active.epochs()[-1]
        active.process.kill()
        at = time.monotonic()
        c.forget(active)
        takes_over(standby, was)
        since = time.monotonic()
        active, standby = standby, active.start()
        until("it stands by", lambda: standby.says("standby"))
        until("answers come again", lambda: callers.answers.last > since)
        moments.append((at, since))
    time.sleep(0.5)
    tasks = callers.end()
    for node in nodes:
        expect(node.end() == 0, "a node did not end well")
    return told(c, [callers.answers.gap_in(*moment) for moment in moments], tasks)


def drill_stands_still(c, soak):
    """The server is frozen, then away: small tasks go on, no large one is acknowledged, /readyz says why; afterwards all of them end."""
    a = c.start_first()
    c.prover("p1", "--slots", "2")
    c.wait(c.submit(order(1)), "succeeded")
    figures = {}
    for way, back in (("freeze", "thaw"), ("stop", "start")):
        c.s3.do(way)
        with open(c.path("large"), "wb") as f:
            f.write(order(1, MIB) + b" " * len(figures))
        large = c.start(f"cli-{way}", ["/bin/sh", "-c", 'exec "$0" task submit --timeout 5m --queue drill --circuit echo "$1" --broker "$2" --insecure',
                                       CLI, c.path("large"), c.endpoint])
        time.sleep(1)
        at = time.monotonic()
        for _ in range(5):
            c.wait(c.submit({"text": "small"}), "succeeded", seconds=10)
        figures[f"{way}_five_small_s"] = round(time.monotonic() - at, 2)
        until("it says that the server cannot be had", lambda: a.says(c.s3.endpoint), 40)
        expect(large.running(), "a payload that is nowhere was acknowledged")
        c.s3.do(back)
        until("the large one is acknowledged", lambda: not large.running(), 40)
        until("it is ready again", a.ready, 40)
    until("all have ended", lambda: all(row["state"] == "succeeded" for row in c.rows("task", "ls")), 30)
    return {"objects": len(c.objects()), **figures}


def drill_full(c, soak):
    """The user's quota is reached: a large input is refused, small ones go on; with room again it is taken."""
    a = c.start_first()
    c.prover("p1")
    c.s3.do("quota set --quota-scope=user --uid=test --max-objects=2")
    c.s3.do("quota enable --quota-scope=user --uid=test")
    taken = 0
    try:
        for i in range(6):
            c.submit(order(1) + b" " * i)
            taken += 1
    except Failed as refused:
        expect("full" in str(refused) or "disk" in str(refused), f"{refused}")
    expect(taken < 6, "nothing was refused")
    until("it says that it is full", lambda: a.says("quota"))
    c.wait(c.submit({"text": "small"}), "succeeded")
    c.s3.do("quota disable --quota-scope=user --uid=test")
    c.wait(c.submit(order(1) + b"       "), "succeeded")
    until("it is ready again", a.ready)
    return {"taken": taken}


def drill_loses_an_object(c, soak):
    """An object is gone from the bucket: its task alone ends as dead, with status store."""
    a = c.start_first()
    tasks, names = [], []
    for i in range(3):
        tasks.append(c.submit(order(1) + b" " * i))
        names.append(next(name for name in c.objects() if name not in names))
    expect(a.process.end() == 0, "it did not end well")
    c.forget(a)
    c.s3.delete(f"{BUCKET}/{PREFIX}/{names[1]}")
    a.start()
    until("it is active", a.ready)
    c.wait(tasks[1], "dead")
    expect(c.task(tasks[1])["status"] == "store", f"{c.task(tasks[1])}")
    c.prover("p1")
    for task in (tasks[0], tasks[2]):
        c.wait(task, "succeeded")
    # A copy in the cache is as good: it is put there again.
    again = c.submit(order(1, MIB) + b"         ")
    c.wait(again, "succeeded")
    expect(a.process.end() == 0, "it did not end well")
    for name in c.objects():
        c.s3.delete(f"{BUCKET}/{PREFIX}/{name}")
    a.start()
    until("the cache's are there again", lambda: c.objects())
    until("the payloads were looked at", lambda: a.process.log_count("payloads.looked_at"))
    expect(c.task(again)["state"] == "succeeded", f"{c.task(again)}")
    return {"put_again": len(c.objects())}


def drill_damaged_cache(c, soak):
    """A file of the cache is damaged or cut: it is fetched anew."""
    a = c.start_first()
    tasks = [c.submit(order(1) + b" " * i) for i in range(2)]
    for i, path in enumerate(c.cached(a)):
        with open(path, "r+b") as f:
            f.seek(500000)
            f.write(b"y") if i else f.truncate()
    c.prover("p1")
    for task in tasks:
        c.wait(task, "succeeded", seconds=60)
    return {"damaged_told": a.process.log_count("payload.damaged")}


def drill_bounded_cache(c, soak):
    """The cache holds what it may and no more, and what went is fetched."""
    a = c.start_first("--payload-cache", "3M")
    tasks = [c.submit(order(1) + b" " * i) for i in range(8)]
    size = lambda: sum(os.path.getsize(path) for path in c.cached(a))  # noqa: E731
    expect(MIB < size() <= 3 * MIB, f"{size()} bytes in the cache")
    c.prover("p1")
    for task in tasks:
        c.wait(task, "succeeded")
    expect(size() <= 3 * MIB, f"{size()} bytes in the cache")
    return {"cache_mib": round(size() / MIB, 2)}


def migrated(c, *words):
    done = subprocess.run([BROKER, "migrate", *words, *c.payloads()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    expect(done.returncode == 0, f"migrate: {done.returncode} {done.stdout.decode()}")
    return done.stdout.decode()


def drill_migrated(c, soak):
    """A state folder's tasks go to the database and its large payloads into the bucket; a result is fetched there; and all of it back."""
    old, new = c.path("old"), c.path("new")
    plain = c.start("folder", [BROKER, "--bind", c.a.endpoint, "--insecure", "--queue", "drill", "--state", old])
    c.prover("p1")
    done = c.submit(order(1, MIB))
    c.wait(done, "succeeded")
    first = fetched(c, done)
    expect(plain.end() == 0, "it did not end well")
    figures = migrated(c, "--from", old, "--to", c.url)
    expect("1 of them large" in figures, figures)
    expect(len(c.objects()) == 1, f"{c.objects()}")
    c.start_first()
    expect(fetched(c, done) == first, "another result from the bucket")
    expect(c.a.process.end() == 0, "it did not end well")
    migrated(c, "--from", c.url, "--to", new)
    plain = c.start("folder-again", [BROKER, "--bind", c.a.endpoint, "--insecure", "--queue", "drill", "--state", new])
    until("the folder's broker answers", lambda: c.cli("status", check=False).returncode == 0)
    expect(fetched(c, done) == first, "another result from the new folder")
    expect(not glob.glob("/var/tmp/provost-cache-*"), "a cache is left in /var/tmp")
    return {"said": figures.split(": ", 1)[1].strip()[:120]}


def refused(c, words, code, *options):
    """A start that ends with this status and these words, and --check-config that says the same."""
    c.a.start(*options)
    until("it ends", lambda: not c.a.process.running())
    said = c.a.process.log_text()
    expect(words in said, f"not said: {words}\n{said}")
    expect(c.a.process.popen.returncode == code, f"exit {c.a.process.popen.returncode} and not {code}: {said}")


def drill_bad_places(c, soak):
    """Each wrong setting has its own sentence and exit status; another fleet's bucket is refused, and nothing in it is touched."""
    s3 = c.s3
    refused(c, "the secret in s3_key_file is not the one of its id", 4, "--s3-key-file", s3.key("wrong", "AK\nSX\n"))
    refused(c, "does not know the id", 4, "--s3-key-file", s3.key("unknown", "AX\nSK\n"))
    refused(c, "there is no such bucket", 2, "--payloads", "s3://nowhere/a")
    refused(c, "certificate", 4, "--s3-endpoint", s3.tls_endpoint)
    refused(c, "is not encrypted: http is for loopback alone", 2, "--s3-endpoint", "http://s3.example.com")
    refused(c, "s3_endpoint: payloads in S3 need it", 2, "--s3-endpoint", "")
    open_key = s3.key("open", "AK\nSK\n")
    os.chmod(open_key, 0o644)
    refused(c, "others than its owner may read it", 4, "--s3-key-file", open_key)
    refused(c, "needs a store in PostgreSQL", 2, "--store", "")
    c.a.start("--s3-endpoint", "http://127.0.0.1:1")
    until("it stands by", lambda: c.a.says("http://127.0.0.1:1"))
    expect(c.a.process.end() == 0, "it did not end well")
    s3.put(f"{BUCKET}/stranger/thing", "x")
    refused(c, "it holds objects, and no mark says whose", 2, "--payloads", f"s3://{BUCKET}/stranger")
    c.start_first()
    c.submit(order(1))
    expect(c.a.process.end() == 0, "it did not end well")
    refused(c, "lacks their mark", 2, "--payloads", f"s3://{BUCKET}/empty")
    c.url = c.server.fresh()
    refused(c, "it holds the large payloads of another database", 2)
    expect(len(c.objects()) == 1, "another fleet's payload is gone")
    return {}


if __name__ == "__main__":
    sys.exit(run(globals(), {name: BucketBrokers for name in [key[6:] for key in globals() if key.startswith("drill_")]}))
