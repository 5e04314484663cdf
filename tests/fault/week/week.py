#!/usr/bin/env python3
"""week.py run WEEK FOLDER: runs the program WEEK for 20 minutes (times PV_ROUNDS), keeps what it tells in FOLDER/week.jsonl, draws FOLDER/week.svg and
judges it. week.py short WEEK FOLDER: 9 seconds of it, of which only the end is judged. week.py judge FILE.jsonl, week.py draw FILE.jsonl OUT.svg: of
a run that was."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))
sys.path.insert(0, HERE)

import plot_lines
import week_check

MINUTES = 20 * float(os.environ.get("PV_ROUNDS", "1"))
SHORT_MINUTES = 0.15


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def draw(rows, path):
    samples = [r for r in rows if r["what"] == "sample"]
    marks = [b["s"] / 60 for a, b in zip(samples, samples[1:]) if b["restarts"] > a["restarts"]]

    def line(key, scale):
        return [(r["s"] / 60, r[key] / scale) for r in samples]

    def panel(title, y, lines, log=""):
        return {"title": title, "x": "minutes", "y": y, "lines": lines, "marks": marks, "log": log}

    panels = [panel("the broker's memory", "MiB", {"resident": line("rss_kib", 1024)}),
              panel("its descriptors", "", {"open": line("descriptors", 1)}),
              panel("its state folder", "MiB", {"on disk": line("disk_kib", 1024)}),
              panel("SUBMIT to SUBMIT_OK", "ms", {"p50": line("accept_p50_us", 1e3), "p99": line("accept_p99_us", 1e3)}, "y"),
              panel("SUBMIT to DELIVER", "ms", {"p50": line("end_p50_us", 1e3), "p99": line("end_p99_us", 1e3)}, "y"),
              panel("tasks that clients wait for; load of the machine", "", {"tasks": line("waits", 1), "load": line("load", 1)})]
    with open(path, "w", encoding="utf-8") as f:
        f.write(plot_lines.svg("A week in minutes (dashed: the broker is ended or killed, and started again)", panels))


def judge(rows, short=False):
    wrong = week_check.judge(rows, short)
    print(json.dumps(rows[-1]))
    for text in [] if short else week_check.figures(rows):
        print(text)
    for text in wrong:
        print("WRONG:", text)
    return 1 if wrong else 0


def run(program, folder, short):
    name = os.path.join(folder, "week_short" if short else "week")
    with open(name + ".jsonl", "w", encoding="utf-8") as f:
        done = subprocess.run([program, str(SHORT_MINUTES if short else MINUTES)], stdout=f, check=False)
    rows = read(name + ".jsonl")
    if not rows:
        return 1
    draw(rows, name + ".svg")
    return judge(rows, short) or done.returncode


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "judge":
        sys.exit(judge(read(rest[0])))
    if verb == "draw":
        draw(read(rest[0]), rest[1])
        sys.exit(0)
    sys.exit(run(*rest, short=verb == "short"))
