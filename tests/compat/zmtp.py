"""ZeroMQ's transport (ZMTP 3, mechanism NULL) over plain TCP sockets: enough to be a peer of the broker, to stand in for
the broker, and to write down what two programs say to one another."""
import socket
import struct
import threading
import time

import pack
import scene

GREETING_BYTES = 64
MORE, LONG, COMMAND = 1, 2, 4
# libzmq's greeting: signature, version 3.0, mechanism, not a server, filler.
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


class Closed(Exception):
    """The other end has closed the connection."""


class Splitter:
    """Bytes of one direction of a connection to messages, each a list of frames. Greeting and commands are left out."""

    def __init__(self):
        self.data, self.greeted, self.ready, self.frames = bytearray(), False, False, []

    def _frame(self):
        if len(self.data) < 2:
            return None
        flags = self.data[0]
        start = 9 if flags & LONG else 2
        if len(self.data) < start:
            return None
        size = struct.unpack(">Q", self.data[1:9])[0] if flags & LONG else self.data[1]
        if len(self.data) < start + size:
            return None
        body = bytes(self.data[start:start + size])
        del self.data[:start + size]
        return flags, body

    def feed(self, data):
        self.data += data
        if not self.greeted and len(self.data) >= GREETING_BYTES:
            del self.data[:GREETING_BYTES]
            self.greeted = True
        messages = []
        while self.greeted:
            frame = self._frame()
            if frame is None:
                break
            flags, body = frame
            if flags & COMMAND:
                self.ready = True  # with this mechanism the first command is READY
                continue
            self.frames.append(body)
            if not flags & MORE:
                messages.append(self.frames)
                self.frames = []
        return messages


def _frame_bytes(flags, body):
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return bytes([flags, len(body)]) + body


def _ready(kind):
    properties = b""
    for name, value in ((b"Socket-Type", kind), (b"Identity", b"")):
        properties += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return _frame_bytes(COMMAND, b"\x05READY" + properties)


class Stream:
    """One end of a connection. kind: b"DEALER" towards a broker, b"ROUTER" in its place."""

    def __init__(self, sock, kind):
        self.sock, self.splitter, self.waiting = sock, Splitter(), []
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(GREETING + _ready(kind))
        while not self.splitter.ready:  # libzmq takes a message that comes before it has said READY itself for an error
            self._read(20)

    def send(self, frames):
        out = b"".join(_frame_bytes(MORE if i + 1 < len(frames) else 0, f) for i, f in enumerate(frames))
        try:
            self.sock.settimeout(30)
            self.sock.sendall(out)
        except OSError as e:
            raise Closed from e

    def receive(self, seconds):
        """The next message, or None when there is none in time."""
        end = time.monotonic() + seconds
        while not self.waiting:
            if time.monotonic() >= end or not self._read(end - time.monotonic()):
                return None
        return self.waiting.pop(0)

    def _read(self, seconds):
        self.sock.settimeout(max(seconds, 0.001))
        try:
            data = self.sock.recv(1 << 20)
        except TimeoutError:
            return False
        except OSError as e:
            raise Closed from e
        if not data:
            raise Closed
        self.waiting += self.splitter.feed(data)
        return True

    def close(self):
        self.sock.close()


def address(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def dial(endpoint):
    return Stream(socket.create_connection(address(endpoint), 10), b"DEALER")


def listener():
    s = socket.create_server(("127.0.0.1", 0))
    return s, f"tcp://127.0.0.1:{s.getsockname()[1]}"


class Recorder:
    """Stands between the programs and the broker, hands every byte on, and writes every message down before it does: so
    an answer is never written before what it answers. A connection is called by the name in its HELLO and a number."""

    def __init__(self):
        self.socket, self.endpoint = listener()
        self.upstream, self.open, self.counts, self.pairs = None, True, {}, []
        self.lines, self.lock = [], threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.socket.accept()
            try:
                if not self.open:
                    raise OSError
                far = socket.create_connection(address(self.upstream), 5)
            except OSError:
                near.close()
                continue
            pair = {"name": None, "ends": (near, far), "closed": False}
            self.pairs.append(pair)
            for way, a, b in (("up", near, far), ("down", far, near)):
                threading.Thread(target=self._pump, args=(pair, way, a, b), daemon=True).start()

    def _name(self, pair, frames):
        name = pack.unpack(frames[1])["name"]
        self.counts[name] = self.counts.get(name, 0) + 1
        pair["name"] = f"{name}.{self.counts[name]}"

    def _pump(self, pair, way, a, b):
        splitter = Splitter()
        try:
            while data := a.recv(1 << 20):
                with self.lock:
                    for frames in splitter.feed(data):
                        if not pair["name"]:
                            self._name(pair, frames)
                        self.lines.append(scene.line(pair["name"], way, frames))
                b.sendall(data)
        except OSError:
            pass
        self._end(pair)

    def _end(self, pair):
        with self.lock:
            if not pair["closed"] and pair["name"]:
                self.lines.append(f"{pair['name']} closed")
            pair["closed"] = True
        for s in pair["ends"]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self, name):
        """Ends the connections of a peer, as a broken link does."""
        for pair in list(self.pairs):
            if pair["name"] and pair["name"].rsplit(".", 1)[0] == name:
                self._end(pair)

    def note(self, line):
        with self.lock:
            self.lines.append(line)

    def take(self):
        with self.lock:
            lines, self.lines, self.counts = self.lines, [], {}
        return lines
