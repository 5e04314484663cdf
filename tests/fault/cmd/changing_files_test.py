#!/usr/bin/env python3
"""Another process cuts, overwrites and replaces the files of the one-shot commands while they read them: a command proves, or says a sentence
and ends with a status of its own; it is never ended by a signal, and it never writes a proof that does not verify.

changing_files_test.py PROVOST-PROVER
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

tests = Path(__file__).resolve().parents[2]
prover = str(Path(sys.argv[1]).resolve())
data = tests / "data" / "member"
rounds = 6 * int(os.environ.get("PV_ROUNDS", "1"))
ENDS = (0, 1, 3, 8, 9)  # done; a file that cannot be read, is not there, is not what it should be; a proof that is wrong
seed = int(os.environ.get("PV_SEED", "20261128"))


def start(*args):
    return subprocess.Popen([prover, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def cut(path, whole, draw):
    os.truncate(path, draw.choice((0, 1, 4096, len(whole) // 2, len(whole) - 1)))


def numbers(path, whole, draw):
    at = draw.choice((4096, 4096, draw.randrange(len(whole)))) # 4096: from the coefficients on
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(b"\xff" * (len(whole) - at))


def replace(path, whole, draw):
    new = path.with_suffix(".new")
    new.write_bytes(whole[:draw.choice((0, 100, len(whole)))])
    os.replace(new, path)


def spoiled(what, path, way, command, draw):
    """Runs the command and changes path a moment later, once a round. Returns the faults."""
    whole, faults, ends = path.read_bytes(), [], {}
    for i in range(rounds):
        process = start(*command)
        time.sleep(i / rounds * 0.2)  # another moment of the command in each round
        running = process.poll() is None
        way(path, whole, draw)
        out, err = process.communicate(timeout=120)
        path.write_bytes(whole)
        end = process.returncode
        ends[end, running] = ends.get((end, running), 0) + 1
        if end not in ENDS:
            faults.append(f"{what}, {way.__name__}: ended with {end}: {err[-500:]}")
        elif end and not err.strip():
            faults.append(f"{what}, {way.__name__}: {end} without a word")
    print(f"{what}, {way.__name__}: (exit status, changed while it ran): {ends}")
    return faults


def proves(zkey, wtns, way, path, tmp, draw):
    """The same, and what it has written verifies."""
    out, public = tmp / "out", tmp / "out-public"
    faults = spoiled(f"{path.name}, prove", path, way, ("prove", "-t", 2, zkey, wtns, out, public), draw)
    if out.exists() != public.exists():
        faults.append("one result without the other")
    elif out.exists() and start("verify", data / "vkey.json", public, out).wait(60):
        faults.append("prove wrote a proof that does not verify")
    for file in (out, public):
        file.unlink(missing_ok=True)
    return faults


def main():
    draw, faults = random.Random(seed), []
    print("seed", seed)
    with tempfile.TemporaryDirectory() as folder:
        tmp = Path(folder)
        for name in ("circuit.zkey", "witness.wtns", "vkey.json", "public.json", "proof.json"):
            shutil.copy(data / name, tmp / name)
        zkey, wtns, proof = tmp / "circuit.zkey", tmp / "witness.wtns", tmp / "proof.json"
        for way in (numbers, cut, replace):
            faults += proves(zkey, wtns, way, zkey, tmp, draw)
            faults += proves(zkey, wtns, way, wtns, tmp, draw)
            faults += spoiled("key, inspect", zkey, way, ("inspect", "--check", zkey), draw)
            faults += spoiled("key, bench", zkey, way, ("bench", "-t", 2, "-r", 20, zkey, wtns), draw)
            faults += spoiled("proof, verify", proof, way, ("verify", tmp / "vkey.json", tmp / "public.json", proof), draw)
        last = start("prove", zkey, wtns, tmp / "out", tmp / "out-public")
        if last.wait(60):
            faults.append("the last proof, with nothing changed, failed")
    for fault in faults:
        print("FAIL", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
