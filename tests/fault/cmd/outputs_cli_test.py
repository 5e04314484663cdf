#!/usr/bin/env python3
"""Where the one-shot commands write, and where they do not: links, mounts, pipes, equal paths, inputs, closed and full outputs, signals.

outputs_cli_test.py PROVOST-PROVER
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

tests = Path(__file__).resolve().parents[2]
prover = str(Path(sys.argv[1]).resolve())
data = tests / "data" / "bits"
other = tests / "data" / "chain-5"
zkey, wtns, vkey = str(data / "circuit.zkey"), str(data / "witness.wtns"), str(data / "vkey.json")
PROVE = [prover, "prove", "--backend", "cpu"]
failed = 0


def check(what, ok, done=None):
    global failed
    if not ok:
        failed += 1
        print("FAIL", what, *([done.returncode, (done.stdout or "")[-300:], done.stderr[-300:]] if done else []))


def run(args, **more):
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(list(map(str, args)), stderr=subprocess.PIPE, text=True, timeout=60, **more)


def prove(*places, key=zkey, witness=wtns, **more):
    return run([*PROVE, key, witness, *places], **more)


def verifies(proof, public):
    return run([prover, "verify", vkey, public, proof]).returncode == 0


def refused(what, done, status, word):
    lines = done.stderr.strip().split("\n")
    check(what, done.returncode == status and len(lines) == 1 and word in lines[0], done)


def links():
    """What stands at the end of a link gets the bytes; the link and /dev/stdout stay what they are."""
    os.mkdir("d")
    os.symlink("d/p", "p")
    os.symlink("/proc/self/fd/1", "stdout")
    Path("h").write_text("old")
    os.link("h", "q")
    check("through links", prove("p", "q").returncode == 0 and os.path.islink("p") and verifies("d/p", "h"))
    with open("got", "w") as got:
        got.write("[1]\n")
        got.flush()
        done = prove("stdout", "q", stdout=got)
    check("through stdout", done.returncode == 0 and os.path.islink("stdout") and "pi_a" in Path("got").read_text())
    check("from where it was", Path("got").read_text().startswith("[1]\n"))
    done = prove("-", "q")
    check("- is stdout", done.returncode == 0 and '"pi_a"' in done.stdout and not os.path.exists("-"), done)
    with open("vk.json", "w") as got:
        done = run([prover, "inspect", zkey, "--vkey", "stdout"], stdout=got)
    check("inspect --vkey to stdout, alone", done.returncode == 0 and run([prover, "verify", "vk.json", "q", "got"]).returncode == 8
          and Path("vk.json").read_text() == Path(vkey).read_text() and "sha256" in done.stderr, done)
    done = run([prover, "inspect", zkey, "--vkey", "-", "-o", "json"])
    check("inspect --vkey -", done.returncode == 0 and done.stdout == Path(vkey).read_text() and not os.path.exists("-"), done)


def pipes():
    os.mkfifo("p")
    with subprocess.Popen(["cat", "p"], stdout=subprocess.PIPE, text=True) as cat:
        done = prove("p", "/dev/null")
        check("into a pipe", done.returncode == 0 and "pi_a" in cat.communicate(timeout=30)[0], done)
    done = run(["bash", "-c", '"$@" >(cat >p.json) >(cat >q.json); wait; sleep 0.1', "bash", *PROVE, zkey, wtns])
    for _ in range(100):
        if os.path.exists("q.json") and os.path.exists("p.json") and verifies("p.json", "q.json"):
            break
        time.sleep(0.05)
    check("process substitution", done.returncode == 0 and verifies("p.json", "q.json"), done)


def equal_ones():
    shutil.copy(zkey, "k")
    shutil.copy(wtns, "w")
    os.link("k", "k2")
    os.symlink("w", "w2")
    before = sorted(os.listdir("."))
    for p, q in (("x", "./x"), ("x", "x"), ("-", "/dev/stdout"), ("-", "-")):
        refused("%s and %s" % (p, q), prove(p, q), 2, "one file")
    for p, q in (("k", "q"), ("p", "./k"), ("k2", "q"), ("w", "q"), ("p", "w2"), ("w", "k"), (os.path.abspath("k"), "q")):
        refused("%s, %s over an input" % (p, q), prove(p, q, key="k", witness="w"), 2, "would overwrite the input")
    for place in ("k", "./k", "k2"):
        refused("inspect --vkey %s" % place, run([prover, "inspect", "k", "--vkey", place]), 2, "would overwrite the input")
    with open("k", "a") as k:
        refused("- is the key", prove("-", "q", key="k", stdout=k), 2, "would overwrite the input")
    check("inputs as before", Path("k").read_bytes() == Path(zkey).read_bytes() and Path("w").read_bytes() == Path(wtns).read_bytes())
    check("nothing made", sorted(os.listdir(".")) == before)
    check("null twice", prove("/dev/null", "/dev/null").returncode == 0)


def before_the_work():
    """A place that cannot be written is told before the key is opened: the key here does not exist."""
    for p, q in (("no/p", "q"), ("p", "no/q"), (".", "q"), ("p", "new/")):
        refused("%s, %s" % (p, q), prove(p, q, key="no-such-key"), 1, "cannot be written")
    refused("inspect", run([prover, "inspect", "no-such-key", "--vkey", "no/vk"]), 1, "no/vk: cannot be written")
    refused("the key itself", prove("p", "q", key="no-such-key"), 3, "no-such-key")
    check("nothing made", os.listdir(".") == [])


def modes():
    for name in "pq":
        Path(name).write_text("old")
        os.chmod(name, 0o604)
    check("modes", prove("p", "q").returncode == 0 and all(os.stat(n).st_mode & 0o7777 == 0o604 for n in "pq"))
    old = os.umask(0o027)
    check("umask", prove("r", "s").returncode == 0 and os.stat("r").st_mode & 0o7777 == 0o640)
    os.umask(old)


def mounts():
    """Files that docker mounts: they cannot be renamed over. A pair of a mounted file and a plain one is a pair as well."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        print("no mounts of our own here: left out")
        return
    for name in ("h1", "h2", "p", "q"):
        Path(name).write_text("old")
    done = run(["unshare", "-m", "sh", "-c", 'mount --bind h1 p && mount --bind h2 q && exec "$@" p q', "sh", *PROVE, zkey, wtns])
    check("both mounted", done.returncode == 0 and verifies("h1", "h2"), done)
    check("one is", run([*PROVE, other / "circuit.zkey", other / "witness.wtns", "p", "q"]).returncode == 0)
    done = run(["unshare", "-m", "sh", "-c", 'mount --bind h1 q && exec "$@" p q', "sh", *PROVE, zkey, wtns])
    check("one mounted", done.returncode == 0 and verifies("p", "h1"), done)
    check("nothing beside", sorted(os.listdir(".")) == ["h1", "h2", "p", "q"])


def stdout_is_checked():
    """Every command, help too, on a full disk, a closed stdout and a closed pipe: exit status 1 and a sentence."""
    Path("p").write_text(prove("-", "q").stdout)
    commands = [["inspect", zkey], ["inspect", "-o", "json", zkey], ["inspect", "--vkey", "-", zkey], ["verify", vkey, "q", "p"],
                ["prove", "--backend", "cpu", zkey, wtns, "-", "q"], ["--help"], ["--version"], ["prove", "--help"],
                ["bench", "--backend", "cpu", "-r", "1", zkey, wtns], ["selftest"], ["run", "--print-config", "--insecure", "--broker", "tcp://127.0.0.1:1", "--queue", "q:echo", "--name", "n"],
                ["run", "--help"]]
    for command in commands:
        with open("/dev/full", "w") as full:
            done = run([prover, *command], stdout=full)
        check("%s on a full disk" % command, done.returncode == 1 and "stdout: " in done.stderr and "No space left" in done.stderr, done)
        done = run(["sh", "-c", '"$@" >&-', "sh", prover, *command])
        check("%s, closed" % command, done.returncode == 1 and "stdout: " in done.stderr and "closed" in done.stderr, done)
        r, w = os.pipe()
        os.close(r)
        done = run([prover, *command], stdout=w)
        os.close(w)
        check("%s, nobody reads" % command, done.returncode == 1 and "Broken pipe" in done.stderr, done)
    check("a failure keeps its status", run(["sh", "-c", '"$@" >&-', "sh", prover, "verify", vkey, "q", "none"]).returncode == 3)
    check("nothing to say", run(["sh", "-c", '"$@" p q >&- <&-', "sh", *PROVE, zkey, wtns]).returncode == 0 and verifies("p", "q"))


def limits():
    """A limit on file size: SIGXFSZ is not the end, and a pair is as it was."""
    done = prove("p", "q")
    old = Path("p").read_text(), Path("q").read_text()
    done = prove("p", "q", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)))
    refused("file size", done, 1, "cannot be written")
    check("as before", (Path("p").read_text(), Path("q").read_text()) == old and sorted(os.listdir(".")) == ["p", "q"])


def ignored_signals():
    """nohup, and the background jobs of a shell that is no terminal's: an interrupt that was switched off stays so."""
    bench = [prover, "bench", "--backend", "cpu", "-t", "1", "-r", "200", zkey, wtns]
    for ignored, want in ((True, 0), (False, 130)):
        child = subprocess.Popen(bench, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 preexec_fn=lambda how=signal.SIG_IGN if ignored else signal.SIG_DFL: signal.signal(signal.SIGINT, how))
        status = Path("/proc/%d/status" % child.pid)
        end = time.monotonic() + 30
        while time.monotonic() < end and child.poll() is None:  # until its own handlers are there: SIGBUS is caught
            caught = next(int(line.split()[1], 16) for line in status.read_text().split("\n") if line.startswith("SigCgt"))
            if caught >> (signal.SIGBUS - 1) & 1:
                break
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=120)[1]
        check("SIGINT, ignored %s: %d %s" % (ignored, child.returncode, said), child.returncode == want)


for case in (links, pipes, equal_ones, before_the_work, modes, mounts, stdout_is_checked, limits, ignored_signals):
    with tempfile.TemporaryDirectory(prefix="provost-out-") as tmp:
        os.chdir(tmp)
        case()
        os.chdir("/")
print("failed: %d" % failed)
sys.exit(1 if failed else 0)
