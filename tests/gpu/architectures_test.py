#!/usr/bin/env python3
"""architectures_test.py SOURCE - for which cards a build compiles the kernels: a release for all from Ampere to Blackwell, any other for one, with the
PTX of the lowest for later cards. Exit status 77 where there is no nvcc."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

source = Path(sys.argv[1]).resolve()
failed = 0


def check(what, ok):
    global failed
    if not ok:
        failed += 1
        print("FAIL", what)


def configured(folder, *words):
    done = subprocess.run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DPV_TESTS=OFF", *words], capture_output=True, text=True, timeout=250, check=False)
    if "CUDA kernels: OFF" in done.stdout:
        print("no nvcc here")
        sys.exit(77)
    return done


def compiled_for(folder, *words):
    """What each kernel is compiled for, as nvcc is told."""
    done = configured(folder, *words)
    check(f"configuring with {words}: {done.stderr[-500:]}", done.returncode == 0)
    lines = [line for line in (folder / "build.ninja").read_text().splitlines() if "-gencode" in line]
    check(f"kernels: {len(lines)}", len(lines) >= 10)
    told = {tuple(re.findall(r"-gencode arch=(\w+),code=(\w+)", line)) for line in lines}
    check(f"all alike: {told}", len(told) == 1)
    return told.pop()


def machine_code(*numbers):
    return tuple((f"compute_{n}", f"sm_{n}") for n in numbers)


def ptx(number):
    return ((f"compute_{number}", f"compute_{number}"),)


with tempfile.TemporaryDirectory(prefix="provost-architectures-") as tmp:
    tmp = Path(tmp)
    release = compiled_for(tmp / "release", "-DCMAKE_BUILD_TYPE=Release")
    check(f"a release: {release}", release == machine_code(80, 86, 89, 90, 100, 120) + ptx(80))
    plain = compiled_for(tmp / "plain", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    check(f"any other: {plain}", plain == machine_code(90) + ptx(90))
    some = compiled_for(tmp / "plain", "-DPV_CUDA_ARCHITECTURES=120;89")
    check(f"as told, the lowest as PTX: {some}", some == machine_code(120, 89) + ptx(89))
    for wrong in ("75", "90a", "native"):
        done = configured(tmp / "plain", f"-DPV_CUDA_ARCHITECTURES={wrong}")
        check(f"{wrong}: {done.stderr[-300:]}", done.returncode != 0 and "is no compute" in done.stderr and f'"{wrong}"' in done.stderr)
sys.exit(1 if failed else 0)
