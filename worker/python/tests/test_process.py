"""The connection ends with the process and keeps none alive; a fork has a clear error and a client of its own."""
from __future__ import annotations

import subprocess
import sys
import time
import unittest

from cluster import ENVIRONMENT, Cluster, wait_for

import provost.blocking


class Processes(unittest.TestCase):
    cluster: Cluster

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)
        cls.cluster.start_broker("--heartbeat-ms", "500", "--lease-ms", "2000")
        cls.cluster.start_prover("echo-1", "--insecure", "--queue", "echo:echo")

    def run_program(self, source: str, code: int = 0) -> str:
        """Runs a program, which has to end by itself within 20 s with that status."""
        whole = f"""
import asyncio, os, signal, sys, threading, time, provost, provost.blocking
URL = {self.cluster.url!r}
ECHO, IDLE = {{"queue": "echo", "circuit": "any"}}, {{"queue": "idle", "circuit": "any"}}
{source}"""
        done = subprocess.run([sys.executable, "-c", whole], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, env=ENVIRONMENT)
        self.assertEqual(done.returncode, code, done.stdout.decode())
        return done.stdout.decode()

    def clients(self) -> str:
        return self.run_program("with provost.blocking.connect(URL, insecure=True, role='admin') as c: print([r['client'] for r in c.clients() if r['connected']])")

    def test_a_client_that_is_not_closed_keeps_no_process_alive_and_says_goodbye(self) -> None:
        self.assertEqual(self.run_program("c = provost.blocking.connect(URL, insecure=True, name='idler'); print('up')"), "up\n")
        self.assertNotIn("idler", self.clients())
        self.run_program("""
async def main():
    c = await provost.connect(URL, insecure=True, name='idler')
    asyncio.create_task(c.prove(**IDLE, witness=bytes(1000)))
    await asyncio.sleep(0.1)
asyncio.run(main())""")
        self.assertNotIn("idler", self.clients())

    def test_a_client_that_has_no_broker_keeps_no_process_alive(self) -> None:
        self.run_program("provost.blocking.connect('tcp://127.0.0.1:1', insecure=True, connect_timeout=0)")
        self.run_program("c = provost.blocking.connect(URL, insecure=True); sys.exit(7)", code=7)

    def test_a_client_of_a_closed_loop_ends_its_thread(self) -> None:
        out = self.run_program("""
async def main():
    await provost.connect(URL, insecure=True)
asyncio.run(main())
end = time.monotonic() + 15
while any(t.name == "provost" for t in threading.enumerate()) and time.monotonic() < end: time.sleep(0.05)
print([t.name for t in threading.enumerate()])""")
        self.assertEqual(out, "['MainThread']\n")

    def test_after_a_fork_the_child_is_told_and_opens_a_client_of_its_own(self) -> None:
        out = self.run_program("""
c = provost.blocking.connect(URL, insecure=True, name='forked')
child = os.fork()
if child == 0:
    for call in (lambda: c.prove(**ECHO, witness=b'x'), lambda: c.tasks(), lambda: c.fetch('0' * 32), lambda: c.ready()):
        try: call()
        except provost.BadStateError as e: assert 'before a fork' in str(e), e
        else: raise AssertionError('no error')
    c.close()
    with provost.blocking.connect(URL, insecure=True, name='forked') as mine:
        print(mine.prove(**ECHO, witness=b'child').bytes.decode(), flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(c.prove(**ECHO, witness=b'parent').bytes.decode())
assert c.connection.connects == 1
c.close()""")
        self.assertEqual(out, "child\nparent\n")

    def test_after_a_fork_inside_of_a_loop_too(self) -> None:
        out = self.run_program("""
async def main():
    async with provost.connect(URL, insecure=True) as c:
        child = os.fork()
        if child == 0:
            try: await c.prove(**ECHO, witness=b'x')
            except provost.BadStateError as e: print(e, flush=True)
            try: await c.close()
            finally: os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        print((await c.prove(**ECHO, witness=b'parent')).bytes.decode())
asyncio.run(main())""")
        self.assertIn("before a fork: call connect() in this one\nparent\n", out)

    def test_a_call_under_way_ends_when_the_client_is_closed(self) -> None:
        out = self.run_program("""
async def main():
    c = await provost.connect(URL, insecure=True)
    waiting = asyncio.create_task(c.prove(**IDLE, witness=b'x'))
    await asyncio.sleep(0.2)
    await c.close()
    try: await waiting
    except provost.BadStateError as e: print(e)
asyncio.run(main())
c = provost.blocking.connect(URL, insecure=True)
def wait():
    try: c.prove(**IDLE, witness=b'x')
    except provost.BadStateError as e: sys.stdout.write(str(e) + chr(10))
threads = [threading.Thread(target=wait) for _ in range(3)]
for t in threads: t.start()
time.sleep(0.3)
c.close()
for t in threads: t.join(5); assert not t.is_alive()""")
        self.assertEqual(out, "the client is closed\n" * 4)

    def test_an_interrupted_prove_cancels_its_task(self) -> None:
        out = self.run_program("""
c = provost.blocking.connect(URL, insecure=True, name='interrupted')
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try: c.prove(**IDLE, id='ef' * 16, witness=b'x')
except KeyboardInterrupt: print('interrupted')
end = time.monotonic() + 5
while c.connection.connected and (state := c.show('ef' * 16).state) != 'cancelled' and time.monotonic() < end: time.sleep(0.02)
print(state)""")
        self.assertEqual(out, "interrupted\ncancelled\n")

    def test_an_interrupted_prove_cancels_its_task_before_the_loop_forgets_it(self) -> None:
        out = self.run_program("""
from provost import task as tasks
real = tasks.Task._abandon_now
def slow(self): time.sleep(0.3); real(self)
tasks.Task._abandon_now = slow
c = provost.blocking.connect(URL, insecure=True, name='interrupted')
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try: c.prove(**IDLE, id='ee' * 16, witness=b'x')
except KeyboardInterrupt: print('interrupted')
end = time.monotonic() + 5
while (state := c.show('ee' * 16).state) != 'cancelled' and time.monotonic() < end: time.sleep(0.02)
print(state)""")
        self.assertEqual(out, "interrupted\ncancelled\n")

    def test_an_interrupted_program_cancels_its_task_before_it_ends(self) -> None:
        self.run_program("""
signal.signal(signal.SIGINT, signal.default_int_handler)
c = provost.blocking.connect(URL, insecure=True, name='interrupted')
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try: c.prove(**IDLE, id='fe' * 16, witness=b'x')
except KeyboardInterrupt: sys.exit(3)""", code=3)
        with provost.blocking.connect(self.cluster.url, insecure=True) as c:
            wait_for("the cancellation", 5, lambda: c.show("fe" * 16).state == "cancelled")

    def test_without_descriptors_it_says_so_and_goes_on_when_there_are_some(self) -> None:
        out = self.run_program("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
c = provost.blocking.connect(URL, insecure=True, reconnect_min=0.02, reconnect_max=0.05)
taken = []
try:
    while True: taken.append(os.open('/dev/null', os.O_RDONLY))
except OSError: pass
try: provost.blocking.connect(URL, insecure=True)
except provost.InternalError as e: print(e)
for fd in taken: os.close(fd)
print(c.prove(**ECHO, witness=b'x').bytes.decode())
with provost.blocking.connect(URL, insecure=True) as other: print(other.prove(**ECHO, witness=b'y').bytes.decode())""")
        self.assertRegex(out, r"cannot be started: .*Too many open files\n(.*\n)*x\ny\n$")

    def test_many_threads_share_a_blocking_client(self) -> None:
        before = time.monotonic()
        out = self.run_program("""
import concurrent.futures
with provost.blocking.connect(URL, insecure=True) as c, concurrent.futures.ThreadPoolExecutor(16) as pool:
    found = list(pool.map(lambda i: c.prove(**ECHO, witness=b'%d' % i).bytes, range(200)))
    print(found == [b'%d' % i for i in range(200)])""")
        self.assertEqual(out, "True\n")
        self.assertLess(time.monotonic() - before, 20)


if __name__ == "__main__":
    unittest.main()
