#!/usr/bin/env python3
"""The chain of docs/pipelines.md: its worker is killed with kill -9 at many places, started again, and finishes; nothing is proved
twice. The final result is checked here, from the inputs on, with a hash of its own.

usage: pipeline_survives.py [--mixed]      --mixed: what the worker in C began, the one in Python finishes, and the reverse
"""
import hashlib
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault", "drills"))

from drill import BRISK, BUILD, ROOT, SKIPPED, Failed, expect, main  # noqa: E402

WORKER = [os.path.join(BUILD, "tests", "pipeline_worker")]
PYTHON = ["/usr/bin/python3", os.path.join(ROOT, "docs", "pipeline", "pipeline_worker.py")]
STEPS = ("inner", "keccak", "outer")
INNERS = 16
# Lines of the worker: 16 submits, 16 results, keccak and its result, outer and its result, written, done.
PLACES = (1, 7, 16, 17, 25, 32, 33, 34, 35, 36, 37)


def keccak256(data):
    """Keccak-256 with the padding of before SHA-3. Source: https://keccak.team/keccak_specs_summary.html"""
    def turned(x, n):
        n %= 64
        return ((x << n) | (x >> (64 - n))) & (2**64 - 1)

    def permuted(lanes):
        lfsr = 1
        for _ in range(24):
            c = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
            d = [c[(x + 4) % 5] ^ turned(c[(x + 1) % 5], 1) for x in range(5)]
            lanes = [[lanes[x][y] ^ d[x] for y in range(5)] for x in range(5)]
            x, y, now = 1, 0, lanes[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                now, lanes[x][y] = lanes[x][y], turned(now, (t + 1) * (t + 2) // 2)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
            for j in range(7):
                if lfsr & 1:
                    lanes[0][0] ^= 1 << ((1 << j) - 1)
                lfsr = ((lfsr << 1) ^ ((lfsr >> 7) * 0x71)) % 256
        return lanes

    data = bytearray(data) + b"\x01"
    data += bytes(-len(data) % 136)
    data[-1] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for at in range(0, len(data), 136):
        for i in range(17):
            lanes[i % 5][i // 5] ^= int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little")
        lanes = permuted(lanes)
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4)).hex()


def proof_of(text):
    number = 0
    while True:
        digest = hashlib.sha256(f"{text} {number}".encode()).digest()
        if digest[0] == 0 and digest[1] >> 6 == 0:
            return f"proof {text} {number}\n"
        number += 1


def wanted(job):
    proofs = "".join(proof_of(f"{job} block {i}") for i in range(INNERS))
    return f"outer {INNERS} {keccak256(proofs.encode())}\n"


def start_node(c):
    os.chmod(c.folder, 0o755)
    program, folder = c.path("pipeline_step"), c.path("handlers")
    shutil.copy(os.path.join(BUILD, "tests", "pipeline_step"), program)
    os.mkdir(folder, 0o755)
    for step in STEPS:
        with open(os.path.join(folder, f"{step}.yaml"), "w") as f:
            f.write(f"command: [{program}, {step}]\ninput: stdin\nresult: stdout\n")
            if os.geteuid() == 0:
                f.write("run_as: nobody\n")
    return c.prover("p1", "--handlers", folder, "--allow-code", "--slots", "4", queue=",".join(f"{s}:{s}" for s in STEPS))


def run_once(c, job, kill_at=None, by=WORKER):
    """Runs the worker, to its end or to that line, at which it is killed. Returns its lines."""
    argv = [*by, c.endpoint, job, c.path(f"{job}.out")]
    env = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "worker", "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    worker = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    lines = []
    try:
        for line in worker.stdout:
            lines.append(line.split()[0])
            if len(lines) == kill_at:
                worker.send_signal(signal.SIGKILL)
                break
        _, err = worker.communicate(timeout=60)
    finally:
        worker.kill()
    expect(kill_at or worker.returncode == 0, f"the worker ended with {worker.returncode}: {err}")
    return lines


def calls(node):
    """How often each step was started, by the node's log."""
    lines = [line for line in node.log_text().splitlines() if " task.started " in line]
    return {step: sum(f"handler={step}" in line for line in lines) for step in STEPS}


def pipeline_survives(c, first=WORKER, then=WORKER, places=PLACES):
    expect(keccak256(b"") == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470", "this test's own hash")
    c.broker(*BRISK, *(word for s in STEPS for word in ("--queue", s)))
    node, jobs = start_node(c), 0
    for place in places:
        job = f"killed-at-{place}"
        jobs += 1
        run_once(c, job, place, first)
        if place % 2:  # and once more, a little later
            run_once(c, job, place + 1, then)
        run_once(c, job, by=then)
        first, then = then, first
        with open(c.path(f"{job}.out")) as f:
            got = f.read()
        expect(got == wanted(job), f"{job}: {got!r}, not {wanted(job)!r}")
        if calls(node) != {"inner": INNERS * jobs, "keccak": jobs, "outer": jobs}:
            raise Failed(f"{job}: something was proved twice, or never: {calls(node)} in {jobs} jobs")
    rows = c.rows("task", "ls")
    expect(all(r["state"] == "succeeded" and r["attempts"] == 1 for r in rows), "a task was tried twice")
    return {"jobs": jobs, "tasks": len(rows)}


def mixed():
    needs = "import sys, zmq, msgpack; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([PYTHON[0], "-c", needs], stderr=subprocess.DEVNULL).returncode:
        print("skipped: Python 3.11 with pyzmq and msgpack is missing")
        return SKIPPED
    return main(pipeline_survives, WORKER, PYTHON, PLACES[1::2])


if __name__ == "__main__":
    sys.exit(mixed() if "--mixed" in sys.argv[1:] else main(pipeline_survives))
