"""What a broker said in a record, and whether a broker that starts on a folder keeps it."""
import hashlib
import os
import sqlite3

import pack

STATES = "receiving queued offered running delayed recovering succeeded dead cancelled expired".split()
LIVE = STATES[1:6]
PROMISED_NOTHING = b"o"  # the last byte of the ids of tasks in the queue with sync = off


class Claims:
    """The words so far: the highest epoch, accepted tasks, tasks that are over."""

    def __init__(self):
        self.epoch, self.accepted, self.over, self.frames = 0, {}, {}, {}

    def said(self, event):
        frames = self.frames.setdefault((event.a, event.thread), [])
        frames.append(event.text())
        if event.b:
            return
        del self.frames[(event.a, event.thread)]
        if len(frames) >= 3 and frames[1][:3] == b"PV\x01":
            self._message(pack.NAMES.get(frames[1][3]), frames[2])

    def _message(self, kind, body):
        if kind not in ("WELCOME", "SUBMIT_OK", "DELIVER", "RESULT_OK", "CANCELLED"):
            return
        m = pack.unpack(body)
        if kind == "WELCOME":
            self.epoch = max(self.epoch, m["epoch"])
            return
        task = m["task"]
        if kind in ("SUBMIT_OK", "DELIVER"):
            self.accepted[task] = max(self.accepted.get(task, 0), m["generation"])
        if kind == "DELIVER":
            self.over[(task, m["generation"])] = (m["state"], m.get("sha256"))
        elif kind == "RESULT_OK" and m["status"] == 0:
            self.over.setdefault((task, None), ("succeeded", None))
        elif kind == "CANCELLED" and m["state"] != "succeeded":
            self.over.setdefault((task, None), (m["state"], None))


class Folder:
    """What a broker left after its start on a rebuilt folder."""

    def __init__(self, path):
        self.blobs, self.hashes = os.path.join(path, "blobs"), {}
        self.db = sqlite3.connect(os.path.join(path, "provost.db"))
        self.db.row_factory = sqlite3.Row
        self.tasks = {r["id"]: r for r in self.db.execute("SELECT * FROM task")}

    def close(self):
        self.db.close()

    def _file_hash(self, name):
        if name not in self.hashes:
            path = os.path.join(self.blobs, name)
            if not os.path.exists(path):
                return None
            with open(path, "rb") as f:
                self.hashes[name] = hashlib.sha256(f.read()).hexdigest()
        return self.hashes[name]

    def payload(self, table, task, want=None):
        """What is wrong with it, or None."""
        r = self.db.execute(f"SELECT sha256, length, bytes FROM {table} WHERE row = ?", (task["row"],)).fetchone()
        if not r:
            return "it has no row"
        if want and r["sha256"] != want:
            return "it is another one"
        name = r["sha256"].hex()
        if r["bytes"] is None:
            found = self._file_hash(name)
            return "its file is gone" if found is None else None if found == name else "its file is damaged"
        return None if hashlib.sha256(r["bytes"]).hexdigest() == name else "its bytes are damaged"


def losses(claims, folder):
    """A sentence for each thing that was said and is not so."""
    sound = [r[0] for r in folder.db.execute("PRAGMA quick_check")]
    if sound != ["ok"]:
        yield f"the database is damaged: {sound[:2]}"
    for task, generation in claims.accepted.items():
        if task.endswith(PROMISED_NOTHING):
            continue
        r = folder.tasks.get(task)
        if not r or r["generation"] < generation:
            yield f"task {task.hex()} was accepted and is lost" if not r else f"task {task.hex()} was revived and is not"
    for (task, generation), (state, sha256) in claims.over.items():
        r = folder.tasks.get(task)
        if r and not task.endswith(PROMISED_NOTHING):
            yield from _over(folder, r, generation, state, sha256)
    for task, r in folder.tasks.items():
        wrong = STATES[r["state"]] in LIVE and folder.payload("input", r)
        if wrong:
            yield f"the input of task {task.hex()}: {wrong}"


def _over(folder, r, generation, state, sha256):
    now = STATES[r["state"]]
    if generation is None:
        if r["generation"] == 1 and now in LIVE:
            yield f"task {r['id'].hex()} was said to be {state} and is {now}"
        return
    if r["generation"] != generation:
        return
    wrong = f"it is {now}" if now != state else state == "succeeded" and folder.payload("result", r, sha256)
    if wrong:
        yield f"task {r['id'].hex()} was delivered as {state}: {wrong}"
