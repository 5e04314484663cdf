#!/usr/bin/env python3
"""Each command of docs/operations.md, in the order of the page, by a shell.

The settings are those of deploy/config. Paths are put into a folder of the test's own; of the system's programs
systemctl, ssh, rsync, install and mv of /var/lib stand in as small scripts: units are started as processes, the "new" machine is a second root folder.
What the page promises in words is looked at between its sections.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["PV_BUILD"]
PATHS = ("/etc/provost", "/var/lib/provost", "/srv/backup", "/srv/provost")

SYSTEMCTL = r"""#!/bin/bash
# systemctl VERB UNIT: the unit is a process, its id in $ROOT/UNIT.pid
set -eu
pid=$ROOT/$2.pid
stop() { [ ! -e "$pid" ] || { kill "$(cat "$pid")" 2>/dev/null || true; while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.05; done; rm "$pid"; }; }
start() {
    case $2 in
    provost-broker) set -- provost-broker --config "$ROOT/etc/provost/broker.yaml" ;;
    provost-prover) set -- provost-prover run --config "$ROOT/etc/provost/prover.yaml" ;;
    esac
    env -u PROVOST_BROKER -u PROVOST_KEY -u PROVOST_SERVER_KEY setsid "$@" >>"$ROOT/$unit.log" 2>&1 </dev/null &
    echo $! >"$pid"
    for _ in $(seq 400); do
        [ "$unit" != provost-broker ] || ! grep -q "broker.listening" <(tail -n +"$from" "$ROOT/$unit.log") || exit 0
        [ "$unit" != provost-prover ] || ! grep -q "prover.started" <(tail -n +"$from" "$ROOT/$unit.log") || exit 0
        kill -0 "$(cat "$pid")" 2>/dev/null || { cat "$ROOT/$unit.log" >&2; exit 1; }
        sleep 0.05
    done
    exit 1
}
unit=$2
touch "$ROOT/$unit.log"
from=$(($(wc -l <"$ROOT/$unit.log") + 1))
case $1 in
start) start "$@" ;;
stop) stop ;;
restart) stop; start "$@" ;;
reload) kill -HUP "$(cat "$pid")"; sleep 0.3 ;;
esac
"""

# ssh HOST COMMAND...: the same command, with that machine's root.
SSH = r"""#!/bin/bash
set -eu
host=$1
shift
args=()
for arg in "$@"; do args+=("${arg//$ROOT\//$ROOT-$host/}"); done
ROOT=$ROOT-$host exec "${args[@]}"
"""

RSYNC = r"""#!/bin/bash
# rsync [-a --delete] FROM/ HOST:TO/
set -eu
from=${*: -2:1}
to=${*: -1}
host=${to%%:*}
to=${to#*:}
to=${to//$ROOT\//$ROOT-$host/}
rm -rf "$to"
mkdir -p "$(dirname "$to")"
cp -a "$from" "$to"
sed -i "s|$ROOT/|$ROOT-$host/|g" "$to"/*.yaml 2>/dev/null || true
"""

INSTALL = r"""#!/bin/bash
# install -d -m 700 -o provost -g provost FOLDER
set -eu
mkdir -p "${*: -1}"
chmod 700 "${*: -1}"
"""


def blocks(page="operations.md"):
    """(section, script) of each fenced sh block."""
    section, script, out = "", None, []
    for line in open(os.path.join(TREE, "docs", page), encoding="utf-8"):
        if script is None and line.startswith("## "):
            section = line[3:].strip()
        if line.startswith("```"):
            if script is None and line.strip() == "```sh":
                script = []
            elif script is not None:
                out.append((section, "".join(script)))
                script = None
        elif script is not None:
            script.append(line)
    return out


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    def __init__(self, folder):
        self.root = os.path.join(folder, "root")
        self.bin = os.path.join(folder, "bin")
        self.port = free_port()
        for path in ("etc/provost", "var/lib", "srv/backup"):
            os.makedirs(os.path.join(self.root, path))
        os.makedirs(self.bin)
        for name, text in (("systemctl", SYSTEMCTL), ("ssh", SSH), ("rsync", RSYNC), ("install", INSTALL)):
            with open(os.path.join(self.bin, name), "w", encoding="utf-8") as out:
                out.write(text)
            os.chmod(os.path.join(self.bin, name), 0o755)
        self.settings()

    def env(self, root):
        programs = [self.bin] + [os.path.join(BUILD, part) for part in ("worker/cli", "prover", "broker")]
        etc = os.path.join(root, "etc/provost")
        return dict(os.environ, ROOT=root, PATH=":".join(programs) + ":" + os.environ["PATH"], PROVOST_BROKER=f"tcp://127.0.0.1:{self.port}",
                    PROVOST_KEY=f"{etc}/operator", PROVOST_SERVER_KEY=f"{etc}/broker.pub", PROVOST_CONNECT_TIMEOUT="20s")

    def here(self, text):
        for path in PATHS:
            text = text.replace(path, self.root + path)
        return text

    def run(self, script, root=None):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(script)], env=self.env(root or self.root), capture_output=True, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def must(self, script, root=None):
        code, said = self.run(script, root)
        if code:
            raise SystemExit(f"exit {code}:\n{script}\n{said}\n{self.log()}")
        return said

    def log(self):
        out = ""
        for root in (self.root, self.root + "-new"):
            for unit in ("provost-broker", "provost-prover"):
                path = os.path.join(root, unit + ".log")
                if os.path.exists(path):
                    out += f"--- {path}\n" + "".join(open(path, encoding="utf-8").readlines()[-20:])
        return out

    def settings(self):
        etc = os.path.join(self.root, "etc/provost")
        for name in ("broker.yaml", "prover.yaml"):
            text = open(os.path.join(TREE, "deploy/config", name), encoding="utf-8").read()
            text = text.replace("tcp://0.0.0.0:7070", f"tcp://127.0.0.1:{self.port}").replace("tcp://broker.example:7070", f"tcp://127.0.0.1:{self.port}")
            text = re.sub(r"^http:.*$", "", text, flags=re.M).replace('"outer, keccak"', '"outer:echo, keccak:echo"')
            text = re.sub(r"^(circuits|grace_s):.*$", "", text, flags=re.M)
            with open(os.path.join(etc, name), "w", encoding="utf-8") as out:
                out.write(self.here(text))
        self.must("cd /etc/provost; provost key gen broker.key; provost key gen node.key; provost key gen operator; cp broker.key.pub broker.pub\n"
                  "{ echo keys:; printf '  - name: node\\n    key: \"%s\"\\n    roles: [prover]\\n' \"$(provost key show node.key)\"\n"
                  "  printf '  - name: operator\\n    key: \"%s\"\\n    roles: [admin, client]\\n' \"$(provost key show operator)\"; } >authorized_keys.yaml")

    def end(self):
        for root in (self.root, self.root + "-new"):
            for unit in ("provost-prover", "provost-broker"):
                try:
                    pid = int(open(os.path.join(root, unit + ".pid"), encoding="utf-8").read())
                    os.kill(pid, signal.SIGTERM)
                    os.kill(pid, signal.SIGTERM)
                except (OSError, ValueError):
                    pass


def submit(site, circuit="any"):
    return site.must(f"echo {time.time()} >\"$ROOT\"/in; head -c 100000 /dev/urandom >>\"$ROOT\"/in; "
                     f"provost task submit \"$ROOT\"/in --queue outer --circuit {circuit}").strip()


def state(site, task):
    code, said = site.run(f"provost task show {task} -o json")
    return None if code else re.search(r'"state":\s*"(\w+)"', said).group(1)


def waits_for(what, true):
    end = time.time() + 30
    while not true():
        if time.time() > end:
            raise SystemExit("waited in vain for " + what)
        time.sleep(0.1)


def epoch_of(site):
    lines = [line for line in open(os.path.join(site.root, "provost-broker.log"), encoding="utf-8") if "broker.listening" in line]
    return int(re.search(r"epoch=(\d+)", lines[-1]).group(1))


def run_page(site):
    site.must("systemctl start provost-broker; systemctl start provost-prover")
    kept = submit(site)
    site.must(f"provost task wait {kept} --timeout 20s")
    later = upgraded = None
    for section, script in blocks():
        if section == "Restore" and not later:
            later = submit(site)
            before = epoch_of(site)
        if section == "Go back":
            upgraded = submit(site)
        if section == "When the disk is full":
            site.env = lambda root, made=site.env: made(site.root + "-new")
        if script.startswith("provost check"):  # nodes come back by themselves, in their own time
            waits_for("all being well", lambda: not site.run(script)[0])
        else:
            site.must(script)
        print(f"ok: {section}: {len(script.splitlines())} lines")
        if section == "Restore":
            assert state(site, kept) == "succeeded" and state(site, later) is None, "the restored state is not the backup's"
            assert epoch_of(site) > before + 90000, "the epoch did not rise"
        if section == "Go back":
            assert state(site, upgraded) is None and state(site, kept) == "succeeded"
        if section == "Move to another machine":
            new = site.root + "-new"
            done = subprocess.run(["provost", "task", "show", kept], env=site.env(new), capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0 and "succeeded" in done.stdout, done.stdout + done.stderr
    last = submit(site)
    site.must(f"provost task wait {last} --timeout 30s")


def main():
    folder = tempfile.mkdtemp(prefix="provost-operations-")
    site = Site(folder)
    try:
        run_page(site)
    finally:
        site.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
