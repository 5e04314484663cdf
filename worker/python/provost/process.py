"""Which process this is, and random ids. Both without a call of the system each time: they are asked for several times a task."""
from __future__ import annotations

import os

#: How many forks lie between this process and the one that loaded the package.
_forks = 0
_random = b""
_BUFFER = 4096
_ID = 16


def _forked() -> None:
    global _forks, _random
    _forks += 1
    _random = b""  # the parent uses what is left of it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def incarnation() -> int:
    """Another number in each child of a fork."""
    return _forks


def random_id() -> str:
    """16 random bytes as hex. For one thread at a time."""
    global _random
    if len(_random) < _ID:
        _random = os.urandom(_BUFFER)
    made, _random = _random[:_ID], _random[_ID:]
    return made.hex()
