"""units_are_hardened.py DEPLOY/SYSTEMD BROKER PROVER: the units and their drop-ins are understood by systemd, and expose no more than is
said. Each drop-in states the score it comes to ("systemd-analyze security: N"); the units alone come to at most 2.0. 77 without systemd."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

UNIT_MOST = 2.0
# Which drop-ins stand together when the score of the last one is taken.
COMBINED = {"gpu.conf": ["gpu.conf"], "handlers.conf": ["handlers.conf"], "sandbox.conf": ["handlers.conf", "sandbox.conf"]}


def copied(folder, source, unit, drop_ins, programs):
    """The unit in a folder of its own, with its programs where they are here: verify looks whether they are there."""
    text = open(os.path.join(source, unit)).read()
    for installed, built in programs.items():
        text = text.replace(f"ExecStart={installed} ", f"ExecStart={built} ")
    # The man page comes with the package.
    text = re.sub(r"(?m)^Documentation=.*\n", "", text)
    path = os.path.join(folder, unit)
    with open(path, "w") as f:
        f.write(text)
    os.makedirs(path + ".d")
    for name in drop_ins:
        shutil.copy(os.path.join(source, unit + ".d", name), path + ".d")
    return path


def run(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, env=dict(os.environ, SYSTEMD_COLORS="0"))


def looked_at(source, unit, drop_ins, programs):
    """What is wrong with the unit's words, and its exposure."""
    with tempfile.TemporaryDirectory() as folder:
        path = copied(folder, source, unit, drop_ins, programs)
        said = run("verify", "--man=no", path)
        score = run("security", "--offline=true", path)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", score.stdout)
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith(unit) or unit + ".d" in line or folder in line]
    if said.returncode and not wrong:
        wrong = [said.stderr.strip() or f"verify: {said.returncode}"]
    return wrong, float(exposure.group(1)) if exposure else None


def stated(path):
    words = " ".join(line.lstrip("# ").strip() for line in open(path) if line.startswith("#"))
    found = re.search(r"systemd-analyze security: ([0-9]+\.[0-9])", words)
    return float(found.group(1)) if found else None


def main(source, broker, prover):
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is missing")
        return 77
    programs = {"/usr/bin/provost-broker": broker, "/usr/bin/provost-prover": prover}
    bad = []
    known = "systemd 252" in run("--version").stdout  # others count a little differently: only "at most" is asked of them

    def look(unit, drop_ins, most):
        wrong, score = looked_at(source, unit, drop_ins, programs)
        print(f"{unit} {' '.join(drop_ins)}: {score}, at most {most}")
        bad.extend(f"{unit} {drop_ins}: {line}" for line in wrong)
        if score is None or most is None or score > most:
            bad.append(f"{unit} {drop_ins}: exposure {score}, stated {most}")
        return score

    for unit in sorted(name for name in os.listdir(source) if name.endswith(".service")):
        look(unit, [], UNIT_MOST)
        folder = os.path.join(source, unit + ".d")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            most = stated(os.path.join(folder, name))
            score = look(unit, COMBINED[name], most)
            if known and score is not None and most is not None and score < most:
                bad.append(f"{name} states {most}, and it is {score}")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
