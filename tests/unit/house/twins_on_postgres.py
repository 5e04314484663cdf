#!/usr/bin/env python3
"""twins_on_postgres.py BUILD: each test that kills, ends or freezes the broker, and each demonstration 1 to 18 of SEMANTICS, is run with its
tasks in PostgreSQL too: NAME-postgres. Which ones do is read from their sources; a long variant may have its short one's twin."""
import ast
import json
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))
TESTS = os.path.join(ROOT, "tests")
KILLS = {"kill", "end", "freeze", "signal"}

# What has none, and why.
NONE = {
    "service-manager-broker": "what it tells systemd",
    "counters-are-told-and-never-go-back": "counters that no store keeps",
    "clock-a-nodes-clock": "the clock of a node",
}


def read(path):
    with open(path) as f:
        return f.read()


# --- Python ---


def functions_of(path):
    """Functions by name, methods too."""
    return {node.name: node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.FunctionDef)}


def says_broker(node):
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("broker", "broker_process")


def kills_in_python(functions, name, seen):
    if name in seen or name not in functions:
        return False
    seen.add(name)
    for node in ast.walk(functions[name]):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and called in KILLS and says_broker(node.func.value):
            return True
        if kills_in_python(functions, called, seen):
            return True
    return False


def python_kills(path, words):
    functions = functions_of(path)
    names = [f"drill_{word}" for word in words if f"drill_{word}" in functions] or list(functions)
    return any(kills_in_python(functions, name, set()) for name in names)


# --- C and bats ---


def c_kills(path):
    text = read(path)
    bodies = re.findall(r"^static [^;{]*?(\w+)\([^)]*\)\n\{\n(.*?)^\}", text, re.S | re.M)
    ends = r"broker_process_end\(&broker|secure_broker_end|kill\(broker\.pid"
    starts = r"broker_process_start\(&broker|scene_start\(|\bbroker_start\(|SIGSTOP"
    return any(re.search(ends, body) and re.search(starts, body) for name, body in bodies if "setup" not in name and "teardown" not in name)


def bats_kills(path, title):
    tests = re.findall(r'^@test "([^"]*)" \{\n(.*?)^\}', read(path), re.S | re.M)
    ends = r'(kill|stop)\b[^\n]*\$\{?BROKER_PID'
    return any(re.search(ends, body) for name, body in tests if title is None or re.search(title, name))


def kills(command, sources):
    """Whether this command of a test does; None: it is no test of processes."""
    for i, word in enumerate(command):
        if word.startswith(TESTS) and word.endswith(".py"):
            return python_kills(word, command[i + 1:])
        if word.endswith(".bats"):
            return bats_kills(word, command[command.index("--filter") + 1] if "--filter" in command else None)
    source = sources.get(os.path.basename(command[0]) + ".c")
    return c_kills(source) if source else None


def ours():
    at = [os.path.join(TESTS, folder) for folder in ("fault/broker", "fault/drills", "e2e")]
    return {name: os.path.join(folder, name) for folder in at for name in os.listdir(folder)}


def main():
    listed = subprocess.run(["ctest", "--test-dir", sys.argv[1], "--show-only=json-v1"], capture_output=True, text=True, check=True).stdout
    tests = {test["name"]: test.get("command", []) for test in json.loads(listed)["tests"]}
    sources = ours()
    here = {name: command for name, command in tests.items()
            if command and not name.endswith(("-postgres", "-core"))
            and any(word in sources.values() or os.path.basename(word) + ".c" in sources for word in command)}
    wanted = {name for name, command in here.items() if kills(command, sources) or re.match(r"semantics-\d\d-", name)}
    missing = [name for name in sorted(wanted)
               if f"{name}-postgres" not in tests and f"{name.removesuffix('-soak')}-postgres" not in tests
               and name not in NONE and not name.startswith("semantics-15-large")]
    stale = [name for name in NONE if f"{name}-postgres" in tests or name not in wanted]
    bare = [name for name, command in tests.items() if name.endswith("-postgres") and "around" not in command
            and not name.startswith("store")]
    for name in missing:
        print(f"{name} kills or restarts the broker, and there is no {name}-postgres")
    for name in stale:
        print(f"{name} needs no reason: it has a twin, or does not need one")
    for name in bare:
        print(f"{name} is not run around a server")
    print(f"{len(here)} tests, {len(wanted)} of them kill or restart the broker or demonstrate a rule; "
          f"{len(wanted) - len(missing)} have their twin or a reason")
    if "--list" in sys.argv:
        print("\n".join(sorted(wanted)))
    sys.exit(1 if missing or stale or bare or len(wanted) < 40 else 0)


main()
