"""CURVE with a real broker: the right key, a wrong one, one that is revoked and comes back."""
from __future__ import annotations

import asyncio
import unittest
from typing import Any

from cluster import Cluster
from fake_broker import poll

import provost

ECHO: dict[str, Any] = {"queue": "echo", "circuit": "any", "witness": b"secret"}


class Keys(unittest.IsolatedAsyncioTestCase):
    cluster: Cluster
    keys: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)
        cls.keys = {name: cls.cluster.make_key(name) for name in ("broker", "client", "admin", "prover", "stranger")}
        cls.cluster.options = ("--queue", "echo", "--key", cls.file("broker"), "--authorized-keys", cls.cluster.authorize(cls.all()))
        cls.cluster.start_broker("--heartbeat-ms", "500", "--lease-ms", "2000")
        cls.cluster.start_prover("p1", "--key", cls.file("prover"), "--server-key", cls.file("broker.pub"), "--queue", "echo:echo")

    @classmethod
    def file(cls, name: str) -> str:
        return str(cls.cluster.folder / name)

    @classmethod
    def all(cls) -> list[tuple[str, str, str]]:
        return [(f"of-{who}", cls.keys[who], who) for who in ("client", "admin", "prover")]

    def options(self, **more: Any) -> dict[str, Any]:
        options = {"url": self.cluster.url, "key": self.file("client"), "server_key": self.file("broker.pub")}
        return {**options, "reconnect_min": 0.05, "reconnect_max": 0.2, **more}

    async def test_with_keys_a_task_goes_through_and_the_broker_knows_whose_it_is(self) -> None:
        async with provost.connect(**self.options()) as client:
            self.assertEqual(client.connection.principal, "of-client")
            self.assertEqual((await client.prove(**ECHO)).bytes, b"secret")
            with self.assertRaises(provost.UnauthorizedError):
                await client.pause("echo")
        either = self.options(key=self.file("admin"), role="either", server_key=self.keys["broker"])
        async with provost.connect(**either) as admin:
            await admin.pause("echo")
            await admin.resume("echo")

    async def test_a_strangers_key_another_brokers_key_and_no_key_are_told_from_an_absent_broker(self) -> None:
        wrong: list[tuple[dict[str, Any], str]] = [
            (self.options(key=self.file("stranger")), "refuses this key"), (self.options(server_key=self.keys["stranger"]), "is the broker key right"),
            ({"url": self.cluster.url, "insecure": True}, ""),
        ]
        for options, sentence in wrong:
            async with provost.connect(**options, connect_timeout=0) as client:
                await poll("the refusal", 10, lambda: client.connection.code == "unauthorized")
                with self.assertRaisesRegex(provost.UnauthorizedError, sentence):
                    await client.ready(timeout=0)

    async def test_a_key_that_is_revoked_is_told_as_unauthorized_and_tried_again_until_it_may(self) -> None:
        async with provost.connect(**self.options()) as client:
            self.cluster.authorize([row for row in self.all() if row[0] != "of-client"])
            self.cluster.hang_up()
            proved = asyncio.create_task(client.prove(**ECHO))
            await poll("the refusal", 15, lambda: client.connection.code == "unauthorized")
            with self.assertRaises(provost.UnauthorizedError):
                await client.fetch("0" * 32, timeout=0.3)
            self.cluster.authorize(self.all())
            self.cluster.hang_up()
            self.assertEqual((await proved).bytes, b"secret")


if __name__ == "__main__":
    unittest.main()
