"""The circuit's input signals as a task's input: what the fleet computes the witness of."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from .options import listed, usage
from .witness import Stream, Witness
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


#: Lists in lists, at most: one that is in itself has no end. Bits of a number, at most: Python writes no longer ones as text.
DEPTH_MOST = 64
BITS_MOST = 4096


def _text(value: object, name: str, depth: int = 0) -> object:
    """Numbers as text: JSON's own lose their last digits above 2^53 where JavaScript reads them."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and value.bit_length() <= BITS_MOST:
        return str(int(value))
    if depth > DEPTH_MOST:
        usage(f"input_json: {name}: lists in more than {DEPTH_MOST} lists")
    values = listed(value)
    if values is not None:
        return [_text(one, name, depth + 1) for one in values]
    usage(f"input_json: {name}: a whole number, text, or a list of them")


def _is_source(value: object) -> bool:
    if isinstance(value, (str, os.PathLike, Stream)):
        return True
    try:
        memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    except (ValueError, BufferError):
        pass  # memory that is not there any more: what reads it says so
    return True


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
        if not _is_source(input_json):
            usage("input_json: a mapping of signals, bytes, the path of a file, or a Stream")
        return Given(input_json, True, traceparent)
    names = [name for name in input_json if not isinstance(name, str)]
    if names:
        usage("input_json: the names of signals are strings")
    return Given(json.dumps({name: _text(value, name) for name, value in input_json.items()}).encode(), True, traceparent)
