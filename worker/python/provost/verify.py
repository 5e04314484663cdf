"""Verification by libprovost, through ctypes, where it is installed."""
from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
from collections.abc import Mapping
from typing import Any, Union

from .error_list import BadProofError, BadVkeyError, NoMemoryError, UsageError, error_of
from .io.source import OPEN_FLAGS
from .options import path_of
from .provost_error import ProvostError, word_of

#: snarkjs's verification key, or the path of its file.
VerificationKey = Union[Mapping[str, Any], str, "os.PathLike[str]"]

_TEXT_BYTES = 513
_NAME_BYTES = 65
KEY_MOST = 64 << 20


class _PvResult(ctypes.Structure):
    """struct pv_result of provost.h."""

    _fields_ = [
        ("id", ctypes.c_uint8 * 16), ("status", ctypes.c_int), ("state", ctypes.c_int), ("generation", ctypes.c_uint32),
        ("measured_ms", ctypes.c_uint64), ("verified", ctypes.c_bool), ("prover", ctypes.c_char * _NAME_BYTES),
        ("text", ctypes.c_char * _TEXT_BYTES), ("checked", ctypes.c_uint8), ("bytes", ctypes.c_void_p), ("bytes_n", ctypes.c_size_t),
    ]


_library: ctypes.CDLL | None = None


def library() -> ctypes.CDLL:
    """libprovost: the one that PROVOST_LIBRARY names, or the installed one. Raises UsageError where there is none."""
    global _library
    if _library is None:
        _library = _load(os.environ.get("PROVOST_LIBRARY") or ctypes.util.find_library("provost"))
    return _library


def _load(path: str | None) -> ctypes.CDLL:
    if not path:
        raise UsageError("verification_key: a proof is verified by libprovost, which is not installed; install it, or name it in PROVOST_LIBRARY")
    try:
        found = ctypes.CDLL(path)
        for function in (found.pv_vkey_of_json, found.pv_vkey_for_publics, found.pv_verify):
            function.restype = ctypes.c_int
        found.pv_vkey_free.restype = None
    except (OSError, AttributeError) as e:
        raise UsageError(f"verification_key: {path} is no usable libprovost: {e}") from e
    return found


def _check(status: int, why: Any, otherwise: type[ProvostError], task_id: str | None = None) -> None:
    if status == 0:
        return
    word, text = word_of(status), why.value.decode("utf-8", "replace")
    if word == "no-memory":
        raise NoMemoryError(text, task_id=task_id)
    raise error_of(word, text, task_id) if word in ("bad-proof", "bad-vkey") else otherwise(text or word, task_id=task_id)


class Key:
    """A verification key that libprovost has read. It does not change, so threads may share it.

    publics   how many public signals it checks
    """

    def __init__(self, json_bytes: bytes) -> None:
        self._library = library()
        self._key = ctypes.c_void_p()
        why = ctypes.create_string_buffer(_TEXT_BYTES)
        _check(self._library.pv_vkey_of_json(ctypes.byref(self._key), json_bytes, ctypes.c_size_t(len(json_bytes)), why), why, BadVkeyError)
        self.publics = len(json.loads(json_bytes)["IC"]) - 1

    def __del__(self) -> None:
        if getattr(self, "_key", None):
            self._library.pv_vkey_free(ctypes.byref(self._key))

    def verify(self, data: bytes, signals: list[str], task_id: str) -> None:
        """Verifies the proof in a result's bytes, for exactly these public signals. Raises BadProofError."""
        why = ctypes.create_string_buffer(_TEXT_BYTES)
        bound = ctypes.c_void_p()
        publics = json.dumps(signals).encode()
        status = self._library.pv_vkey_for_publics(ctypes.byref(bound), self._key, publics, ctypes.c_size_t(len(publics)), why)
        _check(status, why, BadProofError, task_id)
        try:
            result = _PvResult(bytes=ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), bytes_n=len(data))
            _check(self._library.pv_verify(bound, ctypes.byref(result), why), why, BadProofError, task_id)
        finally:
            self._library.pv_vkey_free(ctypes.byref(bound))


def load_key(key: VerificationKey) -> Key:
    """Takes snarkjs's verification key, or reads it from a file. Raises BadVkeyError, UsageError."""
    if isinstance(key, Mapping):
        try:
            return Key(json.dumps(dict(key)).encode())
        except (TypeError, ValueError, RecursionError) as e:
            raise BadVkeyError(f"the verification key is no JSON: {e}") from e
    if not isinstance(key, (str, os.PathLike)):
        raise UsageError("verification_key: snarkjs's key, or the path of its file")
    path = path_of(key, "verification_key")
    try:
        with open(os.open(path, OPEN_FLAGS), "rb") as file:
            return Key(file.read(KEY_MOST) or b"")
    except (OSError, ValueError) as e:
        raise BadVkeyError(f"{path}: the verification key cannot be read: {getattr(e, 'strerror', None) or e}") from e
