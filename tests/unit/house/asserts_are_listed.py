#!/usr/bin/env python3
"""Every assert, abort and trap of the rooms that meet foreign bytes is in broker/SECURITY.md, and nothing else is."""
import pathlib
import re
import sys

ROOMS = ("base", "wire", "link", "broker", "worker", "prover", "crypto")
ENDS = re.compile(r"(?<![_\w])(?:assert\((?P<what>.*?)(?:\);.*)?$|abort\(\)|__builtin_trap\(\)|__builtin_unreachable\(\))")


def in_the_code(root):
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.[ch]")):
            for line in path.read_text().splitlines():
                found = ENDS.search(line)
                if found:
                    yield str(path.relative_to(root)), found["what"] or found[0]


def in_the_table(root):
    for line in (root / "broker/SECURITY.md").read_text().splitlines():
        row = re.match(r"\| (\S+\.[ch]) \| `(.*)` \|", line)
        if row:
            yield row[1], row[2].replace("\\|", "|")


def main():
    root = pathlib.Path(__file__).resolve().parents[3]
    code, table = sorted(in_the_code(root)), sorted(in_the_table(root))
    for place in [p for p in code if p not in table]:
        print("not in broker/SECURITY.md:", *place)
    for place in [p for p in table if p not in code]:
        print("not in the code:", *place)
    print(f"{len(code)} in the code, {len(table)} in the table")
    return code != table or not code


sys.exit(main())
