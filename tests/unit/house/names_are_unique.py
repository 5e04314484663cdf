#!/usr/bin/env python3
"""A file's name stands once in the tree, so that `#include "x.h"` and a name in a sentence mean one file. Also: no folder of the product has
more than about fifteen modules (x.c and x.h are one)."""
import collections
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))
EXCEPT = {"main.c", "CMakeLists.txt", "README.md", "__init__.py", "run.sh"}
CODE = re.compile(r"\.(c|h|cu|cuh|cpp|py|cmake|sh|bash|bats|mjs)$")
PRODUCT = ("base", "wire", "link", "crypto", "cuda", "broker", "worker", "prover")
MODULES_MOST = 18


def main():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    homes = collections.defaultdict(list)
    modules = collections.defaultdict(set)
    for path in files:
        name = os.path.basename(path)
        if CODE.search(name) and name not in EXCEPT:
            homes[name].append(path)
        if path.split("/")[0] in PRODUCT and re.search(r"\.(c|h|cu|cuh)$", name):
            modules[os.path.dirname(path)].add(name.rsplit(".", 1)[0])
    twice = {name: at for name, at in homes.items() if len(at) > 1}
    crowded = {folder: len(m) for folder, m in modules.items() if len(m) > MODULES_MOST}
    for name, at in sorted(twice.items()):
        print(f"{name} stands {len(at)} times: {', '.join(at)}")
    for folder, n in sorted(crowded.items()):
        print(f"{folder} has {n} modules")
    print(f"{len(files)} files, {len(modules)} folders of the product")
    sys.exit(1 if twice or crowded or len(files) < 400 else 0)


main()
