"""input_json: the witness computed by the fleet from the circuit's signals."""
from __future__ import annotations

import asyncio
import json
import os
import shutil
import unittest
from typing import Any

from cluster import Cluster
from link_case import LinkCase
from places import BUILD, DATA

import provost
import provost.blocking

LIBRARY = BUILD / "worker" / "libprovost.so"
HIDDEN: dict[str, Any] = {"queue": "outer", "circuit": "hidden", "timeout": 60.0}
SIGNALS: dict[str, Any] = {"a": "6", "b": 35, "c": 14, "d": "0xf"}


class OldBroker(LinkCase):
    async def test_a_broker_that_does_not_name_the_kind_is_told_nothing(self) -> None:
        b = await self.broker()
        c = await self.client(b.url)
        with self.assertRaisesRegex(provost.BadVersionError, "too old to take an input.json"):
            await c.prove(queue="q", circuit="c", input_json=SIGNALS)
        self.assertEqual([m for _, m in b.heard if m["type"] == "SUBMIT"], [])


class Fleet(unittest.IsolatedAsyncioTestCase):
    cluster: Cluster

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster("--insecure", "--queue", "outer")
        cls.addClassCleanup(cls.cluster.end)
        folder = cls.cluster.folder / "circuits" / "hidden"
        folder.mkdir(parents=True)
        shutil.copy(DATA / "hidden" / "circuit.zkey", folder)
        shutil.copy(DATA / "code" / "hidden.wasm", folder / "circuit.wasm")
        cls.cluster.folder.chmod(0o755)  # whoever computes the witness has to get at its program
        cls.cluster.start_broker()
        user = () if os.geteuid() else ("--run-as", "nobody")
        cls.cluster.start_prover("p1", "--insecure", "--queue", "outer", "--circuits", str(folder.parent), "--allow-code", *user)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.client = await provost.connect(self.cluster.url, insecure=True)
        self.addAsyncCleanup(self.client.close)

    async def test_signals_become_a_proof(self) -> None:
        result = await self.client.prove(**HIDDEN, input_json=SIGNALS)
        self.assertEqual(result.public_signals, [])

    async def test_it_is_bound_to_what_is_expected_alone(self) -> None:
        key = str(DATA / "hidden" / "vkey.json")
        os.environ.setdefault("PROVOST_LIBRARY", str(LIBRARY))
        result = await self.client.prove(**HIDDEN, input_json=SIGNALS, verification_key=key)
        self.assertEqual(result.checked, "proof")
        result = await self.client.prove(**HIDDEN, input_json=SIGNALS, verification_key=key, public_signals=[])
        self.assertEqual(result.checked, "statement")
        with self.assertRaises(provost.BadProofError):
            await self.client.prove(**HIDDEN, input_json=SIGNALS, verification_key=key, public_signals=["1"])

    async def test_a_file_and_without_asyncio(self) -> None:
        file = self.cluster.folder / "input.json"
        file.write_text(json.dumps({"a": "6", "b": "35", "c": "14", "d": "15"}))

        def prove() -> provost.Result:
            with provost.blocking.connect(self.cluster.url, insecure=True) as client:
                return client.prove(**HIDDEN, input_json=file)

        self.assertEqual((await asyncio.to_thread(prove)).public_signals, [])

    async def test_what_the_circuit_refuses_is_invalid_input_with_its_line(self) -> None:
        with self.assertRaisesRegex(provost.InvalidInputError, "Assert Failed. Error in template Hidden_0 line: 10"):
            await self.client.prove(**HIDDEN, input_json={**SIGNALS, "d": 16})

    async def test_the_same_id_with_a_witness_is_a_conflict(self) -> None:
        data = b'{"a": "6", "b": "35", "c": "14", "d": "15"}'
        result = await self.client.prove(**HIDDEN, input_json=data)
        with self.assertRaises(provost.ConflictError):
            await self.client.prove(**HIDDEN, id=result.task_id, witness=data)

    async def test_a_trace_comes_back_in_events(self) -> None:
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        result = await self.client.prove(**HIDDEN, input_json=SIGNALS, traceparent=trace)
        async for event in self.client.events(after=0):
            if event.get("task") == result.task_id:
                self.assertEqual(event["traceparent"], trace)
                break
        for wrong in ("", "00", trace.upper(), "ff" + trace[2:], trace.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), trace + "0", 7):
            with self.subTest(wrong), self.assertRaises(provost.UsageError):
                await self.client.prove(**HIDDEN, input_json=SIGNALS, traceparent=wrong)  # type: ignore[arg-type]

    async def test_wrong_use_is_said_before_anything_is_sent(self) -> None:
        wrong: list[dict[str, Any]] = [{}, {"input_json": SIGNALS, "witness": b"x"}, {"input_json": {"a": 0.5}}, {"input_json": {1: 2}}, {"input_json": [1]}]
        for given in wrong:
            with self.subTest(given), self.assertRaises(provost.UsageError):
                await self.client.prove(**HIDDEN, **given)
