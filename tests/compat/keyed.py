"""The story of the folder with keys: two clients, a node and an operator, each with a key of its own. Told by record.py and by
states_test.py, as states.py tells that of the others."""
import os
import signal

from programs import until
from states import TASKS, copy_private, digest_of, row_of, submit, until_state

PEOPLE = {"alice": "client", "bob": "client", "node-1": "prover", "operator": "admin, client"}
OWNERS = {"succeeded-small": "alice", "queued": "alice", "held": "bob", "cancelled": "bob"}
BROKER = ["--heartbeat-ms", "250", "--lease-ms", "15000", "--queue", "echo", "--queue", "idle", "--key", "keys/broker",
          "--authorized-keys", "keys/authorized_keys.yaml"]
PARTS = ("state", "keys")


def become(p, name):
    p.security = ["--key", f"keys/{name}", "--server-key", "keys/broker.pub"]


def _keys(p):
    os.mkdir(p.path("keys"), 0o700)
    lines = ["# Keys of this test alone: their secrets are public.", "keys:"]
    for name in ["broker", *PEOPLE]:
        become(p, name)
        public = p.key_gen(f"keys/{name}")
        if name in PEOPLE:
            lines += [f"  - name: {name}", f'    key: "{public}"', f"    roles: [{PEOPLE[name]}]"]
            lines += ["    queues: [echo, idle]", "    queued_tasks: 10", "    weight: 2"] if name == "alice" else []
    with open(p.path("keys", "authorized_keys.yaml"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


def _node(p, queues):
    become(p, "node-1")
    node = p.node("n1", ["--queue", queues])
    become(p, "operator")
    until("n1", lambda: p.is_live("n1"))
    return node


def make(p):
    _keys(p)
    broker = p.broker(BROKER, p.path("state"))
    node = _node(p, "echo:echo")
    become(p, "alice")
    submit(p, "succeeded-small", "echo", "small")
    until_state(p, "succeeded-small", "succeeded")
    submit(p, "queued", "idle", "small")
    become(p, "bob")
    submit(p, "held", "idle", "large-file")
    submit(p, "cancelled", "idle", "small")
    p.cli("task", "cancel", TASKS["cancelled"])
    become(p, "operator")
    p.cli("queue", "pause", "idle")
    p.cli("prover", "drain", "n1")
    p.end(node, signal.SIGTERM)
    p.end(broker, signal.SIGTERM)


def _shown(p):
    """Each task by its owner; the other client does not find it, the operator does."""
    shown = {}
    for name, owner in OWNERS.items():
        become(p, "bob" if owner == "alice" else "alice")
        p.cli("task", "show", TASKS[name], exits=(3,))
        become(p, owner)
        shown[name] = p.show(TASKS[name])
    return shown


def tell(p, folder, clock):
    for part in PARTS:
        copy_private(os.path.join(folder, part), p.path(part))
    p.broker(BROKER, p.path("state"), clock)
    seen = {"opened": _shown(p)}
    become(p, "operator")
    seen["queues"] = p.cli("queue", "ls", "-o", "json")["rows"]
    _node(p, "echo:echo,idle:echo")
    seen["drained"] = row_of(p.cli("prover", "ls", "-o", "json")["rows"], "prover", "n1")["draining"]
    p.cli("prover", "resume", "n1")
    p.cli("queue", "resume", "idle")
    seen["end-results"] = {}
    for name in ("queued", "held", "succeeded-small"):
        become(p, OWNERS[name])
        until_state(p, name, "succeeded")
        seen["end-results"][name] = digest_of(p, name)
    seen["ended"] = _shown(p)
    return seen
