"""A scene: what some programs of 52f222a said to one another, a line each.

    # words for people
    wall MS                     the time of day when it began
    broker ARGUMENT...          how the broker was started
    NAME run EXIT ARGUMENT...   the command that spoke as NAME, and its exit status
    CONNECTION up|down TYPE HEAD BODY [PAYLOAD]     a message; its frames in hex, BYTES*N for bytes that repeat N times
    CONNECTION closed
    killed                      the broker was killed here, and started again
"""
import shlex

import pack

UNIT = 64  # large payloads of the scenes are a unit of so many bytes, repeated


def frame_text(frame):
    n = len(frame) // UNIT
    if n > 8 and frame == frame[:UNIT] * n:
        return f"{frame[:UNIT].hex()}*{n}"
    return frame.hex() or "-"


def frame_of(text):
    if text == "-":
        return b""
    unit, _, times = text.partition("*")
    return bytes.fromhex(unit) * int(times or 1)


def line(connection, way, frames):
    return " ".join([connection, way, pack.name_of(frames)] + [frame_text(f) for f in frames])


class Message:
    def __init__(self, words):
        self.connection, self.way, self.type = words[:3]
        self.frames = [frame_of(w) for w in words[3:]]
        self.body = pack.unpack(self.frames[1])
        self.payload = self.frames[2] if len(self.frames) > 2 else None


class Scene:
    def __init__(self, path):
        self.path, self.wall, self.broker, self.runs, self.steps = path, 0, [], {}, []
        with open(path, encoding="ascii") as f:
            for number, text in enumerate(f, 1):
                if text.strip() and not text.startswith("#"):
                    self._read(text, number)

    def _read(self, text, number):
        words = text.split()
        if words[0] == "wall":
            self.wall = int(words[1])
        elif words[0] == "broker":
            self.broker = shlex.split(text)[1:]
        elif words[0] == "killed":
            self.steps.append((number, None, None))
        elif words[1] == "run":
            parts = shlex.split(text)
            self.runs[words[0]] = (int(words[2]), parts[3:])
        elif words[1] == "closed":
            self.steps.append((number, words[0], None))
        else:
            self.steps.append((number, words[0], Message(words)))
