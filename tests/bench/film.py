#!/usr/bin/env python3
"""film.py record OUT.jsonl: real proofs while a prover is killed, the broker is killed and started again, and a node joins.
film.py draw IN.jsonl OUT.svg: that run as one picture, tasks over time and a lane for each slot of a prover.
film.py check IN.jsonl OUT.svg: whether the picture is the one that draw makes.

A recording has a line for each thing: "run" (proofs, machine, date), "event" (what was done to the fleet), "task" (submitted,
done), "attempt" (prover, from, to, how it ended). Moments are milliseconds since the queue was opened, read from the programs' own logs.
"""
import datetime
import json
import os
import re
import sys
import time
from html import escape

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fault", "drills"))

TASKS = 96
BRISK = ("--heartbeat-ms", "200", "--lease-ms", "1000", "--grace-ms", "200")


# --- recording ---

def now_ms():
    return time.time() * 1000


def logged(text, event):
    """(moment, fields) of each line of that event."""
    for line in text.splitlines():
        if f" {event} " in line:
            at = datetime.datetime.fromisoformat(line.split(" ", 1)[0].replace("Z", "+00:00")).timestamp() * 1000
            yield at, dict(re.findall(r"(\w+)=(\S+)", line))


def attempts_of(process, killed_at):
    """Every attempt that the node's log tells of. One that has no end ended with its node."""
    text = process.log_text()
    ends = {fields["token"]: at for at, fields in logged(text, "task.proved")}
    for at, fields in logged(text, "task.started"):
        end = ends.get(fields["token"], killed_at)
        yield {"what": "attempt", "prover": process.name, "task": fields["task"], "from": at, "to": end,
               "ended": "proved" if fields["token"] in ends else "lost"}


class Film:
    def __init__(self, cluster, drill):
        self.c, self.drill = cluster, drill
        self.data = os.path.join(drill.ROOT, "tests", "data")
        self.events, self.tasks, self.nodes, self.killed = [], {}, [], {}

    def event(self, text):
        self.events.append({"what": "event", "at": now_ms(), "text": text})

    def node(self, name):
        process = self.c.prover(name, "--circuits", self.data, "--threads", "1", "--slots", "2", queue=self.drill.QUEUE)
        self.nodes.append(process)
        return process

    def submit(self, n):
        for _ in range(n):
            at = now_ms()
            task = self.c.json("task", "submit", "--queue", self.drill.QUEUE, "--circuit", "member",
                               os.path.join(self.data, "member", "witness.wtns"))["task"]
            self.tasks[task] = {"what": "task", "task": task, "submitted": at}

    def proving(self, node):
        """Waits until it computes a proof."""
        self.drill.until(f"{node.name} proves", lambda: node.log_count("task.started") > node.log_count("task.proved"), step=0.002)

    def kill(self, node):
        self.proving(node)
        node.kill()
        self.killed[node.name] = now_ms()
        self.event(f"{node.name} is killed")

    def broker_falls(self):
        self.c.broker_process.kill()
        self.event("the broker is killed")
        time.sleep(1.0)
        self.c.broker(*BRISK)
        self.event("the broker is back")

    def run(self):
        self.c.broker(*BRISK)
        first, second = self.node("node-1"), self.node("node-2")
        self.c.cli("queue", "pause", self.drill.QUEUE)  # a proof takes less time than a command
        self.submit(TASKS // 2)
        self.c.cli("queue", "resume", self.drill.QUEUE)
        self.resumed = now_ms()
        self.drill.until("node-2 has proved some", lambda: second.log_count("task.proved") >= 8, step=0.002)
        self.kill(second)
        self.submit(TASKS // 4)
        self.proving(first)
        self.broker_falls()
        self.submit(TASKS - TASKS // 2 - TASKS // 4)
        self.event("node-3 joins")
        self.node("node-3")
        for task in self.tasks:
            self.c.wait(task, "succeeded", seconds=120)

    def lines(self):
        attempts = [a for node in self.nodes for a in attempts_of(node, self.killed.get(node.name))]
        for node in self.nodes:
            for at, fields in logged(node.log_text(), "task.acknowledged"):
                self.tasks[fields["task"]].setdefault("done", at)
        for a in attempts:  # a node that was killed did not live to hear that the broker has its result
            if a["ended"] == "proved":
                self.tasks[a["task"]].setdefault("done", a["to"])
        begin = self.resumed
        for task in self.tasks.values():
            task["submitted"] = max(task["submitted"], begin)
        out = [{"what": "run", "proofs": len(self.tasks), "date": datetime.date.today().isoformat(), "cores": os.cpu_count(),
                "load": round(os.getloadavg()[0], 1)}]
        for line in self.events + list(self.tasks.values()) + attempts:
            out.append({k: round(v - begin) if k in ("at", "from", "to", "submitted", "done") else v for k, v in line.items()})
        return out


def record(path):
    import drill

    def film(cluster):
        made = Film(cluster, drill)
        made.run()
        lines = made.lines()
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
        lost = sum(line.get("ended") == "lost" for line in lines)
        drill.expect(all("done" in line for line in lines if line["what"] == "task"), "a task has no end")
        return {"tasks": TASKS, "attempts_lost": lost}

    return drill.main(film)


# --- drawing ---

LEFT, RIGHT, WIDTH = 86, 20, 900
CHART_TOP, CHART_HEIGHT, LANES_TOP, LANE, GAP = 92, 120, 262, 16, 14

STYLE = """
  svg { font: 12px system-ui, sans-serif; }
  .paper { fill: #ffffff } .ink { fill: #1f2430 } .soft { fill: #5b6472 } .rule { stroke: #d8dce3 } .mark { stroke: #1f2430 }
  .waiting { fill: #e0b04c } .running { fill: #3f7fc4 } .done { fill: #5aa469 } .lost { fill: #c4472f } .lane { fill: #f1f3f6 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14171c } .ink { fill: #e8eaee } .soft { fill: #a3abb8 } .rule { stroke: #333a45 } .mark { stroke: #e8eaee } .lane { fill: #1e232b }
    .waiting { fill: #b98d34 } .running { fill: #5b97d8 } .done { fill: #4f8f5d } .lost { fill: #e0674f }
  }
"""


class Picture:
    def __init__(self, lines):
        by = {}
        for line in lines:
            by.setdefault(line["what"], []).append(line)
        self.run, self.events, self.tasks, self.attempts = by["run"][0], by["event"], by["task"], by["attempt"]
        self.end = max(max(t["done"] for t in self.tasks), max(a["to"] for a in self.attempts))
        self.out = []

    def x(self, ms):
        return LEFT + (WIDTH - LEFT - RIGHT) * ms / self.end

    def text(self, x, y, words, kind="ink", more=""):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{more}>{escape(words)}</text>')

    def box(self, x, y, width, height, kind, title=""):
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" class="{kind}">{inside}</rect>')

    def counts(self):
        """(moment, waiting, running, done) after each change."""
        changes = [(t["submitted"], (1, 0, 0)) for t in self.tasks] + [(t["done"], (-1, 0, 1)) for t in self.tasks]
        changes += [(a["from"], (-1, 1, 0)) for a in self.attempts]
        changes += [(a["to"], (1, -1, 0)) for a in self.attempts]
        state, out = [0, 0, 0], [(0, 0, 0, 0)]
        for at, change in sorted(changes):
            out.append((at, *state))
            state = [a + b for a, b in zip(state, change)]
            out.append((at, *state))
        return out + [(self.end, *state)]

    def chart(self):
        most = self.run["proofs"]
        counts = self.counts()

        def y(n):
            return CHART_TOP + CHART_HEIGHT * (1 - n / most)

        below = [0] * len(counts)
        for kind, column in (("done", 3), ("running", 2), ("waiting", 1)):
            above = [b + max(0, c[column]) for b, c in zip(below, counts)]
            edge = [f"{self.x(c[0]):.1f},{y(n):.1f}" for c, n in zip(counts, above)]
            edge += [f"{self.x(c[0]):.1f},{y(n):.1f}" for c, n in reversed(list(zip(counts, below)))]
            self.out.append(f'<polygon class="{kind}" points="{" ".join(edge)}"/>')
            below = above
        for n in (0, most // 2, most):
            self.text(LEFT - 8, y(n) + 4, str(n), "soft", ' text-anchor="end"')
        self.text(LEFT - 8, CHART_TOP - 12, "tasks", "soft", ' text-anchor="end"')

    def legend(self):
        x = LEFT
        for kind, words in (("waiting", "waiting"), ("running", "being proved"), ("done", "proved, verified and delivered"),
                            ("lost", "attempt lost with its node")):
            self.box(x, 44, 12, 12, kind)
            self.text(x + 18, 54, words, "soft")
            x += 34 + 6.6 * len(words)

    def slots(self, prover):
        """Its attempts by slot: the first one that is free."""
        slots = []
        for a in sorted((a for a in self.attempts if a["prover"] == prover), key=lambda a: a["from"]):
            free = next((s for s in slots if s[-1]["to"] <= a["from"]), None)
            if free is None:
                free = []
                slots.append(free)
            free.append(a)
        return slots

    def lanes(self):
        y = LANES_TOP
        for prover in sorted({a["prover"] for a in self.attempts}):
            slots = self.slots(prover)
            self.text(LEFT - 8, y + LANE * len(slots) / 2 + 4, prover, "ink", ' text-anchor="end"')
            for slot in slots:
                self.box(LEFT, y + 1, WIDTH - LEFT - RIGHT, LANE - 2, "lane")
                for a in slot:
                    title = f"{a['task'][:8]}: {a['to'] - a['from']} ms, {a['ended']}"
                    self.box(self.x(a["from"]), y + 1, self.x(a["to"]) - self.x(a["from"]) - 0.7, LANE - 2,
                             "running" if a["ended"] == "proved" else "lost", title)
                y += LANE
            y += GAP
        return y

    def axis(self, bottom):
        step = next(s for s in (500, 1000, 2000, 5000, 10000, 30000, 60000) if self.end / s <= 16)
        for ms in range(0, self.end + 1, step):
            self.out.append(f'<line class="rule" x1="{self.x(ms):.1f}" y1="{bottom - 6}" x2="{self.x(ms):.1f}" y2="{bottom}"/>')
            self.text(self.x(ms), bottom + 14, f"{ms / 1000:g} s", "soft", ' text-anchor="middle"')

    def marks(self, bottom):
        for i, event in enumerate(self.events):
            x = self.x(event["at"])
            for top, end in ((CHART_TOP - 6, CHART_TOP + CHART_HEIGHT), (LANES_TOP - 8, bottom - 8)):
                self.out.append(f'<line class="mark" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{end}" stroke-dasharray="3 3"/>')
            self.out.append(f'<circle class="ink" cx="{x:.1f}" cy="{CHART_TOP - 12}" r="8"/>')
            self.text(x, CHART_TOP - 8, str(i + 1), "paper", ' text-anchor="middle" font-size="11"')
        words = "   ".join(f"{i + 1} {event['text']}" for i, event in enumerate(self.events))
        self.text(LEFT, LANES_TOP - 18, words, "ink", ' xml:space="preserve"')

    def draw(self):
        self.text(LEFT, 26, f"{self.run['proofs']} proofs, and none is lost", "ink", ' font-size="16" font-weight="600"')
        self.legend()
        self.chart()
        bottom = self.lanes()
        self.marks(bottom)
        self.axis(bottom)
        height = bottom + 26
        title = f"{self.run['proofs']} Groth16 proofs: " + ", ".join(e["text"] for e in self.events)
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">\n'
                f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n" f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n')
        return head + "\n".join(self.out) + "\n</svg>\n"


def drawn(path):
    with open(path, encoding="utf-8") as lines:
        return Picture([json.loads(line) for line in lines]).draw()


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "record":
        return record(sys.argv[2])
    if len(sys.argv) == 4 and sys.argv[1] == "draw":
        with open(sys.argv[3], "w", encoding="utf-8") as out:
            out.write(drawn(sys.argv[2]))
        return 0
    if len(sys.argv) == 4 and sys.argv[1] == "check":
        with open(sys.argv[3], encoding="utf-8") as picture:
            same = picture.read() == drawn(sys.argv[2])
        print("the same" if same else "not what draw makes: draw it anew")
        return not same
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
