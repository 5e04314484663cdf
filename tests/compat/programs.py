"""The programs as processes: started on a free port, waited for, ended by their ids."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

LARGE_UNIT = bytes(range(64))


def inputs():
    """Files that the commands of the scenes and of the state folders name."""
    orders = {"fails": {"fail": "permanent"}, "fails-again": {"fail": "retryable"}, "slow": {"sleep_ms": 1500},
              "forever": {"sleep_ms": 600000}, "slow-small": {"sleep_ms": 800, "bytes": 1000},
              "slow-large": {"sleep_ms": 800, "bytes": 70000}, "slower": {"sleep_ms": 2000, "bytes": 200},
              "many-bytes": {"bytes": 70000}}
    files = {name: json.dumps(order).encode() for name, order in orders.items()}
    files["small"] = b"a small input\n"
    files["large"] = LARGE_UNIT * 4800
    files["large-file"] = bytes((i * i >> 7) & 255 for i in range(70000))
    return files


def write_inputs(folder):
    for name, data in inputs().items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


def until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


class Programs:
    """The programs of one build folder, and a temporary folder where they run."""

    def __init__(self, build):
        self.build, self.folder, self.running = os.path.abspath(build), tempfile.mkdtemp(prefix="pv-compat-"), []
        write_inputs(self.folder)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PROVOST_")}
        self.endpoint, self.security = None, ["--insecure"]

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def start(self, log, argv, **more):
        with open(self.path(log), "ab") as out:
            p = subprocess.Popen(argv, cwd=self.folder, stdout=out, stderr=out, env={**self.environment, **more})
        self.running.append(p)
        return p

    def broker(self, arguments, state, clock=None):
        """clock: (module, ms), the broker's time of day from its start on."""
        port = self.path("port")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(port)
        more = self._clock(*clock) if clock else {}
        p = self.start("broker.log", [f"{self.build}/broker/provost-broker", "--bind", "tcp://127.0.0.1:*", "--state", state,
                                       "--port-file", port, "--log-level", "debug", *arguments], **more)
        until("the broker's port", lambda: p.poll() is not None or os.path.exists(port) and open(port).read().endswith("\n"))
        if p.poll() is not None:
            raise AssertionError("the broker ended: " + self.tail())
        self.endpoint = open(port).read().split()[0]
        return p

    def _clock(self, module, ms):
        sanitizer = self.environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"  # it wants to be the first library
        return {"LD_PRELOAD": module, "PV_PAST_CLOCK_MS": str(ms), "ASAN_OPTIONS": sanitizer.lstrip(":")}

    def node(self, name, arguments, endpoint=None):
        return self.start(f"{name}.log", [f"{self.build}/prover/provost-prover", "run", "--name", name, "--broker",
                                           endpoint or self.endpoint, *self.security, *arguments])

    def start_cli(self, arguments, endpoint):
        return self.start("cli.log", [f"{self.build}/worker/cli/provost", *arguments, "--broker", endpoint, *self.security])

    def cli(self, *arguments, endpoint=None, exits=(0,)):
        """The command's answer; JSON becomes an object."""
        argv = [f"{self.build}/worker/cli/provost", *arguments, "--broker", endpoint or self.endpoint, *self.security,
                "--connect-timeout", "20s"]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, env=self.environment, timeout=60)
        if exits and done.returncode not in exits:
            raise AssertionError(f"exit {done.returncode}: {' '.join(arguments)}\n{done.stderr.decode()}\n{self.tail()}")
        self.exit = done.returncode
        return json.loads(done.stdout) if done.stdout.startswith(b"{") and done.stdout.count(b"\n") == 1 else done.stdout

    def key_gen(self, file):
        """Makes a pair; its public key."""
        return subprocess.run([f"{self.build}/worker/cli/provost", "key", "gen", file], cwd=self.folder, capture_output=True,
                              env=self.environment, check=True).stdout.decode().strip()

    def show(self, task, **more):
        return self.cli("task", "show", task, "-o", "json", **more)

    def state(self, task):
        return self.show(task)["state"]

    def is_live(self, prover):
        return any(r["prover"] == prover and r["live"] for r in self.cli("prover", "ls", "-o", "json")["rows"])

    def end(self, process, signum=signal.SIGKILL):
        process.send_signal(signum)
        process.wait(30)
        self.running.remove(process)

    def tail(self):
        logs = [n for n in sorted(os.listdir(self.folder)) if n.endswith(".log")]
        return "".join(f"--- {n}\n" + "".join(open(self.path(n), errors="replace").readlines()[-30:]) for n in logs)

    def close(self):
        for p in list(self.running):
            self.end(p)
        shutil.rmtree(self.folder, ignore_errors=True)
