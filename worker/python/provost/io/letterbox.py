"""What the connection's thread says to the caller's, until that one takes it."""
from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

#: (key, method of the listener, arguments), in order.
Tidings = Sequence[tuple[int, str, Any]]

#: What says how something is now. Who hears the newest has missed nothing.
STATES = frozenset(("news", "waiting", "link"))


class Letterbox:
    """Of a state only the newest is kept. So what is held is bounded by the tasks that are followed and the questions that are asked, however
    much a broker says and however long the caller's thread is busy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: list[tuple[int, str, Any]] = []
        self._states: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, tidings: Tidings) -> bool:
        """Adds them. True when it was empty: then somebody has to be told to take them."""
        with self._lock:
            before = len(self._letters)
            for letter in tidings:
                self._add(letter)
            return before == 0

    def _add(self, letter: tuple[int, str, Any]) -> None:
        key, method, _ = letter
        if method in STATES:
            at = self._states.setdefault((key, method), len(self._letters))
            if at < len(self._letters):
                self._letters[at] = letter
                return
        self._letters.append(letter)

    def take(self) -> Tidings:
        """Empties it."""
        with self._lock:
            taken, self._letters = self._letters, []
            self._states.clear()
            return taken
