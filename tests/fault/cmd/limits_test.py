#!/usr/bin/env python3
"""The process's own limits decide: threads, descriptors, memory, processors. Under each of them every program works with what there is, or
says in one sentence what it lacks; none ends in a library's assertion. Counts of threads and files that were tried: from none to enough.

    limits_test.py PROVER BROKER PROVOST
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROVER, BROKER, PROVOST = (os.path.abspath(p) for p in sys.argv[1:4])
DATA = os.path.abspath("data/member")
KEY, WITNESS = f"{DATA}/circuit.zkey", f"{DATA}/witness.wtns"
UID = 61238  # of nobody else here: limits on processes count all of a user's
ROOT = os.geteuid() == 0
MIB = 1 << 20
faults, running, missed = [], [], []


def limited(nproc=None, nofile=None, memory=None, data=None, stack=None, cpu_group=None, memory_group=None, pids_group=None, cpus=None):
    def apply():
        for group in cpu_group, memory_group, pids_group:
            if group:
                with open(f"{group}/cgroup.procs", "w") as f:
                    f.write(str(os.getpid()))
        for what, most in ((resource.RLIMIT_NPROC, nproc), (resource.RLIMIT_NOFILE, nofile), (resource.RLIMIT_AS, memory),
                           (resource.RLIMIT_DATA, data), (resource.RLIMIT_STACK, stack)):
            if most is not None:
                resource.setrlimit(what, (most, most))
        if cpus:
            os.sched_setaffinity(0, cpus)
        if nproc is not None:
            os.setgroups([])
            os.setgid(UID)
            os.setuid(UID)
    return apply


def environment(more=()):
    return {k: v for k, v in os.environ.items() if not k.startswith(("PROVOST_", "OMP_", "GOMP_"))} | dict(more)


def run(args, seconds=30, **limits):
    return subprocess.run(args, cwd=FOLDER, env=environment(), preexec_fn=limited(**limits), capture_output=True, text=True, timeout=seconds)


def expect(true, what):
    if not true:
        faults.append(what)


def ends_well(done, what, allowed):
    """With one of these statuses, and a sentence unless it worked; never by a signal, never in a library's own words."""
    said = done.stderr.strip()
    words = re.search(r"libgomp|Resource temporarily|Too many open files \(|src/|[Aa]ssert", said)
    expect(done.returncode in allowed and not words and (done.returncode == 0 or said), f"{what}: exit {done.returncode}: {said[-300:]}")


def prove(threads, **limits):
    for name in "pq":
        if os.path.exists(f"{FOLDER}/{name}"):
            os.remove(f"{FOLDER}/{name}")
    return run([PROVER, "prove", "--backend", "cpu", *(["--threads", str(threads)] if threads else []), KEY, WITNESS, "p", "q"], **limits)


# --- the one-shot commands ---

def commands_with_few_threads():
    for nproc in 1, 3, 5:
        for threads in 0, 1, 4:
            done = prove(threads, nproc=nproc)
            ends_well(done, f"prove --threads {threads} with {nproc} processes", (0,))
            if threads == 4:
                expect(f"only {min(nproc, 4)} of 4 threads" in done.stderr or nproc > 3, f"prove said: {done.stderr}")
    for args in (["selftest"], ["inspect", "--check", KEY], ["bench", "--backend", "cpu", "--rounds", "1", "--threads", "4", KEY, WITNESS]):
        ends_well(run([PROVER, *args], nproc=2), f"{args[0]} with 2 processes", (0,))
    done = run([PROVER, "bench", "--backend", "cpu", "--rounds", "1", "--threads", "2", "--slots", "3", KEY, WITNESS], nproc=5)
    ends_well(done, "bench with 3 slots and 5 processes", (0, 11))


def processors(done):
    return json.loads(done.stdout)["threads"] if done.returncode == 0 else done.stderr


def bench(**limits):
    return processors(run([PROVER, "bench", "--backend", "cpu", "--rounds", "1", KEY, WITNESS], **limits))


def affinity_decides():
    one = {min(os.sched_getaffinity(0))}
    expect(bench(cpus=one) == 1, "bench on one processor did not use one thread")
    expect(bench() == len(os.sched_getaffinity(0)) or os.path.exists("/sys/fs/cgroup/cpu.max"), "bench did not use every processor")


def memory_decides():
    for limits in {"memory": 60 * MIB}, {"data": 4 * MIB}:
        done = prove(1, **limits)
        ends_well(done, f"prove under {limits}", (0, 10))
    done = run([PROVER, "bench", "--backend", "cpu", "--rounds", "1", "--slots", "64", "--threads", "1", KEY, WITNESS], data=24 * MIB)
    ends_well(done, "bench with 64 slots and 24 MiB", (10, 11))


# --- control groups, where they can be made ---

def group(controller, **files):
    folder = f"/sys/fs/cgroup/{controller}/provost-limits-{os.getpid()}"
    if not os.path.exists(f"/sys/fs/cgroup/{controller}/cgroup.procs"):
        return None
    try:
        os.mkdir(folder)
        for name, value in files.items():
            with open(f"{folder}/{name.replace('__', '.')}", "w") as f:
                f.write(str(value))
        return folder
    except OSError:
        return None


def group_end(folder):
    for _ in range(50):
        try:
            return os.rmdir(folder)
        except OSError:
            time.sleep(0.05)


def groups_decide():
    half = group("cpu", cpu__cfs_period_us=100000, cpu__cfs_quota_us=50000)
    if half:
        expect(bench(cpu_group=half) == 1, "half a processor by quota: not one thread")
        log = node_log(["--plan", "throughput"], cpu_group=half)
        expect("slots=1 threads=1" in log, f"half a processor by quota: {log}")
        group_end(half)
    little = group("memory", memory__limit_in_bytes=512 * MIB)
    if little:
        log = node_log([], memory_group=little)
        expect(f"memory={384 * MIB}" in log, f"512 MiB in its group: {log}")
        log = node_log(["--memory", "4G"], memory_group=little)
        expect(f"memory={512 * MIB}" in log and "WARN prover.memory" in log and "memory.limit_in_bytes" in log, f"4 GiB in a group of 512 MiB: {log}")
        group_end(little)
    few = group("pids", pids__max=4)
    if few:
        ends_well(prove(8, pids_group=few), "prove in a group of 4 tasks", (0,))
        group_end(few)
    if not (half and little and few):
        missed.append("no version 1 control groups to write to: cgroup_test has them as files")


# --- the daemons ---

def node_args(*more):
    os.makedirs(f"{FOLDER}/circuits", exist_ok=True)
    shutil.copy(KEY, f"{FOLDER}/circuits/member.zkey")
    return [PROVER, "run", "--insecure", "--queue", "q", "--circuits", "circuits", "--backend", "cpu", *more]


def start(args, log, env=(), **limits):
    with open(f"{FOLDER}/{log}", "w") as to:
        p = subprocess.Popen(args, cwd=FOLDER, env=environment(env), preexec_fn=limited(**limits), stdout=to, stderr=to)
    running.append(p)
    return p


def text(log):
    with open(f"{FOLDER}/{log}") as f:
        return f.read()


def until(p, log, words, seconds=20):
    end = time.monotonic() + seconds
    while words not in text(log) and p.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return words in text(log)


def stop(p, sig=signal.SIGINT):
    p.send_signal(sig)
    try:
        return p.wait(20)
    except subprocess.TimeoutExpired:
        p.kill()
        return "did not end"


def node_log(more, **limits):
    """What a node says that reaches no broker."""
    p = start(node_args("--broker", "tcp://127.0.0.1:9", *more), "n.log", **limits)
    if not until(p, "n.log", "prover.started"):
        faults.append(f"a node under {limits} did not start: {text('n.log')}")
    stop(p)
    return text("n.log")


def nodes_with_few_threads():
    for nproc, lines in ((6, ("not started",)), (7, ("slots=1 threads=1",)), (9, ("slots=2 threads=1",))):
        slots = "2" if "slots=2" in lines[0] else "1"
        p = start(node_args("--broker", "tcp://127.0.0.1:9", "--threads", "4", "--slots", slots), "n.log", nproc=nproc)
        up = until(p, "n.log", "broker.unreachable", 20)
        if lines[0] == "not started":
            expect(not up and p.wait(20) == 11 and "ulimit -u is 6" in text("n.log"), f"node with {nproc} processes: {text('n.log')}")
            continue
        expect(up and all(line in text("n.log") for line in lines), f"node with {nproc} processes: {text('n.log')}")
        expect(stop(p) == 0, f"node with {nproc} processes did not end by itself: {text('n.log')}")


def broker(name, **limits):
    port = f"{FOLDER}/{name}.port"
    if os.path.exists(port):
        os.remove(port)
    p = start([BROKER, "--insecure", "--queue", "q", "--state", name, "--bind", "tcp://127.0.0.1:*", "--port-file", port], f"{name}.log", **limits)
    if until(p, f"{name}.log", "broker.listening"):
        with open(port) as f:
            return p, f.read().strip()
    return p, None


def submit(at, **limits):
    return run([PROVOST, "prove", "--broker", at, "--insecure", "--queue", "q", "--circuit", "member", "-t", "20s", "--progress", "none", WITNESS, "p2", "q2"], **limits)


def a_node_proves_with_few_threads():
    """Eight processes, where it would like thirteen: libgomp starts none while it proves."""
    b, at = broker("state")
    p = start(node_args("--broker", at, "--threads", "8"), "n.log", nproc=8)
    expect(until(p, "n.log", "broker.connected"), f"no connection: {text('n.log')}")
    for _ in range(3):
        ends_well(submit(at), "a proof by a node with 8 processes", (0,))
    expect(stop(p) == 0, f"the node did not end by itself: {text('n.log')}")
    stop(b)


def files_most(p, most):
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (most, resource.prlimit(p.pid, resource.RLIMIT_NOFILE)[1]))


def a_node_bears_to_have_no_files():
    """While its broker goes and comes it may open one file, or none at all."""
    b, at = broker("again")
    p = start(node_args("--broker", at), "n.log")
    expect(until(p, "n.log", "broker.connected"), f"no connection: {text('n.log')}")
    for most in len(os.listdir(f"/proc/{p.pid}/fd")) + 1, 3:
        stop(b)
        until(p, "n.log", "broker.lost", 5)
        files_most(p, most)
        b = start([BROKER, "--insecure", "--queue", "q", "--state", "again", "--bind", at], "again.log")
        until(b, "again.log", "broker.listening")
        time.sleep(0.5)  # it dials, and gets nothing
        expect(p.poll() is None, f"the node ended with {most} files: {text('n.log')}")
        files_most(p, 1000)
        ends_well(submit(at), f"a proof after {most} files", (0,))
    expect(stop(p) == 0, f"the node did not end by itself: {text('n.log')}")
    stop(b)


def daemons_with_little_stack():
    """`ulimit -s 128` for all three, and OMP_STACKSIZE: each thread has what it needs all the same."""
    b, at = broker("flat", stack=128 * 1024)
    for name, size in ("OMP_STACKSIZE", "20k"), ("GOMP_STACKSIZE", "64"):
        p = start(node_args("--broker", at, "--threads", "4"), "n.log", env={name: size}, stack=128 * 1024)
        expect(until(p, "n.log", "broker.connected"), f"no connection: {text('n.log')}")
        ends_well(submit(at, stack=128 * 1024), f"a proof by a node with {name}={size}", (0,))
        expect(stop(p) == 0, f"the node with {name}={size} did not end by itself: {text('n.log')}")
    stop(b)


def brokers_with_little():
    for nproc in 2, 9:
        p, at = broker("narrow", nproc=nproc)
        expect(not at and p.wait(20) == 11 and "more threads, and only" in text("narrow.log"), f"broker with {nproc} processes: {text('narrow.log')}")
    p, at = broker("narrow", nproc=10)
    expect(at and stop(p) == 0, f"broker with 10 processes: {text('narrow.log')}")
    for nofile in 20, 52, 56:
        p, at = broker("files", nofile=nofile)
        ended = stop(p) if at else p.wait(20)
        expect(ended == (0 if at else 2), f"broker with {nofile} files: {ended}: {text('files.log')}")


def command_line_with_little():
    look = [PROVOST, "status", "--broker", "tcp://127.0.0.1:9", "--insecure", "-t", "100ms", "--connect-timeout", "100ms"]
    for nproc in 1, 3, 4:
        ends_well(run(look, nproc=nproc), f"provost status with {nproc} processes", (11,) if nproc < 4 else (5, 6))
    for nofile in 6, 9, 13, 16:
        ends_well(run(look, nofile=nofile), f"provost status with {nofile} files", (5, 6, 11))


def everything():
    tests = [affinity_decides, memory_decides, a_node_bears_to_have_no_files, daemons_with_little_stack]
    if ROOT:
        tests += [commands_with_few_threads, brokers_with_little, nodes_with_few_threads, a_node_proves_with_few_threads,
                  command_line_with_little, groups_decide]
    for test in tests:
        begin = time.monotonic()
        test()
        print(f"{test.__name__}: {time.monotonic() - begin:.1f} s")
    if not ROOT:
        missed.append("limits on processes need a user of their own, and so root")


with tempfile.TemporaryDirectory() as FOLDER:
    os.chmod(FOLDER, 0o777)
    try:
        everything()
    finally:
        for p in running:
            if p.poll() is None:
                p.kill()
                p.wait()
print("\n".join(faults + [f"not tried: {m}" for m in missed]))
sys.exit(1 if faults else 0)
