"""The base of every error of this package."""
from __future__ import annotations

from .status_list import STATUSES

_BY_WORD = {s.word: s for s in STATUSES}
_BY_CODE = {s.code: s.word for s in STATUSES}


class ProvostError(Exception):
    """Each outcome has a class of its own; see `error_list`.

    code        the word of the outcome: "busy", "not-found", ...
    task_id     the task that it is about, as 32 hex digits, or None
    """

    code: str = "internal"

    def __init__(self, message: str = "", *, task_id: str | None = None) -> None:
        super().__init__(message or sentence_of(self.code))
        self.task_id = task_id

    @property
    def retryable(self) -> bool:
        """True when the same call may succeed later, with nothing changed by the caller."""
        return _BY_WORD[self.code].retryable

    def __str__(self) -> str:
        return str(self.args[0])


def word_of(code: int) -> str:
    """The word of a wire code; a code that is not listed (a newer peer's) is "internal"."""
    return _BY_CODE.get(code, "internal")


def code_of(word: str) -> int:
    """The wire code of an outcome."""
    return _BY_WORD[word].code


def sentence_of(word: str) -> str:
    """The sentence of an outcome."""
    return _BY_WORD[word].text
