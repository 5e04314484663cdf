#!/usr/bin/env python3
"""Scrapes of /metrics beside many provers, each at a task: how long they take, how large they are, and what making the text costs the broker's loop.

    PV_BUILD=build/release python3 tests/bench/scrape.py [PROVERS] [SCRAPES]
"""
import json
import os
import re
import statistics
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "page"))
from page_scene import Scene, crowd  # noqa: E402


def busy_ms(pid):
    """Processor time of the broker's first thread, which is its loop."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


def main():
    provers = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    scrapes = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    scene = Scene("--connections-max", str(2 * provers + 100))
    try:
        crowd(scene, provers, provers)
        time.sleep(2)
        took, text = [], ""
        for _ in range(scrapes):
            from_s = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{scene.port}/metrics") as r:
                text = r.read().decode()
            took.append(1e3 * (time.monotonic() - from_s))
            time.sleep(0.02)
        before, from_s = busy_ms(scene.broker.pid), time.monotonic()
        time.sleep(10)
        busy = (busy_ms(scene.broker.pid) - before) / (time.monotonic() - from_s)
        listed = len(re.findall("^provost_prover_busy_seconds_total", text, re.M))
    finally:
        scene.close()
    print(json.dumps({"provers": provers, "listed": listed, "bytes": len(text), "lines": text.count("\n"),
                      "scrape_ms_median": round(statistics.median(took), 2), "scrape_ms_95": round(sorted(took)[int(0.95 * len(took))], 2),
                      "scrape_ms_worst": round(max(took), 2), "loop_busy_ms_a_second": round(busy, 2), "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
