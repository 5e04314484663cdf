#!/usr/bin/env python3
"""old_peers_test.py BUILD: the node and the command of 52f222a, built from this repository's history, beside two brokers of today on one
store. They do not know the status "standby": whichever endpoint they try first, they come to the active broker, and to the other one after
a takeover. PV_OLD names a build folder of that commit; else it is built in BUILD, which takes a minute or two."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "fault" / "postgres")]

OLD = "52f222a"
BUILD = pathlib.Path(sys.argv.pop(1))
os.environ.setdefault("PV_BUILD", str(BUILD))

from brokers import LEASE_S, QUEUE, expect, run, until  # noqa: E402

ROOT = HERE.parents[1]
SKIPPED = 77


def quiet(*words, **more):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **more)


def built():
    """The build folder of then."""
    if "PV_OLD" in os.environ:
        return pathlib.Path(os.environ["PV_OLD"])
    folder = BUILD / "compat" / OLD
    if subprocess.run(["git", "cat-file", "-e", f"{OLD}^{{commit}}"], cwd=ROOT, stderr=subprocess.DEVNULL).returncode:
        print(f"{OLD} is not in this repository", file=sys.stderr)
        sys.exit(SKIPPED)
    if not (folder / "src" / "CMakeLists.txt").exists():
        (folder / "src").mkdir(parents=True)
        archive = subprocess.Popen(["git", "archive", OLD], cwd=ROOT, stdout=subprocess.PIPE)
        quiet("tar", "x", "-C", folder / "src", stdin=archive.stdout)
        expect(archive.wait() == 0, "git archive")
        quiet("cmake", "-G", "Ninja", "-S", folder / "src", "-B", folder / "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DPV_TESTS=OFF", "-DPV_CUDA=OFF")
    quiet("ninja", "-C", folder / "build", "provost_cli", "provost-prover")
    return folder / "build"


def command(c, endpoints, *words):
    return subprocess.run([OLD_BUILD / "worker" / "cli" / "provost", *words, "--broker", ",".join(endpoints), "--insecure"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)


def submitted(c, endpoints, text):
    words = ("task", "submit", "--queue", QUEUE, "--circuit", "echo", "-o", "json", c.input_file({"text": text}))
    done = command(c, endpoints, *words)
    expect(done.returncode == 0, f"submit by {endpoints}: {done.returncode} {done.stderr.decode()}")
    return json.loads(done.stdout)["task"]


def proved(c, endpoints, task):
    done = command(c, endpoints, "task", "wait", task, "-")
    expect(done.returncode == 0, f"wait by {endpoints}: {done.returncode} {done.stderr.decode()}")
    return done.stdout


def drill_old_peers(c, soak):
    active, standby = c.start_both()
    orders = ([standby.endpoint, active.endpoint], [active.endpoint, standby.endpoint])
    node = c.start("old", [OLD_BUILD / "prover" / "provost-prover", "run", "--broker", ",".join(orders[0]), "--insecure", "--queue", f"{QUEUE}:echo",
                           "--name", "old", "--state", c.path("old-state")])
    for i, order in enumerate(orders):
        task = submitted(c, order, f"before {i}")
        expect(f"before {i}" in proved(c, order, task).decode(), "another result")
    waits = submitted(c, orders[0], "over the takeover")
    was = active.epochs()[-1]
    active.process.kill()
    until("the other takes over", lambda: standby.epochs() and standby.epochs()[-1] > was, LEASE_S + 15)
    active.start()
    until("it stands by", lambda: active.says("standby"))
    expect(b"over the takeover" in proved(c, orders[1], waits), "another result")
    for i, order in enumerate(orders):
        task = submitted(c, order, f"after {i}")
        expect(f"after {i}" in proved(c, order, task).decode(), "another result")
    refused = [line for line in node.log_text().splitlines() if standby.endpoint in line and "internal" in line]
    node.end()
    expect(refused, "the old node was never refused by a broker that stood by")
    return {"refused": len(refused)}


OLD_BUILD = built()
if __name__ == "__main__":
    sys.argv[1:] = ["old_peers"]
    sys.exit(run(globals()))
