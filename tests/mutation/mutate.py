#!/usr/bin/env python3
"""Changes the product in small ways and looks whether a fast test notices.

    cmake --build build/dev --target mutate                     36 changes, seed of the day
    tests/mutation/mutate.py --seed 7 --count 160 --jobs 2      a figure for RESULTS.md
    tests/mutation/mutate.py --seed 7 --room worker             one room
    tests/mutation/mutate.py --seed 7 --only worker/ack.c:11    what lived, once more
    tests/mutation/mutate.py --here --only worker/ack.c --tests client_
    tests/mutation/mutate.py --seed 7 --count 160 --rest        what the fast tests let live meets the rest of the default run: minutes for each

Works in copies of the committed tree under --work, one for each job; with --here in this tree and its build/dev, one change at a time, each undone
before the next (nothing else may build there meanwhile). A change that the compiler turns into the same code, or that does not
compile, is no mutant: another takes its place. A mutant is dead when a test fails, hangs or crashes, and does so twice. equivalent.txt names those that were looked
at and change nothing that anybody may rely on, each with its reason; they are not counted. Ends with a table of rooms; exit 1 when a room is below 80 % or the whole below 85 %.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import subprocess
import sys

import changes

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = {  # room: its folders; the first match from the top
    "core": ["broker/core", "broker/record"],
    "broker": ["broker"],
    "worker": ["worker"],
    "crypto": ["crypto"],
    "prover": ["prover"],
    "wire": ["wire", "link", "base"],
}
LEAST_OF_ROOM, LEAST = 0.80, 0.85
LABELS = {"unit", "fault", "fuzz", "sim", "prop", "interop"}
# What no C test can be linked with: the programs' own sources. They are judged by the scripts too, each case of a bats file as a test of its own.
PROGRAMS = ("worker/cli/", "prover/cmd/", "broker/main.c")
BUILT = ["provost", "provost-broker", "provost-prover", "make_circuit"]


@dataclasses.dataclass
class Test:
    name: str
    command: list
    cwd: str
    env: dict
    targets: list  # of ninja
    script: bool = False
    seconds: float = 0.0
    slow: bool = False


_running = set()
_over = False


def end(*_):
    """SIGTERM: whatever runs is ended, so that each change is undone at once, and no other is begun."""
    global _over
    _over = True
    for child in list(_running):
        os.killpg(child.pid, signal.SIGKILL)
    sys.exit(1)


def run(command, cwd, timeout, env=None):
    """The exit status; None when it took too long. The whole process group is ended, and only that."""
    if _over:
        sys.exit(1)
    child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    _running.add(child)
    try:
        return child.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _running.discard(child)
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


class Tree:
    """A copy of the tree and its build folder."""

    def __init__(self, where):
        self.where = where
        self.build = where / "build" / "dev"

    def make(self, keep):
        if keep and self.build.exists():
            subprocess.run(["git", "fetch", "-q", "origin", "HEAD"], cwd=self.where, check=True)
            subprocess.run(["git", "reset", "-q", "--hard", "FETCH_HEAD"], cwd=self.where, check=True)
        else:
            shutil.rmtree(self.where, ignore_errors=True)
            subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(self.where)], check=True)
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        subprocess.run(["cmake", "--preset", "dev", "-DPV_CUDA=OFF", "-DPV_WERROR=OFF", *launcher], cwd=self.where, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", str(self.build)], check=True, stdout=subprocess.DEVNULL)

    def cases(self, t, p, env):
        """The cases of a bats file; a script of another kind is one case."""
        files = [w for w in t["command"] if w.endswith(".bats")]
        titles = re.findall(r'^@test "(.*)" \{', pathlib.Path(files[0]).read_text(), re.M) if files else [""]
        for title in titles:
            command = [t["command"][0], "--filter", "^" + re.escape(title) + "$", files[0]] if files else t["command"]
            yield Test(f"{t['name']}: {title}" if files else t["name"], command, p["WORKING_DIRECTORY"], env, BUILT, True)

    def tests(self, rest=False):
        text = subprocess.run(["ctest", "--test-dir", str(self.build), "--show-only=json-v1"], check=True, capture_output=True, text=True).stdout
        for t in json.loads(text)["tests"]:
            p = {x["name"]: x["value"] for x in t["properties"]}
            labels = set(p.get("LABELS", []))
            program = t["command"][0] if t.get("command") else ""
            env = dict(e.split("=", 1) for e in p.get("ENVIRONMENT", []))
            if "soak" in labels or not program:
                continue
            if program.startswith(str(self.build)) and labels & LABELS:
                where = p.get("WORKING_DIRECTORY", str(self.build))
                yield Test(t["name"], t["command"], where, env, [os.path.relpath(program, self.build)])
            elif program.endswith("bats") or any("tests/fault/cmd" in w or w.startswith("fault/cmd") for w in t["command"]):
                yield from self.cases(t, p, env)
            elif rest and not labels & {"house", "emu"}:
                yield Test(t["name"], t["command"], p.get("WORKING_DIRECTORY", str(self.build)), env, BUILT, True, slow=True)

    def compile(self, *targets):
        return subprocess.run(["ninja", "-C", str(self.build), *targets], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def objects_of(self, path):
        """The ninja targets of a source, which a test may compile once more for itself (node_gpu.c with a GPU that lies); none if this machine does not build it."""
        got = subprocess.run(["ninja", "-C", str(self.build), "-t", "query", str(self.where / path)], capture_output=True, text=True)
        found = [line.strip() for line in got.stdout.splitlines() if line.strip().endswith(".o")]
        return [o for o in found if "emulated" not in o]  # no fast test has them, and they take a minute

    def code_of(self, objects):
        """A digest of the machine code and the data, without debug lines."""
        bare, code = self.where / "bare.o", hashlib.sha256()
        for path in objects:
            subprocess.run(["objcopy", "--strip-debug", str(self.build / path), str(bare)], check=True)
            code.update(bare.read_bytes())
        return code.hexdigest()


def room_of(path):
    for room, folders in ROOMS.items():
        if any(path.startswith(f + "/") for f in folders):
            return room
    return None


def all_changes(only, but):
    files = subprocess.run(["git", "ls-files", "*.c"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = collections.defaultdict(list)
    for path in files:
        room = room_of(path)
        if room and "cuda" not in path and (not only or path.startswith(only.split(":")[0])) and not (but and path.startswith(but)):
            text = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
            found[room] += [m for m in changes.of_file(path, text) if ":" not in (only or "") or m.line == int(only.split(":")[1])]
    return found


def draw(rng, found):
    """One kind at a time, so that the many comparisons do not crowd out the few syncs and wipes."""
    kinds = collections.defaultdict(list)
    for m in found:
        kinds[m.kind.split()[0]].append(m)
    for of_kind in kinds.values():
        rng.shuffle(of_kind)
    order = sorted(kinds)
    while any(kinds.values()):
        for kind in order:
            if kinds[kind]:
                yield kinds[kind].pop()


def equivalents():
    """{(path, old line, new line)} of equivalent.txt: path, then the two lines, then why, then an empty line."""
    known = set()
    for block in (pathlib.Path(__file__).parent / "equivalent.txt").read_text().split("\n\n"):
        lines = [l for l in block.split("\n") if l and not l.startswith("#")]
        if len(lines) >= 4:
            known.add((lines[0].strip(), lines[1].strip("- ").strip(), lines[2].strip("+ ").strip()))
    return known


def closest_first(path, tests, uses):
    """Tests whose program is linked with the source, those of the room first."""
    words = [w for w in path.replace(".c", "").split("/") if len(w) > 2]
    near = lambda t: -sum(w in t.name or w in t.cwd for w in words + words[-1].split("_"))
    return sorted((t for t in tests if t.name in uses), key=lambda t: (near(t), t.seconds))


def notices(tree, t):
    """Whether the test fails, and fails once more with more patience: what fails by chance, or takes long because of other work, has noticed nothing."""
    env = dict(zip(t.env, here(tree, t.env.values())))
    return all(run(here(tree, t.command), here(tree, [t.cwd])[0], patience, env) not in (0, 77) for patience in (10 * t.seconds + 20, 20 * t.seconds + 60))


def try_one(tree, m, tests, known):
    """("dead", who noticed), ("lived", ""), or ("none", why it is no mutant)."""
    if (m.path, m.old.strip(), m.new.strip()) in known:
        return "none", "equivalent"
    source, targets = tree.where / m.path, tree.objects_of(m.path)
    if not targets:
        return "none", "not built here"
    text = source.read_text()
    if not tree.compile(*targets):
        sys.exit(f"the tree does not build: {m.path}")
    before = tree.code_of(targets)
    lines = text.split("\n")
    assert lines[m.line - 1] == m.old
    lines[m.line - 1] = m.new
    try:
        source.write_text("\n".join(lines))
        if not tree.compile(*targets):
            return "none", "does not compile"
        if tree.code_of(targets) == before:
            return "none", "the same code"
        scripts = [t for t in tests if t.script and not t.slow and m.path.startswith(PROGRAMS)]
        rest = [t for t in tests if t.slow and not t.script]
        for t in (
            closest_first(m.path, [t for t in tests if not t.slow], users(tree, targets, tests))
            + closest_first(m.path, scripts, {t.name for t in scripts})
            + closest_first(m.path, rest, users(tree, targets, tests))
            + closest_first(m.path, [t for t in tests if t.slow and t.script], {t.name for t in tests})
        ):
            if not tree.compile(*t.targets):
                return "none", "does not link"
            if notices(tree, t):
                return "dead", t.name + (" (not a fast test)" if t.slow else "")
        return "lived", ""
    finally:
        source.write_text(text)


def here(tree, words):
    """Paths of the first tree, in this one."""
    first = str(tree.where.parent / "0")
    return [w.replace(first + "/", str(tree.where) + "/") if w.startswith(first) else w for w in words]


_users = {}


def users(tree, targets, tests):
    """Names of the tests whose program is built from this object, directly or through libraries and programs that it starts."""
    graph = _users.get(tree)
    if graph is None:
        graph = _users[tree] = {}
        for t in tests:
            if t.script:
                continue
            got = subprocess.run(["ninja", "-C", str(tree.build), "-t", "inputs", *t.targets], capture_output=True, text=True).stdout
            graph[t.name] = set(got.split("\n"))
    return {name for name, inputs in graph.items() if inputs.intersection(targets)}


def shortest(t, most_s, patience):
    """[seconds, exit status]: of one run, or of the best of three where it failed or took longer than a fast test may. Other work on the machine makes a run
    longer, and never shorter, so a fast test is not left out for what its neighbours did."""
    best = None
    for _ in range(3):
        start = datetime.datetime.now()
        got = run(t.command, t.cwd, patience, t.env)
        now = [(datetime.datetime.now() - start).total_seconds(), got]
        if best is None or (now[1] != 0, now[0]) < (best[1] != 0, best[0]):
            best = now
        if best[1] in (0, 77) and best[0] <= most_s or t.slow:
            break
    return best


def measure(tree, tests, known, most_s, rest):
    """The tests that are fast and pass in the unchanged tree, and with rest the others, marked as slow. known: a file that remembers how long
    each took."""
    times = json.loads(known.read_text()) if known.exists() else {}
    fast = []
    for t in tests:
        if t.name not in times:
            if not tree.compile(*t.targets):
                sys.exit(f"does not build: {' '.join(t.targets)}")
            times[t.name] = shortest(t, most_s, 300 if rest else 60)
            known.parent.mkdir(parents=True, exist_ok=True)
            known.write_text(json.dumps(times, indent=0))
        t.seconds, got = times[t.name]
        t.slow |= t.seconds > most_s
        if got == 0 and (rest or not t.slow):
            fast.append(t)
        else:
            print(f"not used: {t.name}, {t.seconds:.1f} s, exit {got}", flush=True)
    return fast


def report(m, verdict, who):
    print(f"{m.path}:{m.line}\t{verdict}\t{m.kind}\t{who}", flush=True)
    if verdict == "lived":
        print(f"    - {m.old.strip()}\n    + {m.new.strip()}", flush=True)


def judge(jobs, trees, tests, found, wanted, seed):
    """Takes mutants of each room until as many as wanted were counted."""
    known, counts = equivalents(), {room: collections.Counter() for room in found}
    free = queue.Queue()
    for t in trees:
        free.put(t)
    streams = {room: draw(random.Random(f"{seed} {room}"), found[room]) for room in sorted(found)}

    def work(m):
        tree = free.get()
        try:
            return try_one(tree, m, tests, known)
        finally:
            free.put(tree)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for room, stream in streams.items():
            running = {}
            while True:
                while len(running) < jobs and counts[room].total() - counts[room]["none"] + len(running) < wanted:
                    m = next(stream, None)
                    if not m:
                        break
                    running[pool.submit(work, m)] = m
                if not running:
                    break
                for done in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    m = running.pop(done)
                    verdict, who = done.result()
                    counts[room][verdict] += 1
                    if verdict != "none":
                        report(m, verdict, who)
    return counts


def table(counts, seed):
    print(f"\nseed {seed}, {subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=ROOT, capture_output=True, text=True).stdout.strip()}")
    print(f"{'room':<8} {'noticed':>8} {'of':>5}")
    enough, dead, of = True, 0, 0
    for room, c in sorted(counts.items()):
        n = c["dead"] + c["lived"]
        dead, of = dead + c["dead"], of + n
        enough &= not n or c["dead"] >= LEAST_OF_ROOM * n
        print(f"{room:<8} {c['dead']:>8} {n:>5}  {100 * c['dead'] / n if n else 0:.0f} %")
    print(f"{'all':<8} {dead:>8} {of:>5}  {100 * dead / of if of else 0:.0f} %")
    return enough and of > 0 and dead >= LEAST * of


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", default=datetime.date.today().isoformat())
    p.add_argument("--count", type=int, help="mutants in all, as many of each room (36); with --only all")
    p.add_argument("--room", choices=ROOMS)
    p.add_argument("--only", metavar="PATH[:LINE]", help="only the changes of a folder, a file or a line")
    p.add_argument("--but", metavar="PATH", help="none of a folder or a file")
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "mutate")
    p.add_argument("--keep", action="store_true", help="bring the copies of the last run up to date, and trust how long its tests took")
    p.add_argument("--here", action="store_true", help="change this tree and build in its build/dev")
    p.add_argument("--tests", metavar="PATTERN", default="", help="only the tests whose names match")
    p.add_argument("--fast", type=float, default=4.0, metavar="S", help="a test that takes longer is left out (4; more where other work slows them)")
    p.add_argument("--rest", action="store_true", help="what the fast tests let live meets the rest of the default run")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what goes to the background without it, and tests would inherit that
    trees = [Tree(ROOT)] if a.here else [Tree(a.work.resolve() / str(i)) for i in range(a.jobs)]
    a.jobs = len(trees)
    if not a.keep and not a.here:
        (a.work / "times.json").unlink(missing_ok=True)
    for t in trees if not a.here else []:
        t.make(a.keep)
    found = {room: ms for room, ms in all_changes(a.only, a.but).items() if not a.room or room == a.room}
    wanted = sum(map(len, found.values())) if a.only and not a.count else -(-(a.count or 36) // max(1, len(found)))
    tests = measure(trees[0], [t for t in trees[0].tests(a.rest) if re.search(a.tests, t.name)], a.work / "times.json", a.fast, a.rest)
    fast = [t for t in tests if not t.slow]
    print(f"{len(fast)} fast tests, {sum(t.seconds for t in fast):.0f} s; of the rest {len(tests) - len(fast)}", flush=True)
    sys.exit(0 if table(judge(a.jobs, trees, tests, found, wanted, a.seed), a.seed) else 1)


main()
