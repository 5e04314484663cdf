#!/usr/bin/env python3
"""102 odd, broken and false files for the one-shot prover: none crashes it, none gets a wrong proof.

badfiles_test.py PROVOST-PROVER [CIRCUIT]    (folder of tests/data; default member)
"""
import collections
import os
import subprocess
import sys
import tempfile
from pathlib import Path

tests = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(tests / "support" / "groth16"))
from badfiles import cases  # noqa: E402

prover = str(Path(sys.argv[1]).resolve())
data = tests / "data"
pair = data / (sys.argv[2] if len(sys.argv) > 2 else "member")
INVALID_INPUT, NOT_FOUND = 8, 3


def run(*args):
    return subprocess.run([prover, *map(str, args)], capture_output=True, text=True, timeout=120)


def check(name, must, zkey, wtns, folder):
    """The complaint about this case, or None."""
    proof, public = folder / "proof.json", folder / "public.json"
    done = run("prove", "--backend", "cpu", zkey, wtns, proof, public)
    made = proof.exists() or public.exists()
    said = done.stderr.strip()
    if must == "accept":
        if done.returncode != 0:
            return "refused (%d): %s" % (done.returncode, said)
        verified = run("verify", pair / "vkey.json", public, proof)
        proof.unlink()
        public.unlink()
        return None if verified.returncode == 0 else "its proof does not verify: " + verified.stderr
    if made:
        proof.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        return "left an output file"
    want = NOT_FOUND if name.endswith("-missing") else INVALID_INPUT
    if done.returncode != want:
        return "exit status %d, not %d: %s" % (done.returncode, want, said[-2000:])
    if not said.startswith("provost-prover: ") or "\n" in said or len(said) < 40:
        return "not one sentence: " + said
    if must == "reject" and "does not verify" in said:
        return "seen only after the work: " + said
    if os.environ.get("VERBOSE"):
        print("%-24s %s" % (name, said))
    return None


failed, seen, names = 0, collections.Counter(), set()
with tempfile.TemporaryDirectory(prefix="provost-bad-") as tmp:
    folder = Path(tmp)
    os.chdir(folder)
    for name, must, zkey, wtns in cases(pair, data / "others", data / "chain-5"):
        if isinstance(zkey, bytes):
            (folder / "case.zkey").write_bytes(zkey)
            zkey = Path("case.zkey")
        if isinstance(wtns, bytes):
            (folder / "case.wtns").write_bytes(wtns)
            wtns = Path("case.wtns")
        complaint = check(name, must, zkey, wtns, folder)
        seen[must] += 1
        names.add(name)
        if complaint:
            failed += 1
            print("FAIL %s (must %s): %s" % (name, must, complaint))
    left = [p.name for p in folder.iterdir() if not p.name.startswith("case.")]
    if left:
        failed += 1
        print("FAIL left behind:", left)

print("%d cases, %d failed: %s" % (len(names), failed, dict(seen)))
if (seen["accept"], seen["reject"], seen["detect"]) != (8, 74, 20) or len(names) != 102:
    sys.exit("the generator made other cases than it promises")
sys.exit(1 if failed else 0)
