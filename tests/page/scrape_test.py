#!/usr/bin/env python3
"""What is scraped: promtool finds no fault with it but with names of before, every metric of the list is there with its labels, and every
metric that the rules and the dashboard ask for exists. Exits 77 where promtool is not installed."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

from page_scene import Scene
from programs import until

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DEPLOY = os.path.join(ROOT, "deploy")
failures = []

# name: its kind and its labels (beside le)
LISTED = {
    "provost_tasks": ("gauge", "queue state"), "provost_oldest_queued_seconds": ("gauge", "queue"), "provost_demand_slots": ("gauge", "queue"),
    "provost_tasks_unservable": ("gauge", "queue"), "provost_tasks_submitted_total": ("counter", ""),
    "provost_tasks_finished_total": ("counter", "outcome"), "provost_attempts_total": ("counter", "outcome"),
    "provost_late_results_total": ("counter", "verdict"), "provost_stale_reports_total": ("counter", ""),
    "provost_wait_seconds": ("histogram", "queue"), "provost_run_seconds": ("histogram", "circuit queue"),
    "provost_task_seconds": ("histogram", "queue"), "provost_provers": ("gauge", "state"), "provost_slots": ("gauge", ""),
    "provost_slots_busy": ("gauge", ""), "provost_prover_busy_seconds_total": ("counter", "prover"),
    "provost_prover_heartbeat_age_seconds": ("gauge", "prover"), "provost_prover_lost_total": ("counter", ""),
    "provost_affinity_total": ("counter", "hit"), "provost_key_load_seconds": ("histogram", ""),
    "provost_submit_rejected_total": ("counter", "reason"), "provost_store_commit_seconds": ("histogram", ""),
    "provost_loop_seconds": ("histogram", ""), "provost_live_bytes": ("gauge", "queue"), "provost_disk_free_bytes": ("gauge", ""),
    "provost_auth_denied_total": ("counter", "why"), "provost_protocol_errors_total": ("counter", "kind"),
    "provost_proofs_rejected_total": ("counter", ""), "provost_boot_epoch": ("gauge", ""), "provost_build_info": ("gauge", "version"),
}
WORDS = re.compile(r"\bprovost_[a-z0-9_]+\b")


def expect(what, ok, more=""):
    if not ok:
        failures.append(f"{what} {more}")


def families(text):
    """{name: (kind, set of label names, help)}, and the sum of each family's samples."""
    found, sums, name = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, told = line[7:].split(" ", 1)
            expect(f"{name} is introduced once", name not in found)
            found[name] = [None, set(), told]
        elif line.startswith("# TYPE "):
            found[name][0] = line.rsplit(" ", 1)[1]
        else:
            sample = re.match(r"([a-z0-9_]+)(?:\{(.*)\})? (\S+)$", line)
            expect(f"a sample: {line}", sample)
            found[name][1] |= set(re.findall(r'(\w+)="', sample[2] or "")) - {"le"}
            sums.setdefault(sample[1], 0)
            sums[sample[1]] += float(sample[3])
    return found, sums


def promtool(text):
    """What it finds fault with."""
    run = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    return [line for line in (run.stdout + run.stderr).decode().splitlines() if line.strip()]


def rules_test():
    for words in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        run = subprocess.run(["promtool", *words], cwd=os.path.join(DEPLOY, "prometheus"), capture_output=True, check=False)
        expect("promtool " + " ".join(words), run.returncode == 0, (run.stdout + run.stderr).decode())


def expressions():
    """(where, expression) of the rules and of the dashboard."""
    text = open(os.path.join(DEPLOY, "prometheus/rules.yml"), encoding="utf-8").read()
    found = [("rules.yml", e) for e in re.findall(r"^\s+expr: (.*)$", text, re.M)]
    expect("rules have expressions", len(found) >= 8)
    board = os.path.join(DEPLOY, "grafana/provost.json")
    if os.path.exists(board):
        def walk(node):
            if isinstance(node, dict):
                if "expr" in node:
                    found.append(("provost.json", node["expr"]))
                for v in node.values():
                    walk(v)
            elif isinstance(node, list):
                for v in node:
                    walk(v)
        walk(json.load(open(board, encoding="utf-8")))
    return found


def asked_exist(known):
    samples = set()
    for name, (kind, _, _) in known.items():
        samples |= {name} if kind != "histogram" else {name + s for s in ("_bucket", "_sum", "_count")}
    for where, expression in expressions():
        for name in WORDS.findall(expression):
            expect(f"{where} asks for {name}, which nobody tells", name in samples)
            base = re.sub("_(bucket|sum|count)$", "", name)
            told = known.get(name, known.get(base, ["", "", ""]))[2]
            expect(f"{where} asks for {name}, a name of before", not told.startswith("Deprecated"))


def scrape(scene, port=None):
    with urllib.request.urlopen(f"http://127.0.0.1:{port or scene.port}/metrics") as r:
        return r.read().decode()


def scrape_node(scene):
    """Of a node beside the broker. What it tells of cards where NVML does is in node_scrape.c: there is none here."""
    scene.p.node("n1", ["--queue", "held:echo", "--queue", "inner:groth16", "--circuits", os.path.join(ROOT, "tests/data"),
                         "--allow-development-key", "--http", "127.0.0.1:0"])
    def said():
        return open(scene.p.path("n1.log"), encoding="utf-8").read()

    until("the node's HTTP", lambda: "http.listening" in said())
    known, _ = families(scrape(scene, re.search(r"http.listening port=(\d+)", said())[1]))
    for name in re.findall(r'"(provost_node_gpu_[a-z_]+)", "', open(os.path.join(ROOT, "prover/figures/node_scrape.c"), encoding="utf-8").read()):
        known.setdefault(name, ["gauge", {"gpu"}, ""])
    expect("a node tells of itself", "provost_node_connected" in known and "provost_node_gpu_use_ratio" in known, known)
    return known


def main():
    if not shutil.which("promtool"):
        print("promtool is not installed")
        sys.exit(77)
    rules_test()
    scene = Scene()
    try:
        scene.play()
        until("an end of each kind", lambda: families(scrape(scene))[1].get('provost_tasks_finished_total', 0) >= 15)
        time.sleep(1.1)  # the next text, of all that is over
        text = scrape(scene)
        node = scrape_node(scene)
    finally:
        scene.close()
    known, sums = families(text)
    for name, (kind, labels) in LISTED.items():
        if name not in known:
            expect(f"{name} is there", False)
            continue
        expect(f"{name} is a {kind}", known[name][0] == kind, known[name][0])
        expect(f"the labels of {name}", known[name][1] == set(labels.split()), known[name][1])
    for name in ("wait_seconds", "run_seconds", "task_seconds", "loop_seconds", "store_commit_seconds"):
        expect(f"{name} has measured", sums[f"provost_{name}_count"] > 0)
    expect("live bytes", sums["provost_live_bytes"] > 0)
    faults = [f for f in promtool(text) if not known[f.split(" ")[0]][2].startswith("Deprecated")]
    expect("promtool finds no fault", not faults, faults)
    expect("promtool finds fault at all", promtool("# HELP bad_total x\n# TYPE bad_total gauge\nbad_total 1\n"))
    asked_exist({**node, **known})
    for f in failures:
        print("not ok:", f)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
