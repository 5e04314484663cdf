#!/usr/bin/env python3
"""The one-shot commands from outside: exit statuses, output, and what they leave on a full or read-only disk.

prove_cli_test.py PROVOST-PROVER
"""
import hashlib
import json
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
data = tests / "data" / "member"
zkey, wtns, vkey = data / "circuit.zkey", data / "witness.wtns", data / "vkey.json"
failed = 0


def run(*args, **options):
    return subprocess.run([prover, *map(str, args)], capture_output=True, text=True, timeout=120, **options)


def expect(what, done, status, said=""):
    global failed
    if done.returncode != status or said not in done.stdout + done.stderr:
        failed += 1
        print("FAIL %s: exit status %d, not %d; out %r err %r" %
              (what, done.returncode, status, done.stdout[-300:], done.stderr[-3000:]))


def check(what, ok):
    global failed
    if not ok:
        failed += 1
        print("FAIL", what)


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))


def usage(tmp):
    expect("no command", run(), 2, "Usage")
    expect("unknown command", run("fly"), 2, "unknown command: fly")
    expect("help", run("--help"), 0, "prove")
    expect("version", run("--version"), 0, "provost-prover ")
    for command in ("prove", "verify", "inspect", "bench"):
        expect(command + " alone", run(command), 2, "provost-prover " + command)
        expect(command + " --help", run(command, "--help"), 0, "Usage")
        expect(command + " too many", run(command, *"abcde"), 2, "unexpected argument")
    expect("bad backend", run("prove", "--backend", "tpu", zkey, wtns, "p", "q"), 2, "tpu")
    expect("bad threads", run("prove", "--threads", "-1", zkey, wtns, "p", "q"), 2, "-1")
    expect("bad path", run("prove", "--path", "mmx", zkey, wtns, "p", "q"), 2, "mmx")


def results(tmp):
    proof, public = tmp / "proof.json", tmp / "public.json"
    for path in ("portable", "auto"):
        expect("prove " + path, run("prove", "--path", path, "-t", 2, zkey, wtns, proof, public), 0)
        expect("verify " + path, run("verify", vkey, public, proof), 0, "OK")
    check("public.json is snarkjs's", public.read_bytes() == (data / "public.json").read_bytes())
    check("proof.json reads like snarkjs's", list(json.loads(proof.read_text())) == list(json.loads((data / "proof.json").read_text())))
    expect("snarkjs's proof", run("verify", vkey, data / "public.json", data / "proof.json"), 0, "OK")
    lie = tmp / "lie.json"
    lie.write_text(json.dumps(["1"] + json.loads(public.read_text())[1:]))
    expect("another public signal", run("verify", vkey, lie, proof), 9, "does not verify")
    lie.write_text(json.dumps(json.loads(public.read_text())[1:]))
    expect("one public signal less", run("verify", vkey, lie, proof), 8)
    lie.write_text("[")
    expect("broken JSON", run("verify", vkey, lie, proof), 8, "lie.json")
    expect("another circuit's vkey", run("verify", tests / "data/hidden/vkey.json", public, proof), 8)
    expect("no such vkey", run("verify", tmp / "none", public, proof), 3, "none")


def forms(tmp):
    """verify reads what the field writes: through pipes and stdin, the curve's other names, two coordinates, bare numbers; and no more."""
    key, proof, public = (json.loads((data / name).read_text()) for name in ("vkey.json", "proof.json", "public.json"))

    def numbers(value):
        if isinstance(value, list):
            return [numbers(v) for v in value]
        if isinstance(value, dict):
            return {k: numbers(v) for k, v in value.items()}
        return int(value) if isinstance(value, str) and value.isdigit() else value

    def affine(value):
        flat = {k: v[:2] if k.startswith(("pi_", "vk_")) and k != "vk_alphabeta_12" else v for k, v in value.items()}
        return {**flat, **({"IC": [p[:2] for p in value["IC"]]} if "IC" in value else {})}

    def verify(what, k, q, p, status=0, said="OK"):
        places = [tmp / "k.json", tmp / "q.json", tmp / "p.json"]
        for place, value in zip(places, (k, q, p)):
            place.write_text(json.dumps(value))
        expect(what, run("verify", *places), status, said)

    verify("as snarkjs", key, public, proof)
    verify("bn254", {**key, "curve": "bn254"}, public, {**proof, "curve": "BN254"})
    verify("two coordinates", affine(key), public, affine(proof))
    verify("numbers", numbers(key), numbers(public), numbers(proof))
    verify("all of it", affine(numbers({**key, "curve": "alt_bn128"})), numbers(public), affine(numbers({**proof, "curve": "bn254"})))
    verify("a wrong number", key, [int(public[0]) + 1] + numbers(public)[1:], proof, 9, "does not verify")
    verify("another curve", {**key, "curve": "bls12381"}, public, proof, 8, 'k.json: "curve" is "bls12381"')
    verify("hexadecimal", key, [hex(int(public[0]))] + public[1:], proof, 8, "q.json: public signal 0")
    verify("a fraction", key, [0.5] + public[1:], proof, 8, "q.json: public signal 0")
    verify("one coordinate", key, public, {**proof, "pi_c": proof["pi_c"][:1]}, 8, 'p.json: "pi_c"')
    verify("a limit", key, ["1"] * 65537, proof, 8, "q.json: 65,537 public signals, the limit is 65,536")
    verify("a key beyond it", {**key, "nPublic": 65537}, public, proof, 8, "k.json: 65,537 public signals, the limit is 65,536")
    names = [str(data / name) for name in ("vkey.json", "public.json", "proof.json")]
    done = subprocess.run(["bash", "-c", '"$0" verify <(cat "$1") <(cat "$2") <(cat "$3")', prover, *names], capture_output=True, text=True, timeout=60)
    expect("process substitution", done, 0, "OK")
    expect("stdin", run("verify", names[0], names[1], "-", input=(data / "proof.json").read_text()), 0, "OK")
    expect("stdin, broken", run("verify", names[0], names[1], "-", input="{"), 8, "stdin: not JSON")
    expect("stdin, nothing", run("verify", names[0], names[1], "-", input=""), 8, "stdin: the file is empty")
    expect("too much from a pipe", run("verify", names[0], "/dev/zero", names[2]), 8, "33554432 bytes, which is the limit")
    expect("a folder", run("verify", names[0], tmp, names[2]), 8, "folder")
    told = " ".join(run("verify", "--help").stdout.split())
    check("verify's help says so", all(word in told for word in ("bn254", "two coordinates", "whole numbers", "pipes")))


def inspect(tmp):
    done = run("inspect", zkey, "--vkey", tmp / "vkey.json", "--check", "-o", "json")
    expect("inspect", done, 0)
    facts = json.loads(done.stdout)
    check("digest", facts["sha256"] == hashlib.sha256(zkey.read_bytes()).hexdigest())
    check("facts", facts["schema"] == "provost.zkey/1" and facts["publics"] == 3 and facts["domain"] == 8192
          and facts["variables"] * 32 < os.path.getsize(wtns) and facts["constraints"] > 4096
          and facts["cpu"]["proof_bytes"] > 8192 * 96)
    check("vkey", {k: v for k, v in json.loads((tmp / "vkey.json").read_text()).items() if k != "vk_alphabeta_12"}
          == {k: v for k, v in json.loads(vkey.read_text()).items() if k != "vk_alphabeta_12"})
    large, small = (json.loads(run("inspect", zkey, "--gpu-memory", m, "-o", "json").stdout)["gpu"] for m in ("80G", "32M"))
    check("the plan for a large card", large["slower_percent"] == 0 and large["proofs_at_once"] == 4
          and large["key_bytes"] + large["proof_bytes"] == large["best_bytes"])
    check("the plan for a small card", small["slower_percent"] > 20 and small["proofs_at_once"] == 1
          and small["best_bytes"] == large["best_bytes"] and small["key_bytes"] + small["proof_bytes"] < 32 << 20)
    expect("the plan, for people", run("inspect", zkey, "--gpu-memory", "32M"), 0, "more work than by the best plan")
    expect("inspect, for people", run("inspect", zkey), 0, facts["sha256"])
    expect("inspect a witness", run("inspect", wtns), 8, "not a zkey file")


def bench(tmp):
    """One line of JSON; the parts of a proof add up to the whole; slots go beside each other; nothing is written."""
    before = sorted(tmp.iterdir())
    small = tests / "data/bits"
    for more in ([], ["--slots", "2", "-t", "1"]):
        done = run("bench", "--backend", "cpu", "--rounds", 3, *more, small / "circuit.zkey", small / "witness.wtns")
        expect("bench", done, 0)
        line = json.loads(done.stdout)
        parts = sum(line[k + "_ms"] for k in ("quotient", "h_sum", "witness_sums", "blinding", "verify"))
        check("bench: facts", line["rounds"] == 3 and line["slots"] == (2 if more else 1) and line["peak_kib"] > 1000)
        check("bench: times", min(line[k] for k in ("open_ms", "check_ms", "first_ms", "proofs_per_s", "cpu_ms")) > 0)
        check("bench: parts %s of %s" % (parts, line["wall_ms"]), 0.3 * line["wall_ms"] < parts < 3 * line["wall_ms"])
        check("bench: stages of the CPU", line["stages"] == "none: the CPU makes the sums" and not "device_ms" in line)
    done = run("bench", "--no-check", "--backend", "cpu", "--rounds", 1, small / "circuit.zkey", small / "witness.wtns")
    expect("bench --no-check", done, 0)
    line = json.loads(done.stdout)
    check("bench --no-check: no figure for the check", line["check_ms"] is None and line["first_ms"] > 0)
    needs = ("gpu", "gpu_assumed_bytes", "gpu_least_bytes")
    for memory in ([], ["--gpu-memory", "32M"], ["--gpu-memory", "1M"]):
        done = run("bench", "--no-check", "--backend", "cpu", "--rounds", 1, *memory, zkey, wtns)
        expect("bench, what a GPU would need", done, 0)
        line, facts = json.loads(done.stdout), json.loads(run("inspect", zkey, *memory, "-o", "json").stdout)
        check("bench: a GPU's need is that of inspect: %s" % [line.get(k) for k in needs], [line[k] for k in needs] == [facts[k] for k in needs])
        check("bench: it is told, or does not fit", (line["gpu"] is None) == ("1M" in memory) and line["gpu_least_bytes"] > 1 << 20)
    expect("bench, no size", run("bench", "--gpu-memory", "much", zkey, wtns), 2, "not a size from 1M")
    expect("bench, another circuit's witness", run("bench", small / "circuit.zkey", wtns), 8, "another circuit")
    expect("bench, no rounds", run("bench", "-r", "0", zkey, wtns), 2, "from 1")
    expect("bench alone", run("bench"), 2, "missing argument: ZKEY")
    check("bench writes nothing", sorted(tmp.iterdir()) == before)


def places(tmp):
    good, old = tmp / "good.json", tmp / "old.json"
    old.write_text("old")
    before = sorted(tmp.iterdir())
    expect("full disk, proof", run("prove", zkey, wtns, "/dev/full", good), 1, "No space left")
    expect("full disk, public", run("prove", zkey, wtns, old, "/dev/full"), 1, "No space left")
    expect("disk fills", run("prove", zkey, wtns, old, good, preexec_fn=small_files), 1, "cannot be written")
    expect("no such folder", run("prove", zkey, wtns, tmp / "no/proof.json", good), 1, "No such file")
    expect("a folder", run("prove", zkey, wtns, tmp, good), 1, "directory")
    check("nothing left behind", sorted(tmp.iterdir()) == before and old.read_text() == "old")
    expect("straight to the terminal", run("prove", zkey, wtns, "/dev/stdout", "/dev/null"), 0, '"pi_a"')
    expect("a pipe as key", run("prove", "/dev/null", wtns, old, good), 8, "regular")
    if os.geteuid() != 0:
        hidden = tmp / "hidden.zkey"
        shutil.copy(zkey, hidden)
        hidden.chmod(0)
        expect("unreadable", run("prove", hidden, wtns, old, good), 1, "Permission denied")


def a_full_file_system(tmp):
    """A tmpfs of one page, where this process may mount one."""
    disk = tmp / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        print("no tmpfs may be mounted here: left out")
        return
    try:
        (disk / "fill").write_bytes(bytes(4096))
        expect("full tmpfs", run("prove", zkey, wtns, disk / "proof.json", disk / "public.json"), 1, "No space left")
        check("tmpfs as before", [p.name for p in disk.iterdir()] == ["fill"])
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def interrupted(tmp):
    """SIGINT while proving on one portable thread: 130, soon, and no file."""
    proof = tmp / "interrupted.json"
    slow = [prover, "prove", "--path", "portable", "-t", "1", "--backend", "cpu", str(tmp / "big/circuit.zkey"),
            str(tmp / "big/witness.wtns"), str(proof), str(proof) + "2"]
    (tmp / "big").mkdir()
    subprocess.run([str(Path(sys.argv[2]).resolve()), "chain", "14", str(tmp / "big")], check=True)
    child = subprocess.Popen(slow, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:  # until it computes: 0.1 s of processor time
        with open("/proc/%d/stat" % child.pid) as f:
            ticks = sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        if ticks >= 0.1 * os.sysconf("SC_CLK_TCK"):
            break
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    told = time.monotonic()
    said = child.communicate()[1]
    took = time.monotonic() - told
    if child.returncode == 0:
        print("the proof was faster than the signal: left out")
        return
    check("interrupted: exit status %d, %r" % (child.returncode, said), child.returncode == 130 and "interrupted" in said)
    check("stopped after %.3f s" % took, took < 1.0)
    check("no file", not proof.exists())


for case in (usage, results, forms, inspect, bench, places, a_full_file_system, interrupted):
    with tempfile.TemporaryDirectory(prefix="provost-cli-") as tmp:
        case(Path(tmp))
print("failed: %d" % failed)
sys.exit(1 if failed else 0)
