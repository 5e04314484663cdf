"""Two brokers on one store in PostgreSQL, for drills: drill.py's cluster with a server, and brokers by name.

    with Brokers() as c:
        a, b = c.start_both()
        c.prover("p1")               peers get both endpoints
        c.active()                   the one that is ready
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "drills"), str(HERE.parents[1] / "support" / "postgres")]

import drill  # noqa: E402
import postgres_server  # noqa: E402

from drill import BRISK, BROKER, QUEUE, Failed, expect, free_port, until  # noqa: E402

LEASE_S = 5.0  # pg_lease_row.h


class Broker:
    """One broker: its place is its own, the store is shared."""

    def __init__(self, cluster, name):
        self.c, self.name, self.starts, self.process = cluster, name, 0, None
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"

    def start(self, *options, url=None):
        self.starts += 1
        argv = [BROKER, "--bind", self.endpoint, *self.c.broker_door, "--queue", QUEUE, "--state", self.c.path(f"{self.name}-state"),
                "--store", url or self.c.url, *self.c.payloads(), "--advertise", self.endpoint, "--http", "127.0.0.1:0",
                *BRISK, *options]
        self.process = self.c.start(f"{self.name}-{self.starts}", argv)
        return self

    def http(self, path):
        """Status and text; (0, "") when nobody answers."""
        port = re.search(r"http\.listening port=(\d+)", self.process.log_text())
        if not port:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def readyz(self):
        return self.http("/readyz")

    def ready(self):
        return self.readyz()[0] == 200

    def says(self, words):
        """Not ready, and the sentence has these words."""
        code, text = self.readyz()
        return text if code == 503 and words in text else None

    def epochs(self):
        """Of each time it became active in this run."""
        return [int(n) for n in re.findall(r"store\.restored tasks=\d+ ms=\d+ epoch=(\d+)", self.process.log_text())]


class Brokers(drill.Cluster):
    def __init__(self, settings=""):
        if not postgres_server.here():
            print("PostgreSQL 15 is not here", file=sys.stderr)
            sys.exit(drill.SKIPPED)
        super().__init__()
        os.chmod(self.folder, 0o755)  # the server is somebody else
        os.mkdir(self.path("payloads"), 0o700)
        self.servers = []
        self.server = self.add_server("pg", settings)
        self.url = self.server.fresh()
        self.a, self.b = Broker(self, "a"), Broker(self, "b")
        self.endpoint = f"{self.a.endpoint},{self.b.endpoint}"

    def payloads(self):
        """Where large payloads are: the options of each broker."""
        return ("--payloads", self.path("payloads"))

    def add_server(self, name, settings="", **more):
        server = postgres_server.PostgresServer(self.path(name), settings, **more)
        self.servers.append(server)
        return server

    def __exit__(self, kind, error, trace):
        for server in self.servers:
            with contextlib.suppress(Exception):
                if error is not None:
                    with open(os.path.join(server.folder, "log"), encoding="utf-8") as log:
                        sys.stderr.write("--- PostgreSQL\n" + "".join(log.readlines()[-25:]))
        keep = os.environ.get("PV_KEEP")
        if keep and error is not None:
            os.system(f"cp -r {self.folder} {keep}")
        super().__exit__(kind, error, trace)
        for server in self.servers:
            with contextlib.suppress(Exception):
                server.end()

    def start_first(self, *options):
        self.a.start(*options)
        until("the first broker is active", self.a.ready)
        return self.a

    def start_both(self, *options):
        self.start_first(*options)
        self.b.start(*options)
        until("the second broker stands by", lambda: self.b.says("standby"))
        return self.a, self.b

    def other(self, broker):
        return self.b if broker is self.a else self.a

    def lease(self):
        """Epoch, endpoint, and for how many seconds more."""
        row = self.server.sql("SELECT epoch, endpoint, extract(epoch FROM until - clock_timestamp()) FROM provost.lease",
                              self.url.rsplit("/", 1)[1]).split("|")
        return int(row[0]), row[1], float(row[2])

    def commits_of(self, epoch):
        """How many commits this epoch has in the database."""
        return int(self.server.sql(f"SELECT coalesce(sum(commits), 0) FROM provost.reign WHERE epoch = {epoch}", self.url.rsplit("/", 1)[1]))

    def executions(self):
        """How many attempts the nodes that ended began."""
        return sum(int(n) for process in self.processes
                   for n in re.findall(r"handler\.counters .*started=(\d+)", process.log_text()))


def main(drill_of, soak, cluster):
    """Runs it and says so; the exit status is CTest's."""
    started = time.monotonic()
    try:
        with cluster() as c:
            figures = drill_of(c, soak) or {}
    except Failed as failure:
        print(f"FAILED {drill_of.__name__}: {failure}", file=sys.stderr)
        return 1
    print(json.dumps({"drill": drill_of.__name__, **figures, "seconds": round(time.monotonic() - started, 2)}))
    return 0


def together(wanted, more):
    """Each in a process of its own, at the same time: most of it is waiting for leases. Those that are skipped count as well."""
    running = [subprocess.Popen([sys.executable, sys.argv[0], one, *more]) for one in wanted]
    codes = [process.wait() for process in running]
    return next((code for code in codes if code not in (0, drill.SKIPPED)), min(codes))


def run(names, clusters=None):
    """The main of a file of drills: DRILL... [--soak]. clusters: for drills that want one of their own."""
    drills = {name[6:]: one for name, one in names.items() if name.startswith("drill_")}
    more = [word for word in sys.argv[1:] if word == "--soak"]
    wanted = [word for word in sys.argv[1:] if word != "--soak"]
    if not wanted or not set(wanted) <= set(drills):
        print(f"usage: {os.path.basename(sys.argv[0])} DRILL... [--soak]; drills: {' '.join(drills)}", file=sys.stderr)
        return 2
    if len(wanted) > 1:
        return together(wanted, more)
    return main(drills[wanted[0]], bool(more), (clusters or {}).get(wanted[0], Brokers))


def rounds(few, many, soak):
    """PV_ROUNDS scales, PV_SOAK_ROUNDS replaces."""
    return int(os.environ.get("PV_SOAK_ROUNDS", 0)) or max(1, int((many if soak else few) * float(os.environ.get("PV_ROUNDS", "1"))))


__all__ = ["Brokers", "LEASE_S", "expect", "rounds", "run", "signal", "until"]
