"""What a caller may say, and what is wrong with it: checked before anything is sent."""
from __future__ import annotations

import datetime
import ipaddress
import os
import re
import time
from collections.abc import Sequence
from typing import Literal, NoReturn, Union

from .core import check_timeout
from .error_list import UsageError
from .io.dealer import Keys
from .io.link import LinkOptions
from .keys import Key, keys_of
from .process import random_id
from .version import VERSION
from .wire.codec import is_name
from .wire.wire_lists import Message

Role = Literal["client", "admin", "either"]
#: What happens when a new process of this client's name submits while this one is away: the task stays, is cancelled, or lives on for
#: that long.
OnRestart = Union[Literal["keep", "cancel"], datetime.timedelta]
#: A moment: Unix time in seconds, or a datetime with its time zone; or how long from now on.
Deadline = Union[float, datetime.datetime, datetime.timedelta]

NAME_RULE = "must be 1 to 64 letters, digits, dots, underscores or dashes"
UINT64_MAX = 2**64 - 1


def usage(sentence: str) -> NoReturn:
    raise UsageError(sentence)


def shown(value: object) -> str:
    """A wrong value in a sentence, whatever it is."""
    plain = value is None or isinstance(value, (bool, float, str)) or isinstance(value, int) and value.bit_length() <= 64
    return repr(value)[:100] if plain else f"a {type(value).__name__}"


def flag(value: object, what: str) -> bool:
    """A switch: a string from a settings file would be true whatever it says."""
    return value if isinstance(value, bool) else usage(f"{what}: True or False")


def listed(value: object) -> list[object] | None:
    """A list of things, and no text, no bytes; None for what is none."""
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))
    return list(value) if is_list else None  # type: ignore[call-overload]


def path_of(value: object, what: str) -> str:
    """The path that an os.PathLike stands for."""
    try:
        return os.fsdecode(os.fspath(value))  # type: ignore[call-overload]
    except TypeError as e:
        raise UsageError(f"{what}: no path: {e}") from e


# --- connect ---


def is_local(endpoint: str) -> bool:
    """True for an address that stays on this machine."""
    if endpoint.startswith("ipc://"):
        return True
    host = endpoint.removeprefix("tcp://").rpartition(":")[0]
    try:
        return host in ("localhost", "[::1]") or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _check_endpoint(url: str) -> str:
    tcp = re.fullmatch(r"tcp://(\[[0-9a-fA-F:.%]+\]|[^\s\[\]:/;]+):([0-9]{1,5})", url)
    legal = 1 <= int(tcp[2]) <= 65535 if tcp else re.fullmatch(r"ipc://\S+", url) is not None
    if not legal or len(url) > 255:
        usage(f'url: "{url}" is none of tcp://host:port and ipc://path')
    return url


def endpoints_of(url: str | Sequence[str]) -> tuple[str, ...]:
    given = [url] if isinstance(url, str) else listed(url)
    if given is None or not all(isinstance(u, str) for u in given):
        usage("url: a string, or a list of strings")
    names = [one for u in given for one in re.split(r"[, ]+", str(u)) if one]
    if not 1 <= len(names) <= 16:
        usage("url: 1 to 16 brokers are named")
    return tuple(map(_check_endpoint, names))


def _keys(key: Key | None, server_key: object, insecure: bool, endpoints: Sequence[str]) -> tuple[Keys, ...]:
    flag(insecure, "insecure")
    if key is None and server_key is None:
        if not insecure:
            usage("give key and server_key, or insecure=True for a broker on this machine")
        far = [e for e in endpoints if not is_local(e)]
        if far:
            usage(f"insecure: {far[0]} is not on this machine")
        return ()
    if insecure:
        usage("insecure=True goes without key and server_key")
    if key is None or server_key is None:
        usage("key and server_key belong together")
    servers = list(server_key) if isinstance(server_key, (list, tuple)) else [server_key]
    return keys_of(key, servers, len(endpoints))


def link_options(
    url: str | Sequence[str], key: Key | None, server_key: object, name: str, insecure: bool, role: str, reconnect: object, reconnect_max: object,
    attempt: object,
) -> LinkOptions:
    endpoints = endpoints_of(url)
    if not is_name(name):
        usage(f"name: {shown(name)} is not 1 to 64 letters, digits, dots, underscores or dashes")
    if role not in ("client", "admin", "either"):
        usage(f"role: {shown(role)} is none of client, admin, either")
    first = check_timeout(reconnect, "reconnect_min") or 0.001
    return LinkOptions(
        endpoints=endpoints, keys=_keys(key, server_key, insecure, endpoints), name=name, role="admin" if role == "admin" else "client",
        any_role=role == "either", session=random_id(), software=f"provost-python {VERSION}", reconnect=first,
        reconnect_max=max(first, check_timeout(reconnect_max, "reconnect_max")),
        connect=min(check_timeout(attempt, "attempt_timeout") or 0.001, 3600.0),
    )


# --- a task ---


def check_id(id: object) -> str:
    if not isinstance(id, str) or not re.fullmatch("[0-9a-fA-F]{32}", id):
        usage(f"id: {shown(id)} is not 32 hex digits")
    return id.lower()


def check_name(value: object, what: str) -> str:
    return str(value) if is_name(value) else usage(f"{what}: {NAME_RULE}")


def check_signals(value: object) -> list[str]:
    signals = listed(value)
    if signals is None or not all(isinstance(s, str) and re.fullmatch("[0-9]+", s) for s in signals):
        usage("public_signals: a list of decimal strings, as in public.json")
    return list(map(str, signals))


def whole(value: object, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        usage(f"{what}: must be a whole number from 0 to {most}")
    return value


def deadline_of(value: Deadline) -> float:
    """The moment as Unix time in seconds."""
    if isinstance(value, datetime.timedelta):
        moment = time.time() + value.total_seconds()
    elif isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            usage("deadline: this datetime has no time zone, so it is no moment")
        moment = value.timestamp()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        moment = float(value) if 0 < value < 2**53 else 0.0
    else:
        usage("deadline: Unix time in seconds, a datetime with its time zone, or a timedelta")
    return moment if 0 < moment < 2**53 else usage("deadline: this moment cannot be said")


def _on_restart(fields: Message, value: object) -> None:
    if isinstance(value, datetime.timedelta):
        fields["on_restart"] = "ttl"
        fields["ttl_ms"] = whole(int(value.total_seconds() * 1000), UINT64_MAX, "on_restart")
    elif value == "cancel":
        fields["on_restart"] = "cancel"
    elif value != "keep":
        usage('on_restart: "keep", "cancel" or a timedelta')


def submit_fields(
    queue: str, circuit: str, priority: int | None, group: str | None, on_restart: OnRestart, revive: bool, need_vram: int | None,
    need_ram: int | None,
) -> Message:
    fields: Message = {"queue": check_name(queue, "queue"), "circuit": check_name(circuit, "circuit")}
    if priority is not None:
        fields["priority"] = whole(priority, 9, "priority")
    if group is not None:
        fields["group"] = check_name(group, "group")
    _on_restart(fields, on_restart)
    if flag(revive, "revive"):
        fields["revive"] = True
    if need_vram is not None:
        fields["need_vram"] = whole(need_vram, UINT64_MAX, "need_vram")
    if need_ram is not None:
        fields["need_ram"] = whole(need_ram, UINT64_MAX, "need_ram")
    return fields
