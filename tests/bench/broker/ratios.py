#!/usr/bin/env python3
"""ratios.py FILE: medians of the benches' lines of JSON as a table, and last the ratios of the broker to RabbitMQ."""
import json
import statistics
import sys

JOBS = ("1k", "one", "64k", "1m", "16m")
SHOWN = ("tasks_per_s", "p50_us", "p99_us", "cpu_us", "peak_kib")


def medians(rows):
    """{(job, who): {figure: median}}"""
    of = {}
    for row in rows:
        of.setdefault((row["job"], row["bench"]), []).append(row)
    return {key: {what: statistics.median(r[what] for r in some) for what in SHOWN} for key, some in of.items()}


def table(of):
    yield "| job | who | tasks/s | p50 ms | p99 ms | processor us a task | peak MB |"
    yield "|---|---|---|---|---|---|---|"
    for (job, who), m in sorted(of.items(), key=lambda item: JOBS.index(item[0][0])):
        yield f"| {job} | {who} | {m['tasks_per_s']:.0f} | {m['p50_us'] / 1e3:.2f} | {m['p99_us'] / 1e3:.2f} | {m['cpu_us']:.0f} | {m['peak_kib'] / 1024:.0f} |"


def ratios(of):
    """Of tasks a second to RabbitMQ's, one at a time to its quorum queue's, which waits for the disk as the broker does; of 1 KiB also p99 and processor."""
    words = []
    for job in JOBS:
        ours, theirs = of.get((job, "broker")), of.get((job, "rabbit-quorum" if job == "one" else "rabbit"))
        if not ours or not theirs:
            continue
        words.append(f"{job} {ours['tasks_per_s'] / theirs['tasks_per_s']:.2f}x")
        if job == "1k":
            words[-1] += f" (p99 {ours['p99_us'] / theirs['p99_us']:.2f}, processor {ours['cpu_us'] / theirs['cpu_us']:.2f})"
    return "ratios to RabbitMQ: " + ", ".join(words)


def main(path):
    with open(path, encoding="utf-8") as f:
        of = medians([json.loads(line) for line in f])
    print(*table(of), ratios(of), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
