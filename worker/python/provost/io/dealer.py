"""One attempt to connect to one broker: a DEALER, its monitor, and the protocol's messages over it.

A dealer never dials twice: libzmq's own reconnect is off. What was queued for one connection is then never sent on another, and a
CURVE client that was refused can try again (libzmq's reconnect gives up for good).
"""
from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import zmq

from ..wire.codec import FRAME_MAX, Frame, Malformed, Message, decode, encode


class Keys(NamedTuple):
    """The keys of one connection, as 40 characters of Z85."""

    public: bytes
    secret: bytes
    server: bytes


SEND_MOST = 64
QUEUE_MOST = 8
REPLIES_MOST = 64
RECEIVE_MOST = 256
_EVENTS = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "key-refused",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "other-mechanism",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "no-handshake",
    zmq.EVENT_DISCONNECTED: "gone",
    zmq.EVENT_CLOSED: "gone",
}
_WATCHED = zmq.EVENT_MONITOR_STOPPED
for _event in _EVENTS:
    _WATCHED |= _event
_numbers = itertools.count()
#: As numbers, and past the face of zmq.Socket that looks at each argument: a message of three frames costs 1.2 us so, 2 by zmq.Socket.send, 11
#: by send_multipart with the enum.
_RCVMORE = int(zmq.RCVMORE)
_LAST = int(zmq.NOBLOCK)
_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)


def _socket(context: zmq.Context[zmq.Socket[bytes]], connect_ms: int, keys: Keys | None) -> zmq.Socket[bytes]:
    made = context.socket(zmq.DEALER)
    for option, value in (
        (zmq.LINGER, 0), (zmq.RECONNECT_IVL, -1), (zmq.SNDHWM, SEND_MOST), (zmq.RCVHWM, RECEIVE_MOST), (zmq.IPV6, 1),
        (zmq.TCP_KEEPALIVE, 1), (zmq.CONNECT_TIMEOUT, connect_ms), (zmq.HANDSHAKE_IVL, connect_ms), (zmq.MAXMSGSIZE, FRAME_MAX),
    ):
        made.setsockopt(option, value)
    if keys:
        made.curve_serverkey, made.curve_publickey, made.curve_secretkey = keys.server, keys.public, keys.secret
    return made


class Dealer:
    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, connect_ms: int, keys: Keys | None) -> None:
        """Starts to connect. Raises zmq.ZMQError: not an endpoint, or this process may open no more files."""
        self._queue: deque[list[Frame]] = deque()
        self.left = 0  # messages that waited and have left: while it grows the broker reads
        self.socket = _socket(context, connect_ms, keys)
        self._plain: Any = super(zmq.Socket, self.socket)
        self.monitor = context.socket(zmq.PAIR)
        try:
            address = f"inproc://provost-monitor-{next(_numbers)}"
            self.socket.monitor(address, _WATCHED)
            self.monitor.connect(address)
            self.socket.connect(endpoint)
        except Exception:
            self.close()
            raise

    @property
    def room(self) -> bool:
        """True while more payload may be handed over: control messages are taken always, chunks only with room."""
        return len(self._queue) < QUEUE_MOST

    @property
    def blocked(self) -> bool:
        """True while messages wait for the socket to be writable; flush() then."""
        return bool(self._queue)

    def send(self, message: Message) -> None:
        """Sends, in order. Raises Malformed when it is not a legal message."""
        frames = encode("up", message)
        if self._queue or not self._try(frames):
            self._queue.append(frames)

    def reply(self, message: Message) -> None:
        """Sends what the broker asks for again if it does not hear it: not while much waits already, for a broker that asks and never reads."""
        if len(self._queue) < REPLIES_MOST:
            self.send(message)

    def _try(self, frames: list[Frame]) -> bool:
        send = self._plain.send
        try:
            send(frames[0], _MORE)
        except zmq.Again:
            return False
        for frame in frames[1:-1]:  # all of a message goes, or nothing
            send(frame, _MORE)
        send(frames[-1], _LAST)
        return True

    def flush(self) -> bool:
        """Sends what waits; True when something of it was sent."""
        before = self.left
        while self._queue and self._try(self._queue[0]):
            self._queue.popleft()
            self.left += 1
        return self.left > before

    def received(self) -> Iterator[Message | None]:
        """What has come, at most RECEIVE_MOST messages. None for what is no message of the protocol: a peer ignores it, but it is a
        sign of life."""
        recv, get = self._plain.recv, self._plain.get
        for _ in range(RECEIVE_MOST):
            try:
                frames = [recv(_LAST)]
            except zmq.Again:
                return
            while get(_RCVMORE):
                frames.append(recv(_LAST))
            try:
                message: Message | None = decode("down", frames)
            except Malformed:
                message = None
            yield message

    def event(self) -> str | None:
        """What became of the connection: key-refused, other-mechanism, no-handshake, gone; None while it stands."""
        while not self.monitor.closed:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return None
            what = _EVENTS.get(struct.unpack("=H", frames[0][:2])[0])
            if what:
                return what
        return None

    def close(self, linger_ms: int = 0) -> None:
        """Closes it; what was sent has `linger_ms` to leave."""
        if not self.socket.closed:
            try:
                self.socket.disable_monitor()
            except zmq.ZMQError:
                pass
            if linger_ms:
                self.flush()
            self.socket.close(linger_ms)
        self.monitor.close(0)
