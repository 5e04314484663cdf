#!/usr/bin/env python3
"""crash_replay_test.py replay STATES | dropped: what a broker said under load is true after a power cut at any moment (R1).

replay    records a broker's writes, syncs, renames and words (disk_recorder), rebuilds that many states that a power cut could
          have left, starts a broker on each and compares. PV_ROUNDS multiplies the states, PV_SEED repeats a run.
dropped   the same with a disk that answers "synced" and syncs nothing, for the log, the payload files and the folders in turn:
          each must be found out, or replay shows nothing.
"""
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "compat"))
import crash_claims  # noqa: E402
import crash_load  # noqa: E402
import crash_record  # noqa: E402

BROKER = os.path.join(os.environ["PV_BUILD"], "broker", "provost-broker")
QUEUES = ("--queue", "g", "--queue", "a,sync=always", "--queue", "o,sync=off")
BESIDE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
LOAD_SECONDS, LOAD_TO_DROP_SECONDS = 1.5, 0.7


def start(folder, log, **environment):
    """A broker on that folder; its endpoint, or None when it ended."""
    port = log + ".port"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(port)
    with open(log, "wb") as out:
        p = subprocess.Popen([BROKER, "--insecure", *QUEUES, "--state", folder, "--bind", "tcp://127.0.0.1:*", "--port-file",
                              port, "--disk-reserve", "0", "--late-ms", "600000"], stderr=out, env={**os.environ, **environment})
    end = time.monotonic() + 30
    while p.poll() is None and not os.path.exists(port):
        if time.monotonic() > end:
            p.kill()
        time.sleep(0.005)
    if p.poll() is not None:
        return p, None
    with open(port, encoding="ascii") as f:
        return p, f.read().split()[0]


def record(folder, rng, drop=None):
    state, to = os.path.join(folder, "state"), os.path.join(folder, "record")
    environment = {"LD_PRELOAD": os.environ["PV_DISK_RECORDER"], "PV_RECORD_TO": to, "PV_RECORD_ROOT": state,
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    if drop:
        environment["PV_RECORD_DROP"] = drop
    p, endpoint = start(state, os.path.join(folder, "load.log"), **environment)
    if not endpoint:
        raise SystemExit("the broker did not start: " + open(os.path.join(folder, "load.log")).read())
    try:
        over = crash_load.run(endpoint, LOAD_TO_DROP_SECONDS if drop else LOAD_SECONDS, rng)
    finally:
        p.send_signal(signal.SIGKILL)
        p.wait()
    if over < 30:
        raise SystemExit(f"only {over} tasks were over: too few to show anything")
    return state, to, over


def complaints(folder, log, claims):
    p, endpoint = start(folder, log)
    p.send_signal(signal.SIGKILL)
    p.wait()
    text = open(log, encoding="utf-8", errors="replace").read()
    if not endpoint:
        if claims.epoch:
            yield "the broker does not start: " + text[-300:]
        return
    epoch = int(re.search(r"epoch=(\d+)", text)[1])
    if epoch <= claims.epoch:
        yield f"epoch {epoch} comes again, {claims.epoch} was told"
    if re.search(r"\b(ERROR|WARN)\b", text):
        yield "the start complains: " + text[-300:]
    opened = crash_claims.Folder(folder)
    yield from crash_claims.losses(claims, opened)
    opened.close()


def replay(work, recorded, states, rng, until=None):
    """The complaints, each with its event and mode. until: the first one with this word in it is enough."""
    root, to, _ = recorded
    events = crash_record.read(to)
    disk, claims, found, at = crash_record.Disk(root), crash_claims.Claims(), [], 0
    folder = os.path.join(work, "cut")
    for k, point in enumerate(crash_record.points(events, states, rng)):
        while at < point:
            if events[at].kind == crash_record.SAID:
                claims.said(events[at])
            else:
                disk.step(events[at])
            at += 1
        mode = crash_record.MODES[k % len(crash_record.MODES)]
        shutil.rmtree(folder, ignore_errors=True)
        disk.rebuild(folder, mode, rng)
        found += [f"event {point} of {len(events)}, {mode}: {what}" for what in complaints(folder, os.path.join(work, "log"), claims)]
        if until and any(until in line for line in found):
            break
    if not found and not (claims.accepted and claims.over):
        raise SystemExit("nothing was said before the last cut: the record shows nothing")
    return found


def run_replay(work, states, rng):
    recorded = record(work, rng)
    found = replay(work, recorded, states, rng)
    print("\n".join(found[:20]) or f"{states} states keep what was said; {recorded[2]} tasks were over")
    return bool(found)


def run_dropped(work, rng):
    unseen = []
    for drop in ("log", "files", "folders"):
        folder = os.path.join(work, drop)
        os.mkdir(folder)
        lost = [line for line in replay(folder, record(folder, rng, drop), 30, rng, until=" task ") if " task " in line]
        print(f"syncs of {drop} dropped: {lost[0] if lost else 'NOT NOTICED'}")
        unseen += [] if lost else [drop]
    return bool(unseen)


def main():
    seed = int(os.environ.get("PV_SEED", "20261129"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    work = tempfile.mkdtemp(prefix="pv-crash-", dir=BESIDE)
    try:
        if sys.argv[1] == "dropped":
            return run_dropped(work, rng)
        return run_replay(work, int(sys.argv[2]) * int(os.environ.get("PV_ROUNDS", "1")), rng)
    finally:
        shutil.rmtree(work, ignore_errors=True)


sys.exit(main())
