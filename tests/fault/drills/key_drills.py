#!/usr/bin/env python3
"""Keys whose files change under a node: overwritten in place, cut to nothing, replaced, damaged. drill.py has the processes.

key_drills.py DRILL
"""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import threading

from drill import PROVER, QUEUE, ROOT, expect, run, until

DATA = os.path.join(ROOT, "tests", "data")
Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583


def read(path):
    with open(path, "rb") as f:
        return f.read()


def sections(key):
    found, at = {}, 12
    for _ in range(struct.unpack_from("<I", key, 8)[0]):
        number, size = struct.unpack_from("<IQ", key, at)
        found[number] = (at + 12, size)
        at += 12 + size
    return found


def negate(key, at, count, words):
    """Negates points: of each, words coordinates of y follow as many of x."""
    for point in range(at, at + count * 64 * words, 64 * words):
        for word in range(point + 32 * words, point + 64 * words, 32):
            y = int.from_bytes(key[word:word + 32], "little")
            key[word:word + 32] = (-y % Q).to_bytes(32, "little")


def contributed(key):
    """Another key for the same circuit, of the same size: delta is minus delta, as if somebody had contributed -1."""
    made = bytearray(key)
    places = sections(key)
    header = places[2][0] + 84
    negate(made, header + 384, 1, 1)
    negate(made, header + 448, 1, 2)
    for number in (8, 9):
        negate(made, places[number][0], places[number][1] // 64, 1)
    return bytes(made)


def in_place(path, key):
    """The same file, size and mtime; only ctime tells."""
    was = os.stat(path)
    with open(path, "r+b") as f:
        f.write(key)
        f.truncate()
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


class Keys:
    """A folder of circuits, and proofs with them."""

    def __init__(self, cluster, circuit="chain-7"):
        self.cluster, self.witness = cluster, os.path.join(DATA, circuit, "witness.wtns")
        self.first = read(os.path.join(DATA, circuit, "circuit.zkey"))
        self.second = contributed(self.first)
        self.vkeys = {}
        for name, key in (("first", self.first), ("second", self.second)):
            path = cluster.path(f"{name}.zkey")
            with open(path, "wb") as f:
                f.write(key)
            self.vkeys[name] = cluster.path(f"{name}.json")
            subprocess.run([PROVER, "inspect", "--check", "--vkey", self.vkeys[name], path], check=True, stdout=subprocess.DEVNULL)

    def folder(self, name):
        folder = self.cluster.path(name)
        os.mkdir(folder)
        path = os.path.join(folder, "c.zkey")
        with open(path, "wb") as f:
            f.write(self.first)
        shutil.copy(os.path.join(DATA, "bits", "circuit.zkey"), os.path.join(folder, "bits.zkey"))
        return folder, path

    def node(self, name, folder):
        return self.cluster.prover(name, "--circuits", folder, "--backend", "cpu", queue=QUEUE)

    def prove(self, vkey, circuit="c", witness=None):
        """Whether a proof is made that verifies with this vkey."""
        out = self.cluster.path("proof")
        done = self.cluster.cli("prove", "-q", QUEUE, "-c", circuit, "-t", "20s", "--progress", "none", "--vkey", vkey, witness or self.witness,
                                out, out + ".public", check=False)
        return done.returncode == 0 or done.stderr.decode().strip()


def drill_key_files_change(cluster, soak=False):
    """Whatever is done to the file of a resident key, the node lives, the next proof is made with the key that is there, and other circuits
    do not notice."""
    cluster.broker()
    keys = Keys(cluster)
    folder, path = keys.folder("circuits")
    node = keys.node("n", folder)
    bits = os.path.join(DATA, "bits")

    def proves(what, vkey):
        done = keys.prove(keys.vkeys[vkey])
        expect(done is True, f"{what}: {done}")
        expect(node.running(), f"{what}: the node ended with {node.popen.poll()}")

    proves("as it was", "first")
    in_place(path, keys.second)
    proves("overwritten in place", "second")
    with open(path + ".new", "wb") as f:
        f.write(keys.first)
    os.replace(path + ".new", path)
    proves("replaced by rename", "first")
    os.truncate(path, len(keys.first) // 2)
    done = keys.prove(os.path.join(bits, "vkey.json"), "bits", os.path.join(bits, "witness.wtns"))
    expect(done is True and node.running(), f"cut to its half: another circuit: {done}")
    os.truncate(path, 0)
    until("the node offers it no longer", lambda: node.log_count("key.unusable") > 0)
    with open(path, "r+b") as f:
        f.write(keys.second)
    proves("written again after it was cut", "second")
    os.remove(path)
    until("the node has seen that it is gone", lambda: node.log_count("key.gone") > 0)
    shutil.copy(cluster.path("first.zkey"), path)
    proves("there again", "first")
    failed = [line for line in node.log_text().splitlines() if " task.failed " in line]
    expect(all("status=hash-mismatch" in line for line in failed), f"attempts failed otherwise: {failed}")


def drill_a_changed_key_kills_no_task(cluster, soak=False):
    """Tasks for a key, by its digest, while its file is overwritten on one of the two nodes that have it: all are proved."""
    cluster.broker()
    keys = Keys(cluster)
    folder, path = keys.folder("circuits")
    sick = keys.node("sick", folder)
    digest = hashlib.sha256(keys.first).hexdigest()
    expect(keys.prove(keys.vkeys["first"], digest) is True, "the first proof failed")
    good, _ = keys.folder("good")
    keys.node("good", good)
    in_place(path, keys.second)
    words = ("task", "submit", "-q", QUEUE, "-c", digest, keys.witness)
    tasks = [cluster.json(*words)["task"] for _ in range(8)]
    for task in tasks:
        cluster.wait(task, "succeeded")
    expect(sick.running(), "the node with the changed key ended")
    provers = {p["prover"]: p for p in cluster.rows("prover", "ls")}
    expect("quarantine" not in str(provers["sick"].get("state")), f"quarantined: {provers['sick']}")


def drill_a_wrong_witness_still_ends_its_task(cluster, soak=False):
    """The doubt is no excuse: with a key that has not changed, the witness is to blame, at once."""
    cluster.broker()
    keys = Keys(cluster)
    folder, _ = keys.folder("circuits")
    node = keys.node("n", folder)
    witness = bytearray(read(keys.witness))
    witness[-32] ^= 1
    path = cluster.input_file(bytes(witness))
    done = keys.prove(keys.vkeys["first"], "c", path)
    expect(done is not True and "satisfy" in done, f"said {done}")
    expect(node.log_count("task.failed") == 1, "more than one attempt")


def drill_a_key_that_never_rests(cluster, soak=False):
    """A key is overwritten in place again and again, whole or in part, while it proves: the node lives, and in the end proves with what is
    there; no task is said to be the witness's fault."""
    rounds = int(os.environ.get("PV_ROUNDS", "4" if soak else "1"))
    cluster.broker()
    keys = Keys(cluster, "member")
    folder, path = keys.folder("circuits")
    node = keys.node("n", folder)
    end = threading.Event()

    def spoil():
        turn = 0
        while not end.is_set():
            turn += 1
            key = (keys.first, keys.second)[turn % 2]
            if turn % 3 == 0:
                os.truncate(path, len(key) // 3)
            in_place(path, key)
            end.wait(0.02 * (turn % 5))

    spoiler = threading.Thread(target=spoil)
    spoiler.start()
    try:
        words = ("task", "submit", "-q", QUEUE, "-c", "c", keys.witness)
        tasks = [cluster.json(*words)["task"] for _ in range(12 * rounds)]
        end.wait(3 * rounds)
    finally:
        end.set()
        spoiler.join()
    expect(node.running(), f"the node ended with {node.popen.poll()}")
    in_place(path, keys.first)
    done = keys.prove(keys.vkeys["first"])
    expect(done is True, f"in the end: {done}")
    for task in tasks:
        cluster.wait(task, "succeeded", "dead")
        row = cluster.task(task)
        expect(row.get("status") not in ("bad-witness", "bad-wtns"), f"blamed on its witness: {json.dumps(row)}")
    return {"succeeded": sum(cluster.state_is(task, "succeeded") for task in tasks), "of": len(tasks)}


if __name__ == "__main__":
    sys.exit(run(globals()))
