"""Kills the active one of two brokers under load, again and again: takeover.py BUILD [ROUNDS]      (PV_ROUNDS scales)

The other takes the store over, the killed one is started again and stands by. Callers get every result, and the right one; how often
tasks ran and how long each takeover took is told as a line of JSON. The store is turns_store.c's: who is next is said by
this test at the moment of the kill, so a takeover here is what brokers and peers need beside the end of a lease.
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else int(5 * float(os.environ.get("PV_ROUNDS", "1")))
TASKS = 2000
TAKEOVER_MOST = 10.0
SEED = int(os.environ.get("PV_SEED", time.time_ns() % 1_000_000))
chance = random.Random(SEED)


def wait(what, seconds, is_so):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = is_so()
        if found:
            return found
        time.sleep(0.005)
    raise SystemExit(f"waited {seconds} s in vain for: {what}")


class Broker:
    def __init__(self, folder, name):
        self.folder, self.name, self.bind = folder, name, "tcp://127.0.0.1:*"
        self.home = folder / name
        self.home.mkdir()
        self.log = self.home / "log"
        self.start()

    def start(self):
        port = self.home / "port"
        port.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BUILD / "tests/turns_broker", "--insecure", "--queue", "outer", "--bind", self.bind, "--port-file", port, "--state",
             self.home / "state", "--store", f"postgresql://turns{self.folder}", "--heartbeat-ms", "500", "--lease-ms", "2000"],
            stderr=self.log.open("ab"), env={**os.environ, "PV_TURN": self.name})
        wait(f"{self.name} listens", 30, port.exists)
        self.bind = port.read_text().strip()

    def active(self):
        """How often it has become active."""
        return len(re.findall(r"INFO (?:broker\.active|store\.restored)", self.log.read_text()))

    def kill(self):
        self.process.kill()
        self.process.wait()


def turn(folder, broker):
    new = folder / "turn.new"
    new.write_text(f"{broker.name} {broker.bind}\n")
    new.rename(folder / "turn")


def bench(endpoints):
    return subprocess.Popen(
        [BUILD / "worker/cli/provost", "bench", "--broker", endpoints, "--insecure", "--queue", "outer", "--circuit", "c", "--count", str(TASKS),
         "--inflight", "16", "--connect-timeout", "60s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main(folder):
    (folder / "turn").write_text("A\n")
    active, standby = Broker(folder, "A"), Broker(folder, "B")
    turn(folder, active)
    endpoints = f"{standby.bind},{active.bind}"
    node_log = (folder / "node").open("wb")
    node = subprocess.Popen([BUILD / "prover/provost-prover", "run", "--insecure", "--broker", endpoints, "--queue", "outer:echo", "--name", "node",
                             "--slots", "4", "--state", folder / "spool"], stderr=node_log)
    took = []
    try:
        benches = 0
        while len(took) < ROUNDS and benches < 3 * ROUNDS:
            load, benches = bench(endpoints), benches + 1
            time.sleep(chance.uniform(0.2, 0.6))  # anywhere in the load; what is waited for is below
            if load.poll() is not None:
                continue  # the load was over before: that is no round
            before = standby.active()
            active.kill()
            killed = time.monotonic()
            turn(folder, standby)
            wait("the other takes over", 30, lambda: standby.active() > before)
            took.append(time.monotonic() - killed)
            active, standby = standby, active
            standby.start()
            said = load.communicate(timeout=120)[0]
            if load.returncode or "failed 0, wrong 0" not in said:
                raise SystemExit(f"round {len(took)}, seed {SEED}: {said}")
        node.send_signal(signal.SIGTERM)
        if node.wait(60):
            raise SystemExit(f"the node ended with {node.returncode}")
        started = int(re.search(r"handler\.counters .*started=(\d+)", (folder / "node").read_text())[1])
        tasks = benches * TASKS
        print(json.dumps({"drill": "takeover", "seed": SEED, "rounds": len(took), "tasks": tasks, "lost": 0, "executions_per_task": started / tasks,
                          "takeover_s_most": round(max(took), 3), "takeover_s_median": round(sorted(took)[len(took) // 2], 3)}))
        if len(took) < ROUNDS or max(took) > TAKEOVER_MOST or started < tasks:
            raise SystemExit("too few rounds, too slow, or a task was answered that nobody ran")
    finally:
        for process in (node, active.process, standby.process):
            process.kill()
            process.wait()


with tempfile.TemporaryDirectory(prefix="takeover-") as place:
    try:
        main(pathlib.Path(place))
    except SystemExit:
        for log in pathlib.Path(place).rglob("log"):
            print(log, log.read_text()[-3000:], file=sys.stderr)
        raise
