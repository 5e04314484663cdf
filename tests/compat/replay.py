"""Plays one side of recorded connections against a program of today, and compares what it says with what one of 52f222a said.

Numbers that are given anew each time (tokens, boot epochs, sessions, numbers of requests) are learned where they first appear
in an answer and put in the place of the recorded ones in what is sent."""
import time

import pack

# Learned, not compared.
LEARNED = ("token", "epoch", "session", "req")
# What depends on the moment, on the machine or on a default, or is a sentence for people.
VOLATILE = {*LEARNED, "created", "changed", "eta_ms", "software", "text", "percent", "phase", "note", "retry_ms", "rows", "next",
            "held", "warm", "offset", "bytes", "vram", "ram", "payload_max", "window", "measured_ms", "credit"}
# Said when the sender finds it time: nobody waits for them. They have to be readable all the same.
WHEN_IT_LIKES = {"HEARTBEAT", "PROGRESS"}
# Said once or more often: the first is waited for.
ONCE_AT_LEAST = {"CREDIT", "READY"}
# What says that something went wrong, when it was not said then.
ALARMS = {"ERROR", "DISCONNECT", "FAIL"}
# Of a table's rows: what has to be the same. Of the others: the columns.
ROW_KEYS = {"provost.tasks/1": ("task", "state", "queue"), "provost.queues/1": ("queue", "paused", "queued"),
            "provost.provers/1": ("prover", "draining")}
WAIT_SECONDS = 20


class Different(AssertionError):
    """Today's program does not say what one of 52f222a said."""


def key_of(value):
    return tuple(value) if isinstance(value, list) else value


class Learned:
    def __init__(self):
        self.of = {field: {} for field in LEARNED}

    def learn(self, recorded, actual):
        for field in LEARNED:
            if field in recorded and field in actual:
                self.of[field][key_of(recorded[field])] = actual[field]

    def now(self, field, value):
        return self.of[field].get(key_of(value), value)

    def known(self, field, value):
        return key_of(value) in self.of[field]

    def body(self, recorded):
        out = {k: self.now(k, v) if k in LEARNED else v for k, v in recorded.items()}
        if "held" in out:
            out["held"] = [{**h, "token": self.now("token", h["token"])} for h in out["held"]]
        if "revoked" in out:
            out["revoked"] = [self.now("token", t) for t in out["revoked"]]
        return out


def rows_differ(recorded, actual):
    columns = {c for row in recorded["rows"] for c in row}
    present = {c for row in actual["rows"] for c in row}
    if actual["rows"] and columns - present:
        return f"the columns {sorted(columns - present)} of {recorded['schema']} are gone"
    keys = ROW_KEYS.get(recorded["schema"], ())
    then, now = ([tuple(row.get(k) for k in keys) for row in body["rows"]] for body in (recorded, actual))
    return f"rows of {recorded['schema']}: {now} instead of {then}" if then != now else None


def differ(recorded, actual, way):
    """Why what is said is something else than it was, or None."""
    for field, value in recorded.items():
        if field not in actual:
            return f"{field} is missing"
        if field in VOLATILE or (field, way) == ("deadline", "up"):  # a command counts it from now on
            continue
        if actual[field] != value:
            return f"{field} is {actual[field]!r} instead of {value!r}"
    return rows_differ(recorded, actual) if "rows" in recorded else None


class Connection:
    """One recorded connection, one side of it played on a stream."""

    def __init__(self, stream, learned):
        self.stream, self.learned, self.waiting, self.chunks, self.once = stream, learned, [], {}, set()

    def say(self, message):
        self.stream.send([message.frames[0], pack.pack(self.learned.body(message.body))] + message.frames[2:])

    def _take(self, seconds):
        frames = self.stream.receive(seconds)
        if frames is None:
            return False
        kind, body = pack.name_of(frames), pack.unpack(frames[1])
        if kind == "CHUNK":
            got = self.chunks.setdefault((body["kind"], body["task"]), bytearray())
            got[body["offset"]:body["offset"] + len(frames[2])] = frames[2]
        elif kind not in WHEN_IT_LIKES:
            self.waiting.append((kind, body, frames[2] if len(frames) > 2 else None))
        return True

    def _is_it(self, message, kind, body):
        """The same type, about the same request, task and attempt."""
        if kind != message.type:
            return False
        for field in ("req", "task", "kind", "token"):
            if field not in message.body:
                continue
            value = message.body[field]
            if field in LEARNED and not self.learned.known(field, value):
                continue
            if body.get(field) != (self.learned.now(field, value) if field in LEARNED else value):
                return False
        return True

    def _find(self, message):
        for i, (kind, body, payload) in enumerate(self.waiting):
            if self._is_it(message, kind, body):
                del self.waiting[i]
                return body, payload
        return None

    def _chunk_is_there(self, message):
        at, data = message.body["offset"], message.payload
        got = self.chunks.get((message.body["kind"], message.body["task"]), b"")
        return bytes(got[at:at + len(data)]) == data

    def _wait(self, what, condition):
        end = time.monotonic() + WAIT_SECONDS
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise Different(f"{what} did not come; there was {[(k, b) for k, b, _ in self.waiting]}")
            self._take(0.5)

    def wait_for(self, *kinds):
        """The body of the next message of one of these types."""
        def found():
            for i, (kind, body, _) in enumerate(self.waiting):
                if kind in kinds:
                    del self.waiting[i]
                    return body
            return None
        return self._wait(" or ".join(kinds), found)

    def _unimportant(self, message):
        again = (message.type, message.body.get("kind"), message.body.get("task"))
        if message.type in WHEN_IT_LIKES or (message.type in ONCE_AT_LEAST and again in self.once):
            return True
        self.once.add(again)
        return False

    def hear(self, message):
        """Waits for what corresponds to the recorded message, and compares."""
        if self._unimportant(message):
            return
        if message.type == "CHUNK":
            self._wait("CHUNK", lambda: self._chunk_is_there(message))
            return
        body, payload = self._wait(message.type, lambda: self._find(message))
        self.learned.learn(message.body, body)
        why = differ(message.body, body, message.way)
        if not why and message.payload != payload:
            why = "the payload is another"
        if why:
            raise Different(f"{message.type}: {why}")

    def end(self):
        self.stream.close()
        alarms = [(kind, body) for kind, body, _ in self.waiting if kind in ALARMS]
        if alarms:
            raise Different(f"said, and not then: {alarms}")
