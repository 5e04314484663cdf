"""CURVE keys, from files of czmq's zcert format or as strings."""
from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from typing import NamedTuple, Union

import zmq

from .error_list import BadKeyFileError, UsageError
from .io.dealer import Keys
from .io.source import OPEN_FLAGS


class KeyPair(NamedTuple):
    """A key pair of one's own, each key as 40 characters of Z85."""

    public_key: str
    secret_key: str


#: A key: the path of its file, 40 characters of Z85, or a pair.
Key = Union[str, "os.PathLike[str]", KeyPair]

FILE_MAX = 16 * 1024
_Z85 = re.compile(r"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}")


def is_key(text: object) -> bool:
    """True for 40 characters of Z85."""
    return isinstance(text, str) and _Z85.fullmatch(text) is not None


def _read(path: str, secret: bool) -> str:
    try:
        fd = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError) as e:
        raise BadKeyFileError(f"{path}: the key file cannot be read: {getattr(e, 'strerror', None) or e}") from e
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_MAX:
            raise BadKeyFileError(f"{path}: no usable key in it")
        if secret and os.name == "posix" and found.st_mode & 0o077:
            raise BadKeyFileError(f"{path}: others can read this secret key, so it is not used (chmod 600)")
        return os.read(fd, FILE_MAX).decode("utf-8", "replace")
    finally:
        os.close(fd)


def _key_of(text: str, name: str, path: str) -> str:
    """The value of `name = "value"` on a line of its own."""
    found = re.search(rf"^[ \t]*{name}[ \t]*=[ \t]*([\"'])(.*?)\1", text, re.MULTILINE)
    if found is None or not is_key(found[2]):
        raise BadKeyFileError(f"{path}: no usable key in it")
    return found[2]


def _is_itself(text: str) -> bool:
    """A string that is a key, and not the name of a file that is there."""
    return is_key(text) and not os.path.exists(text)


def _own(key: Key) -> tuple[str, str]:
    if isinstance(key, tuple):
        if len(key) != 2 or not all(map(is_key, key)):
            raise UsageError("key: each of the pair is 40 characters of Z85")
        return key[0], key[1]
    path = os.fspath(key)
    if not isinstance(path, str) or not path:
        raise UsageError("key: the path of a file, 40 characters of Z85, or a KeyPair")
    if _is_itself(path):
        return zmq.curve_public(path.encode()).decode(), path
    if os.path.exists(f"{path}_secret"):  # czmq writes a pair into two files
        path += "_secret"
    text = _read(path, secret=True)
    return _key_of(text, "public-key", path), _key_of(text, "secret-key", path)


def _server(item: object) -> str:
    path = str(os.fspath(item))  # type: ignore[call-overload]
    return path if _is_itself(path) else _key_of(_read(path, secret=False), "public-key", path)


def keys_of(key: Key, server_keys: Sequence[object], endpoints: int) -> tuple[Keys, ...]:
    """The keys of each endpoint: one for all, or one for each. Raises BadKeyFileError, UsageError."""
    if len(server_keys) not in (1, endpoints):
        raise UsageError(f"server_key: {len(server_keys)} keys for {endpoints} urls; give one for all or one for each")
    try:
        public, secret = _own(key)
        return tuple(Keys(public.encode(), secret.encode(), _server(item).encode()) for item in server_keys)
    except TypeError as e:
        raise UsageError(f"key, server_key: paths or 40 characters of Z85 ({e})") from e
