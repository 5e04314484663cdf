#!/usr/bin/env python3
"""The process of a GPU is killed, hangs, crashes or is poisoned: nodes of lying-prover (support/drill/lying_gpu.c), and of emulated-prover, whose
kernels run on the CPU (emu/). drill.py has the processes, gpu_drills.py the fleet.

gpu_child_drills.py DRILL [--soak]
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time

from drill import BUILD, PROVER, QUEUE, SKIPPED, expect, run, until
from gpu_drills import DATA, Fleet

PATIENCE = 400  # two nodes may be left alone for two minutes each at the same time
EMULATED = os.path.join(BUILD, "tests", "emulated-prover")


# chain-7 is the circuit of the self-test, too: "-tasks" leaves it alone.


def stat_of(pid):
    """Parent and state of a process; None: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return int(words[1]), words[0]
    except (OSError, IndexError):
        return None


def gpu_children(node):
    """The pids of a node's GPU processes that live."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        stat = stat_of(pid)
        if not stat or stat[0] != node.popen.pid or stat[1] == "Z":
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if b"gpu-child" in f.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def child_of(node):
    return until("the GPU has a process", lambda: gpu_children(node))[0]


def proof_of(fleet, circuit, seconds=60):
    """A proof by the command line, which verifies it."""
    folder = os.path.join(DATA, circuit)
    out = fleet.cluster.path(f"proof-{threading.get_ident()}")
    done = fleet.cluster.cli("prove", "-q", QUEUE, "-c", circuit, "-t", f"{seconds}s", "--progress", "none", "--vkey",
                             os.path.join(folder, "vkey.json"), os.path.join(folder, "witness.wtns"), out, out + ".public", check=False, seconds=seconds + 30)
    expect(done.returncode == 0, f"no proof of {circuit}: {done.stderr.decode().strip()}")


def submit(fleet, circuit):
    return fleet.cluster.json("task", "submit", "-q", QUEUE, "-c", circuit, os.path.join(DATA, circuit, "witness.wtns"))["task"]


def losses_of(fleet, task):
    row = fleet.cluster.task(task)
    return row["losses"], row["failures"]


def drill_the_gpu_is_a_process(cluster, soak=False):
    """Its keys and proofs lie there; it inherits nothing; it ends with its node, however that ends."""
    fleet = Fleet(cluster)
    node = fleet.node("n1", env={"PROVOST_PROVER_NOTE": "secret"}.items())
    fleet.prove()
    pid = child_of(node)
    fds = {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
    expect(fds <= {"/dev/null", "pipe", "socket"}, f"it has {fds}")
    with open(f"/proc/{pid}/environ", "rb") as f:
        names = [v for v in f.read().split(b"\0") if v.startswith(b"PROVOST_") and not v.startswith(b"PROVOST_CHILD_OF=")]
    expect(not names, f"it was told {names}")
    node.kill()
    until("it has ended with its node", lambda: not stat_of(pid) or stat_of(pid)[1] == "Z")
    node = fleet.node("n1")
    fleet.prove()
    pid = child_of(node)
    expect(node.end() == 0, "the node did not end well")
    expect(not stat_of(pid), "its process is left")


def drill_a_node_never_opens_the_driver(cluster, soak=False):
    """CUDA's driver is opened by the processes of the GPUs alone: neither at the start, nor for the CPU's proofs after it, nor for a key that comes."""
    opened = cluster.path("opened")
    fleet = Fleet(cluster)
    node = fleet.node("n1", "--backend", "auto", "--gpus", "0,1", program=PROVER,
                      env={"LD_LIBRARY_PATH": os.path.join(BUILD, "tests", "cuda"), "FAKE_CUDA_OPENED": opened}.items())
    if "built without CUDA" in node.log_text():
        print("built without CUDA", file=sys.stderr)
        sys.exit(SKIPPED)
    fleet.prove()
    proof_of(fleet, "bits")
    with open(opened, encoding="ascii") as f:
        pids = {int(line) for line in f}
    expect(len(pids) >= 2, f"opened by {pids}: the processes of two GPUs should have")
    expect(node.popen.pid not in pids, "the node has opened the driver")
    expect(fleet.row("n1")["gpu_unused"], "the driver has nothing in it, and yet a GPU proves")
    return {"opened_by": len(pids)}


def drill_an_error_ends_the_process(cluster, soak=False):
    """A sticky error: the attempt is a loss, which is said with CUDA's words; another process passes the self-test and proves."""
    fleet = Fleet(cluster)
    node = fleet.node("n1")
    fleet.prove()
    first = child_of(node)
    for mode, words in (("broken-tasks-once", "illegal memory access"), ("crash-tasks-once", "signal 10")):
        fleet.tell("n1", mode)
        task = submit(fleet, "bits")
        cluster.wait(task, "succeeded")
        expect(losses_of(fleet, task) == (1, 0), f"{mode}: {cluster.task(task)}")
        expect(any(" child.ended " in line and words in line for line in node.log_text().splitlines()), f"{words} is not in the log")
    expect(child_of(node) != first, "it is the same process")
    expect(node.log_count("gpu.tested") == 3, f"{node.log_count('gpu.tested')} self-tests")
    expect(fleet.metric("provost_losses_total") == 2 and fleet.metric("provost_failures_total") == 0, "not counted as losses")
    expect(fleet.metric("provost_quarantines_total") == 0, "the node is in quarantine")
    until("they are counted at the broker", lambda: fleet.row("n1")["gpu_ended"] == 2 and fleet.metric("provost_gpu_ended_total") == 2)


def drill_a_hang_is_ended(cluster, soak=False):
    """A proof that takes longer than the limit is a loss; one that is cancelled and does not stop ends its process; what waits is not blamed."""
    fleet = Fleet(cluster)
    node = fleet.node("n1", "--gpu-limit-s", "1")
    fleet.prove()
    fleet.tell("n1", "hang-tasks-once")
    hangs = submit(fleet, "bits")
    waits = submit(fleet, "chain-5")
    cluster.wait(hangs, "succeeded")
    cluster.wait(waits, "succeeded")
    expect(losses_of(fleet, hangs) == (1, 0) and losses_of(fleet, waits) == (0, 0), f"{cluster.task(hangs)} {cluster.task(waits)}")
    expect("took longer than" in node.log_text(), "the log does not say so")
    node.end()
    node = fleet.node("n2")
    fleet.tell("n2", "hang-tasks-once")
    hangs = submit(fleet, "bits")
    cluster.wait(hangs, "running")
    until("it hangs", lambda: open(cluster.path("n2.gpu")).read() == "honest")
    cluster.cli("task", "cancel", hangs)
    fleet.prove()  # once the process that does not stop was ended
    expect("did not stop" in node.log_text() and cluster.state_is(hangs, "cancelled"), node.log_text()[-2000:])


def drill_a_poison_task_is_alone_to_blame(cluster, soak=False):
    """One circuit kills every process that proves it; five of them, on two nodes. The tasks beside it are proved all the same."""
    fleet = Fleet(cluster)
    nodes = [fleet.node(name, "--slots", "2") for name in ("n1", "n2")]
    for name in ("n1", "n2"):
        fleet.tell(name, "crash-large")
    poison = submit(fleet, "bits")
    others = [submit(fleet, "chain-5") for _ in range(12)]
    cluster.wait(poison, "dead", seconds=100)
    row = cluster.task(poison)
    expect(row["status"] == "lost" and (row["losses"], row["failures"]) == (5, 0), f"{row}")
    expect("signal 10" in row["text"], f"{row['text']}")
    for task in others:
        cluster.wait(task, "succeeded", seconds=100)
    most = max(losses_of(fleet, task)[0] for task in others)
    expect(most <= 2, f"one that did no harm has {most} losses")  # from the second on a task runs alone
    expect(fleet.metric("provost_quarantines_total") == 0, "a node is in quarantine")
    return {"deaths": sum(n.log_count("child.ended") for n in nodes), "losses_of_others": most}


def drill_a_process_that_always_ends_is_left_alone(cluster, soak=False):
    """Three deaths in a row: it is said, nothing is taken, and a task that waits is blamed for its own attempt alone; a second node proves it."""
    fleet = Fleet(cluster)
    node = fleet.node("n1")
    fleet.prove()
    fleet.tell("n1", "crash")
    task = submit(fleet, "bits")
    until("it is in quarantine", lambda: "left alone" in (fleet.row("n1")["gpu_unused"] or ""))
    expect("signal 10" in fleet.row("n1")["gpu_unused"], f"{fleet.row('n1')}")
    expect(node.log_count("child.quarantined") == 1, "the log does not say so")
    until("nobody waits for it", lambda: fleet.row("n1")["draining"])
    until("it is in the metrics", lambda: fleet.metric("provost_provers_gpu_unused") == 1)
    time.sleep(1)
    expect(cluster.state_is(task, "queued") and losses_of(fleet, task) == (1, 0), f"{cluster.task(task)}")
    fleet.node("n2")
    cluster.wait(task, "succeeded")
    expect(losses_of(fleet, task) == (1, 0), f"{cluster.task(task)}")
    if soak:
        fleet.tell("n1", "honest")
        until("it serves again", lambda: not fleet.row("n1")["gpu_unused"], seconds=90)
        expect(node.log_count("gpu.tested") == 2 and not fleet.row("n1")["draining"], f"{fleet.row('n1')}")


def drill_several_gpus(cluster, soak=False):
    """A process for each; two proofs at a time by default; one that is ended leaves the other."""
    fleet = Fleet(cluster)
    node = fleet.node("n1", "--gpus", "0,1", "--gpus", "3")
    fleet.prove()
    pids = gpu_children(node)
    shown = set()
    for pid in pids:
        with open(f"/proc/{pid}/environ", "rb") as f:
            shown |= {v for v in f.read().split(b"\0") if v.startswith(b"CUDA_VISIBLE_DEVICES=")}
    expect(shown == {b"CUDA_VISIBLE_DEVICES=%d" % n for n in (0, 1, 3)}, f"they see {shown}")
    expect(fleet.row("n1")["slots"] == 3, f"{fleet.row('n1')}")
    fleet.tell("n1", "slow-tasks")
    began = time.monotonic()
    tasks = [submit(fleet, "chain-5") for _ in range(3)]
    for task in tasks:
        cluster.wait(task, "succeeded")
    expect(time.monotonic() - began < 2.8, "not side by side")
    fleet.tell("n1", "honest")
    os.kill(pids[1], signal.SIGKILL)
    fleet.prove()
    until("there are three again", lambda: len(gpu_children(node)) == 3)
    until("all are tested", lambda: node.log_count("gpu.tested") == 4)
    bad = subprocess.run([node.argv[0], "run", "--broker", cluster.endpoint, "--insecure", "--queue", QUEUE, "--circuits", DATA, "--gpus", "first"],
                         stderr=subprocess.PIPE, timeout=60, check=False)
    expect(bad.returncode == 2 and b"gpus: not all, a number or a UUID" in bad.stderr, f"{bad}")


def drill_a_card_that_falls_off_the_bus(cluster, soak=False):
    """NVML tells of an Xid: the card's process is ended with these words, and no other's."""
    library = os.path.join(BUILD, "tests", "nvml")
    event = cluster.path("event")
    fleet = Fleet(cluster)
    node = fleet.node("n1", "--gpus", "all", env={"LD_LIBRARY_PATH": library, "FAKE_NVML": "GPU-aaaa,GPU-bbbb",
                                                   "FAKE_NVML_EVENT": event}.items())
    fleet.prove()
    before = set(gpu_children(node))
    expect(len(before) == 2, f"{before}")
    for code in ("13", "79"):  # a program's own fault, and the card's
        with open(event + ".new", "w", encoding="utf-8") as f:
            f.write(f"1 {code}")
        os.replace(event + ".new", event)
        until("the event is read", lambda: not os.path.exists(event))
    until("its process is ended", lambda: len(before & set(gpu_children(node))) == 1)
    until("another is tested", lambda: node.log_count("gpu.tested") == 3)
    ended = [line for line in node.log_text().splitlines() if " child.ended " in line]
    expect(len(ended) == 1 and "GPU-bbbb" in ended[0] and "Xid 79" in ended[0], f"{ended}")
    fleet.prove()


def ended_in(node, seconds=2.5):
    """TERM, and how long the node takes to end, which it has to do well."""
    began = time.monotonic()
    code = node.end(seconds=60)
    took = time.monotonic() - began
    expect(code == 0, f"ended with {code}: {node.log_text()[-1500:]}")
    expect(took < seconds, f"it took {took:.1f} s to end: {node.log_text()[-1500:]}")
    return round(took, 2)


def drill_a_hanging_start_delays_no_end(cluster, soak=False):
    """TERM while a GPU's process hangs at its start or in its self-test: the node ends at once; a task that waits for such a GPU is handed back."""
    fleet, took = Fleet(cluster), []
    for name, mode in (("n1", "hang-start"), ("n2", "hang")):
        fleet.tell(name, mode)
        node = fleet.node(name, "--gpus", "0,1,2,3", ready=False)
        until("all its processes are there", lambda: len(gpu_children(node)) == 4)
        time.sleep(0.5)  # until it hangs
        took.append(ended_in(node))
        expect("told to end before" in node.log_text() and "name=cpu" not in node.log_text(), node.log_text()[-1500:])
    for name, mode in (("n3", "hang-start"), ("n4", "hang")):
        node = fleet.node(name, "--queue", "other:echo")  # with other work it takes tasks whatever its GPU does
        fleet.prove()
        fleet.tell(name, mode)
        before = child_of(node)
        os.kill(before, signal.SIGKILL)
        until("another process is there", lambda: before not in (gpu_children(node) or [before]))
        task = submit(fleet, "bits")
        cluster.wait(task, "running")
        took.append(ended_in(node))
        expect(cluster.state_is(task, "queued") and losses_of(fleet, task) == (0, 0), f"{cluster.task(task)}")
        cluster.cli("task", "cancel", task)
    return {"ended_after_s": took}


def kill_at_random(fleet, nodes, rounds, over):
    """Kills a GPU process of one of the nodes, again and again; each node rests between, so that its row of deaths ends."""
    killed = 0
    while killed < rounds and not over.is_set():
        time.sleep(random.uniform(0.05, 0.6))
        pids = gpu_children(random.choice(nodes))
        if not pids:
            continue
        try:
            os.kill(pids[0], signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
        done = fleet.metric("provost_succeeded_total")
        until("tasks are proved between", lambda: over.is_set() or fleet.metric("provost_succeeded_total") > done, seconds=PATIENCE)
    return killed


def killed_under_load(cluster, fleet, nodes, rounds, circuits):
    """Tasks for as long as processes are killed: each succeeds, and what comes out verifies."""
    over, figures, wrong, proved = threading.Event(), {}, [], []

    def load(circuit):
        while not over.is_set():
            try:
                proof_of(fleet, circuit, seconds=PATIENCE)
                proved.append(circuit)
            except Exception as failed:  # whatever it is, the drill is over
                wrong.append(str(failed))
                over.set()

    threads = [threading.Thread(target=load, args=(circuit,)) for circuit in circuits]
    for thread in threads:
        thread.start()
    try:
        figures["killed"] = kill_at_random(fleet, nodes, rounds, over)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expect(not wrong, f"after {figures.get('killed')} kills and {len(proved)} proofs: {wrong}")
    expect(figures["killed"] == rounds, f"{figures}")
    figures["proofs"] = len(proved)
    figures["losses"] = fleet.metric("provost_losses_total")
    expect(fleet.metric("provost_failures_total") == 0 and fleet.metric("provost_dead_total") == 0, "a task failed")
    expect(fleet.metric("provost_gpu_wrong_proofs_total") == 0, "a proof was wrong")
    return figures


def rounds_of(soak):
    return int(200 * float(os.environ.get("PV_ROUNDS", "1"))) if soak else 5


def drill_processes_are_killed(cluster, soak=False):
    """kill -9, at random, under load: no task is lost, no proof is wrong."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}", file=sys.stderr)
    random.seed(seed)
    fleet = Fleet(cluster)
    nodes = [fleet.node(name, "--slots", "2") for name in ("n1", "n2")]
    return killed_under_load(cluster, fleet, nodes, rounds_of(soak), ["chain-5", "member", "bits"])


def drill_emulated_kernels_are_killed(cluster, soak=False):
    """The same with the kernels, run on the CPU: the key's tables, graphs and streams die with their process."""
    if not os.path.exists(EMULATED):
        print("emulated-prover is not built", file=sys.stderr)
        sys.exit(SKIPPED)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}", file=sys.stderr)
    random.seed(seed)
    fleet = Fleet(cluster)
    nodes = [fleet.node(name, program=EMULATED, env={"EMU_WORKERS": "1"}.items()) for name in ("n1", "n2")]
    return killed_under_load(cluster, fleet, nodes, rounds_of(soak), ["chain-5", "chain-5"])


if __name__ == "__main__":
    sys.exit(run(globals()))
