#!/usr/bin/env python3
"""Each folder sees the folders below it and no others: the include paths that its files are compiled with, and what the compiler makes of
an include that goes up. No include has ".." in it, which would go around both.

usage: arrows_go_down.py BUILD_DIR        needs the build's compile_commands.json; docs/HOUSE.md has the same table in words
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))

# folder: the folders that it may use; what those may use comes with them.
BN254 = "crypto/bn254/"
MAY_USE = {
    "base": [],
    "base/settings": ["base"],
    "base/files": ["base"],
    "base/limits": ["base"],
    "base/figures": ["base"],
    "base/http": ["base"],
    "base/notify": ["base"],
    "wire": ["base"],
    "link": ["wire", "base/limits"],
    "crypto": [],
    BN254 + "field": [],
    BN254 + "group": [BN254 + "field"],
    BN254 + "ifma": [BN254 + "field"],
    BN254 + "pairing": [BN254 + "group", "crypto"],
    BN254 + "msm": [BN254 + "group", BN254 + "ifma", "crypto"],
    BN254 + "ntt": [BN254 + "field", BN254 + "ifma", "crypto"],
    "crypto/groth16": [BN254 + "pairing"],
    "cuda/msm": ["base"],
    "cuda": ["cuda/msm", BN254 + "field"],
    "broker/record": ["wire"],
    "broker/core/maps": ["broker/record"],
    "broker/core/measures": ["wire", "base/figures"],
    "broker/core/tables": ["broker/core/maps", "broker/core/measures"],
    "broker/core": ["broker/core/tables"],
    "broker/store/identity": ["base"],
    "broker/store": ["broker/record"],
    "broker/store/sqlite": ["broker/store", "broker/store/identity"],
    "broker/store/objects": ["broker/store"],
    "broker/store/postgres": ["broker/store", "broker/store/identity", "broker/store/objects"],
    "broker/store/open": ["broker/store/sqlite", "broker/store/postgres", "broker/store/objects"],
    "broker/store/migrate": ["broker/store/open"],
    "broker/store/transfers": ["broker/store"],
    "broker/store/backup": ["broker/store/sqlite"],
    "broker/net": ["wire", "base/settings", "base/limits"],
    "broker/watch": ["broker/core", "broker/store/transfers", "broker/net"],
    "broker/web": ["wire", "base/http"],
    "broker/daemon": ["broker/watch", "broker/store/objects", "broker/web", "base/files", "base/notify"],
    "broker/intake": ["broker/daemon"],
    "broker/standby": ["broker/daemon", "broker/store/open"],
    "broker": ["broker/intake", "broker/standby", "broker/store/open", "broker/store/backup", "broker/store/migrate"],
    "worker": ["link", "crypto/groth16"],
    "worker/cli": ["worker", "base/files"],
    "worker/cli/keys": ["worker/cli"],
    "worker/cli/top": ["worker/cli"],
    "prover/files": ["base", BN254 + "field"],
    "prover/machine": ["base", "base/limits"],
    "prover/child": ["base"],
    "prover/groth16": ["prover/files", "prover/machine", "crypto/groth16", BN254 + "msm", BN254 + "ntt", "cuda"],
    "prover/gpu": ["prover/groth16", "prover/child"],
    "prover/handler": ["prover/gpu", "wire", "base/figures"],
    "prover/launch": [],
    "prover/cgroups": ["base"],
    "prover/status": ["prover/handler", "base/files"],
    "prover/program": ["prover/handler", "prover/launch", "prover/cgroups", "base/settings"],
    "prover/witness": ["prover/program"],
    "prover/talk": [],
    "prover/host": ["prover/talk"],
    "prover/resident": ["prover/program", "prover/talk"],
    "prover/figures": ["prover/handler", "base/http", "base/figures"],
    "prover/node": ["prover/resident", "prover/witness", "prover/status", "prover/figures", "link", "base/settings", "base/files", "base/limits", "base/notify"],
    "prover/cmd": ["prover/witness", "base/files", "base/limits"],
}

# What a file of the folder must not compile: the walls that matter most, tried with the compiler itself. (Not "sched.h": the system has
# one of that name, which any file may include.)
WALLS = {
    "broker/core/sched_match.c": ["store.h", "upload.h", "router.h", "outbox.h", "http.h", "broker.h"],
    "broker/core/tables/tasks.c": ["store.h", "router.h"],
    "broker/store/store.c": ["sched_event.h", "router.h", "broker.h"],
    "broker/watch/tables.c": ["broker.h", "config.h", "reply.h"],
    "wire/body.c": ["link_keys.h", "payload.h"],
    "prover/groth16/prove.c": ["agent.h", "msg.h"],
    "prover/talk/talk_message.c": ["log.h", "program.h"],
    "prover/child/supervisor.c": ["backend.h", "handler.h", "gpu.h"],
}


def below(folder):
    """The folder and everything that it may use."""
    seen, todo = set(), [folder]
    while todo:
        f = todo.pop()
        if f not in seen:
            seen.add(f)
            todo += MAY_USE[f]
    return seen


def commands(build):
    """{source: its compile command} of the product."""
    found = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        source = os.path.relpath(entry["file"], ROOT)
        words = shlex.split(entry["command"])
        made = words[words.index("-o") + 1]
        # tests compile a few files of the product once more, with paths of their own
        if not source.startswith(("tests/", "build/", "..")) and not made.startswith("tests/"):
            found[source] = words
    return found


def paths_of(words):
    """Folders of ours among a command's include paths."""
    for flag, value in zip(words, words[1:]):
        if flag in ("-iquote", "-I"):
            folder = os.path.relpath(value, ROOT)
            if not folder.startswith((".", "build")):
                yield folder
    for word in words:
        if word.startswith("-I") and len(word) > 2:
            folder = os.path.relpath(word[2:], ROOT)
            if not folder.startswith((".", "build")):
                yield folder


def compiles(words, text):
    """Whether text compiles with another file's command."""
    with tempfile.TemporaryDirectory() as work:
        probe = os.path.join(work, "probe.c")
        with open(probe, "w") as out:
            out.write(text)
        at = words.index("-c")
        command = words[:at] + ["-c", probe]
        command[command.index("-o") + 1] = os.path.join(work, "probe.o")
        for flag in ("-MT", "-MF"):
            if flag in command:
                command[command.index(flag) + 1] = os.path.join(work, "probe.d")
        return subprocess.run(command, cwd=work, capture_output=True).returncode == 0


def roundabout():
    """Files of the product with an include by a path that goes up, which no include path stops."""
    names = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cu", "*.cuh"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if not name.startswith("tests/") and os.path.exists(os.path.join(ROOT, name)):
            with open(os.path.join(ROOT, name), encoding="utf-8") as f:
                if re.search(r'^#include "[^"]*\.\./', f.read(), re.M):
                    yield name


def main():
    table = commands(sys.argv[1])
    wrong = [f"{name} includes by a path that goes up" for name in roundabout()]
    for source, words in sorted(table.items()):
        folder = os.path.dirname(source)
        if folder not in MAY_USE:
            wrong.append(f"{source}: {folder} is not in the table")
            continue
        # worker/include is the public face of worker
        up = set(paths_of(words)) - below(folder) - ({"worker/include"} if folder.startswith("worker") else set())
        if up:
            wrong.append(f"{source} sees {', '.join(sorted(up))}")
    for source, headers in WALLS.items():
        folder = os.path.dirname(source)
        own = os.path.basename(source)[:-2] + ".h"
        if not compiles(table[source], f'#include "{own}"\nextern int probe;\n'):
            wrong.append(f"{source}: not even {own} compiles")
        for header in headers:
            if not subprocess.run(["git", "ls-files", "--error-unmatch", f"*/{header}"], cwd=ROOT, capture_output=True).returncode == 0:
                wrong.append(f"{header} of the walls is no file any more")
            elif compiles(table[source], f'#include "{header}"\nextern int probe;\n'):
                wrong.append(f"{folder} can include {header}")
    print("\n".join(wrong) or f"{len(table)} files, {sum(map(len, WALLS.values()))} walls tried")
    sys.exit(1 if wrong or len(table) < 100 else 0)


if __name__ == "__main__":
    main()
