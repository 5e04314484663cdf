"""The times at which something is due: one heap for the connection's thread."""
from __future__ import annotations

import heapq
import itertools
import math
from typing import Protocol

NEVER = math.inf


class Timed(Protocol):
    def on_time(self, now: float) -> None:
        """It is due."""


class Timers:
    """At most one time for each. What was set before and does not count any more stays in the heap until it is at its top, or until
    more than half of the heap is such: so a task that is over does not stay in memory for its last time-out."""

    def __init__(self) -> None:
        self._due: dict[Timed, float] = {}
        self._heap: list[tuple[float, int, Timed]] = []
        self._turn = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, who: Timed, at: float) -> None:
        """It is due at `at`, and no more at the time before; NEVER takes it back."""
        if at == NEVER:
            self._due.pop(who, None)
        elif self._due.get(who) != at:
            self._due[who] = at
            heapq.heappush(self._heap, (at, next(self._turn), who))
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, next(self._turn), one) for one, due in self._due.items()]
            heapq.heapify(self._heap)

    def next(self) -> float:
        """The earliest time."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER

    def run(self, now: float) -> None:
        """Calls what is due. What sets itself to a time that has passed comes in the next run."""
        due = []
        while self.next() <= now:
            at, _, who = heapq.heappop(self._heap)
            del self._due[who]
            due.append(who)
        for who in due:
            who.on_time(now)
