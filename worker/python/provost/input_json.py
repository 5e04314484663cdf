"""The circuit's input signals as a task's input: what the fleet computes the witness of."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from .options import usage
from .witness import Witness
from .wire.wire_lists import Message

#: A signal's value: whole numbers, also as text ("0x..." too), and lists of them.
Signal = Union[int, str, Sequence["Signal"]]
#: input.json: the signals by name, as for snarkjs's fullProve; or its bytes, the path of its file, a Stream.
InputJson = Union[Mapping[str, Signal], Witness]

#: The word of the wire for it.
KIND = "input.json"


#: traceparent, as wire/trace.h has it: any version but ff; trace and parent are not all zeros.
_TRACE = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Given:
    """What is submitted, when it is more than a witness."""

    source: Witness
    is_json: bool
    traceparent: str | None

    def say(self, fields: Message) -> None:
        """Of SUBMIT, besides the options."""
        if self.is_json:
            fields["input_kind"] = KIND
        if self.traceparent is not None:
            fields["traceparent"] = self.traceparent


def _text(value: object, name: str) -> object:
    """Numbers as text: JSON's own lose their last digits above 2^53 where JavaScript reads them."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_text(one, name) for one in value]
    usage(f"input_json: {name}: a whole number, text, or a list of them")


def given(witness: Witness | None, input_json: InputJson | None, traceparent: str | None) -> Witness | Given:
    """The one of the two that is there, and the trace."""
    if traceparent is not None and not (isinstance(traceparent, str) and _TRACE.fullmatch(traceparent)):
        usage("traceparent: not as W3C Trace Context has it, such as 00-<32 hex digits>-<16>-01")
    if input_json is None:
        if witness is None:
            usage("witness: give one, or input_json")
        return witness if traceparent is None else Given(witness, False, traceparent)
    if witness is not None:
        usage("give a witness or input_json, and not both")
    if not isinstance(input_json, Mapping):
        return Given(input_json, True, traceparent)
    names = [name for name in input_json if not isinstance(name, str)]
    if names:
        usage("input_json: the names of signals are strings")
    return Given(json.dumps({name: _text(value, name) for name, value in input_json.items()}).encode(), True, traceparent)
