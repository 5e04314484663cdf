"""For the users' own CI: a client without a broker. Its proofs have "fake": True in themselves, and no verifier accepts them."""
from __future__ import annotations

from collections.abc import Mapping

from .client import Connecting, connect
from .mock_bridge import FAKE_PROOF

__all__ = ["FAKE_PROOF", "is_fake", "mock_client"]


def is_fake(proof: Mapping[str, object]) -> bool:
    """True for a proof of the mock."""
    return isinstance(proof, Mapping) and proof.get("fake") is True


def mock_client() -> Connecting:
    """A client that answers in a millisecond with proofs that are marked as fake: connect("mock:", allow_mock=True)."""
    return connect("mock:", allow_mock=True)
