#!/usr/bin/env python3
"""bench_broker by turns on the stores that a broker can have: a folder (SQLite), a PostgreSQL server, and one with a synchronous standby.

    bench_postgres.py BUILD_DIR FOLDER [ROUNDS] [JOB]...      jobs of bench_broker, 1k and 1m if none; FOLDER on a real disk, made and removed

Servers of its own with fsync on. A line of JSON for each turn: what bench_broker says, the load before it, and for each task of it what the server
did: transactions, statements, bytes and syncs of its log, processor time of the primary's processes.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "postgres"))
import postgres_server  # noqa: E402

SETTINGS = """fsync = on
shared_buffers = 128MB
log_min_duration_statement = -1
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = 'all'
"""
COUNTS = """SELECT (SELECT sum(calls) FROM pg_stat_statements), (SELECT xact_commit FROM pg_stat_database WHERE datname = 'DATABASE'),
 wal_bytes, wal_sync, wal_write FROM pg_stat_wal"""


def processor_us(server):
    ns = 0
    for pid in server.processes():
        try:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
                ns += int(f.read().split()[0])
        except OSError:
            continue
    return ns // 1000


def counts(server, database):
    server.sql("SELECT pg_stat_force_next_flush()")
    return [float(n or 0) for n in server.sql(COUNTS.replace("DATABASE", database)).split("|")]


def turn(bench, job, name, server):
    """One run in an empty store. The backend of a broker that ends takes its processor time with it: that is of those which stay."""
    environment = dict(os.environ)
    if server:
        environment["STORE"] = server.fresh()
        database = environment["STORE"].rsplit("/", 1)[1]
        server.sql("CHECKPOINT; SELECT pg_stat_statements_reset()")
        before = counts(server, database)
    with open("/proc/loadavg", encoding="ascii") as f:
        load = float(f.read().split()[0])
    said = subprocess.run([bench, job], env=environment, stdout=subprocess.PIPE, text=True, timeout=300, check=True).stdout
    line = {"store": name, "load": load, **json.loads(said.splitlines()[-1])}
    if server:
        after = counts(server, database)
        for what, a, b in zip(("statements", "transactions", "wal_bytes", "wal_syncs", "wal_writes"), before, after):
            line[what + "_per_task"] = round((b - a) / line["tasks"], 3)
    print(json.dumps(line), flush=True)
    return line


def main():
    build, folder = sys.argv[1], os.path.abspath(sys.argv[2])
    rounds, jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 3, sys.argv[4:] or ["1k", "1m"]
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    os.environ["TMPDIR"] = folder
    servers = []
    try:
        alone = postgres_server.PostgresServer(os.path.join(folder, "alone"), SETTINGS)
        servers.append(alone)
        alone.sql("CREATE EXTENSION pg_stat_statements")
        primary = postgres_server.PostgresServer(os.path.join(folder, "primary"), SETTINGS)
        servers.append(primary)
        primary.sql("CREATE EXTENSION pg_stat_statements")
        servers.append(postgres_server.PostgresServer(os.path.join(folder, "next"), SETTINGS, of=primary, standby="next"))
        primary.set("synchronous_standby_names = 'next'\n")
        primary.reload()
        primary.sql("CREATE TABLE waits (n int)")  # answered once the standby has it
        bench, lines = os.path.join(build, "tests", "bench_broker"), []
        for _ in range(rounds):
            for job in jobs:
                lines += [turn(bench, job, name, server) for name, server in (("sqlite", None), ("postgresql", alone), ("standby", primary))]
        for job in jobs:
            middle = {name: statistics.median(line["tasks_per_s"] for line in lines if (line["job"], line["store"]) == (job, name))
                      for name in ("sqlite", "postgresql", "standby")}
            print(json.dumps({"job": job, "medians": middle, "of_sqlite": {name: round(n / middle["sqlite"], 2) for name, n in middle.items()}}))
    finally:
        for server in reversed(servers):
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


main()
