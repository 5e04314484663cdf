#!/usr/bin/env python3
"""Every program and the library defend themselves: position-independent, relocations read-only from the start, no executable
stack, stack probes and a bound on frames in every object of the product, and fortified calls.

    hardened.py BUILD_DIR PROGRAM...
"""
import json
import pathlib
import re
import subprocess
import sys

ROOMS = ("base", "wire", "link", "crypto", "broker", "worker", "prover")
WANTED = ("-fstack-clash-protection", "-D_FORTIFY_SOURCE=3", "-Wframe-larger-than=16384")


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], check=True, capture_output=True, text=True).stdout


def faults_of_program(path):
    header, segments, dynamic, symbols = (readelf(a, path) for a in ("-h", "-l", "-d", "--dyn-syms"))
    stack = re.search(r"GNU_STACK.*", segments)
    checks = {
        "not position-independent": re.search(r"Type:\s+DYN", header),
        "no GNU_RELRO": "GNU_RELRO" in segments,
        "not bound at start (-z now)": re.search(r"\b(BIND_NOW|NOW)\b", dynamic),
        "executable stack": stack and not re.search(r"\bRWE\b", stack.group()),
        "relocations in text": "TEXTREL" not in dynamic,
        "no fortified call": re.search(r"__\w+_chk@", symbols),
    }
    return [f"{path}: {what}" for what, good in checks.items() if not good]


def faults_of_objects(build, tree):
    commands = json.loads((build / "compile_commands.json").read_text())
    product = [c for c in commands if pathlib.Path(c["file"]).is_relative_to(tree)
               and pathlib.Path(c["file"]).relative_to(tree).parts[0] in ROOMS and c["file"].endswith(".c")
               and " -o tests/" not in c["command"]]
    if len(product) < 200:
        return [f"only {len(product)} objects of the product in compile_commands.json"]
    return [f"{c['file']}: built without {flag}" for c in product for flag in WANTED if flag not in c["command"].split()]


def main():
    build = pathlib.Path(sys.argv[1])
    tree = pathlib.Path(__file__).resolve().parents[3]
    cache = (build / "CMakeCache.txt").read_text()
    if re.search(r"^PV_SANITIZE:\w+=.+$", cache, re.M) or re.search(r"^CMAKE_BUILD_TYPE:\w+=Debug$", cache, re.M):
        print("skipped: sanitizers and debug builds have their own stacks")
        return 77
    faults = faults_of_objects(build, tree) + [f for p in sys.argv[2:] for f in faults_of_program(p)]
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
