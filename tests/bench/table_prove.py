#!/usr/bin/env python3
"""table_prove.py LINES.jsonl: bench_prove.sh's lines as the tables of RESULTS.md. The last line of a program and circuit counts; a line's
"note" (set by hand where lines of two days or states are put together) stands behind the circuit's name.

A goal is how many times rapidsnark (its assembly), by the kind of circuit; * where it is missed. Memory's goal: 1.2 of the key.
"""
import json
import sys

PROGRAMS = ["provost-ifma", "provost-adx", "provost-portable", "rapidsnark", "rapidsnark-49", "snarkjs"]
# By the circuit's name: kind, and the goals of IFMA, mulx/adx and portable C.
SMALL, APPLICATION, BITS, FULL = (3, 2, 0.8), (5, 2.5, 0.8), (5, 2, 0.8), (6, 2.5, 0.8)
BIT_HEAVY = ("sha256", "rsa", "bits")
FULL_SIZE = ("poseidon", "chain", "withdraw")
GOAL_49, GOAL_MEMORY = 3, 1.2


def goals(name, domain):
    if domain <= 2 ** 13:
        return SMALL
    if name.startswith(BIT_HEAVY):
        return BITS
    return FULL if name.startswith(FULL_SIZE) and domain >= 2 ** 18 else APPLICATION


def ms(value):
    return "%.0f" % value if value < 10000 else "%.1f s" % (value / 1000)


def read(lines):
    circuits, resident = {}, {}
    for o in map(json.loads, lines):
        if o["bench"] == "prove":
            circuits.setdefault(o["circuit"], {})[o["program"]] = o
        elif o["bench"] == "resident":
            resident.setdefault(o["zkey"].split("/")[-2], {})[o["path"], o["slots"], o["threads"]] = o
    return circuits, resident


def row(cells):
    print("| " + " | ".join(cells) + " |")


def header(*cells):
    row(cells)
    print("|" + "---|" * len(cells))


def label(name, o):
    return "%s, 2^%d%s" % (name, o["domain"].bit_length() - 1, o.get("note", ""))


def times(circuits):
    header("circuit", "IFMA", "mulx/adx", "portable", "rapidsnark", "rapidsnark PR 49", "snarkjs")
    for name, found in circuits.items():
        cells = [label(name, next(iter(found.values())))]
        for program in PROGRAMS:
            o = found.get(program)
            cells.append("%s / %s" % (ms(o["wall_ms"]), ms(o["cpu_ms"])) if o else "")
        row(cells)


def ratio(found, peer, program, goal):
    if peer not in found or program not in found:
        return ""
    wall = found[peer]["wall_ms"] / found[program]["wall_ms"]
    cpu = found[peer]["cpu_ms"] / found[program]["cpu_ms"]
    return "%.1f / %.1f (%g%s)" % (wall, cpu, goal, "" if wall >= goal else "*") if goal else "%.1f / %.1f" % (wall, cpu)


def ratios(circuits):
    header("circuit", "IFMA (goal)", "mulx/adx", "portable", "IFMA to PR 49", "mulx/adx to PR 49", "IFMA to snarkjs")
    for name, found in circuits.items():
        o = next(iter(found.values()))
        goal = dict(zip(PROGRAMS, goals(name, o["domain"])))
        row([label(name, o)] + [ratio(found, "rapidsnark", p, goal[p]) for p in PROGRAMS[:3]]
            + [ratio(found, "rapidsnark-49", "provost-ifma", GOAL_49), ratio(found, "rapidsnark-49", "provost-adx", None),
               ratio(found, "snarkjs", "provost-ifma", None)])


def memory(circuits):
    header("circuit", "key, MB", "IFMA", "times the key", "mulx/adx", "rapidsnark", "PR 49", "snarkjs")
    for name, found in circuits.items():
        o = next(iter(found.values()))
        mb = {p: found[p]["peak_kib"] * 1024 / 1e6 for p in found}
        key = o["zkey_bytes"] / 1e6
        ours = mb.get("provost-ifma", 0)
        row([label(name, o), "%.1f" % key, "%.1f" % ours, "%.2f%s" % (ours / key, "" if ours <= GOAL_MEMORY * key else "*")]
            + ["%.1f" % mb[p] if p in mb else "" for p in ("provost-adx", "rapidsnark", "rapidsnark-49", "snarkjs")])


def residents(circuits, resident):
    header("circuit", "path", "open", "first proof", "every point", "wall / cpu", "times rapidsnark's process", "proofs/s: 1 slot of 2", "2 slots of 1")
    for name, found in resident.items():
        for path in ("ifma", "adx", "portable"):
            one, two = found.get((path, 1, 2)), found.get((path, 2, 1))
            if not one or not two:
                continue
            peer = circuits.get(name, {}).get("rapidsnark")
            row([name + one.get("note", ""), path] + ["%.1f" % one[k] for k in ("open_ms", "first_ms", "check_ms")]
                + ["%.1f / %.1f" % (one["wall_ms"], one["cpu_ms"]), "%.1f" % (peer["wall_ms"] / one["wall_ms"]) if peer else "",
                   "%.3g" % one["proofs_per_s"], "%.3g" % two["proofs_per_s"]])


def main():
    with open(sys.argv[1]) as lines:
        circuits, resident = read(lines)
    circuits = dict(sorted(circuits.items(), key=lambda c: (next(iter(c[1].values()))["domain"], c[0])))
    for table in (times, ratios, memory):
        table(circuits)
        print()
    if resident:
        residents(circuits, resident)


if __name__ == "__main__":
    main()
