"""Real processes on loopback for drills: a broker, provers, the command line; killed, stopped and started again.

    with Cluster() as c:
        c.broker()
        p = c.prover("p1")
        task = c.submit({"sleep_ms": 500})
        p.kill()
        ...

Every wait has a deadline and says what it waited for. Everything that was started is ended, and only that.
PV_BUILD names the build folder (default build/dev); a failing drill prints the tails of all logs.

Run by `support/postgres/postgres.sh around`, each cluster keeps its tasks in a database of its own (PV_TEST_STORE).
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))
BUILD = os.environ.get("PV_BUILD", os.path.join(ROOT, "build", "dev"))
BROKER = os.path.join(BUILD, "broker", "provost-broker")
PROVER = os.path.join(BUILD, "prover", "provost-prover")
CLI = os.path.join(BUILD, "worker", "cli", "provost")
LOAD = os.path.join(BUILD, "tests", "drill_load")
STORM = os.path.join(BUILD, "tests", "drill_storm")
PEER = os.path.join(BUILD, "tests", "drill_peer")

QUEUE = "drill"
SKIPPED = 77  # CTest's word for "cannot be shown on this machine"

# A short lease, so that a lost one shows within seconds. L >= 4 H, as the broker demands.
HEARTBEAT_MS, LEASE_MS = 200, 1000
BRISK = ("--heartbeat-ms", str(HEARTBEAT_MS), "--lease-ms", str(LEASE_MS))


ON_POSTGRES = os.environ.get("PV_TEST_STORE") == "postgresql"


class Failed(Exception):
    """A drill did not show what it promises."""


def until(what, condition, seconds=20.0, step=0.02):
    """Waits until condition() is true and returns its value; fails naming what after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds:g} s: {what}")
        time.sleep(step)


def expect(condition, what):
    if not condition:
        raise Failed(what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """One program of ours, its log in a file."""

    def __init__(self, name, argv, log, env=None):
        self.name, self.argv, self.log = name, argv, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)

    def signal(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait(10)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def end(self, seconds=10):
        """SIGTERM, then SIGKILL after that many seconds. The exit status."""
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def running(self):
        return self.popen.poll() is None

    def log_text(self):
        with open(self.log, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def log_count(self, event):
        return sum(f" {event} " in line for line in self.log_text().splitlines())


class Cluster:
    """A state folder, one broker address, and whatever was started in it."""

    def __init__(self, state=None):
        self.folder = state or tempfile.mkdtemp(prefix="provost-drill-")
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.processes = []
        self.helpers = []  # loads and raw peers: subprocess.Popen
        self.broker_process = None
        self.starts = 0
        self.broker_door = ["--insecure"]
        self.doors = {}
        self.database = None  # where the tasks are, if not in the state folder
        self.environments = {}  # of "broker", "cli", or a prover's name; None: ours

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for helper in self.helpers:
            with contextlib.suppress(Exception):
                helper.kill()
                helper.communicate(timeout=5)
        for process in reversed(self.processes):
            with contextlib.suppress(Exception):
                process.thaw()
                process.kill()
        if error is not None:
            for process in self.processes:
                sys.stderr.write(f"--- {process.name}\n" + "\n".join(process.log_text().splitlines()[-25:]) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    def use_keys(self, roles):
        """Keys for the broker and for each name of roles ({name: role}); from here on everything speaks CURVE."""
        self.roles = dict(roles)
        for name in ("broker", *roles):
            subprocess.run([CLI, "key", "gen", self.path(name)], check=True, stdout=subprocess.DEVNULL)
            self.doors[name] = ["--key", self.path(name), "--server-key", self.path("broker.pub")]
        self.allow(*roles)
        self.broker_door = ["--key", self.path("broker"), "--authorized-keys", self.path("keys.yaml")]

    def allow(self, *names):
        """Writes the file of authorised keys: these names and no others. The broker reads it at SIGHUP."""
        lines = ["keys:"] if names else ["keys: []"]
        for name in names:
            public = subprocess.run([CLI, "key", "show", self.path(name)], check=True, stdout=subprocess.PIPE)
            lines += [f"  - name: of-{name}", f'    key: "{public.stdout.decode().strip()}"',
                      f"    roles: [{self.roles[name]}]"]
        with open(self.path("keys.yaml.new"), "w") as f:
            f.write("\n".join(lines) + "\n")
        os.replace(self.path("keys.yaml.new"), self.path("keys.yaml"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, argv):
        env = self.environments.get("broker" if argv[0] == BROKER else name)
        process = Process(name, argv, os.path.join(self.folder, f"{name}.log"), env)
        self.processes.append(process)
        return process

    def store(self):
        """Options of the broker that say where its tasks are: the same for each start."""
        if not ON_POSTGRES:
            return []
        if self.database is None:
            fresh = ["bash", os.environ["PV_TEST_POSTGRES"], "fresh", os.environ["PV_TEST_SERVER"]]
            self.database = subprocess.run(fresh, check=True, stdout=subprocess.PIPE).stdout.decode().strip()
            os.makedirs(self.path("payloads"), exist_ok=True)
        return ["--store", self.database, "--payloads", self.path("payloads")]

    def state_mb(self):
        """What the broker's tasks take up, in MiB: the state folder, or the database."""
        if self.database is None:
            folder = self.path("broker-state")
            return sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(folder) for name in names) / 2**20
        size = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT pg_database_size(current_database())", self.database],
                              check=True, stdout=subprocess.PIPE)
        return int(size.stdout) / 2**20

    def broker(self, *options, ready=True):
        """Starts the broker, again on the same address and the same state when it was there before."""
        self.starts += 1
        self.broker_process = self.start(
            f"broker-{self.starts}",
            [BROKER, "--bind", self.endpoint, *self.broker_door, "--queue", QUEUE,
             "--state", self.path("broker-state"), *self.store(), *options])
        if ready:
            until("the broker answers", self.answers)
        return self.broker_process

    def answers(self):
        expect(self.broker_process.running(), "the broker ended at its start")
        return self.cli("status", check=False).returncode == 0

    def prover(self, name, *options, queue=f"{QUEUE}:echo", ready=True, within=()):
        """Starts a prover of the echo handler and waits until the broker lists it. within: a command to run it by."""
        process = self.start(
            name, [*within, PROVER, "run", "--broker", self.endpoint, *self.doors.get(name, ["--insecure"]), "--queue",
                   queue, "--name", name, "--state", self.path(f"{name}-state"), *options])
        if ready:
            until(f"prover {name} is listed", lambda: any(p["prover"] == name for p in self.rows("prover", "ls")))
        return process

    def cli(self, *words, check=True, data=None, who="admin", seconds=60):
        done = subprocess.run([CLI, *words, "--broker", self.endpoint, *self.doors.get(who, ["--insecure"])], input=data,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds, env=self.environments.get("cli"))
        if check and done.returncode != 0:
            raise Failed(f"provost {' '.join(words)}: exit {done.returncode}: {done.stderr.decode().strip()}")
        return done

    def json(self, *words, **more):
        return json.loads(self.cli(*words, "-o", "json", **more).stdout)

    def rows(self, *words):
        return self.json(*words)["rows"]

    def input_file(self, order):
        """A file with order in it: bytes as they are, anything else as JSON."""
        data = order if isinstance(order, bytes) else json.dumps(order).encode()
        fd, path = tempfile.mkstemp(dir=self.folder, suffix=".in")
        with os.fdopen(fd, "wb") as f:
            f.write(data)
        return path

    def submit(self, order, *options, who="admin"):
        """Submits to the echo queue; the task's id once the broker has acknowledged it."""
        words = ("task", "submit", "--queue", QUEUE, "--circuit", "echo", *options, self.input_file(order))
        return self.json(*words, who=who)["task"]

    def task(self, task):
        return self.json("task", "show", task, who="client")

    def state_is(self, task, *states):
        return self.task(task)["state"] in states

    def wait(self, task, *states, seconds=30):
        until(f"task {task} is {' or '.join(states)}", lambda: self.state_is(task, *states), seconds)


def load(cluster, *options, who="admin", within=()):
    """Starts drill_load; its last line is JSON. within: a command to run it by."""
    door = [option for option in cluster.doors.get(who, []) if option != "--insecure"]
    return helper(cluster, [*within, LOAD, "--broker", cluster.endpoint, "--queue", QUEUE, *door, *map(str, options)])


def helper(cluster, argv):
    """A program whose last line of output is JSON (finish reads it); ended with the cluster."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    cluster.helpers.append(process)
    return process


def peer(cluster, mode, *words):
    """Starts drill_peer: a raw peer that does what no library would."""
    return helper(cluster, [PEER, mode, cluster.endpoint, *words])


def finish(process, seconds, say=None):
    """Its exit status, its last line as JSON, what it complained of. say: bytes for its stdin first."""
    try:
        out, err = process.communicate(say, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failed(f"{os.path.basename(process.args[0])} did not end within {seconds} s: {err.decode()[-400:]}")
    lines = out.decode().splitlines()
    expect(lines, f"{process.args} said nothing: {err.decode()[-400:]}")
    return process.returncode, json.loads(lines[-1]), err.decode()


def expect_whole(code, figures, err):
    expect(figures["answered"] == figures["acked"] and not figures["wrong"] and not figures["failed"] and code == 0,
           f"lost or wrong: {figures}\n{err[-1500:]}")


def main(drill, *more):
    """Runs drill(cluster) and says so; the exit status is CTest's."""
    started = time.monotonic()
    try:
        with Cluster() as cluster:
            figures = drill(cluster, *more) or {}
    except Failed as failure:
        print(f"FAILED {drill.__name__}: {failure}", file=sys.stderr)
        return 1
    figures = {"drill": drill.__name__, **figures, "seconds": round(time.monotonic() - started, 2)}
    print(json.dumps(figures))
    return 0


def run(names):
    """The main of a file of drills: DRILL [--soak], where drill_DRILL is one of names."""
    drills = {name[6:]: drill for name, drill in names.items() if name.startswith("drill_")}
    if len(sys.argv) < 2 or sys.argv[1] not in drills:
        print(f"usage: {os.path.basename(sys.argv[0])} DRILL [--soak]; drills: {' '.join(drills)}", file=sys.stderr)
        return 2
    return main(drills[sys.argv[1]], "--soak" in sys.argv[2:])
