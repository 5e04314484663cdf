#!/usr/bin/env python3
"""Two brokers on one store in PostgreSQL: who is active is killed, or frozen past its lease; both are started at once.

    takeover_drills.py DRILL... [--soak]
"""
import sys
import time

from brokers import LEASE_S, expect, rounds, run, until
from load import SEED, Load, chance

TAKEOVER_MOST_S = 10.0


def takes_over(new, was):
    """Waits until the other is active, with an epoch of its own."""
    until(f"{new.name} takes over", lambda: new.epochs() and new.epochs()[-1] > was, TAKEOVER_MOST_S + 5)
    return new.epochs()[-1]


def told(c, took, tasks):
    """The figures of a drill whose nodes have ended."""
    took.sort()
    figures = {"seed": SEED, "rounds": len(took), "tasks": tasks, "lost": 0, "executions_per_task": round(c.executions() / tasks, 4),
               "gap_s_median": round(took[len(took) // 2], 3), "gap_s_most": round(took[-1], 3)}
    expect(c.executions() >= tasks, f"a task was answered that nobody ran: {figures}")
    expect(took[-1] <= TAKEOVER_MOST_S, f"{took[-1]:.1f} s without an answer: {figures}")
    return figures


def drill_killed_under_load(c, soak):
    """kill -9 of the active broker, again and again: nothing that was acknowledged is lost, results included."""
    active, standby = c.start_both()
    nodes = [c.prover(f"p{i}", "--slots", "4") for i in (1, 2)]
    callers = Load(c, "load")
    until("each kind of task is answered", callers.flows)
    moments = []
    for _ in range(rounds(5, 100, soak)):
        time.sleep(chance.uniform(0.2, 1.0))
        was = active.epochs()[-1]
        active.process.kill()
        at = time.monotonic()
        takes_over(standby, was)
        since = time.monotonic()  # what was on its way at the kill is no answer of the new one
        active, standby = standby, active.start()
        until("it stands by", lambda: standby.says("standby"))
        until("answers come again", lambda: callers.answers.last > since)
        moments.append((at, since))
    time.sleep(0.5)
    tasks = callers.end()
    for node in nodes:
        expect(node.end() == 0, "a node did not end well")
    took = [callers.answers.gap_in(*moment) for moment in moments]
    expect(all(took), f"no answer after a takeover: {took}")
    return told(c, took, tasks)


def drill_frozen_past_its_lease(c, soak):
    """SIGSTOP of the active broker until another is active, then SIGCONT: it commits nothing more, and says nothing but where to go."""
    active, standby = c.start_both()
    nodes = [c.prover(f"p{i}", "--slots", "4") for i in (1, 2)]
    callers = Load(c, "load")
    until("each kind of task is answered", callers.flows)
    moments = []
    for _ in range(rounds(3, 50, soak)):
        time.sleep(chance.uniform(0.2, 1.0))
        was = active.epochs()[-1]
        active.process.freeze()
        at = time.monotonic()
        now = takes_over(standby, was)
        since = time.monotonic()
        commits = c.commits_of(was)
        time.sleep(chance.uniform(0.0, 0.5))
        active.process.thaw()
        until("it stands by", lambda: active.says("standby"))
        expect(c.commits_of(was) == commits, "the frozen broker committed after the takeover")
        expect(c.lease()[0] == now, "the lease moved")
        expect(standby.ready() and standby.epochs()[-1] == now, "the new one is not active any more")
        until("answers come again", lambda: callers.answers.last > since)
        moments.append((at, since))
        active, standby = standby, active
    time.sleep(0.5)
    tasks = callers.end()
    for node in nodes:
        expect(node.end() == 0, "a node did not end well")
    callers.expect_once()
    took = [callers.answers.gap_in(*moment) for moment in moments]
    expect(all(took), f"no answer after a takeover: {took}")
    return told(c, took, tasks)


def drill_started_at_once(c, soak):
    """Two brokers start together, again and again: one is active, the other stands by, and no epoch comes twice."""
    seen, first = [], {"a": 0, "b": 0}
    for _ in range(rounds(10, 200, soak)):
        for broker in (c.a, c.b) if chance.random() < 0.5 else (c.b, c.a):
            broker.start()
        until("one is active and one stands by",
              lambda: sorted(broker.readyz()[0] for broker in (c.a, c.b)) == [200, 503] and any(b.says("standby: another broker") for b in (c.a, c.b)))
        active = c.a if c.a.ready() else c.b
        epoch, endpoint, left = c.lease()
        expect(endpoint == active.endpoint and 0 < left <= LEASE_S, f"the lease is {endpoint}'s, for {left} s")
        expect(active.epochs() == [epoch] and not c.other(active).epochs(), f"epochs {c.a.epochs()} and {c.b.epochs()}, lease {epoch}")
        expect(epoch not in seen, f"epoch {epoch} came twice")
        seen.append(epoch)
        first[active.name] += 1
        for broker in (c.other(active), active):
            expect(broker.process.end() == 0, f"{broker.name} did not end well")
            c.processes.remove(broker.process)
    return {"rounds": len(seen), "active": first}


if __name__ == "__main__":
    sys.exit(run(globals()))
