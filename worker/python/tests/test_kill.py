"""kill -9 of the broker, of the prover and of the client at random: nothing is lost, nothing comes twice, memory stays. PROVOST_SOAK=1: 50 times PV_ROUNDS rounds."""
from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

from cluster import ENVIRONMENT, Cluster

import provost

ROUNDS = 50 * int(os.environ.get("PV_ROUNDS", "1")) if os.environ.get("PROVOST_SOAK") else 3
SEED = int(os.environ.get("PV_SEED", str(time.time_ns() % 1_000_000)))
TASKS = 20
BROKER = ("--heartbeat-ms", "300", "--lease-ms", "1500", "--grace-ms", "100")

#: A caller that is killed: it submits its tasks by ids of its own, and says each result once it has it.
CALLER = """
import asyncio, sys, provost
async def one(c, id):
    try: r = await c.prove(queue="echo", circuit="any", id=id, witness=id.encode() * 100, timeout=120)
    except provost.ProvostError as e: print(id, "failed", e.code, e, flush=True)
    else: print(id, "right" if r.bytes == id.encode() * 100 else "wrong", flush=True)
async def main():
    async with provost.connect(sys.argv[1], insecure=True, name="caller", reconnect_min=0.05, reconnect_max=0.3, connect_timeout=60) as c:
        await asyncio.gather(*(one(c, id) for id in sys.argv[2:]))
asyncio.run(main())
"""


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Caller:
    """Its answers are read from a file, so that none is lost with the process."""

    def __init__(self, url: str, ids: list[str]) -> None:
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, "-c", CALLER, url, *ids], stdout=self.out, env=ENVIRONMENT)

    async def end(self) -> None:
        await asyncio.to_thread(self.process.wait, 150)

    def answers(self) -> list[list[str]]:
        self.out.seek(0)
        return [line.split(" ", 1) for line in self.out.read().decode().splitlines()]


class Kills(unittest.IsolatedAsyncioTestCase):
    async def test_rounds_of_kill_9(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        print(f"{ROUNDS} rounds, PV_SEED={SEED}", flush=True)
        self.dice = random.Random(SEED)
        self.cluster = Cluster()
        self.addCleanup(self.cluster.end)
        self.cluster.start_broker(*BROKER)
        self.start_prover()
        options = {"reconnect_min": 0.05, "reconnect_max": 0.3, "connect_timeout": 60.0}
        delivered, memory = 0, 0
        async with provost.connect(self.cluster.url, insecure=True, name="steady", **options) as client:  # type: ignore[arg-type]
            for number in range(ROUNDS):
                delivered += await self.round(client, number)
                memory = memory if number != 4 else resident()
            self.assertEqual(client._tasks, {}, "nothing is followed any more")
        self.assertEqual(delivered, ROUNDS * TASKS)
        if memory:
            self.assertLess(resident() - memory, 32 << 20, "memory stays")

    def start_prover(self) -> None:
        self.cluster.start_prover("p1", "--insecure", "--queue", "echo:echo", "--slots", "2")

    async def round(self, client: provost.Client, number: int) -> int:
        ids = [f"{number * TASKS + i + 1:x}".rjust(32, "c") for i in range(TASKS)]
        callers = [Caller(self.cluster.url, ids)]
        mine = [asyncio.create_task(client.prove(
            queue="echo", circuit="any", witness=bytes([i]) * 10_000 * (i + 1), timeout=120)) for i in range(TASKS)]
        await asyncio.sleep(self.dice.random())
        victim = ("broker", "prover", "client")[(self.dice.randrange(3) + number) % 3 if ROUNDS > 3 else number % 3]
        if victim == "broker":
            await asyncio.to_thread(self.cluster.kill, self.cluster.broker)
            await asyncio.to_thread(self.cluster.start_broker, *BROKER)
        elif victim == "prover":
            await asyncio.to_thread(self.cluster.kill, self.cluster.provers["p1"])
            self.start_prover()
        else:
            callers[0].process.kill()
            await callers[0].end()
            had = {id for id, _ in callers[0].answers()}
            callers.append(Caller(self.cluster.url, [id for id in ids if id not in had]))
        found = await asyncio.gather(*mine)
        for caller in callers:
            await caller.end()
        said = sorted(answer for caller in callers for answer in caller.answers())
        for caller in callers:
            caller.out.close()
        self.assertEqual(said, sorted([id, "right"] for id in ids), f"round {number}, victim {victim}")
        self.assertEqual([r.bytes for r in found], [bytes([i]) * 10_000 * (i + 1) for i in range(TASKS)])
        return len(found)


if __name__ == "__main__":
    unittest.main()
