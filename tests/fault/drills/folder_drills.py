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


if __name__ == "__main__":
    sys.exit(run(globals()))
