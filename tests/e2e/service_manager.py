#!/usr/bin/env python3
"""What broker and node tell a service manager (sd_notify): a fake one listens at NOTIFY_SOCKET while the programs start, read their
settings again, hang and end. service_manager.py broker|node

A hang is made by stopping one thread with ptrace: all others go on, so "alive" that came from another thread would be heard."""
import ctypes
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault", "drills"))

from drill import expect, main, until  # noqa: E402

WATCHDOG_MS = 400
SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Manager:
    """Reads what is said at its address, an abstract name or a path."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.environment = dict(os.environ, NOTIFY_SOCKET=address, WATCHDOG_USEC=str(1000 * WATCHDOG_MS))
        self.heard = []  # lines

    def listen(self):
        try:
            while True:
                self.heard += self.socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            return self.heard

    def count(self, word):
        return sum(line.startswith(word) for line in self.listen())

    def hears(self, word, seconds=20):
        """Until a line that begins with word has come, counted from the last forget."""
        until(f"the manager hears {word} (it heard {self.heard[-8:]})", lambda: self.count(word), seconds)

    def forget(self):
        self.listen()
        self.heard.clear()


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def threads_of(process):
    return sorted(int(t) for t in os.listdir(f"/proc/{process.popen.pid}/task"))


class Hung:
    """These threads stand still inside the with."""

    def __init__(self, threads):
        self.threads = threads

    def __enter__(self):
        for thread in self.threads:
            ptrace(SEIZE, thread)
            ptrace(INTERRUPT, thread)
            os.waitpid(thread, WALL)

    def __exit__(self, *error):
        for thread in self.threads:
            ptrace(DETACH, thread)


def alive_within(manager, watchdogs):
    """How often "alive" is said in that many of the watchdog's times, after what was on its way."""
    time.sleep(0.02)
    manager.forget()
    time.sleep(watchdogs * WATCHDOG_MS / 1000)
    return manager.count("WATCHDOG=1")


def lives(manager, hung, still):
    """Of the threads, `hung` is what the watchdog hangs on, and `still` is not: pings stop with the first, and go on with the second."""
    expect(alive_within(manager, 4) >= 6, "it says that it is alive at least every half of the watchdog's time, or nearly")
    if still:
        with Hung(still):
            expect(alive_within(manager, 4) >= 6, "it lives while a thread that does not matter stands still")
    with Hung(hung):
        expect(alive_within(manager, 4) == 0, "it says that it is alive, and its loop stands still")
    manager.hears("WATCHDOG=1")


def drill_broker(c):
    manager = Manager(f"@provost-{os.getpid()}")
    c.environments["broker"] = manager.environment
    broker = c.broker()
    manager.hears("READY=1")
    manager.hears("STATUS=0 tasks kept, 0 provers")
    lives(manager, [broker.popen.pid], [])
    c.prover("p1")
    c.submit({"sleep_ms": 0})
    manager.hears("STATUS=1 tasks kept, 1 provers")
    manager.forget()
    broker.signal(signal.SIGHUP)
    manager.hears("RELOADING=1")
    manager.hears("READY=1")
    expect(manager.count("MONOTONIC_USEC="), "a reload says when it began")
    expect(manager.heard.index("RELOADING=1") < manager.heard.index("READY=1"), "ready is said after the reload")
    expect(broker.end() == 0, "the broker ends well")
    manager.hears("STOPPING=1")


def drill_node(c):
    manager = Manager(c.path("manager"))  # a path
    c.broker("--heartbeat-ms", "500", "--lease-ms", "5000")
    c.environments["p1"] = manager.environment
    node = c.prover("p1")
    manager.hears("READY=1")
    manager.hears("STATUS=connected to " + c.endpoint)
    all_of_it = threads_of(node)
    lives(manager, [t for t in all_of_it if t != node.popen.pid], [node.popen.pid])
    until("the node has its link again", lambda: c.rows("prover", "ls"))
    manager.forget()
    node.signal(signal.SIGHUP)
    manager.hears("RELOADING=1")
    manager.hears("READY=1")
    task = c.submit({"sleep_ms": 4000})
    until("the task runs", lambda: node.log_count("task.started"))
    manager.forget()
    node.signal(signal.SIGTERM)
    manager.hears("STOPPING=1")
    manager.hears("STATUS=draining, connected")
    until("it asks for more time, again and again", lambda: manager.count("EXTEND_TIMEOUT_USEC=30000000") >= 3)
    manager.hears("WATCHDOG=1")
    expect(node.popen.wait(20) == 0, "the drained node ends well")
    c.wait(task, "succeeded")
    return {"extended": manager.count("EXTEND_TIMEOUT_USEC=")}


if __name__ == "__main__":
    try:
        sys.exit(main({"broker": drill_broker, "node": drill_node}[sys.argv[1]]))
    except PermissionError as error:
        print(f"a thread cannot be stopped here: {error}")
        sys.exit(77)
