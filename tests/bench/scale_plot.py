#!/usr/bin/env python3
"""scale_plot.py FILE.jsonl... OUT.svg: lines of bench_core and bench_scale as tables (printed) and as growth plots."""
import json
import sys

import plot_lines


def rows_of(paths):
    rows = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            rows += [json.loads(line) for line in f]
    return rows


def chosen(rows, bench, job, by):
    """By provers: those with the fewest tasks of each; by tasks: those with 1,000 provers."""
    mine = [r for r in rows if r["bench"] == bench and r["job"] == job]
    if by == "tasks":
        return sorted((r for r in mine if r["provers"] == 1000 and r["tasks"]), key=lambda r: r["tasks"])
    least = {n: min(r.get("tasks", 0) for r in mine if r["provers"] == n) for n in {r["provers"] for r in mine}}
    return sorted((r for r in mine if r.get("tasks", 0) == least[r["provers"]]), key=lambda r: r["provers"])


def line(rows, bench, job, by, key):
    return [(r[by], r[key]) for r in chosen(rows, bench, job, by)]


def panels(rows):
    core = {"idle": "a task, there and back", "busy": "a result, and the next offer", "submit": "a SUBMIT", "beat": "a heartbeat", "hello": "a HELLO"}

    def lines_of(bench, jobs, by, key):
        lines = {name: line(rows, bench, job, by, key) for job, name in jobs.items()}
        return {name: points for name, points in lines.items() if points}

    def panel(title, y, by, lines, log="x"):
        return {"title": title, "x": "tasks that wait (1,000 provers)" if by == "tasks" else by, "y": y, "lines": lines, "log": log}

    by_tasks = {job: core[job] for job in ("busy", "submit", "beat")}
    return [panel("core alone, median", "us", "provers", lines_of("core", core, "provers", "p50_us")),
            panel("core alone, median", "us", "tasks", lines_of("core", by_tasks, "tasks", "p50_us")),
            panel("rows that the core looks at", "rows", "provers", lines_of("core", core, "provers", "rows_most")),
            panel("rows that the core looks at", "rows", "tasks", lines_of("core", by_tasks, "tasks", "rows_most")),
            panel("broker's processor", "us", "provers", lines_of("scale", {"idle": "a task", "busy": "a result, and the next offer"}, "provers", "cpu_us")),
            panel("broker's processor", "us", "tasks", lines_of("scale", {"busy": "a result, and the next offer"}, "tasks", "cpu_us")),
            panel("heartbeats: share of a core", "%", "provers",
                  {"broker": line(rows, "scale", "beat", "provers", "share_percent"), "libzmq's ROUTER alone": line(rows, "scale", "floor", "provers", "share_percent")}),
            panel("resident memory", "MiB", "tasks", {"broker": [(n, kib / 1024) for n, kib in line(rows, "scale", "busy", "tasks", "rss_kib")]})]


def table(rows, bench, columns):
    yield "| " + " | ".join(["job", "provers", "tasks", *columns.values()]) + " |"
    yield "|---" * (3 + len(columns)) + "|"
    for r in rows:
        if r["bench"] == bench and all(key in r for key in columns):
            yield f"| {r['job']} | {r['provers']:,} | {r.get('tasks', 0):,} | " + " | ".join(f"{r[key]:g}" for key in columns) + " |"


def main(paths, out):
    rows = rows_of(paths)
    print(*table(rows, "core", {"p50_us": "p50 us", "p99_us": "p99 us", "rows_most": "rows, most"}), "", sep="\n")
    print(*table(rows, "scale", {"p50_us": "p50 us", "p99_us": "p99 us", "cpu_us": "processor us", "rss_kib": "KiB", "load": "load"}), "", sep="\n")
    print(*table(rows, "scale", {"share_percent": "% of a core", "nobody_percent": "at rest", "load": "load"}), sep="\n")
    with open(out, "w", encoding="utf-8") as f:
        f.write(plot_lines.svg("What growth costs: provers from 100 to 10,000, waiting tasks from 1,000 to 1,000,000", panels(rows)))


if __name__ == "__main__":
    main(sys.argv[1:-1], sys.argv[-1])
