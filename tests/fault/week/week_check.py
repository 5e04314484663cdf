"""Whether a week in minutes was flat: judge(rows) tells what was wrong, figures(rows) what was measured.

Slopes are Theil and Sen's, the median of those between all pairs of samples, which a neighbour on the machine bends little. They are of the broker's
longest life: a restart empties its memory and would hide a leak, and in two minutes a leak only fills what libc kept of the first (seen: 232 bytes a
task were not to be seen in lives of 80 s). The first minute of it is left out, in which its tables fill.
"""
import itertools
import statistics

WARM_S = 60
PIECE = 15  # samples, of 2 s
# 180 tasks a second are 10,800 a minute: half a MiB a minute would be 48 bytes of each for ever. What libc keeps between two restarts is
# within that over minutes, and a leak of one record a task (232 bytes) is five times as steep.
MEMORY_KIB_A_MINUTE = 512
# A connection or file that is left open once in two minutes of churn, of which each minute has some 300 that come and go.
DESCRIPTORS_A_MINUTE = 0.5
# The folder breathes: the log grows to 64 MiB before it is cut, and free pages are given back later. So its highest level counts, and not a slope.
DISK_GROWTH = 1.25
# Latency is a busy neighbour's too: of the lower quartile of samples, three times as slow at the end as at the beginning is ours.
LATENCY_GROWTH = 3
# Processor time of a task is not.
PROCESSOR_GROWTH = 1.5
PEERS = 90
OWN_DESCRIPTORS = 64  # 43 of the broker with one endpoint, and files of payloads on their way
# What a run without is none of: a day of it goes by in 20 seconds.
HAPPENS = ("succeeded", "expired", "acked", "large_in", "large_out", "cancels", "purges", "clients_gone", "provers_gone", "failures", "releases",
           "silences", "restarts")
EMPTY_DISK_KIB = 96 << 10  # the log, which is kept up to 64 MiB, and a database without tasks


def _samples(rows):
    return [r for r in rows if r["what"] == "sample"]


def lives(rows, warm_s=WARM_S):
    """Samples of each life of the broker, without the time in which it warms up."""
    for _, life in itertools.groupby(_samples(rows), key=lambda r: r["restarts"]):
        life = list(life)
        warm = [r for r in life if r["s"] >= life[0]["s"] + warm_s]
        if len(warm) > 1:
            yield warm


def own_descriptors(row):
    """Without those of connections."""
    return row["descriptors"] - row.get("connected", 0)


def slope(rows, value):
    """Of value(row), a minute."""
    life = max(lives(rows), key=len, default=[])
    life = life[::max(1, len(life) // 300)]
    pairs = [(value(b) - value(a)) / (b["s"] - a["s"]) * 60 for a, b in itertools.combinations(life, 2)]
    return statistics.median(pairs) if pairs else 0.0


def _thirds(rows):
    samples = [r for r in _samples(rows) if r["s"] >= WARM_S]
    n = max(1, len(samples) // 3)
    return samples[:n], samples[-n:]


def processor_us(rows):
    """Of the broker, for each task that it accepted, in pieces of half a minute."""
    pieces = [life[i:i + PIECE + 1] for life in lives(rows) for i in range(0, len(life) - PIECE, PIECE)]
    return [(p[-1]["cpu_ms"] - p[0]["cpu_ms"]) * 1000 / max(1, p[-1]["accepted"] - p[0]["accepted"]) for p in pieces]


def _latency(rows, key):
    values = sorted(r[key] for r in rows if r[key])
    return values[len(values) // 4] if values else 0


def figures(rows):
    samples, (first, last) = _samples(rows), _thirds(rows)
    yield f"memory {slope(rows, lambda r: r['rss_kib']):+.0f} KiB a minute, most {max(r['rss_kib'] for r in samples) / 1024:.0f} MiB"
    yield f"descriptors {slope(rows, own_descriptors):+.2f} a minute, most {max(r['descriptors'] for r in samples)}"
    yield f"{max(r['disk_kib'] for r in first)} KiB on disk at most in the first third, {max(r['disk_kib'] for r in last)} in the last"
    for key in ("accept_p50_us", "accept_p99_us", "end_p50_us", "end_p99_us"):
        yield f"{key} {_latency(first, key)} in the first third (lower quartile), {_latency(last, key)} in the last"
    yield "processor us a task, each half minute: " + " ".join(f"{us:.0f}" for us in processor_us(rows))
    for r in rows:
        if r["what"] in ("quiet", "empty"):
            yield f"{r['what']}: {r['rss_kib'] / 1024:.0f} MiB, {r['descriptors']} descriptors, {r['disk_kib'] / 1024:.0f} MiB on disk, {r['waits']} wait"


def judge(rows, short=False):
    """short: a run of seconds, of which only the end is looked at."""
    wrong, counts = [], rows[-1]
    if counts["what"] != "counts":
        return ["the run did not come to its end"]

    def at_most(what, is_, most):
        if is_ > most:
            wrong.append(f"{what}: {is_:.1f}, at most {most:.1f}")

    at_most("tasks that were accepted and never ended", counts["lost"], 0)
    empty = next(r for r in rows if r["what"] == "empty")
    at_most("descriptors when it is empty", empty["descriptors"], PEERS + OWN_DESCRIPTORS)
    at_most("disk when it is empty, KiB", empty["disk_kib"], EMPTY_DISK_KIB)
    for what in HAPPENS:
        if not counts[what]:
            wrong.append(f"{what}: not once")
    if short:
        return wrong
    first, last = _thirds(rows)
    us = processor_us(rows)
    if len(us) < 6:
        return wrong + ["too short to be judged"]
    at_most("memory, KiB a minute", slope(rows, lambda r: r["rss_kib"]), MEMORY_KIB_A_MINUTE)
    at_most("descriptors a minute", slope(rows, own_descriptors), DESCRIPTORS_A_MINUTE)
    at_most("disk, KiB", max(r["disk_kib"] for r in last), DISK_GROWTH * max(r["disk_kib"] for r in first))
    for key in ("accept_p50_us", "end_p50_us"):
        at_most(key, _latency(last, key), LATENCY_GROWTH * _latency(first, key))
    at_most("processor us a task", statistics.median(us[-3:]), PROCESSOR_GROWTH * statistics.median(us[:3]))
    return wrong
