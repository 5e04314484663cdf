"""A PostgreSQL server of a test's own, for drills in Python; pg_server.h says what it is like.

    server = PostgresServer(folder)      makes one in folder, which is not there yet, and starts it
    url = server.fresh()                 an empty database of role provost
"""
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = "/usr/lib/postgresql/15/bin/"
SETTINGS = """listen_addresses = '127.0.0.1'
fsync = off
provost.replicated = on
shared_buffers = 16MB
max_connections = 60
max_wal_senders = 4
wal_keep_size = 256MB
hot_standby = on
log_line_prefix = '%m [%p] %a '
log_min_duration_statement = 1500
log_lock_waits = on
"""
ACCESS = """local all all trust
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""
READY_SECONDS = 60


def here():
    return os.access(PROGRAMS + "postgres", os.X_OK) and shutil.which("psql") and shutil.which("setpriv")


def somebody():
    """Who the server runs as: it does not run as root. None: as we do."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise KeyError("nobody")


class PostgresServer:
    def __init__(self, folder, settings="", of=None, standby=None, data=None, port=None):
        """of, standby: one that follows that server, under this name. data: where its files are, if not in the folder. port: this one, else any."""
        self.folder, self.databases, self.process = folder, 0, None
        self.data = data or os.path.join(folder, "data")
        os.makedirs(folder)
        os.makedirs(self.data, exist_ok=True)
        who = somebody()
        for path in (folder, self.data):
            os.chmod(path, 0o700)
            if who:
                os.chown(path, who.pw_uid, who.pw_gid)
        if of:
            source = f"host=127.0.0.1 port={of.port} user=postgres application_name={standby}"
            self.run("pg_basebackup", "-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "-N")
        else:
            self.run("initdb", "-D", self.data, "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-instructions")
            self.append("pg_hba.conf", ACCESS, "w")
            self.set(SETTINGS)
        self.set(settings)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = port or s.getsockname()[1]
        self.start()
        if not of:
            self.sql("CREATE ROLE provost LOGIN")

    def words(self, program, *words):
        """It ends with us, also when we are killed."""
        who = somebody()
        as_whom = [f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"] if who else []
        return ["setpriv", *as_whom, "--pdeathsig=QUIT", PROGRAMS + program, *words]

    def run(self, program, *words):
        done = subprocess.run(self.words(program, *words), cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    def append(self, name, text, mode="a"):
        with open(os.path.join(self.data, name), mode, encoding="utf-8") as f:
            f.write(text + "\n")

    def set(self, settings):
        """Counts after a reload or the next start."""
        self.append("postgresql.conf", settings)

    def reload(self):
        self.sql("SELECT pg_reload_conf()")

    # ---- the process ----

    def start(self, ready=True):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                self.words("postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "LC_ALL": "C"})
        if ready:
            self.ready()

    def ready(self):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if not subprocess.run([PROGRAMS + "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode:
                return
            time.sleep(0.02)
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
            raise RuntimeError(f"PostgreSQL does not answer: {log.read()[-2000:]}")

    def processes(self):
        """All of it: each works in its data folder."""
        pids = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == self.data:
                    pids.append(int(name))
        return pids

    def kill(self, number=signal.SIGKILL):
        """INT stops fast, QUIT at once, KILL leaves its children to notice. Returns when all of them are gone."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()
        end = time.monotonic() + READY_SECONDS
        while self.processes() and time.monotonic() < end:
            time.sleep(0.01)

    def signal_all(self, number):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def promote(self):
        self.sql("SELECT pg_promote(true, 60)")

    def end(self):
        self.signal_all(signal.SIGCONT)
        self.kill(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- databases ----

    def url(self, database, role="provost", port=None):
        return f"postgresql://{role}@127.0.0.1:{port or self.port}/{database}"

    def fresh(self):
        self.databases += 1
        self.sql(f"CREATE DATABASE d{self.databases} OWNER provost")
        return self.url(f"d{self.databases}")

    def sql(self, text, database="postgres"):
        """As superuser; the answer's lines."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port), "-U", "postgres",
                               "-d", database, "-c", text], capture_output=True, text=True, timeout=READY_SECONDS)
        if done.returncode:
            raise RuntimeError(f"{text}: {done.stderr}")
        return done.stdout.strip()
