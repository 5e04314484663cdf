"""What is in the recorded state folders, how they were made, and the story that is told with them: opened, looked at, and
run to an end. record.py tells it with the programs of 52f222a and writes down what was seen; states_test.py tells it
with today's and compares."""
import contextlib
import hashlib
import os
import shutil
import signal
import stat
import time

import pack
import zmtp
from programs import inputs, until

QUEUES = ["echo", "idle", "held", "retry", "offered"]
# A lease that no busy machine lets run out: nothing here waits for one.
BROKER = ["--heartbeat-ms", "250", "--lease-ms", "15000", "--grace-ms", "100"] + [a for q in QUEUES for a in ("--queue", q)]
INSECURE = ["--insecure"]


def _id(n):
    return f"c0{n:030x}"


TASKS = {name: _id(n) for n, name in enumerate(
    ["delayed", "succeeded-small", "succeeded-large", "acknowledged", "dead", "expired", "cancelled", "revived",
     "queued", "queued-file", "held", "offered", "spooled-small", "spooled-large", "running", "second", "uploading"])}
SAVED = [name for name in TASKS if name != "uploading"]  # what was not whole is not on disk
KEPT = {"idle": ["--run-timeout", "5m", "--stall-timeout", "none"]}


def submit(p, name, queue, file, *more):
    p.cli("task", "submit", "--id", TASKS[name], "--queue", queue, "--circuit", "any", *more, file)


def until_state(p, name, state):
    until(f"{name} {state}", lambda: p.state(TASKS[name]) == state)


# --- making ----------------------------------------------------------------------------------------------------------

def _ended_tasks(p):
    node = p.node("p1", ["--queue", "echo:echo", "--slots", "4"])
    for name, file in (("succeeded-small", "small"), ("succeeded-large", "many-bytes"), ("acknowledged", "small"),
                       ("dead", "fails")):
        submit(p, name, "echo", file)
    for name in ("succeeded-small", "succeeded-large", "dead"):
        until_state(p, name, "dead" if name == "dead" else "succeeded")
    p.cli("task", "wait", TASKS["acknowledged"], "acknowledged.out")
    p.end(node, signal.SIGTERM)


def _waiting_tasks(p):
    submit(p, "expired", "idle", "small", "--deadline", "100ms")
    submit(p, "cancelled", "idle", "small")
    submit(p, "revived", "idle", "small")
    for name in ("cancelled", "revived"):
        p.cli("task", "cancel", TASKS[name])
    p.cli("task", "kick", TASKS["revived"])
    submit(p, "queued", "idle", "small", "--name", "shop", "--priority", "7", "--group", "g1", "--need-vram", "1G",
           "--need-ram", "2G", "--on-restart", "10m", "--deadline", "20h")
    submit(p, "queued-file", "idle", "large-file")
    submit(p, "held", "held", "small")
    until_state(p, "expired", "expired")


def _settings(p):
    p.cli("queue", "pause", "held")
    p.cli("queue", "set", "idle", *KEPT["idle"])
    node = p.node("p2", ["--queue", "offered:echo"])
    until("p2", lambda: p.is_live("p2"))
    p.cli("prover", "drain", "p2")
    p.end(node, signal.SIGTERM)


def hello(stream, role, name, **more):
    """A raw peer says hello and waits for the answer."""
    body = dict(role=role, name=name, session=os.urandom(16), software="compat", vmin=1, vmax=1, epoch=0, **more)
    stream.send([pack.head("HELLO"), pack.pack(body)])
    return answer(stream, "WELCOME")


def answer(stream, kind, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frames = stream.receive(end - time.monotonic())
        if frames and pack.name_of(frames) == kind:
            return pack.unpack(frames[1])
    raise AssertionError(f"waited in vain for {kind}")


def _offered_task(p):
    """A prover that is sent an offer and never says that it has begun."""
    s = zmtp.dial(p.endpoint)
    hello(s, "prover", "frozen", queues=["offered"], circuits=[{"circuit": "any", "warm": True}], slots=1, prefetch=0)
    s.send([pack.head("READY"), pack.pack({"credit": 1})])
    submit(p, "offered", "offered", "small")
    answer(s, "OFFER")
    return s


def _upload_begun(p):
    """A client that is cut in the middle of its input."""
    data = inputs()["large"]
    s = zmtp.dial(p.endpoint)
    task = bytes.fromhex(TASKS["uploading"])
    hello(s, "client", "half")
    s.send([pack.head("SUBMIT"), pack.pack(dict(req=1, task=task, queue="idle", circuit="any", length=len(data),
                                                sha256=hashlib.sha256(data).digest()))])
    answer(s, "CREDIT")
    s.send([pack.head("CHUNK"), pack.pack(dict(kind="input", task=task, offset=0)), data[:32000]])
    return s


def _failed_twice(p):
    shown = p.show(TASKS["delayed"])
    return shown["state"] == "delayed" and shown["failures"] == 2


def _tasks_out(p, spool):
    failing = p.node("p4", ["--queue", "retry:echo"])
    proving = p.node("p3", ["--queue", "echo:echo", "--slots", "3", "--state", spool])
    until("the nodes", lambda: p.is_live("p3") and p.is_live("p4"))
    peers = [_offered_task(p), _upload_begun(p)]
    submit(p, "delayed", "retry", "fails-again")
    until("two failures", lambda: _failed_twice(p))
    submit(p, "spooled-small", "echo", "slow-small")
    submit(p, "spooled-large", "echo", "slow-large")
    submit(p, "running", "echo", "slower", "--name", "runner", "--on-restart", "30m")
    until_state(p, "running", "running")
    # A running task is not saved for running: as long as nothing else about it changes its row says "offered". A new session of
    # its client gives it a time to end, and that is saved.
    submit(p, "second", "idle", "small", "--name", "runner")
    return [failing, proving], peers


def results_in(spool):
    return [n for _, _, files in os.walk(spool) for n in files if n.endswith(".result")]


def make(p, state, spool, signum):
    """Fills a state folder and a node's spool; the broker ends by signum while tasks are out. The time of its end, Unix ms."""
    broker = p.broker(BROKER + INSECURE, state)
    _ended_tasks(p)
    _waiting_tasks(p)
    _settings(p)
    nodes, peers = _tasks_out(p, spool)
    for name in ("spooled-small", "spooled-large", "running"):
        assert p.state(TASKS[name]) == "running", name
    p.end(broker, signum)
    wall = time.time_ns() // 1000000
    until("two spooled results", lambda: len(results_in(spool)) == 2)
    for node in nodes:
        p.end(node)
    for s in peers:
        s.close()
    return wall


# --- opening ---------------------------------------------------------------------------------------------------------

def copy_private(source, to):
    """A copy with the modes that the programs ask for: git keeps none of them, and no empty folder either."""
    shutil.copytree(source, to)
    for folder, _, files in os.walk(to):
        os.chmod(folder, stat.S_IRWXU)
        for name in files:
            os.chmod(os.path.join(folder, name), stat.S_IRUSR | stat.S_IWUSR)


def digest_of(p, name):
    """Of a task's result, fetched once more."""
    out = p.path("fetched")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(out)
    p.cli("task", "fetch", TASKS[name], out)
    with open(out, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def _shown(p):
    return {name: p.show(TASKS[name]) for name in SAVED}


def _succeeded(p, shown):
    return {name: digest_of(p, name) for name, task in shown.items() if task["state"] == "succeeded"}


def row_of(rows, column, name):
    return next((r for r in rows if r[column] == name), None)


def _drained(p):
    """The drain of a prover that was away when the broker began counts when it is back."""
    p.node("p2", ["--queue", "offered:echo"])
    until("p2", lambda: p.is_live("p2"))
    drained = row_of(p.cli("prover", "ls", "-o", "json")["rows"], "prover", "p2")["draining"]
    p.cli("prover", "resume", "p2")
    return drained


# What becomes of those that were alive. (Nobody here has the GPU memory that "queued" asks for.)
ENDS = {"running": "succeeded", "queued": "queued", "queued-file": "succeeded", "held": "succeeded", "revived": "succeeded", "second": "succeeded",
        "offered": "succeeded", "spooled-small": "succeeded", "spooled-large": "succeeded", "delayed": "dead"}


def tell(p, state, spool, clock):
    """Opens copies of the two folders, and says what is seen: as they were, and when everything was run to an end."""
    p.broker(BROKER + INSECURE, state, clock)
    seen = {"opened": _shown(p)}
    p.cli("task", "show", TASKS["uploading"], exits=(3,))
    seen["queues"] = p.cli("queue", "ls", "-o", "json")["rows"]
    seen["results"] = _succeeded(p, seen["opened"])
    p.node("p3", ["--queue", "echo:echo,idle:echo,held:echo,retry:echo", "--slots", "4", "--state", spool])
    for name in ("spooled-small", "spooled-large"):
        until_state(p, name, "succeeded")
    p.node("frozen", ["--queue", "offered:echo"])  # it says hello and holds nothing: what it was offered waits no longer
    seen["adopted"] = {name: p.show(TASKS[name]) for name in ("spooled-small", "spooled-large")}
    until("an empty spool", lambda: not results_in(spool))
    seen["drained"] = _drained(p)
    p.cli("queue", "resume", "held")
    for name, end in ENDS.items():
        until_state(p, name, end)
    seen["ended"] = _shown(p)
    seen["end-results"] = _succeeded(p, seen["ended"])
    return seen


def tell_late(p, state, clock):
    """Opens the folder ten years later, or by a clock that is ten years ahead: nobody can tell, so nothing goes or expires (R21)."""
    years = 10 * 365 * 86400 * 1000
    p.broker(BROKER + INSECURE, state, (clock[0], clock[1] + years))
    until_state(p, "delayed", "queued")
    return {name: p.state(TASKS[name]) for name in SAVED}
