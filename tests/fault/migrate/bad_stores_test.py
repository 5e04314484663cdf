#!/usr/bin/env python3
"""Each bad use of a store in PostgreSQL with the real broker: its sentence, its exit status, or that it stands by and says so.

usage: bad_stores_test.py BUILD
"""
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

BUILD = pathlib.Path(sys.argv[1])
BROKER = BUILD / "broker/provost-broker"
TESTS = pathlib.Path(__file__).resolve().parents[2]
POSTGRES = TESTS / "support/postgres/postgres.sh"
STANDS_BY = object()


def postgres(*words):
    return subprocess.run([POSTGRES, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class OldServer:
    """Says of itself that it is of version 12, and nothing more."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://provost@127.0.0.1:{self.socket.getsockname()[1]}/d?sslmode=disable&gssencmode=disable"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.socket.accept()
            peer.recv(4096)
            said = b"".join(letter + struct.pack("!i", len(body) + 4) + body for letter, body in (
                (b"R", struct.pack("!i", 0)), (b"S", b"server_version\x0012.19\x00"), (b"S", b"client_encoding\x00UTF8\x00"), (b"Z", b"I")))
            peer.sendall(said)
            self.last = peer  # stays open


class Place:
    """A broker's folder, a payload folder, and a server."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.payloads = folder / "payloads"
        self.state = folder / "state"
        self.n = 0

    def fresh(self):
        """Another database, and folders of its own."""
        self.n += 1
        self.payloads, self.state = self.folder / f"payloads-{self.n}", self.folder / f"state-{self.n}"
        self.payloads.mkdir()
        return postgres("fresh", self.server)

    def sql(self, url, text):
        postgres("sql", self.server, url.rsplit("/", 1)[1], text)

    def ours(self, words):
        """Whether our tables are in the database of a command; "" where there is none to ask."""
        name = str(words[words.index("--store") + 1]).rsplit("/", 1)[-1]
        asked = subprocess.run([POSTGRES, "sql", self.server, name, "SELECT to_regclass('provost.meta') IS NOT NULL"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return asked.stdout.strip() if asked.returncode == 0 else ""

    def command(self, url, *more, payloads=None):
        return [BROKER, "--insecure", "--queue", "outer", "--bind", "tcp://127.0.0.1:*", "--http", "127.0.0.1:0", "--state", self.state, "--store", url,
                *(["--payloads", payloads or self.payloads] if payloads != "" else []), *more]

    def used(self, large=False):
        """A database that a broker has been active with."""
        url = self.fresh()
        with Running(self.command(url)) as broker:
            broker.wait("store.restored")
            assert broker.ends() == 0, broker.said()
        if large:
            self.sql(url, "INSERT INTO provost.input VALUES (1, decode(repeat('00', 32), 'hex'), 100000, NULL)")
        return url


class Running:
    def __init__(self, command):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def wait(self, word):
        end = time.monotonic() + 60
        while word not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"in vain for {word}: {self.said()}")
            time.sleep(0.02)

    def ends(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def ready(self):
        """What /readyz says: status and text."""
        self.wait("http.listening")
        port = re.search(r"http.listening.* port=(\d+)", self.said())[1]
        end = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                text = refused.read().decode()
                if "standby" in text or time.monotonic() > end:
                    return refused.code, text
                time.sleep(0.05)


def other_program(p):
    url = p.fresh()
    p.sql(url, "CREATE TABLE theirs (a int)")
    return p.command(url)


def other_schema(p):
    url = p.fresh()
    p.sql(url, "CREATE SCHEMA provost AUTHORIZATION provost")
    return p.command(url)


def no_rights(p):
    url = p.fresh()
    p.sql(url, "CREATE ROLE guest LOGIN; ALTER DATABASE " + url.rsplit("/", 1)[1] + " OWNER TO postgres")
    return p.command(url.replace("provost@", "guest@"))


def no_rights_to_ours(p):
    return p.command(p.used().replace("provost@", "guest@"))


def no_emit(p):
    url = p.fresh()
    p.sql(url, "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM public")
    return p.command(url)


def newer_schema(p):
    url = p.used()
    p.sql(url, "UPDATE provost.meta SET value = 9 WHERE name = 'schema'")
    return p.command(url)


def other_encoding(p):
    url = p.fresh()
    p.sql(url, "CREATE DATABASE latin OWNER provost ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    return p.command(url.rsplit("/", 1)[0] + "/latin")


def own_folder(p):
    url = p.used(large=True)
    alone = p.folder / "alone"
    alone.mkdir()
    return p.command(url, payloads=alone)


def anothers_folder(p):
    p.used()
    folder = p.payloads
    return p.command(p.fresh(), payloads=folder)


def moved(p):
    url = p.used()
    subprocess.run([BROKER, "migrate", "--from", url, "--to", p.folder / "went", "--payloads", p.payloads], check=True, stdout=subprocess.DEVNULL)
    return p.command(url)


def half_moved(p):
    url = p.used()
    p.sql(url, "UPDATE provost.gate SET state = 1, text = '/srv/state'")
    return p.command(url)


def migrate(*words):
    def command(p):
        return [BROKER, "migrate", *(p.fresh() if w == "URL" else p.folder / w if w in ("none", "went") else w for w in words)]
    return command


def password(p):
    return p.command(p.fresh().replace("provost@", "locked:wrong@"))


# what, the command, exit status or STANDS_BY, the sentence (a part)
CASES = [
    ("no server", lambda p: (p.fresh(), p.command("postgresql://provost@127.0.0.1:1/d"))[1], STANDS_BY, "PostgreSQL cannot be reached"),
    ("no such name", lambda p: (p.fresh(), p.command("postgresql://provost@no-such-host.invalid/d"))[1], STANDS_BY, "PostgreSQL cannot be reached"),
    ("no URL", lambda p: p.command("postgresql://[::1/x"), 2, "not a URL of PostgreSQL"),
    ("no service", lambda p: p.command("service=no-such-service"), 2, "service"),
    ("no such database", lambda p: p.command(p.fresh() + "x"), 2, "does not exist"),
    ("wrong password", password, 4, "PostgreSQL refuses this broker"),
    ("no rights", no_rights, 4, "permission denied"),
    ("no rights to what is ours", no_rights_to_ours, 4, "permission denied"),
    ("a function that is not allowed", no_emit, 4, "permission denied: the role may not call pg_logical_emit_message"),
    ("a database of another program", other_program, 1, "tables of another program"),
    ("a schema of another program", other_schema, 1, "is not a Provost broker's"),
    ("not UTF8", other_encoding, 1, "encoding is not UTF8"),
    ("an old server", lambda p: (p.fresh(), p.command(OldServer().url))[1], 2, "older than version 13"),
    ("a newer schema", newer_schema, 1, "written by a newer program: it has schema 9"),
    ("no payload folder", lambda p: p.command(p.fresh(), payloads=""), 2, "--payloads DIR"),
    ("a payload folder that is not there", lambda p: p.command(p.fresh(), payloads="/no/such/folder"), 2, "/no/such/folder: No such file"),
    ("a payload folder that only one broker sees", own_folder, 2, "lacks their mark"),
    ("another database's payload folder", anothers_folder, 2, "of another database"),
    ("a store that was moved", moved, 1, "this store was moved to /"),
    ("a store that is being filled", half_moved, 1, "a migration from /srv/state has not ended"),
    ("migrate of nothing", migrate("--from", "none", "--to", "URL", "--payloads", "/nowhere"), 3, "there is no state of a broker"),
    ("migrate of an empty database", migrate("--from", "URL", "--to", "none", "--payloads", "/nowhere"), 3, "there is no state of a broker in this database"),
    ("migrate to nowhere", migrate("--from", "none"), 2, "--from and --to"),
    ("migrate between folders", migrate("--from", "none", "--to", "went"), 2, "both are folders"),
    ("--from without migrate", lambda p: [BROKER, "--from", "x"], 2, "belong to migrate"),
]


AWAY = 5


def check_config(place, what, words, status, sentence):
    """It says the same as a start does, and changes nothing."""
    if "migrate" in words or "--store" not in words:
        return
    before = place.ours(words)
    done = subprocess.run([*words, "--check-config"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    expected = AWAY if status is STANDS_BY else status
    assert done.returncode == expected and sentence in done.stdout, f"--check-config, {what}: {done.returncode} {done.stdout}"
    assert ":wrong" not in done.stdout, f"--check-config, {what}: the password is told"
    assert place.ours(words) == before, f"--check-config, {what}: it changed the database"


def check(place, what, command, status, sentence):
    words = command(place)
    check_config(place, what, words, status, sentence)
    with Running(words) as broker:
        if status is STANDS_BY:
            broker.wait("broker.standby")
            code, text = broker.ready()
            assert code == 503 and sentence in text, f"{what}: /readyz {code} {text}"
            ended, expected = broker.ends(), 0
        else:
            ended, expected = broker.process.wait(20), status
        said = broker.said()
    assert ended == expected, f"{what}: ended with {ended}, not {expected}: {said}"
    assert sentence in said, f"{what}: no \"{sentence}\" in {said}"
    assert "wrong@" not in said and ":wrong" not in said, f"{what}: the password is told: {said}"
    print(f"{what}: {ended}")


def check_config_of_good_ones(place):
    """Empty, and used; nothing is made in the empty one, and a broker that runs there is not minded."""
    empty = place.fresh()
    words = place.command(empty)
    for each in (words, place.command(place.used())):
        done = subprocess.run([*each, "--check-config"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "ok\n"), f"--check-config: {done.returncode} {done.stdout}"
    assert place.ours(words) == "f", "--check-config made tables"
    url = place.fresh()
    with Running(place.command(url)) as broker:
        broker.wait("store.restored")
        done = subprocess.run([*place.command(url), "--check-config"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "ok\n"), f"--check-config beside a broker: {done.returncode} {done.stdout}"
        assert broker.ready()[0] == 200


def main(folder):
    server = folder / "pg"
    postgres("start", server)
    place = Place(folder, server)
    try:
        for case in CASES:
            check(place, *case)
        check_config_of_good_ones(place)
        # last: the server becomes a replica that follows nobody
        url = place.used()
        postgres("kill", server, "INT")
        data = server / "data"
        (data / "standby.signal").touch()
        os.chown(data / "standby.signal", data.stat().st_uid, -1)
        postgres("again", server)
        check(place, "a read-only replica", lambda p: p.command(url), 1, "read-only")
    finally:
        postgres("end", server)


if not pathlib.Path("/usr/lib/postgresql/15/bin/postgres").exists():
    sys.exit(77)
with tempfile.TemporaryDirectory(prefix="bad-stores-") as name:
    os.chmod(name, 0o755)
    main(pathlib.Path(name))
