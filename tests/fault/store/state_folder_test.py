#!/usr/bin/env python3
"""state_folder_test.py [SCENE...|all]: database, log, payload folder and watermark of a state folder that do not belong together, or of which a
part is gone, older, cut or damaged (R20). Nothing is removed that may still be wanted, what was found is said in the log, in the
metrics and by `provost check`, no epoch comes twice, and the right parts put back are whole again."""
import glob
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "compat"))
import pack  # noqa: E402
import zmtp  # noqa: E402
from programs import Programs, until  # noqa: E402

failures = []
numbers = iter(range(1, 10000))


class Scene:
    def __init__(self, name):
        self.name, self.p = name, Programs(os.environ["PV_BUILD"])
        self.state, self.starts, self.epoch, self.running = self.p.path("state"), 0, 0, None

    def expect(self, what, ok):
        if not ok:
            failures.append(f"{self.name}: {what}")

    def at(self, *parts):
        return os.path.join(self.state, *parts)

    def start(self, *arguments):
        """The lines of its log, warnings and errors first; its epoch is above all before it."""
        log, self.starts = self.p.path("broker.log"), self.starts + 1
        if os.path.exists(log):
            os.rename(log, self.p.path(f"broker-{self.starts}.old"))
        self.running = self.p.broker(["--insecure", "--queue", "q", "--http", "127.0.0.1:0", "--connections-max", "64", *arguments], self.state)
        text = until("its last words", lambda: (t := open(log, encoding="utf-8").read()) and "http.listening" in t and t)
        epoch = int(re.search(r"broker.listening .*epoch=(\d+)", text)[1])
        self.expect(f"epoch {epoch} after {self.epoch}", epoch > self.epoch)
        self.epoch, self.port = epoch, re.search(r"http.listening port=(\d+)", text)
        # Of tasks whose payload is gone the broker says so beside its work, sooner or later than this look: damaged_test's.
        said = [line.split(" ", 2)[2] for line in text.splitlines() if re.match(r"\S+ (WARN|ERROR) ", line)]
        return [line for line in said if not line.startswith("payload.damaged ")]

    def stop(self, signum=signal.SIGTERM):
        self.p.end(self.running, signum)

    def submit(self, count=1):
        """Tasks with payload files; their ids."""
        tasks = []
        for _ in range(count):
            with open(self.p.path("input"), "wb") as f:
                f.write(b'{"bytes": %d}' % (100000 + next(numbers)) + b" " * 100000)
            tasks.append(self.p.cli("task", "submit", "--queue", "q", "--circuit", "c", "input").decode().strip())
        return tasks

    def run(self, tasks):
        """The bytes of their inputs are right: a node proves them."""
        node = self.p.node("n", ["--queue", "q:echo", "--slots", "4"])
        for task in tasks:
            until(task, lambda t=task: self.p.state(t) in ("succeeded", "dead"))
            self.expect(f"task {task}", self.p.state(task) == "succeeded")
        self.p.end(node)

    def restart(self, signum=signal.SIGTERM):
        self.stop(signum)
        return self.start()

    def check(self):
        return self.p.cli("check", exits=None).decode()

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port[1]}/metrics", timeout=10) as f:
            return int(re.search(rf"^{name} (\d+)$", f.read().decode(), re.M)[1])

    def said(self, lines, *events):
        self.expect(f"said {[line[:60] for line in lines]} and not {list(events)}", sorted(line.split()[0] for line in lines) == sorted(events))

    def payloads(self, folder="blobs"):
        return sorted(n for n in os.listdir(self.at(folder)) if n[0] != ".") if os.path.isdir(self.at(folder)) else []

    def keep(self, name, pattern="provost.db*"):
        """A copy of a part of the folder; put() puts it back in place of what is there."""
        to = self.p.path(name)
        os.mkdir(to)
        for path in glob.glob(self.at(pattern)):
            shutil.copy2(path, to)
        return to

    def drop(self, pattern="provost.db*"):
        for path in glob.glob(self.at(pattern)):
            os.unlink(path)

    def put(self, copy, pattern="provost.db*"):
        self.drop(pattern)
        for path in glob.glob(os.path.join(copy, pattern)):
            shutil.copy2(path, self.state)

    def damage(self, name, at, data):
        with open(self.at(name), "r+b") as f:
            f.seek(at)
            f.write(data)


def nothing_is_said_when_all_is_well(s):
    s.said(s.start())
    tasks = s.submit(2)
    s.said(s.restart())
    s.said(s.restart(signal.SIGKILL))
    s.expect(s.check(), "OK" in s.check() or "no live prover" in s.check())
    s.run(tasks)


def a_copy_of_a_folder_in_use(s):
    s.start()
    tasks = s.submit(2)
    shutil.copytree(s.state, s.p.path("copy"))
    s.stop(signal.SIGKILL)
    s.state = s.p.path("copy")
    s.said(s.start())
    s.run(tasks)


def a_copy_of_before_the_migration_beside_the_log(s):
    """The way back, but for the log that was forgotten."""
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "compat", "closed", "state")
    shutil.copytree(data, s.state)
    for path in (s.state, s.at("blobs")):
        os.chmod(path, 0o700)
    s.said(s.start())
    files = s.payloads()
    s.restart()
    s.submit(1)
    s.stop(signal.SIGKILL)
    shutil.copy2(s.at("provost.db.schema-1"), s.at("provost.db"))
    s.said(s.start(), "store.log_aside", "store.lost", "payloads.aside")
    s.expect("payload files", s.payloads() == files and len(s.payloads("aside")) == 1)


def one_start_without_the_database(s):
    s.start()
    tasks, old = s.submit(3), s.payloads()
    s.stop()
    listed, kept = sorted(os.listdir(s.at("blobs"))), s.keep("kept")
    s.drop()
    s.said(s.start(), "store.replaced", "payloads.strange")
    s.expect("payload files of the other database", sorted(os.listdir(s.at("blobs"))) == listed)
    s.expect("check: " + s.check(), "not the database" in s.check())
    s.expect("metrics", s.metric("provost_payload_folders_strange") == 1 and s.metric("provost_store_replaced") == 1)
    other = s.submit(2)
    s.said(s.restart(), "payloads.strange")
    s.expect("payload folders", len(s.payloads("blobs-2")) == 2 and s.payloads() == old)
    s.run(other)
    s.stop()
    s.put(kept)
    s.said(s.start(), "store.replaced", "payloads.strange")
    s.expect("payload files", s.payloads() == old)
    s.run(tasks)


def the_payloads_of_another_broker(s):
    other = Scene(s.name + " (other)")
    for scene in (s, other):
        scene.start()
        scene.tasks = scene.submit(3)
        scene.stop()
    mine, theirs = sorted(os.listdir(s.at("blobs"))), sorted(os.listdir(other.at("blobs")))
    os.rename(s.at("blobs"), s.p.path("blobs"))
    os.rename(other.at("blobs"), s.at("blobs"))
    os.rename(s.p.path("blobs"), other.at("blobs"))
    for scene, want in ((s, theirs), (other, mine)):
        scene.expect("said", {line.split()[0] for line in scene.start()} >= {"payloads.strange"})
        scene.stop()
        scene.expect("payload files", sorted(os.listdir(scene.at("blobs"))) == want)
    other.p.close()


def an_older_database_without_a_log(s):
    s.start()
    first = s.submit(1)
    s.stop()
    older = s.keep("older")
    s.start()
    later, files = s.submit(2), s.payloads()
    s.stop()
    newest = s.keep("newest")
    s.put(older)
    s.said(s.start(), "store.lost", "payloads.aside")
    s.expect("set aside", len(s.payloads("aside")) == 2 and len(s.payloads()) == 1)
    s.expect("check: " + s.check(), "lacks the last" in s.check())
    s.expect("metrics", s.metric("provost_store_commits_lost") > 0 and s.metric("provost_payload_files_aside") == 2)
    s.said(s.restart(), "payloads.aside")
    s.run(first)
    s.stop()
    s.put(newest)
    s.expect("said", not [line for line in s.start() if "payloads" in line])
    s.expect("taken back", s.payloads() == files and not s.payloads("aside"))
    s.run(first + later)


def all_but_the_payloads_of_an_older_day(s):
    s.start()
    first = s.submit(1)
    s.stop()
    older = s.keep("older"), s.keep("older-mark", "watermark")
    s.start()
    s.submit(2)
    s.stop()
    s.put(older[0])
    s.put(older[1], "watermark")
    s.said(s.start(), "store.older", "payloads.aside")
    s.expect("set aside", len(s.payloads("aside")) == 2 and len(s.payloads()) == 1)
    s.expect("check: " + s.check(), "older copy" in s.check())
    s.said(s.restart(), "payloads.aside")
    s.run(first)


def payloads_alone(s):
    """All else is gone, and yet the epoch rises."""
    s.start()
    s.submit(1)
    s.stop()
    files = s.payloads()
    for name in os.listdir(s.state):
        if name != "blobs":
            (shutil.rmtree if os.path.isdir(s.at(name)) else os.unlink)(s.at(name))
    s.said(s.start(), "payloads.strange")
    s.expect("payload files", s.payloads() == files)


def an_older_database_beside_a_newer_log(s):
    s.start()
    first = s.submit(1)
    s.stop()
    older = s.keep("older")
    s.start()
    s.submit(1)
    s.restart()
    s.submit(1)
    s.stop(signal.SIGKILL)
    log = open(s.at("provost.db-wal"), "rb").read()
    shutil.copy2(os.path.join(older, "provost.db"), s.at("provost.db"))
    s.said(s.start(), "store.log_aside", "store.lost", "payloads.aside")
    s.expect("the log", open(s.at("provost.db-wal.aside-1"), "rb").read() == log)
    s.expect("set aside", len(s.payloads("aside")) == 2)
    s.expect("check: " + s.check(), "; " in s.check())
    s.run(first)
    s.stop()
    s.expect("sound", sqlite3.connect(s.at("provost.db")).execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def the_database_of_another_broker_beside_our_log(s):
    other = Scene(s.name + " (other)")
    other.start()
    theirs = other.submit(1)
    other.stop()
    s.start()
    s.submit(2)
    s.stop(signal.SIGKILL)
    files = s.payloads()
    shutil.copy2(other.at("provost.db"), s.at("provost.db"))
    s.said(s.start(), "store.log_aside", "store.replaced", "payloads.gone", "payloads.strange")
    s.expect("the log", os.path.getsize(s.at("provost.db-wal.aside-1")) > 0)
    s.expect("payload files", s.payloads() == files)
    s.expect("their task", s.p.state(theirs[0]) in ("queued", "dead"))
    other.p.close()


def a_log_without_its_database(s):
    s.start()
    s.submit(2)
    s.stop(signal.SIGKILL)
    log, files = open(s.at("provost.db-wal"), "rb").read(), s.payloads()
    os.unlink(s.at("provost.db"))
    s.said(s.start(), "store.log_aside", "store.replaced", "payloads.strange")
    s.expect("the log", open(s.at("provost.db-wal.aside-1"), "rb").read() == log)
    s.expect("payload files", s.payloads() == files)
    s.stop()
    open(s.at("provost.db"), "wb").close()
    s.drop("provost.db-wal")
    s.expect("said", "store.replaced" in str(s.start()))


def a_log_that_is(damage):
    def scene(s):
        s.start()
        s.submit(1)
        s.restart()
        s.submit(2)
        s.stop(signal.SIGKILL)
        files = s.payloads()
        damage(s)
        said = {line.split()[0] for line in s.start()}
        s.expect(f"said {said}", "store.lost" in said)
        s.expect("payload files", sorted(s.payloads() + s.payloads("aside")) == files)
        s.expect("check: " + s.check(), "; " in s.check())
        s.expect("metric", s.metric("provost_store_commits_lost") > 0)
        s.expect("said once", "store.lost" not in str(s.restart()))
    return scene


def lost(s):
    s.drop("provost.db-wal")


def cut(s):
    os.truncate(s.at("provost.db-wal"), os.path.getsize(s.at("provost.db-wal")) * 2 // 3)


def empty(s):
    os.truncate(s.at("provost.db-wal"), 0)


def damaged_in_its_middle(s):
    s.damage("provost.db-wal", os.path.getsize(s.at("provost.db-wal")) // 2, b"\xa5" * 64)


def damaged_at_its_beginning(s):
    s.damage("provost.db-wal", 8, b"\xa5" * 64)


def a_watermark_that_is(damage, *events):
    def scene(s):
        s.start()
        s.submit(1)
        s.restart()
        s.stop(signal.SIGKILL)
        damage(s.at("watermark"))
        s.said(s.start(), *events)
        s.expect("check: " + s.check(), "watermark" in s.check())
        s.expect("metric", s.metric("provost_watermark_failed") == 1)
        tasks = s.submit(1)
        s.said(s.restart(signal.SIGKILL), *(e for e in events if not e.endswith("missing") or len(events) > 1))
        s.run(tasks)
    return scene


def gone(path):
    os.unlink(path)


def garbage(path):
    with open(path, "wb") as f:
        f.write(os.urandom(1024))


def emptied(path):
    os.truncate(path, 0)


def a_folder(path):
    os.unlink(path)
    os.mkdir(path)


def of_a_hand(path):
    """Nobody but root reads it: what is on /dev/full cannot be written either."""
    os.unlink(path)
    os.symlink("/dev/full", path)


def an_identity_that_is(damage):
    """Files with a name stay, those without one are not removed."""
    def scene(s):
        s.start()
        tasks, files = s.submit(2), s.payloads()
        s.stop()
        damage(s.at("blobs", ".identity"))
        stranger = "ab" * 32
        with open(s.at("blobs", stranger), "wb") as f:
            f.write(b"of a task that was lost")
        s.said(s.start(), "payloads.aside")
        s.expect("payload files", s.payloads() == files and s.payloads("aside") == [stranger])
        s.said(s.restart(), "payloads.aside")
        s.run(tasks)
        s.stop()
        with open(s.at("blobs", "cd" * 32), "wb") as f:
            f.write(b"now all is sure again, and this is an orphan")
        s.start()
        s.expect("an orphan is removed", "cd" * 32 not in s.payloads() + s.payloads("aside"))
    return scene


def the_payload_folder_is_gone(s):
    s.start()
    s.submit(1)
    s.stop()
    shutil.rmtree(s.at("blobs"))
    s.expect("said", "payloads.gone" in {line.split()[0] for line in s.start()})
    s.expect("check: " + s.check(), "missing or empty" in s.check())
    s.run(s.submit(1))


def hello(endpoint, epoch):
    """The answer to a prover that has seen this start."""
    stream = zmtp.dial(endpoint)
    stream.send([pack.head("HELLO"), pack.pack(dict(role="prover", name="liar", session=os.urandom(16), software="raw", vmin=1, vmax=1,
                                                    epoch=epoch, queues=["q"], circuits=[], slots=1, prefetch=0))])
    frames = stream.receive(10)
    return pack.name_of(frames), pack.unpack(frames[1])


def refused(s, *arguments):
    """What a broker says that does not start."""
    done = subprocess.run([f"{s.p.build}/broker/provost-broker", "--insecure", "--bind", "tcp://127.0.0.1:*", "--state", s.state, *arguments],
                          capture_output=True, timeout=30, env=s.p.environment, check=False)
    return done.returncode, done.stderr.decode()


def a_restored_backup_and_its_fleet(s):
    s.start()
    here = ("--bind", s.p.endpoint)
    s.stop()
    shutil.copytree(s.state, s.p.path("backup"))
    for _ in range(3):
        s.start(*here)
        s.stop()
    s.start(*here)
    node = s.p.node("n", ["--queue", "q:echo"])
    until("the node", lambda: s.p.is_live("n"))
    s.stop()
    shutil.rmtree(s.state)
    shutil.copytree(s.p.path("backup"), s.state)
    seen, s.epoch = s.epoch, 0
    s.start(*here)
    until("a warning", lambda: f"--raise-epoch {seen}" in s.check())
    s.expect("nobody is registered", not s.p.is_live("n"))
    lied, error = hello(s.p.endpoint, 2 ** 32 - 1)
    s.expect(f"to a liar: {lied} {error}", lied == "ERROR" and error["status"] == 25 and "backup" in error["text"])
    s.expect("a liar is not followed: " + s.check(), f"--raise-epoch {seen}" in s.check())
    until("metrics", lambda: s.metric("provost_later_start") == seen and s.metric("provost_stale_hellos_total") >= 2)
    s.expect("the epoch stays", s.metric("provost_boot_epoch") == s.epoch)
    behind = [line for line in open(s.p.path("broker.log")) if "epoch.behind" in line]
    s.expect(f"one line: {behind}", len(behind) == 1)
    s.stop()
    code, said = refused(s, "--raise-epoch", str(seen + 2000000))
    s.expect(f"too high: {code} {said}", code and "no backup is more than" in said)
    for word in ("0", "-1", "4294967295", "99999999999999999999", "five", ""):
        code, said = refused(s, "--raise-epoch", word)
        s.expect(f"{word}: {code} {said}", code == 2 and "not a number of starts" in said)
    s.epoch = seen
    s.said(s.start(*here, "--raise-epoch", str(seen)), "epoch.raised")
    until("the node", lambda: s.p.is_live("n"))
    s.stop()
    s.said(s.start(*here, "--raise-epoch", str(seen)), "epoch.not_raised")
    s.expect("the epoch goes on", s.epoch == seen + 2)
    s.p.end(node)


SCENES = {
    "restored backup": a_restored_backup_and_its_fleet,
    "well": nothing_is_said_when_all_is_well,
    "copied in use": a_copy_of_a_folder_in_use,
    "back to before": a_copy_of_before_the_migration_beside_the_log,
    "no database": one_start_without_the_database,
    "swapped payloads": the_payloads_of_another_broker,
    "older database": an_older_database_without_a_log,
    "older but for payloads": all_but_the_payloads_of_an_older_day,
    "payloads alone": payloads_alone,
    "older database, newer log": an_older_database_beside_a_newer_log,
    "another database, our log": the_database_of_another_broker_beside_our_log,
    "no database, our log": a_log_without_its_database,
    "log lost": a_log_that_is(lost),
    "log cut": a_log_that_is(cut),
    "log empty": a_log_that_is(empty),
    "log damaged in its middle": a_log_that_is(damaged_in_its_middle),
    "log damaged at its beginning": a_log_that_is(damaged_at_its_beginning),
    "watermark gone": a_watermark_that_is(gone, "watermark.missing"),
    "watermark garbage": a_watermark_that_is(garbage, "watermark.missing"),
    "watermark empty": a_watermark_that_is(emptied, "watermark.missing"),
    "watermark a folder": a_watermark_that_is(a_folder, "watermark.missing", "watermark.failed"),
    "watermark on a full disk": a_watermark_that_is(of_a_hand, "watermark.missing", "watermark.failed"),
    "identity gone": an_identity_that_is(gone),
    "identity garbage": an_identity_that_is(garbage),
    "identity empty": an_identity_that_is(emptied),
    "payload folder gone": the_payload_folder_is_gone,
}


# Kin of others, which only "all" plays.
RARE = ("log empty", "log damaged in its middle", "watermark empty", "watermark on a full disk", "identity empty")


def main():
    names = [n for n in SCENES if n not in RARE] if not sys.argv[1:] else SCENES if sys.argv[1] == "all" else sys.argv[1:]
    for name in names:
        s = Scene(name)
        before = len(failures)
        try:
            SCENES[name](s)
        except Exception as e:  # noqa: BLE001  the other scenes show more
            failures.append(f"{name}: {type(e).__name__}: {str(e)[:2000]}")
        print(name, "fails" if len(failures) > before else "ok", flush=True)
        s.p.close()
    print("\n".join(failures))
    return bool(failures)


sys.exit(main())
