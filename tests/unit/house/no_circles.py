#!/usr/bin/env python3
"""Fails when files of the product need each other in a circle.

Reads the symbol tables of a build's objects (nm), not #include lines: a table of function pointers ties files together too.
usage: no_circles.py BUILD_DIR [--list]      --list prints every "file -> file"
"""
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))


def symbols(path):
    """The names that an object defines for others, and those that it takes from others."""
    defined, used = set(), set()
    for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind in "TDBRV":
            defined.add(name)
        elif kind == "U":
            used.add(name)
    return defined, used


def objects(build):
    """{source file: object} of the product: tests may look where they want. Asks the build's own list, so that objects of an
    earlier layout do not count."""
    found = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        words = shlex.split(entry["command"])
        made = os.path.join(entry["directory"], words[words.index("-o") + 1])
        source = os.path.relpath(entry["file"], ROOT)
        if not source.startswith(("tests/", "build/")) and os.path.exists(made):
            found.setdefault(source, made)
    return found


def edges_of(table):
    """{file: files whose symbols it takes}. Where several programs define a name, the one of the same room is meant."""
    homes = {}
    for name, (defined, _) in table.items():
        for symbol in defined:
            homes.setdefault(symbol, []).append(name)
    edges = {name: set() for name in table}
    for name, (_, used) in table.items():
        for symbol in used:
            there = homes.get(symbol, [])
            near = [h for h in there if os.path.dirname(h) == os.path.dirname(name)] or there
            if near and near[0] != name:
                edges[name].add(near[0])
    return edges


def circles(edges):
    """The strongly connected components of more than one file (Tarjan)."""
    index, low, stack, result = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(edges.get(v, ())):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            ring = []
            while ring[-1:] != [v]:
                ring.append(stack.pop())
            if len(ring) > 1:
                result.append(sorted(ring))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return result


def check_itself():
    """The search finds a circle where there is one: a check that cannot fail is none."""
    planted = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert circles(planted) == [["a", "b", "c"]], circles(planted)
    assert circles({"a": {"b"}, "b": set()}) == []


def main():
    check_itself()
    table = {name: symbols(path) for name, path in objects(sys.argv[1]).items()}
    if len(table) < 100:
        sys.exit(f"only {len(table)} objects below {sys.argv[1]}: is it built?")
    edges = edges_of(table)
    if "--list" in sys.argv:
        for name in sorted(edges):
            for to in sorted(edges[name]):
                print(f"{name} -> {to}")
    found = circles(edges)
    for ring in found:
        print(f"circle of {len(ring)}: " + ", ".join(ring))
    print(f"{len(table)} files, {sum(map(len, edges.values()))} edges, {len(found)} circles")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
