#!/usr/bin/env python3
"""Handlers that are programs, in a node that serves others besides: whatever a program does, it harms nobody else, and nothing of it is
left.

usage: program_drills.py DRILL [--soak]        (drill.py)
"""
import os
import shutil
import signal
import sys
import time

from drill import BRISK, BUILD, QUEUE, expect, run, until

ILL = os.path.join(BUILD, "tests", "ill_behaved")
ROUNDS = int(os.environ.get("PV_ROUNDS", "1"))


class Node:
    """A broker with the queues `drill` (echo) and one for each handler, and a node that serves them all."""

    def __init__(self, cluster, handlers, slots=4, *options):
        self.c, self.options, self.slots = cluster, options, slots
        os.chmod(cluster.folder, 0o755)  # whoever the programs run as has to get at the program
        self.ill = cluster.path("ill_behaved")
        shutil.copy(ILL, self.ill)
        self.folder = cluster.path("handlers")
        os.mkdir(self.folder, 0o755)
        self.queues = [QUEUE] + list(handlers)
        for name, text in handlers.items():
            self.write(name, text)
        cluster.broker(*BRISK, *(word for q in handlers for word in ("--queue", q)))

    def write(self, name, text):
        with open(os.path.join(self.folder, f"{name}.yaml"), "w") as f:
            f.write(text.replace("ILL", self.ill))
            if os.geteuid() == 0 and "run_as" not in text:
                f.write("run_as: nobody\n")

    def start(self, name="p1", *options):
        queues = ",".join(f"{q}:{'echo' if q == QUEUE else q}" for q in self.queues)
        self.process = self.c.prover(name, "--handlers", self.folder, "--allow-code", "--slots", str(self.slots), *self.options, *options,
                                     queue=queues)
        return self.process

    def submit(self, queue, data=b"x"):
        return self.c.json("task", "submit", "--queue", queue, "--circuit", "any", self.c.input_file(data))["task"]

    def result(self, task, seconds=30):
        self.c.wait(task, "succeeded", seconds=seconds)
        path = self.c.path(f"{task}.out")
        self.c.cli("task", "wait", task, path)
        with open(path, "rb") as f:
            return f.read()

    def work(self, name="p1"):
        return os.listdir(self.c.path(f"{name}-state/work"))

    def running(self, task):
        until(f"{task} runs", lambda: self.c.state_is(task, "running"))


def processes(part):
    """Those whose executable has part in its path, as {process id: state}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            exe = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            continue
        if part in exe:
            found[int(pid)] = exe
    return found


def launchers_of(node):
    """The launchers, and their children, of the node's process."""
    return [pid for pid in processes("provost-launch") if parent_of(pid) == node.process.popen.pid]


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError):
        return 0


def memory(pid, name="VmHWM"):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name)) << 10


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def gone(node, seconds=8):
    until("every process of the program is gone", lambda: not processes(node.ill) and not launchers_of(node), seconds)


COPY = 'command: [ILL, copy, "{input}", "{result}"]\n'
STREAMS = "input: stdin\nresult: stdout\ngrace: 500ms\n"


def drill_programs_harm_nobody(c, soak=False):
    """Hung, flooding, forking, crashing, output-less, deaf: beside each a task of another program, and one of the node's own."""
    bad = {
        "hung": "command: [ILL, hang]\ntime_limit: 1s\n",
        "deaf": "command: [ILL, deaf]\ntime_limit: 1s\n",
        "flood": 'command: [ILL, flood, "1"]\nresult_max: 1M\n',
        "noisy": 'command: [ILL, flood, "2"]\ntime_limit: 2s\n',
        "forks": "command: [ILL, forks]\nprocesses: 200\ntime_limit: 1s\n",
        "daemons": 'command: [ILL, daemons, "50"]\ntime_limit: 1s\n',
        "crash": "command: [ILL, crash]\n",
        "silent": "command: [ILL, silent]\n",
    }
    node = Node(c, {"good": COPY, **{name: STREAMS + text for name, text in bad.items()}}, 10)
    node.start()
    pid, before = node.process.popen.pid, memory(node.process.popen.pid)
    longest = 0.0
    for n, name in enumerate(bad):  # one after another: after three failures with nothing good between them R7 rests the node
        begun = node.process.log_count("task.started")
        ill = node.submit(name)
        until(f"{name} runs", lambda b=begun: node.process.log_count("task.started") > b)
        for i in range(3):
            started = time.monotonic()
            good, echo = node.submit("good", b"good %d" % i), node.submit(QUEUE, b"echo %d" % i)
            expect(node.result(good) == b"good %d" % i, "a good program's result is wrong")
            expect(node.result(echo) == b"echo %d" % i, "an echo is wrong")
            longest = max(longest, time.monotonic() - started)
        until(f"{name} has failed", lambda n=n: node.process.log_count("task.failed") > n)
        c.cli("task", "cancel", ill)
    log = node.process.log_text()
    for said in ("it ran longer than 1000 ms", "more to stdout than result_max", "signal 11", "it wrote no result to stdout"):
        expect(said in log, f'the log does not say "{said}"')
    gone(node)
    grown = memory(pid) - before
    expect(grown < 64 << 20, f"the node grew by {grown >> 20} MiB")
    until("no folder is left", lambda: not node.work())
    expect(not node.process.log_count("broker.lost"), "the node's heartbeats were late")
    return {"grown_mib": grown >> 20, "longest_pair_s": round(longest, 2)}


def drill_programs_end_with_their_task(c, soak=False):
    """Cancel, the time limit, the drain's grace and the loss of a lease each end the whole tree."""
    node = Node(c, {"daemons": STREAMS + 'command: [ILL, daemons, "20"]\n'}, 2, "--grace-s", "2")
    node.start()
    task = node.submit("daemons")
    node.running(task)
    until("the daemons are there", lambda: len(processes(node.ill)) > 20)
    c.cli("task", "cancel", task)
    gone(node, 4)
    until("the log tells of the revocation", lambda: node.process.log_count("task.revoked"))
    # a lease that is lost: the broker forgets the node, and takes its task back when it is there again
    task = node.submit("daemons")
    node.running(task)
    node.process.freeze()
    until("the lease is lost", lambda: c.state_is(task, "queued"), 10)
    c.cli("task", "cancel", task)
    node.process.thaw()
    gone(node, 10)
    # a drain
    task = node.submit("daemons")
    node.running(task)
    node.process.signal(signal.SIGTERM)
    expect(node.process.popen.wait(15) == 0, "a drained node ends with 0")
    until("nothing runs", lambda: not processes(node.ill))
    until("the task is handed back", lambda: c.state_is(task, "queued"))
    expect(not node.work(), "a drained node leaves a folder")


def drill_a_killed_node_leaves_no_program(c, soak=False):
    """kill -9 of the node, and of the launchers: nothing runs on, and the next start removes the folders."""
    for sandbox in ("auto", "none"):
        name = f"daemons-{sandbox}"
        if sandbox == "auto":
            node = Node(c, {n: STREAMS + f'sandbox: {n[8:]}\ncommand: [ILL, daemons, "20"]\n' for n in ("daemons-auto", "daemons-none")})
        node.start(f"p-{sandbox}")
        task = node.submit(name)
        node.running(task)
        until("the daemons are there", lambda: len(processes(node.ill)) > 20)
        node.process.kill()
        until("nothing runs on", lambda: not processes(node.ill), 5)
        expect(node.work(f"p-{sandbox}"), "the folder should still be there")
        c.cli("task", "cancel", task)
        node.start(f"p-{sandbox}")
        until("the sweep is said", lambda: node.process.log_count("handler.swept"))
        expect(not node.work(f"p-{sandbox}"), "the folder was not swept")
        # the launcher killed by hand: the attempt fails, the node lives
        task = node.submit(name)
        node.running(task)
        until("the daemons are there", lambda: len(processes(node.ill)) > 20)
        keepers = [pid for pid in processes("provost-launch") if parent_of(pid) in launchers_of(node)]
        expect(len(keepers) == 1, f"{keepers} keep one task")
        os.kill(keepers[0], signal.SIGKILL)
        until("the attempt has failed", lambda: node.process.log_count("task.failed") >= 1)
        expect(node.process.running(), "the node ended with its launcher")
        c.cli("task", "cancel", task)
        gone(node)
        node.result(node.submit(QUEUE, b"good"))  # three failures in a row, and R7 lets the node rest
        # and the launcher above it: the keeper goes on, and does its work
        task = node.submit(name)
        node.running(task)
        until("the daemons are there", lambda: len(processes(node.ill)) > 20)
        for pid in launchers_of(node):
            os.kill(pid, signal.SIGKILL)
        c.cli("task", "cancel", task)
        until("nothing runs on", lambda: not processes(node.ill))
        node.result(node.submit(QUEUE, b"good"))
        node.process.end()


def drill_many_programs_leave_nothing(c, soak=False):
    """300 tasks, with --soak 10,000: no process, descriptor or file more than before, and no memory that grows."""
    count = (10000 if soak else 300) * ROUNDS
    node = Node(c, {"good": COPY, "piped": "input: stdin\nresult: stdout\ncommand: [ILL, cat]\n",
                    "bad": STREAMS + 'command: [ILL, exit, "65", "no"]\n', "left": 'command: [ILL, daemon, "{input}", "{result}"]\n'})
    os.mkdir(c.path("tmp"), 0o777)  # the machine's /tmp has folders of other nodes, which come and go
    c.environments["p1"] = {**os.environ, "TMPDIR": c.path("tmp")}
    node.start()
    pid = node.process.popen.pid
    kinds = ["good", "piped", "bad", "left"]

    def batch(n):
        for i in range(n):
            node.submit(kinds[i % 4], b"task %d" % i)

    def finished():
        return node.process.log_count("task.proved") + node.process.log_count("task.failed")

    batch(40)
    until("the first are done", lambda: finished() >= 40, 60)
    until("nothing runs", lambda: not processes(node.ill) and not node.work())
    before, open_before = memory(pid, "VmRSS"), descriptors(pid)
    started = time.monotonic()
    for done in range(40, count, 200):
        batch(min(200, count - done))
        until("the batch is done", lambda: finished() >= min(done + 200, count), 120)
    seconds = time.monotonic() - started
    until("nothing runs", lambda: not processes(node.ill) and not node.work())
    until("no descriptor more", lambda: descriptors(pid) <= open_before)
    grown = memory(pid, "VmRSS") - before
    expect(grown < 32 << 20, f"the node grew by {grown >> 20} MiB in {count} tasks")
    expect(not os.listdir(c.path("tmp")), f"left in TMPDIR: {os.listdir(c.path('tmp'))}")
    children = [p for p in filter(str.isdigit, os.listdir("/proc")) if parent_of(int(p)) == pid]
    expect(not children, f"children, or zombies, of the node: {children}")
    return {"tasks": count, "grown_kib": grown >> 10, "a_second": round((count - 40) / seconds, 1)}


def drill_a_bad_handler_leaves_the_others(c, soak=False):
    """A queue whose handler cannot serve is told and not offered for; the others are served on."""
    node = Node(c, {"good": COPY, "lost": "command: [/nowhere/program]\ninput: stdin\nresult: stdout\n"})
    node.queues.append("missing")
    node.start()
    expect(node.result(node.submit("good", b"still served")) == b"still served", "the good queue is not served")
    task = node.submit("lost")
    log = node.process.log_text()
    expect("queue.unserved queue=lost handler=lost" in log and "/nowhere/program: No such file" in log, "the log tells nothing")
    expect("queue.unserved queue=missing" in log, "a handler without a file is not told")
    shown = c.cli("prover", "show", "p1").stdout.decode()
    expect("queue lost:lost" in shown and "/nowhere/program" in shown, f"provost prover show does not tell: {shown}")
    time.sleep(0.5)
    expect(c.state_is(task, "queued"), "a task of an unserved queue was taken")


if __name__ == "__main__":
    sys.exit(run(globals()))
