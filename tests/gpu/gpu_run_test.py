#!/usr/bin/env python3
"""gpu_run_test.py BUILD - tests/gpu/run.sh without a GPU: programs that only act as such. A step that fails, hangs or is not there spoils no
other; the time for everything holds; two files and a table come back; what can travel is checked; every step has its row in EXPECTED.md."""
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

here = Path(__file__).resolve().parent
build = Path(sys.argv[1])
failed = 0


def check(what, ok):
    global failed
    if not ok:
        failed += 1
        print("FAIL", what)


def run(*args, **env):
    return subprocess.run([here / args[0], *map(str, args[1:])], capture_output=True, text=True, timeout=200, env={**os.environ, "OUT": "", **env})


def steps_of(mode):
    return [line.split()[0] for line in run("run.sh", "steps", mode).stdout.splitlines()]


def program(folder, name, text):
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)


def stubs(folder, bench):
    """Some work, one fails, one has no device, one is not there (gpu_phases); a circuit is never finished."""
    folder.mkdir()
    program(folder, "gpu_rates", 'echo \'{"bench":"rates","op":"IMAD","T":16.3}\'')
    program(folder, "gpu_test_msm", "echo 'sum 7 is wrong'; exit 1")
    program(folder, "gpu_test_ntt", "echo 'no NVIDIA driver'; exit 77")
    program(folder, "gpu_bench", bench)
    program(folder, "make_circuit", 'touch "$3/circuit.zkey" "$3/witness.wtns"\n[ "$1" != bits ] || { echo $$ > %s/pid; exec sleep 600; }' % folder)
    program(folder, "provost-prover", '[ "$1" = bench ] || { echo "cuda      proof              ok"; exit 0; }\n'
            'case "$*" in *chain-16*slots*|*slots*chain-16*) echo "no usable GPU: an illegal memory access" >&2; exit 1 ;;\n'
            '*--rounds\\ 1\\ *) echo "cuda: $1: no NVIDIA driver here, and one with CUDA 13.0 is needed" >&2; exit 1 ;; esac\necho \'{"bench":"resident","wall_ms":2.5,"device_ms":1.25}\'')
    program(folder, "bench_rotate_0", "echo '{\"bench\":\"msm\",\"ms\":3}'")
    program(folder, "phases_tiles_0", "echo '{\"bench\":\"phases\",\"ms\":4}'")
    return folder


def results(folder):
    rows = [json.loads(line) for line in (folder / "out/results.jsonl").read_text().splitlines()]
    return rows, {r["step"]: r["state"] for r in rows if r["bench"] == "step"}


def alive(pid):
    try:
        return "Z" not in Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def each_step_ends_alone(tmp):
    bin = stubs(tmp / "first", '[ "$1 $3" != "msm2 22" ] || exec sleep 600\necho \'{"bench":"msm","ms":2.9}\'')
    done = run("run.sh", "first", bin, PV_LIMITS="msm_g2=1 prove_bits-18=1")
    rows, states = results(bin)
    check("a failed step is told by the status: %d %s" % (done.returncode, done.stderr), done.returncode == 1)
    check("every step once, in order", [r["step"] for r in rows if r["bench"] == "step"] == steps_of("first"))
    for step, state in (("rates", "ok"), ("test_msm", "failed with status 1"), ("test_ntt", "skipped: no NVIDIA driver"), ("msm_dense", "ok"),
                        ("user", "ok"), ("msm_g2", "stopped at its limit of 1 s"), ("msm_circom", "ok"), ("prove_chain-13", "ok"), ("prove_chain-20", "ok"),
                        ("prove_bits-18", "stopped at its limit of 1 s"), ("slots_chain-13", "ok"), ("slots_chain-16", "failed with status 1"),
                        ("key_chain-20", "skipped: cuda: bench: no NVIDIA driver here, and one with CUDA 13.0 is needed"), ("phases_16", "skipped: no gpu_phases in the folder")):
        check("%s: %s, not %s" % (step, states.get(step), state), states.get(step) == state)
    check("figures name their step", any(r.get("step") == "rates" and r.get("T") == 16.3 for r in rows))
    check("three counts of slots", sum(r.get("step") == "slots_chain-13" and r["bench"] == "resident" for r in rows) == 3)
    of_switch = [r.get("program") for r in rows if r.get("step") == "switch_rotate_0" and r["bench"] == "msm"]
    check("a switch and what is, by turns: %s" % of_switch, of_switch == ["gpu_bench", "bench_rotate_0"] * 4)
    check("a switch that other programs show", states["switch_tiles_0"] == "skipped: no gpu_phases in the folder")
    with tarfile.open(bin / "out/all.tgz") as t:
        check("the archive has what a step said", b"sum 7 is wrong" in t.extractfile("./test_msm.out").read())
    check("two files come back", sorted(p.name for p in (bin / "out").iterdir()) == ["all.tgz", "results.jsonl"])
    check("the table is last, and says what did not end well", "test_msm: failed" in done.stdout[done.stdout.index("%d steps," % len(states)):])
    check("the table has the proofs", "| prove_chain-13 | 2.5 | 1.25 |" in done.stdout)
    check("the maker of circuits is ended", not alive(int((bin / "pid").read_text())))


def the_whole_time_holds(tmp):
    bin = stubs(tmp / "late", "exec sleep 600")
    done = run("run.sh", "again", bin, PV_TOTAL_S="7")
    rows, states = results(bin)
    check("cut off: %s" % states, states["msm_dense"].startswith("cut off after") or states["msm_dense"].startswith("skipped: no time"))
    check("what no time is left for says so", states[steps_of("again")[-1]] == "skipped: no time left")
    check("every step is in it", list(states) == steps_of("again"))
    check("table and archive come all the same", "%d steps" % len(states) in done.stdout and (bin / "out/all.tgz").exists())


def programs_in_an_archive(tmp):
    """As prep.sh leaves them: unpacked once, beside it; what is not packed is skipped; what cannot be unpacked is told."""
    loose, bin = stubs(tmp / "loose", 'echo \'{"bench":"msm","ms":2.9}\''), tmp / "packed"
    bin.mkdir()
    with tarfile.open(bin / "programs.tar.xz", "w:xz") as t:
        t.add(loose / "gpu_bench", "./gpu_bench")
    for _ in range(2):
        done = run("run.sh", "only", bin, "msm_g2", "rates")
        rows, states = results(bin)
        check("packed: %s %s" % (states, done.stderr), states == {"msm_g2": "ok", "rates": "skipped: no gpu_rates in the folder"})
    check("it still travels", run("run.sh", "check", bin).returncode == 0)
    (bin / "programs.tar.xz").write_bytes(b"nothing of the kind")
    done = run("run.sh", "only", bin, "msm_g2")
    check("no archive: %d %s" % (done.returncode, done.stderr), done.returncode == 1 and "cannot be unpacked" in done.stderr)


def a_skipped_step_has_a_reason(tmp):
    bin = tmp / "mute"
    bin.mkdir()
    program(bin, "gpu_rates", "exit 77")
    done = run("run.sh", "only", bin, "rates")
    check("a program that says nothing: %s" % results(bin)[1], done.returncode == 77 and results(bin)[1] == {"rates": "skipped: rates.out does not say why"})


NO_CARD = "no NVIDIA driver here, and one with CUDA 13.0 is needed: install driver release 580 or later"


def without_a_card(tmp):
    """All programs are there and no card is: what they say then. No step ran, each says why, no figure is left, and the status is 77."""
    bin = tmp / "no-card"
    bin.mkdir()
    for name in ("gpu_rates", "gpu_bench", "gpu_phases", "gpu_test_msm", "gpu_test_ntt", "bench_rotate_0", "phases_tiles_0"):
        program(bin, name, "echo '%s'; exit 77" % NO_CARD)
    program(bin, "make_circuit", '[ "$2" != 20 ] || exec sleep 600\ntouch "$3/circuit.zkey" "$3/witness.wtns"')  # a slow machine: who has no card does not wait
    program(bin, "provost-prover", 'case $1 in selftest) echo "ifma      proof              ok"; echo "cuda      %s" ;;\n'
            '*) echo "provost-prover: %s" >&2; exit 15 ;; esac' % (NO_CARD, NO_CARD))
    tools = tmp / "tools"
    tools.mkdir()
    for name in ("nvidia-smi", "ncu", "compute-sanitizer"):
        program(tools, name, "echo 'No devices were found'; exit 6")
    for what, path in (("bare", os.environ["PATH"]), ("with NVIDIA's tools", "%s:%s" % (tools, os.environ["PATH"]))):
        done = run("run.sh", "first", bin, PATH=path)
        rows, states = results(bin)
        check("it took %d s" % rows[-1]["at"], rows[-1]["at"] < 40)
        check("without a card, %s: status %d %s" % (what, done.returncode, done.stderr), done.returncode == 77)
        check("every step, skipped: %s" % {k: v for k, v in states.items() if not v.startswith("skipped: ")},
              list(states) == steps_of("first") and all(s.startswith("skipped: ") for s in states.values()))
        check("what programs say is the reason: %s" % states, all(NO_CARD[:30] in states[s] for s in ("rates", "msm_dense", "prove_chain-13", "slots_chain-16", "switch_rotate_0", "user")))
        check("no figure: %s" % rows, {r["bench"] for r in rows} == {"run", "step"})
        check("it ends with what could not be done: %s" % done.stdout[-300:], "%d steps, 0 of them ended well" % len(states) in done.stdout and done.stdout.strip().endswith("racecheck: %s" % states["sanitizer_racecheck"]))


def nothing_there(tmp):
    bin = tmp / "empty"
    bin.mkdir()
    for what, total in (("first", 570), ("again", 240)):
        done = run("run.sh", what, bin)
        rows, states = results(bin)
        check("%s has %d s" % (what, total), rows[0]["total_s"] == total)
        check("%s without programs or GPU: %d" % (what, done.returncode), done.returncode == 77 and all(s.startswith("skipped") for s in states.values()))
    check("again is a part of first", set(steps_of("again")) < set(steps_of("first")) and len(steps_of("again")) > 8)


def wrong_words(tmp):
    bin = tmp / "empty"
    for args, words in ((["fly"], "run.sh prep"), ([], "run.sh prep"), (["only", bin], "which steps"), (["only", bin, "rates", "rate"], 'unknown step "rate"'),
                        (["first", tmp / "none"], "no folder"), (["steps", "last"], 'not "last"')):
        done = run("run.sh", *args)
        check("%s: %d %s" % (args, done.returncode, done.stderr), done.returncode == 2 and words in done.stderr)


def what_travels(tmp):
    bin = tmp / "travels"
    (bin / "lib").mkdir(parents=True)
    check("an empty folder travels", run("run.sh", "check", bin).returncode == 0)
    with open(bin / "bench_large", "wb") as f:
        f.truncate(64 << 20)
    done = run("run.sh", "check", bin)
    check("64 MiB beside the checkout do not: %s" % done.stderr, done.returncode == 1 and "MiB too much" in done.stderr)
    (bin / "bench_large").unlink()
    shutil.copy(build / "prover/provost-prover", bin)
    done = run("run.sh", "check", bin, BUDGET_MIB="200")
    check("a library that is not there is named: %s" % done.stderr, done.returncode == 1 and "libjansson" in done.stderr)
    for line in subprocess.run(["ldd", bin / "provost-prover"], capture_output=True, text=True, check=True).stdout.splitlines():
        library = re.search(r"=> (/\S+)", line)
        if library:
            shutil.copy(library[1], bin / "lib")
    done = run("run.sh", "check", bin, BUDGET_MIB="200")
    check("with its libraries it travels: %s" % done.stderr, done.returncode == 0)


def architectures_told(tmp):
    """For which cards the compiler was asked since the last look."""
    told = {word for word in (tmp / "told").read_text().split() if word.startswith("-arch=")}
    (tmp / "told").unlink()
    return told


def a_switch_that_does_not_compile(tmp):
    """prep.sh with a compiler that refuses one switch in a kernel and another in a program: both are named, the rest is there, and 1 is its end."""
    nvcc, bin = tmp / "nvcc", tmp / "prep"
    nvcc.write_text('''#!/bin/bash
echo "$*" >> ''' + str(tmp / "told") + '''
[[ " $* " != *" -M "* ]] || { ls -d "$PWD"/cuda/*.cuh "$PWD"/cuda/*/*.cuh | sed "s|$PWD/||"; exit; }
case " $* " in *PV_ROTATE=0*\ -c\ *) echo "no such rotation" >&2; exit 2 ;; *PV_SORT_SHIFT=0*bench.cu*) echo "undefined" >&2; exit 1 ;; esac
while [ "$1" != -o ]; do shift; done
cp /bin/true "$2"
''')
    nvcc.chmod(0o755)
    done = run("run.sh", "prep", bin, NVCC=str(nvcc), SWITCHES="rotate_0 sort_shift_0 g1_acc_5", PROGRAMS="gpu_bench", PROVER="no", BUDGET_MIB="200")
    said = [line for line in done.stdout.splitlines() if line.startswith("left out: ")]
    check("prep says what does not compile: %s" % said, said == ["left out: bench_rotate_0 (PV_ROTATE=0 does not compile)",
                                                                 "left out: bench_sort_shift_0 (PV_SORT_SHIFT=0 does not link)"])
    check("its status is 1: %d %s" % (done.returncode, done.stderr[-500:]), done.returncode == 1)
    with tarfile.open(bin / "programs.tar.xz") as t:
        check("the rest is packed: %s" % t.getnames(), sorted(t.getnames()) == [".", "./bench_g1_acc_5", "./gpu_bench"])
    nvcc.write_text(nvcc.read_text().replace("PV_ROTATE=0", "PV_NONE").replace("PV_SORT_SHIFT=0", "PV_NONE"))
    done = run("run.sh", "prep", bin, NVCC=str(nvcc), SWITCHES="rotate_0 sort_shift_0 g1_acc_5", PROGRAMS="gpu_bench", PROVER="no", BUDGET_MIB="200")
    check("mended, it ends well: %d %s" % (done.returncode, done.stderr[-500:]), done.returncode == 0 and "left out" not in done.stdout)
    check("and only what was missing is made: %s" % done.stderr, "PV_ACC_G1" not in done.stderr and "PV_ROTATE" in done.stderr)
    told = architectures_told(tmp)
    check("for Hopper where nothing is said: %s" % told, told == {"-arch=sm_90"})
    done = run("run.sh", "prep", tmp / "prep-100", NVCC=str(nvcc), SWITCHES="rotate_0", PROGRAMS="gpu_bench", PROVER="no", BUDGET_MIB="200", ARCH="sm_100")
    told = architectures_told(tmp)
    check("for the card that is lent: %d %s" % (done.returncode, told), done.returncode == 0 and told == {"-arch=sm_100"})


def every_step_has_its_row(_):
    rows = re.findall(r"^\| `([^`]+)` \|", (here / "EXPECTED.md").read_text(), re.M)
    del os.environ["PV_SWITCHES"]
    steps, listed = steps_of("first"), [line for line in (here / "switches.txt").read_text().splitlines() if not line.startswith("#")]
    check("steps without a row in EXPECTED.md: %s" % (set(steps) - set(rows)), set(steps) <= set(rows))
    check("rows without a step: %s" % (set(rows) - set(steps)), set(rows) <= set(steps))
    variants = here.parents[1] / "cuda/variants.cuh"
    if variants.exists():
        switches = set(re.findall(r"^#ifndef (PV_\w+)\s*\n#define \1 ", variants.read_text() + (variants.parent / "msm/gpu_msm_switches.h").read_text(), re.M))
        check("a switch that no step measures: %s" % switches, switches <= {line.split()[1].split("=")[0] for line in listed})


with tempfile.TemporaryDirectory(prefix="provost-gpu-") as tmp:
    Path(tmp).chmod(0o755)  # the step `user` is another's
    os.environ["PV_SWITCHES"] = tmp + "/switches"
    Path(tmp, "switches").write_text("# a comment\nrotate_0 PV_ROTATE=0 msm:16 msm:20\ntiles_0 PV_TILES=0 phases:13\n")
    for case in (each_step_ends_alone, the_whole_time_holds, programs_in_an_archive, a_skipped_step_has_a_reason, without_a_card, nothing_there, wrong_words, what_travels, a_switch_that_does_not_compile, every_step_has_its_row):
        case(Path(tmp))
        print(case.__name__)
sys.exit(1 if failed else 0)
