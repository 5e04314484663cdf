#!/usr/bin/env python3
"""bench_broker by turns on the stores that a broker can have: a folder (SQLite), a PostgreSQL server, and one with a synchronous standby.

    bench_postgres.py [--rabbit BENCH_RABBIT] BUILD_DIR FOLDER [ROUNDS] [JOB]...
                      jobs of bench_broker, 1k and 1m if none; FOLDER on a real disk, made and removed

Servers of its own with fsync on. A line of JSON for each turn: what bench_broker says, the load before it, and for each task of it what the server
did: transactions, statements, bytes and syncs of its log. With --rabbit (the program bench_rabbit) each round has a turn of RabbitMQ's quorum queue on
three nodes, too.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "postgres"))
import postgres_server  # noqa: E402
import rabbit_cluster  # noqa: E402

SETTINGS = """fsync = on
shared_buffers = 128MB
log_min_duration_statement = -1
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = 'all'
"""
COUNTS = """SELECT (SELECT sum(calls) FROM pg_stat_statements), (SELECT xact_commit FROM pg_stat_database WHERE datname = 'DATABASE'),
 wal_bytes, wal_sync, wal_write FROM pg_stat_wal"""


def counts(server, database):
    server.sql("SELECT pg_stat_force_next_flush()")
    return [float(n or 0) for n in server.sql(COUNTS.replace("DATABASE", database)).split("|")]


def load_now():
    with open("/proc/loadavg", encoding="ascii") as f:
        return float(f.read().split()[0])


def rabbit_turn(program, job, cluster):
    load = load_now()
    said = subprocess.run([program, str(cluster.port), str(cluster.pids[0]), "quorum", job], stdout=subprocess.PIPE, text=True, timeout=300, check=True).stdout
    line = {"store": "quorum", "load": load, **json.loads(said.splitlines()[-1])}
    print(json.dumps(line), flush=True)
    return line


def turn(bench, job, name, server):
    """One run in an empty store."""
    environment = dict(os.environ)
    if server:
        environment["STORE"] = server.fresh()
        database = environment["STORE"].rsplit("/", 1)[1]
        server.sql("CHECKPOINT; SELECT pg_stat_statements_reset()")
        before = counts(server, database)
    load = load_now()
    said = subprocess.run([bench, job], env=environment, stdout=subprocess.PIPE, text=True, timeout=300, check=True).stdout
    line = {"store": name, "load": load, **json.loads(said.splitlines()[-1])}
    if server:
        after = counts(server, database)
        for what, a, b in zip(("statements", "transactions", "wal_bytes", "wal_syncs", "wal_writes"), before, after):
            line[what + "_per_task"] = round((b - a) / line["tasks"], 3)
    print(json.dumps(line), flush=True)
    return line


def servers_make(folder, servers):
    """One alone, and one with a synchronous standby. servers gets all that were started."""
    alone = postgres_server.PostgresServer(os.path.join(folder, "alone"), SETTINGS)
    servers.append(alone)
    primary = postgres_server.PostgresServer(os.path.join(folder, "primary"), SETTINGS)
    servers.append(primary)
    for server in (alone, primary):
        server.sql("CREATE EXTENSION pg_stat_statements")
    servers.append(postgres_server.PostgresServer(os.path.join(folder, "next"), SETTINGS, of=primary, standby="next"))
    primary.set("synchronous_standby_names = 'next'\n")
    primary.reload()
    primary.sql("CREATE TABLE waits (n int)")  # answered once the standby has it
    return alone, primary


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rabbit")
    parser.add_argument("build")
    parser.add_argument("folder")
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("jobs", nargs="*")
    return parser.parse_args()


def main():
    a = arguments()
    folder, jobs, lines, servers = os.path.abspath(a.folder), a.jobs or ["1k", "1m"], [], []
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    os.environ["TMPDIR"] = folder
    bench = os.path.join(a.build, "tests", "bench_broker")
    try:
        alone, primary = servers_make(folder, servers)
        if a.rabbit:
            cluster = rabbit_cluster.RabbitCluster(os.path.join(folder, "rabbit"))
            servers.append(cluster)
        for _ in range(a.rounds):
            for job in jobs:
                lines += [turn(bench, job, name, server) for name, server in (("sqlite", None), ("postgresql", alone), ("standby", primary))]
                if a.rabbit:
                    lines.append(rabbit_turn(a.rabbit, job, cluster))
        for job in jobs:
            names = [line["store"] for line in lines[:4 if a.rabbit else 3]]
            middle = {name: statistics.median(line["tasks_per_s"] for line in lines if (line["job"], line["store"]) == (job, name)) for name in names}
            print(json.dumps({"job": job, "medians": middle, "of_sqlite": {name: round(n / middle["sqlite"], 2) for name, n in middle.items()}}))
    finally:
        for server in reversed(servers):
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


main()
