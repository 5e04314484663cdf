#!/usr/bin/env python3
"""Folders of keys as people have them: large ones, odd names, many keys. drill.py has the processes.

folder_drills.py DRILL
"""
import os
import shutil
import signal
import sys

from drill import QUEUE, ROOT, expect, run, until

DATA = os.path.join(ROOT, "tests", "data")
KEY = os.path.join(DATA, "chain-7", "circuit.zkey")
HOLE_BYTES = 1 << 40  # a digest of so many takes a quarter of an hour or more


def put(folder, name, key=KEY):
    """By rename, as keys are put there."""
    path = os.path.join(folder, name)
    shutil.copy(key, path + ".new")
    os.replace(path + ".new", path)
    return path


def large(folder, name):
    """A key with a hole behind it, which the format allows: it has a digest like any other."""
    path = os.path.join(folder, name + ".new")
    shutil.copy(KEY, path)
    os.truncate(path, HOLE_BYTES)
    os.replace(path, os.path.join(folder, name))


def node(cluster, folder, ready=True):
    return cluster.prover("n", "--circuits", folder, "--backend", "cpu", queue=QUEUE, ready=ready)


def reads(process, path):
    """Whether the process has that file open."""
    fds = f"/proc/{process.popen.pid}/fd"
    return any(os.path.realpath(os.path.join(fds, fd)) == path for fd in os.listdir(fds) if os.path.islink(os.path.join(fds, fd)))


def ends(process, number, what):
    process.signal(number)
    until(what, lambda: not process.running(), 30)
    expect(process.popen.returncode == 0, f"{what}: exit {process.popen.returncode}")


def drill_a_large_key_delays_no_end(cluster, soak=False):
    """A node is told to end while it takes the digest of a key, at its start and later: it ends, and does not read the key to its end."""
    cluster.broker()
    folder = cluster.path("circuits")
    os.mkdir(folder)
    put(folder, "c.zkey")
    first = node(cluster, folder)
    large(folder, "large.zkey")
    path = os.path.realpath(os.path.join(folder, "large.zkey"))
    until("the node reads the large key", lambda: reads(first, path))
    first.signal(signal.SIGHUP)  # reads the folder again, the large key with it
    ends(first, signal.SIGTERM, "a node that looks at its folder ends")
    second = node(cluster, folder, ready=False)
    until("the node reads the large key at its start", lambda: reads(second, path))
    second.signal(signal.SIGHUP)  # is no reason to end
    until("it reads again", lambda: reads(second, path))
    expect(second.running(), "a HUP at the start ended the node")
    ends(second, signal.SIGTERM, "a node that starts ends")
    expect("circuit=large" not in first.log_text() + second.log_text(), "the large key was read to its end")


def prover_show(cluster):
    """Its row, its circuits, and why files are not served."""
    shown = cluster.json("prover", "show", "n")
    served = [row["circuit"] for row in shown["keys"] if row["served"]]
    return shown["prover"], served, {row["file"]: row["why"] for row in shown["keys"] if not row["served"]}


def proves(cluster, circuit):
    witness = os.path.join(DATA, "chain-7", "witness.wtns")
    out = cluster.path("proof")
    done = cluster.cli("prove", "-q", QUEUE, "-c", circuit, "-t", "20s", "--progress", "none", witness, out, out + ".public", check=False)
    return done.returncode == 0 or done.stderr.decode().strip()


def drill_many_keys(cluster, soak=False):
    """More circuits than one message has room for are all served, whatever the order in which they were put there; one is taken away and comes back.
    All are one key with many names, and it is loaded once."""
    cluster.broker()
    folder = cluster.path("circuits")
    os.mkdir(folder)
    names = [f"c{i:04}" for i in range(450)]
    for name in sorted(names, key=lambda name: name[::-1]):
        os.symlink(KEY, os.path.join(folder, f"{name}.zkey"))
    first = node(cluster, folder)
    until("all circuits are announced", lambda: prover_show(cluster)[0]["circuits"] == len(names))
    _, served, unserved = prover_show(cluster)
    expect(served == names and not unserved, f"{len(served)} of {len(names)} served, not served: {unserved}")
    for name in (names[0], names[199], names[200], names[399], names[400], names[-1]):
        done = proves(cluster, name)
        expect(done is True, f"{name}: {done}")
    expect(first.log_count("key.loaded") == 1, f"one key was loaded {first.log_count('key.loaded')} times")
    os.remove(os.path.join(folder, f"{names[-1]}.zkey"))
    until("one circuit fewer", lambda: prover_show(cluster)[0]["circuits"] == len(names) - 1)
    os.symlink(KEY, os.path.join(folder, f"{names[-1]}.zkey"))
    until("it is there again", lambda: prover_show(cluster)[0]["circuits"] == len(names))
    expect(proves(cluster, names[-1]) is True, "a circuit that came back is not served")


def drill_odd_folder(cluster, soak=False):
    """What is not served is said in the log, once each, and by prover show, and is served as soon as it can be."""
    cluster.broker()
    folder = cluster.path("circuits")
    os.mkdir(folder)
    first = node(cluster, folder)
    until("the empty folder is told", lambda: "no key" in prover_show(cluster)[2].get(".", ""))
    put(folder, "good.zkey")
    put(folder, "Good.zkey")
    put(folder, "two words.zkey")
    put(folder, "\x1b[31mred.zkey")
    os.mkdir(os.path.join(folder, "good"))
    put(os.path.join(folder, "good"), "circuit.zkey")
    with open(os.path.join(folder, "half.zkey"), "wb") as f, open(KEY, "rb") as key:
        f.write(key.read(1000))
    os.symlink("/nonexistent", os.path.join(folder, "nowhere.zkey"))
    until("all is told", lambda: len(prover_show(cluster)[2]) == 5)
    row, served, unserved = prover_show(cluster)
    expect(served == ["Good", "good"] and row["circuits"] == 2 and row["unserved"] == 5, f"{row} {served}")
    for file, word in (("two words.zkey", "A-Z"), ("\\u001b[31mred.zkey", "A-Z"), ("good/circuit.zkey", "good.zkey"), ("half.zkey", "section"),
                       ("nowhere.zkey", "link")):
        expect(word in unserved.get(file, ""), f"{file}: {unserved.get(file)}")
    text = cluster.cli("prover", "show", "n").stdout.decode()
    expect("not served" in text and "half.zkey" in text and "\x1b" not in text, text)
    expect(proves(cluster, "good") is True and proves(cluster, "Good") is True, "a good key beside them is not served")
    put(folder, "half.zkey")
    until("the whole key is served", lambda: "half" in prover_show(cluster)[1])
    lines = [line for line in first.log_text().splitlines() if " key.unusable " in line]
    expect(len(lines) == len(set(line.split(" ", 1)[1] for line in lines)) == 6, f"not each once: {lines}")
    done = cluster.cli("prover", "show", "nobody", check=False)
    expect(done.returncode == 3, f"a prover that there is none of: exit {done.returncode}")


if __name__ == "__main__":
    sys.exit(run(globals()))
