#!/usr/bin/env python3
"""Little stack is no reason for a wrong verdict: with small stacks for OpenMP's threads (20 and 64 KiB, musl's 128) and for the whole
process, and with an unlimited one, every command ends as it does otherwise.

    small_stacks_test.py PROVER
"""
import os
import resource
import subprocess
import sys
import tempfile

PROVER = os.path.abspath(sys.argv[1])
DATA = os.path.abspath("data/member")
KEY, WITNESS = f"{DATA}/circuit.zkey", f"{DATA}/witness.wtns"
KIB = 1024
faults = []


def run(what, args, omp=None, stack=None, expect=0):
    def limit():
        if stack:
            resource.setrlimit(resource.RLIMIT_STACK, (stack, stack))

    env = dict(os.environ)
    env.pop("OMP_STACKSIZE", None)
    if omp:
        env["OMP_STACKSIZE"] = omp
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([PROVER, *args], cwd=folder, env=env, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    if p.returncode != expect:
        faults.append(f"{what}: exit {p.returncode}, expected {expect}: {p.stderr.strip()[-200:]}")


def commands(what, **how):
    for threads in ("1", "4") if "stack" in how else ("4",):
        prove = ["prove", "--backend", "cpu", "--threads", threads, KEY, WITNESS, "p", "q"]
        run(f"prove, {threads} threads, {what}", prove, **how)
    run(f"selftest, {what}", ["selftest"], **how)
    run(f"verify, {what}", ["verify", f"{DATA}/vkey.json", f"{DATA}/public.json", f"{DATA}/proof.json"], **how)
    run(f"inspect, {what}", ["inspect", "--check", KEY], **how)


for size in "20k", "64k", "512k":
    commands(f"OMP_STACKSIZE={size}", omp=size)
for bytes_ in 128 * KIB, 512 * KIB, resource.RLIM_INFINITY:
    commands(f"ulimit -s {bytes_}", stack=bytes_)
print("\n".join(faults))
sys.exit(1 if faults else 0)
