"""Sentences for people."""
from __future__ import annotations

import unicodedata

from ..provost_error import code_of, sentence_of, word_of
from ..wire.wire_lists import LIMITS, Message

BUSY = code_of("busy")
BAD_STATE = code_of("bad-state")
BAD_MESSAGE = code_of("bad-message")
UNAUTHORIZED = code_of("unauthorized")
UNREACHABLE = code_of("unreachable")
STALE_BROKER = code_of("stale-broker")
STANDBY = code_of("standby")
TOO_LARGE = code_of("too-large")
BAD_VERSION = code_of("bad-version")
HASH_MISMATCH = code_of("hash-mismatch")
INTERNAL = code_of("internal")
USAGE = code_of("usage")
IO = code_of("io")
NO_MEMORY = code_of("no-memory")

#: What the first release says where today's list says more.
_FORMER = {
    "unauthorized": "not authorised", "bad-state": "not allowed in this state", "busy": "a limit is reached, try later",
    "conflict": "the id exists with another input", "timeout": "time is over",
}
_MEANING = {
    ("FETCH", "bad-state"): "not finished yet: wait for it",
    ("KICK", "bad-state"): "only a dead, cancelled, expired or delayed task is kicked",
    ("SUBMIT", "expired"): "the deadline passed before it was queued",
    ("PROVER", "not-found"): "the broker knows no such prover",
    ("PROVER", "conflict"): "several keys have a prover of this name: say which by principal",
}
for _asked in ("FETCH", "KICK", "SHOW", "ATTACH", "CANCEL"):
    _MEANING[_asked, "not-found"] = "the broker has no such task"
    _MEANING[_asked, "conflict"] = "tasks of several keys have this id: ask with the key that submitted it"


def _escaped(c: str) -> str:
    if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return c
    pair = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[i]:02x}{pair[i + 1]:02x}" for i in range(0, len(pair), 2))


def visible(text: str) -> str:
    """Safe to show: controls, bidirectional and invisible characters of a peer's text are escaped as JSON does it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _better(word: str, error: Message, asked: str, queue: str | None) -> str:
    said = error.get("text", "")
    if said and said not in (sentence_of(word), _FORMER.get(word)):
        return said
    if word == "busy":
        return LIMITS.get(error.get("which", ""), "a limit of the broker is reached; try later")
    if (asked, word) in _MEANING:
        return _MEANING[asked, word]
    if queue and word == "unknown-queue":
        return f'this broker has no queue "{queue}"'
    if queue and word == "unauthorized":
        return f'this key may not submit to queue "{queue}"'
    return sentence_of(word)


def refusal(error: Message, asked: str, queue: str | None = None) -> str:
    """The sentence for a refusal: the peer's own, or a plainer one; the limit that was reached stands behind it in brackets."""
    sentence = _better(word_of(error["status"]), error, asked, queue)
    limit = f" ({error['which']})" if "which" in error else ""
    return visible(sentence if limit in sentence else sentence + limit)


def size_text(size: int) -> str:
    """A size for people: "64 KiB", "5.2 MiB"."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    scaled: float = size
    while scaled >= 1024 and len(units) > 1:
        scaled /= 1024
        units.pop(0)
    return f"{scaled:.0f} {units[0]}" if scaled == int(scaled) else f"{scaled:.1f} {units[0]}"
