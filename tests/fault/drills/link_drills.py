#!/usr/bin/env python3
"""Drills over a link of their own: a network namespace at the other end of a veth pair, slowed down or cut.

    link_drills.py DRILL [--soak]        exits 77 where namespaces may not be made

Who is behind the link speaks CURVE, for the broker is bound to an address that is not loopback.
"""
import os
import shutil
import subprocess
import sys
import time

from drill import BRISK, SKIPPED, expect, expect_whole, finish, free_port, load, run, until

HERE, THERE = "10.213.0.1", "10.213.0.2"


def quiet(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Link:
    """A host of our own; mbit: so many Mbit/s each way, None: as they come. HERE is this side."""

    def __init__(self, mbit=None):
        self.name = f"pvdrill{os.getpid()}"
        self.within = ("ip", "netns", "exec", self.name)
        self.ends = (f"pva{os.getpid()}", f"pvb{os.getpid()}")
        self.mbit = mbit

    def steps(self):
        here, there = self.ends
        yield "ip", "netns", "add", self.name
        yield "ip", "link", "add", here, "type", "veth", "peer", "name", there
        yield "ip", "link", "set", there, "netns", self.name
        yield "ip", "addr", "add", f"{HERE}/24", "dev", here
        yield "ip", "link", "set", here, "up"
        yield *self.within, "ip", "addr", "add", f"{THERE}/24", "dev", there
        yield *self.within, "ip", "link", "set", there, "up"
        if self.mbit:
            rate = ("root", "tbf", "rate", f"{self.mbit}mbit", "burst", "64kb", "latency", "200ms")
            yield "tc", "qdisc", "add", "dev", here, *rate
            yield *self.within, "tc", "qdisc", "add", "dev", there, *rate

    def __enter__(self):
        if not shutil.which("ip") or not all(quiet(*step) for step in self.steps()):
            self.__exit__(None, None, None)
            print("no network namespace or rate limit to be had here", file=sys.stderr)
            sys.exit(SKIPPED)
        return self

    def __exit__(self, kind, error, trace):
        quiet("ip", "link", "del", self.ends[0])
        quiet("ip", "netns", "del", self.name)

    def cut(self):
        """No packet passes; nobody is told."""
        expect(quiet(*self.within, "ip", "link", "set", self.ends[1], "down"), "the link could not be cut")

    def mend(self):
        expect(quiet(*self.within, "ip", "link", "set", self.ends[1], "up"), "the link could not be mended")


def start_behind(c, link, *options):
    c.endpoint = f"tcp://{HERE}:{free_port()}"
    c.use_keys({"admin": "admin, client", "far": "prover", "near": "prover", "client": "client"})
    c.broker(*options)
    return c.prover("far", within=link.within)


def drill_12_slow_link(c, soak):
    """A large input over 50 Mbit/s (200 MiB; 20 MiB without --soak): heartbeats go on beside it, no lease is lost."""
    mib = 200 if soak else 20
    with Link(50) as link:
        far = start_behind(c, link, *(() if soak else BRISK))
        started = time.monotonic()
        order = b'{"bytes": 10, "text": "' + b"x" * (mib << 20) + b'"}'
        task = c.submit(order, who="client")
        c.wait(task, "succeeded", seconds=20 + mib)
        seconds = time.monotonic() - started
        info = c.task(task)
        expect(info["losses"] == 0 and info["attempts"] == 1, f"{info['losses']} losses, {info['attempts']} attempts")
        expect(seconds > mib * 8 * 1.04 / 50 * 0.9, f"{mib} MiB in {seconds:.1f} s: the link was not slow")
        expect(far.running(), "the prover ended")
        return {"mib": mib, "seconds_for_it": round(seconds, 1), "losses": info["losses"]}


# ---- cut: the lease is 1.5 s; the caller of the load is behind the link too

LEASE_S = 1.5
PATIENT = ("--heartbeat-ms", "300", "--lease-ms", str(int(LEASE_S * 1000)))


def cut_for(link, seconds):
    link.cut()
    time.sleep(seconds)  # the length of the outage is what is drilled
    link.mend()
    return time.monotonic()


def running_task(c, sleep_ms):
    task = c.submit({"sleep_ms": sleep_ms, "text": str(time.monotonic())}, who="client")
    c.wait(task, "running")
    return task


def shorter_than_the_lease(c, link, far):
    """Nothing is lost, nothing is run again."""
    task = running_task(c, 2000)
    cut_for(link, 0.5)
    c.wait(task, "succeeded")
    info = c.task(task)
    expect(info["losses"] == 0 and info["attempts"] == 1, f"short cut: {info['losses']} losses, {info['attempts']} attempts")
    expect(far.log_count("task.started") == 1, "short cut: the task was begun again")
    return {"short_cut_s": 0.5, "short_cut_losses": 0}


def longer_and_alone(c, link, far):
    """The lease ends, the prover computes on; once the link is back its run, or its spooled result, is taken."""
    begun = far.log_count("task.started")
    long, short = running_task(c, 6500), None
    mended = cut_for(link, 2 * LEASE_S)
    until("the lease has ended", lambda: c.task(long)["losses"] == 1, 1)
    c.wait(long, "running", seconds=15)
    resumed = time.monotonic() - mended
    c.wait(long, "succeeded")
    short = running_task(c, 1500)  # ends while the link is down
    mended = cut_for(link, 2 * LEASE_S)
    c.wait(short, "succeeded", seconds=15)
    spooled = time.monotonic() - mended
    expect(far.log_count("task.started") == begun + 2, "long cut: something was computed twice")
    return {"long_cut_s": 2 * LEASE_S, "run_taken_up_s": round(resumed, 2), "spooled_result_s": round(spooled, 2)}


def longer_beside_another(c, link, far):
    """Another prover has the task within the lease and a second; whoever is second with its result is told to stop."""
    told, done = far.log_count("task.revoked"), c.rows("status")[0]["succeeded"]
    task = running_task(c, 4500)
    near = c.prover("near")
    link.cut()
    cut = time.monotonic()
    until("another prover has the task", lambda: c.task(task).get("prover") == "near", LEASE_S + 6)
    reoffered = time.monotonic() - cut
    expect(reoffered <= LEASE_S + 1, f"offered again after {reoffered:.2f} s")
    time.sleep(LEASE_S)  # a cut of two leases in all
    link.mend()
    c.wait(task, "succeeded")
    until("one of two is told", lambda: far.log_count("task.revoked") + near.log_count("task.revoked") > told, 15)
    expect(c.task(task)["attempts"] == 2, "not two attempts")
    expect(c.rows("status")[0]["succeeded"] == done + 1, "not one result")
    near.end()
    return {"reoffered_s": round(reoffered, 2)}


def caller_behind_it(c, link, far):
    """A caller that is cut off with the prover: each of its tasks is answered, rightly and once."""
    caller = load(c, "--tasks", 60, "--threads", 4, "--sleep-ms", 100, "--seed", 5, who="client", within=link.within)
    before = c.rows("status")[0]["succeeded"]
    until("ten are answered", lambda: c.rows("status")[0]["succeeded"] > before + 10)
    cut_for(link, 2 * LEASE_S)
    code, figures, err = finish(caller, 90)
    expect_whole(code, figures, err)
    return {"caller_tasks": figures["answered"], "caller_executions": figures["attempts"]}


def drill_cut_link(c, soak):
    """A link that is down for less than the lease, and for two: tasks and results survive, nothing is computed in vain."""
    with Link() as link:
        far = start_behind(c, link, *PATIENT)
        figures = {"lease_s": LEASE_S}
        for scene in (shorter_than_the_lease, longer_and_alone, longer_beside_another, caller_behind_it):
            figures.update(scene(c, link, far))
            expect(far.running(), "the prover ended")
        return figures


if __name__ == "__main__":
    sys.exit(run(globals()))
