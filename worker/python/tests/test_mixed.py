"""The clients in C, TypeScript and Python on one queue, while the broker is killed: each gets its own results, and one id is one task to all."""
from __future__ import annotations

import asyncio
import pathlib
import subprocess
import unittest

from cluster import ENVIRONMENT, Cluster
from places import BUILD, ROOT

import provost

TASKS = 15
SHARED = "5a" * 16
QUEUE = "echo"
COMMAND = BUILD / "worker/cli/provost"


def typescript() -> pathlib.Path | None:
    """The folder of the built package; None where npm cannot be reached."""
    made = subprocess.run(["bash", ROOT / "worker/typescript/build_typescript.sh"], stdout=subprocess.PIPE, timeout=600)
    if made.returncode == 77:
        return None
    made.check_returncode()
    return pathlib.Path(made.stdout.decode().strip())


class Mixed(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.package = await asyncio.to_thread(typescript)
        self.cluster = Cluster()
        self.addCleanup(self.cluster.end)
        self.start_broker()
        for name in ("p1", "p2"):
            self.cluster.start_prover(name, "--insecure", "--queue", f"{QUEUE}:echo", "--slots", "2")

    def start_broker(self) -> None:
        self.cluster.start_broker("--heartbeat-ms", "300", "--lease-ms", "1500", "--grace-ms", "100")

    def ids(self, digit: str) -> list[str]:
        return [f"{i:x}".rjust(32, digit) for i in range(1, TASKS + 1)]

    async def run_program(self, *arguments: str | pathlib.Path, cwd: pathlib.Path | None = None) -> str:
        made = await asyncio.create_subprocess_exec(
            *arguments, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        out, _ = await asyncio.wait_for(made.communicate(), 120)
        return f"{out.decode()}exit {made.returncode}"

    async def in_c(self, id: str, text: str) -> str:
        """`provost task submit` and `task wait`: the outcome."""
        file, out = self.cluster.folder / f"{id}.in", self.cluster.folder / f"{id}.out"
        file.write_text(text)
        broker = ("--broker", self.cluster.url, "--insecure", "--timeout", "60s")
        said = await self.run_program(COMMAND, "task", "submit", *broker, "--name", "c", "-q", QUEUE, "-c", "any", "--id", id, file)
        if not said.endswith("exit 0"):
            return said
        said = await self.run_program(COMMAND, "task", "wait", *broker, "--name", "c", id, out)
        return "right" if said.endswith("exit 0") and out.read_text() == text else said

    async def all_in_c(self) -> None:
        for id in self.ids("c"):
            self.assertEqual(await self.in_c(id, f"{id} of c"), "right", id)
        self.assertEqual(await self.in_c(SHARED, "shared"), "right")
        self.assertIn("another input", await self.in_c(SHARED, "another input"))

    async def all_in_typescript(self, package: pathlib.Path) -> None:
        script = package / "mixed.mjs"
        script.write_text((ROOT / "worker/python/tests/mixed.mjs").read_text())
        node = package.parent / "node20" / "bin" / "node"
        said = await self.run_program(node if node.exists() else "node", script, self.cluster.url, QUEUE, SHARED, *self.ids("d"), cwd=package)
        lines = said.splitlines()
        self.assertEqual(sorted(lines[:TASKS]), [f"{id} right" for id in sorted(self.ids("d"))], said)
        self.assertEqual(lines[TASKS], f"{SHARED} right", said)
        self.assertIn("conflict", lines[TASKS + 1])
        self.assertEqual(lines[TASKS + 2:], ["exit 0"])

    async def all_in_python(self) -> None:
        options = {"reconnect_min": 0.05, "reconnect_max": 0.3, "connect_timeout": 60.0}
        async with provost.connect(self.cluster.url, insecure=True, name="python", **options) as client:  # type: ignore[arg-type]
            witnesses = {id: f"{id} of python".encode() for id in self.ids("e")}
            found = await asyncio.gather(*(client.prove(
                queue=QUEUE, circuit="any", id=id, witness=witness, timeout=60) for id, witness in witnesses.items()))
            self.assertEqual([r.bytes for r in found], list(witnesses.values()))
            result = await client.prove(queue=QUEUE, circuit="any", id=SHARED, witness=b"shared", timeout=60)
            self.assertEqual(result.bytes, b"shared")
            with self.assertRaises(provost.ConflictError):
                await client.prove(queue=QUEUE, circuit="any", id=SHARED, witness=b"another input")

    async def kill(self) -> None:
        await asyncio.sleep(0.4)
        await asyncio.to_thread(self.cluster.kill, self.cluster.broker)
        await asyncio.to_thread(self.start_broker)

    async def test_three_clients_on_one_queue(self) -> None:
        print("with TypeScript" if self.package else "without TypeScript: npm cannot be reached", flush=True)
        drills = [self.all_in_c(), self.all_in_python(), self.kill()]
        if self.package:
            drills.append(self.all_in_typescript(self.package))
        await asyncio.gather(*drills)
        async with provost.connect(self.cluster.url, insecure=True) as client:
            info = await client.show(SHARED)
        self.assertEqual((info.state, info.generation), ("succeeded", 1), "one task, whoever asked")


if __name__ == "__main__":
    unittest.main()
