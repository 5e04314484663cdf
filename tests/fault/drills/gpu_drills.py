#!/usr/bin/env python3
"""GPUs that lie, and witnesses that are bad: nodes of lying-prover (support/drill/lying_gpu.c). drill.py has the processes.

gpu_drills.py DRILL
"""
import json
import os
import subprocess
import sys
import urllib.request

from drill import BUILD, QUEUE, ROOT, expect, free_port, run, until

LYING = os.path.join(BUILD, "tests", "lying-prover")
DATA = os.path.join(ROOT, "tests", "data")
CHAIN = os.path.join(DATA, "chain-7")
WITNESS = os.path.join(CHAIN, "witness.wtns")


class Fleet:
    """A broker with metrics, and nodes whose GPUs are told what to do."""

    def __init__(self, cluster):
        self.cluster, self.http = cluster, free_port()
        cluster.broker("--http", f"127.0.0.1:{self.http}")
        witness = bytearray(open(WITNESS, "rb").read())
        witness[-32] ^= 1
        self.bad = cluster.input_file(bytes(witness))

    def node(self, name, *options, env=(), ready=True, program=LYING):
        mode = self.cluster.path(f"{name}.gpu")
        self.cluster.environments[name] = {**os.environ, "LYING_GPU": mode, **dict(env)}
        process = self.cluster.start(name, [
            program, "run", "--broker", self.cluster.endpoint, "--insecure", "--queue", QUEUE, "--name", name,
            "--state", self.cluster.path(f"{name}-state"), "--circuits", DATA, *options])
        if ready:
            until(f"{name} is listed", lambda: self.row(name))
        return process

    def tell(self, name, mode):
        path = self.cluster.path(f"{name}.gpu")
        with open(path + ".new", "w") as f:
            f.write(mode)
        os.replace(path + ".new", path)

    def row(self, name):
        return next((p for p in self.cluster.rows("prover", "ls") if p["prover"] == name), None)

    def metric(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10).read().decode()
        return int(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])

    def submit(self, witness):
        return self.cluster.json("task", "submit", "-q", QUEUE, "-c", "chain-7", witness)["task"]

    def prove(self):
        out = self.cluster.path("proof")
        done = self.cluster.cli("prove", "-q", QUEUE, "-c", "chain-7", "-t", "30s", "--progress", "none", "--vkey",
                                os.path.join(CHAIN, "vkey.json"), WITNESS, out, out + ".public", check=False)
        expect(done.returncode == 0, f"no proof: {done.stderr.decode().strip()}")

    def dies(self, witness, status):
        task = self.submit(witness)
        self.cluster.wait(task, "dead")
        row = self.cluster.task(task)
        expect(row["status"] == status, f"died as {row['status']}: {row.get('text')}")
        return row


def phases_of(trace):
    """The names of the phases of each attempt that a node has traced."""
    if not os.path.exists(trace):
        return []
    with open(trace, encoding="utf-8") as f:
        return [[p["phase"] for p in json.loads(line)["phases"]] for line in f if line.endswith("\n")]


def drill_bad_witnesses_close_no_gpu(cluster, soak=False):
    """Five bad witnesses in a row, on two nodes with GPUs: each is its task's fault, and nobody's else."""
    fleet = Fleet(cluster)
    nodes = [fleet.node(name) for name in ("n1", "n2")]
    for _ in range(5):
        row = fleet.dies(fleet.bad, "bad-witness")
        expect("confirmed by prover" in row["text"], f"by one alone: {row['text']}")
    fleet.prove()
    expect(fleet.metric("provost_quarantines_total") == 0, "a node is in quarantine")
    expect(fleet.metric("provost_gpu_wrong_proofs_total") == 0, "a GPU is said to be wrong")
    expect(sum(n.log_count("gpu.wrong_proof") for n in nodes) == 0, "a node says so")


def drill_a_gpu_is_wrong_once(cluster, soak=False):
    """The CPU's proof is the result; it is counted, and the GPU goes on after its self-test."""
    fleet, trace = Fleet(cluster), cluster.path("trace")
    node = fleet.node("n1", "--trace", trace)
    fleet.prove()
    fleet.tell("n1", "once")
    fleet.prove()
    until("both attempts are traced", lambda: len(phases_of(trace)) == 2)
    expect(["cpu-check" in names for names in phases_of(trace)] == [False, True], f"{phases_of(trace)}")
    until("it is counted at the broker", lambda: fleet.row("n1")["gpu_wrong_proofs"] == 1)
    until("it is in the metrics", lambda: fleet.metric("provost_gpu_wrong_proofs_total") == 1)
    until("the GPU is tested", lambda: node.log_count("gpu.tested") == 2)  # the first at the start
    fleet.prove()
    fleet.prove()
    expect(fleet.row("n1")["gpu_wrong_proofs"] == 1 and node.log_count("gpu.wrong_proof") == 1, "wrong again")
    expect(fleet.row("n1")["gpu_unused"] is None and not fleet.row("n1")["draining"], f"{fleet.row('n1')}")


def drill_a_gpu_that_stays_wrong_serves_nothing(cluster, soak=False):
    """It says so, to people and to the broker; the tasks go to another node and none is lost."""
    fleet = Fleet(cluster)
    fleet.node("n1")
    fleet.prove()
    fleet.tell("n1", "wrong")
    fleet.prove()
    until("n1 takes nothing", lambda: fleet.row("n1")["draining"])
    expect("self-test" in fleet.row("n1")["gpu_unused"], f"{fleet.row('n1')}")
    until("it is in the metrics", lambda: fleet.metric("provost_provers_gpu_unused") == 1)
    waits = fleet.submit(WITNESS)
    expect(cluster.task(waits)["unservable"], "it is not said that nobody serves it")
    fleet.node("n2")
    cluster.wait(waits, "succeeded")
    for _ in range(3):
        fleet.prove()
    expect(fleet.metric("provost_quarantines_total") == 0 and fleet.row("n1")["done"] == 2, f"{fleet.row('n1')}")


def drill_a_gpu_is_tested_at_a_start(cluster, soak=False):
    """One that fails leaves the CPU where backend is auto, with a warning; where it is cuda the node does not start."""
    fleet = Fleet(cluster)
    fleet.tell("n1", "wrong")
    node = fleet.node("n1")
    expect("self-test" in (fleet.row("n1")["gpu_unused"] or ""), f"{fleet.row('n1')}")
    expect(any(" WARN " in line and "prover.backend" in line for line in node.log_text().splitlines()), "no warning")
    until("it is in the metrics", lambda: fleet.metric("provost_provers_gpu_unused") == 1)
    fleet.prove()
    node.end()
    until("it is gone from the metrics", lambda: fleet.metric("provost_provers_gpu_unused") == 0)
    fleet.tell("n2", "broken")
    node = fleet.node("n2", "--backend", "cuda", ready=False)
    until("n2 ends", lambda: not node.running())
    expect(node.popen.returncode == 1 and "illegal memory access" in node.log_text(), node.log_text())
    node = fleet.node("n3", env={"LYING_GPU_MISSING": "1"}.items())
    expect("13.0 is needed" in fleet.row("n3")["gpu_unused"], f"{fleet.row('n3')}")


def drill_a_gpu_is_short_of_memory(cluster, soak=False):
    """Its plan for a key is slower than the best: `provost prover show` says so, with what the key needs, until it is planned again."""
    fleet = Fleet(cluster)
    fleet.node("n1", env={"LYING_GPU_SLOW_PLAN": "1"}.items())
    bits = os.path.join(DATA, "bits")

    def prove():
        out = cluster.path("proof")
        cluster.cli("prove", "-q", QUEUE, "-c", "bits", "-t", "30s", "--progress", "none", os.path.join(bits, "witness.wtns"), out, out + ".public")

    def shown(circuit):
        text = cluster.cli("prover", "show", "n1").stdout.decode()
        return next((line for line in text.splitlines() if line.startswith("circuit ") and f" {circuit} " in line), "")

    expect(shown("bits") and "more work" not in shown("bits"), f"before it is resident: {shown('bits')}")
    prove()
    until("the plan is shown", lambda: "resident" in shown("bits") and "40 % more work a proof: GPU memory is short" in shown("bits"))
    expect("more work" not in shown("chain-5"), f"{shown('chain-5')}")
    return {"shown": shown("bits")}


def drill_what_a_gpu_says_against_a_key_is_no_verdict(cluster, soak=False):
    """gpu_check: a GPU looks at a new key's points; where it finds a bad one the CPU looks, and its word counts."""
    fleet = Fleet(cluster)
    fleet.tell("n1", "honest")
    node = fleet.node("n1", "--gpu-check")
    fleet.prove()
    expect(node.log_count("gpu.key_check") == 0, "the CPU looked at a key that the GPU found good")
    fleet.tell("n2", "check-bad")
    other = fleet.node("n2", "--gpu-check")
    node.end()
    fleet.prove()
    said = [line for line in other.log_text().splitlines() if " gpu.key_check " in line]
    expect(len(said) == 1 and "a point of the key is damaged" in said[0] and "the CPU looks" in said[0], f"{said}")


def drill_one_shot(cluster, soak=False):
    """provost-prover prove: the CPU's proof is written where the GPU's is wrong, and a bad witness is said to be one."""
    fleet = Fleet(cluster)
    mode, out = cluster.path("x.gpu"), cluster.path("proof.json")

    def prove(witness):
        return subprocess.run([LYING, "prove", os.path.join(CHAIN, "circuit.zkey"), witness, out, cluster.path("public.json")],
                              env={**os.environ, "LYING_GPU": mode}, stderr=subprocess.PIPE, timeout=60, check=False)

    fleet.tell("x", "wrong")
    done = prove(WITNESS)
    expect(done.returncode == 0 and b"the CPU's does" in done.stderr, f"{done}")
    check = subprocess.run([LYING, "verify", os.path.join(CHAIN, "vkey.json"), cluster.path("public.json"), out],
                           stdout=subprocess.PIPE, timeout=60, check=False)
    expect(check.returncode == 0, f"{check}")
    os.remove(out)
    for told in ("wrong", "honest"):
        fleet.tell("x", told)
        done = prove(fleet.bad)
        expect(done.returncode == 8 and b"does not satisfy" in done.stderr and not os.path.exists(out), f"{told}: {done}")


if __name__ == "__main__":
    sys.exit(run(globals()))
