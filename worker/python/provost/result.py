"""What a task gave."""
from __future__ import annotations

import json
from typing import Any, Literal

from .error_list import BadProofError
from .io.tidings import End

Checked = Literal["nothing", "publics", "proof", "statement"]


def _parse(data: bytes) -> tuple[dict[str, Any], list[str]] | None:
    if data[:1] != b"{":
        return None
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        return None
    proof, public = read.get("proof"), read.get("public")
    whole = isinstance(proof, dict) and isinstance(public, list) and all(isinstance(s, str) for s in public)
    return (proof, public) if whole else None


class Result:
    """The result of a task that succeeded.

    bytes        what the prover answered; for Groth16 the JSON {"proof": ..., "public": [...]}
    task_id      32 hex digits
    prover       the name of the prover
    measured_ms  how long it computed
    generation   counts the revivals of the task
    checked      what was checked here: "nothing"; "publics": the public signals are those of the witness, or those that were expected; "proof": it is
                 right for the signals that came with it, but perhaps of another input; "statement": both
    """

    def __init__(self, task_id: str, end: End) -> None:
        self.bytes = end.data
        self.task_id = task_id
        self.prover = end.prover
        self.measured_ms = end.measured_ms
        self.generation = end.generation
        self.checked: Checked = "nothing"
        self._parsed: tuple[dict[str, Any], list[str]] | None = None
        self._looked = False

    @property
    def is_proof(self) -> bool:
        """True when it is a Groth16 proof with its public signals."""
        if not self._looked:
            self._parsed, self._looked = _parse(self.bytes), True
        return self._parsed is not None

    def _whole(self) -> tuple[dict[str, Any], list[str]]:
        if not self.is_proof or self._parsed is None:
            raise BadProofError("the result is no Groth16 proof: look at its bytes", task_id=self.task_id)
        return self._parsed

    @property
    def proof(self) -> dict[str, Any]:
        """The proof, as snarkjs takes it. Raises BadProofError when the result is none."""
        return self._whole()[0]

    @property
    def public_signals(self) -> list[str]:
        """The public signals, as snarkjs takes them. Raises BadProofError when the result is no proof."""
        return self._whole()[1]

    def __repr__(self) -> str:
        return f"<provost.Result of task {self.task_id}, {len(self.bytes)} bytes, checked: {self.checked}>"
