"""A broker and its provers as real processes, on wildcard ports, ended by their ids."""
from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence

from places import BUILD

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("PROVOST_")}


def wait_for(what: str, seconds: float, is_so: Callable[[], object]) -> None:
    """Waits until it is true."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.02)


class Cluster:
    def __init__(self, *options: str) -> None:
        """options: of the broker; without any, an insecure one with the queues echo, idle and member."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="provost-py-"))
        self.options: Sequence[str] = options or ("--insecure", "--queue", "echo", "--queue", "idle", "--queue", "member")
        self.url = ""
        self.broker: subprocess.Popen[bytes] | None = None
        self.provers: dict[str, subprocess.Popen[bytes]] = {}

    def _start(self, program: str, arguments: Sequence[str], log: str) -> subprocess.Popen[bytes]:
        with open(self.folder / log, "ab") as out:
            return subprocess.Popen([BUILD / program, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT)

    def start_broker(self, *more: str) -> None:
        """Started again it takes the same port and state."""
        port = self.folder / "port"
        port.unlink(missing_ok=True)
        bind = self.url or "tcp://127.0.0.1:*"
        arguments = [*self.options, "--bind", bind, "--state", str(self.folder / "state"), "--port-file", str(port), *more]
        self.broker = self._start("broker/provost-broker", arguments, "broker.log")
        wait_for(f"the broker's port, see {self.folder}", 20, lambda: port.exists() and "\n" in port.read_text())
        self.url = port.read_text().split("\n")[0]

    def start_prover(self, name: str, *more: str) -> None:
        arguments = ["run", "--broker", self.url, "--name", name, "--state", str(self.folder / f"spool-{name}"), *more]
        self.provers[name] = self._start("prover/provost-prover", arguments, f"prover-{name}.log")

    def kill(self, process: subprocess.Popen[bytes] | None) -> None:
        if process and process.poll() is None:
            process.kill()
        if process:
            process.wait()

    def hang_up(self) -> None:
        """Has the broker read its keys again."""
        assert self.broker
        self.broker.send_signal(signal.SIGHUP)

    def make_key(self, name: str) -> str:
        """Makes a key pair, NAME and NAME.pub in the folder; gives the public key."""
        file = str(self.folder / name)
        subprocess.run([BUILD / "worker/cli/provost", "key", "gen", file], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        shown = subprocess.run([BUILD / "worker/cli/provost", "key", "show", file], check=True, stdout=subprocess.PIPE, env=ENVIRONMENT)
        return shown.stdout.decode().strip()

    def authorize(self, keys: Sequence[tuple[str, str, str]]) -> str:
        """Writes the file of authorised keys: name, public key, role."""
        file = self.folder / "keys.yaml"
        file.write_text("keys:\n" + "".join(f'  - name: {name}\n    key: "{key}"\n    roles: [{role}]\n' for name, key, role in keys))
        return str(file)

    def end(self) -> None:
        for prover in self.provers.values():
            self.kill(prover)
        self.kill(self.broker)
        shutil.rmtree(self.folder, ignore_errors=True)
