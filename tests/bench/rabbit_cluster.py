"""RabbitMQ on three nodes of one machine, for a bench: a quorum queue declared at the first lies on all three.

    cluster = RabbitCluster(folder)      makes it in folder, which is not there yet: ports, name server (epmd) and cookie of its own
    cluster.port, cluster.pids           of the first node, for clients; of all Erlang machines
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = "/usr/lib/rabbitmq/bin/"
NODES = 3
READY_SECONDS = 240


def here():
    return os.access(PROGRAMS + "rabbitmq-server", os.X_OK) and shutil.which("epmd")


def free_ports(n):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [s.getsockname()[1] for s in held]


class RabbitCluster:
    def __init__(self, folder):
        self.folder, self.processes = folder, []
        os.makedirs(folder)
        ports = free_ports(1 + 2 * NODES)
        self.port = ports[1]
        with open(os.path.join(folder, "plugins"), "w", encoding="ascii") as f:
            f.write("[].")
        self.common = {**os.environ, "HOME": folder, "ERL_EPMD_PORT": str(ports[0]), "ERL_EPMD_ADDRESS": "127.0.0.1", "RUNNING_UNDER_SYSTEMD": "1",
                       "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_CONFIG_FILE": os.path.join(folder, "none"),
                       "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(folder, "plugins"), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1"}
        self.spawn("epmd", ["epmd", "-port", str(ports[0])], self.common)
        self.nodes = [f"pv-bench-{os.getpid()}-{i + 1}@localhost" for i in range(NODES)]
        for i, name in enumerate(self.nodes):
            at = os.path.join(folder, str(i + 1))
            self.spawn(f"node-{i + 1}", [PROGRAMS + "rabbitmq-server"],
                       {**self.common, "RABBITMQ_NODENAME": name, "RABBITMQ_NODE_PORT": str(ports[1 + i]), "RABBITMQ_DIST_PORT": str(ports[1 + NODES + i]),
                        "RABBITMQ_MNESIA_BASE": at, "RABBITMQ_LOG_BASE": at + "-log", "RABBITMQ_PID_FILE": at + ".pid"})
            self.control(name, "wait", "--timeout", str(READY_SECONDS), at + ".pid")
        for name in self.nodes[1:]:
            for words in (["stop_app"], ["join_cluster", self.nodes[0]], ["start_app"]):
                self.control(name, *words)
        self.pids = []
        for i in range(NODES):
            with open(os.path.join(folder, f"{i + 1}.pid"), encoding="ascii") as f:
                self.pids.append(int(f.read()))

    def spawn(self, name, words, environment):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self.processes.append(subprocess.Popen(words, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True))

    def control(self, node, *words):
        done = subprocess.run([PROGRAMS + "rabbitmqctl", "-n", node, *words], env=self.common, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=READY_SECONDS)
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def end(self):
        """The name server last: nodes ask it to the end. Each has a process group of its own."""
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            end = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
