"""Reads what disk_recorder wrote down, and rebuilds what a power cut may have left of the folder at any event.

What a sync covered is there. Of what was written since, any part may be: whole pages, whole sectors, all or nothing. Names
(made, renamed, removed) are durable once their folder was synced after it, and until then may be the old or the new ones.
"""
import mmap
import os
import struct

OPENED, WRITTEN, TRUNCATED, SYNC_BEGUN, SYNC_ENDED, RENAMED, UNLINKED, FOLDER_MADE, SAID = range(1, 10)
HEAD = struct.Struct("<QQQQQ")
FOLDER = -1  # in place of a file's number
MODES = ("none", "all", "pages", "sectors", "most")
SPARED = ("-shm", "/lock")  # SQLite builds the first anew; the second is empty


class Event:
    __slots__ = ("kind", "a", "b", "thread", "record", "at", "n", "m")

    def text(self):
        return self.record[self.at:self.at + self.n]

    def second(self):
        return self.record[self.at + self.n:self.at + self.n + self.m]


def read(path):
    events, at = [], 0
    with open(path, "rb") as f:
        data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    while at + HEAD.size <= len(data):
        e = Event()
        e.kind, e.a, e.b, lengths, e.thread = HEAD.unpack_from(data, at)
        e.record, e.at, e.n, e.m = data, at + HEAD.size, lengths >> 32, lengths & 0xffffffff
        at += HEAD.size + e.n + e.m
        events.append(e)
    return events


class File:
    def __init__(self):
        self.durable, self.pending, self.begun = bytearray(), [], {}


def apply(image, kind, at, data):
    if kind == TRUNCATED:
        del image[at:]
        image.extend(bytes(at - len(image)))
        return
    image.extend(bytes(max(0, at - len(image))))
    image[at:at + len(data)] = data


def torn(rng, size, chance, image, at, data):
    """Applies a write as a disk may have that was cut off: each piece of it or not."""
    x = 0
    while x < len(data):
        y = min(len(data), x + size - (at + x) % size)
        if rng.random() < chance:
            apply(image, WRITTEN, at + x, data[x:y])
        x = y


def image_of(file, mode, rng):
    image = bytearray(file.durable)
    for kind, at, data in () if mode == "none" else file.pending:
        if mode == "all":
            apply(image, kind, at, data)
        elif kind == TRUNCATED:
            if rng.random() < 0.5:
                apply(image, kind, at, data)
        else:
            torn(rng, 512 if mode == "sectors" else 4096, 0.95 if mode == "most" else 0.5, image, at, data)
    return image


class Disk:
    """The folder as of some event: step() goes on by one."""

    def __init__(self, root):
        self.root, self.files, self.numbers, self.count = root, {}, {}, 0
        self.names = {}     # path: [what stood there, oldest first], index of the durable one
        self.now = {}       # path: file, as the process sees it
        self.folders = {}   # file: its path, of folders
        self.begun = {}     # syncs of folders: number: {path: index}

    def _file(self, number):
        return self.numbers.get(number, number)

    def _name(self, path, what):
        self.names.setdefault(path, [[None], 0])[0].append(what)
        if what is None:
            self.now.pop(path, None)
        else:
            self.now[path] = what

    def _opened(self, e):
        path = e.text().decode()
        if e.b or e.a not in self.numbers:
            self.count += 1
            self.numbers[e.a] = self.count
            self.files[self.count] = File()
        file = self.numbers[e.a]
        if path == self.root or self.now.get(path) == FOLDER:
            self.folders[file] = path
        elif self.now.get(path) != file:
            self._name(path, file)

    def _sync_begun(self, e):
        file = self._file(e.a)
        folder = self.folders.get(file)
        if folder is None:
            self.files[file].begun[e.b] = len(self.files[file].pending)
        else:
            self.begun[e.b] = {p: len(n[0]) - 1 for p, n in self.names.items() if os.path.dirname(p) == folder}

    def _sync_ended(self, e):
        for path, index in self.begun.pop(e.b, {}).items():
            self.names[path][1] = max(self.names[path][1], index)
        file = self.files[self._file(e.a)]
        done = file.begun.pop(e.b, 0)
        for op in file.pending[:done]:
            apply(file.durable, *op)
        del file.pending[:done]
        file.begun = {number: max(0, n - done) for number, n in file.begun.items()}

    def step(self, e):
        if e.kind == OPENED:
            self._opened(e)
        elif e.kind in (WRITTEN, TRUNCATED):
            self.files[self._file(e.a)].pending.append((e.kind, e.b, e.text()))
        elif e.kind == SYNC_BEGUN:
            self._sync_begun(e)
        elif e.kind == SYNC_ENDED:
            self._sync_ended(e)
        elif e.kind == RENAMED:
            file = self.now.get(e.text().decode())
            self._name(e.text().decode(), None)
            self._name(e.second().decode(), file)
        elif e.kind == UNLINKED:
            self._name(e.text().decode(), None)
        elif e.kind == FOLDER_MADE:
            self._name(e.text().decode(), FOLDER)

    def rebuild(self, to, mode, rng):
        """Writes into the folder to what may have been left."""
        made = {self.root: to}
        os.makedirs(to, 0o700)
        for path, (history, durable) in sorted(self.names.items()):
            last = len(history) - 1
            what = history[durable if mode == "none" else last if mode == "all" else rng.randint(durable, last)]
            above = made.get(os.path.dirname(path))
            if what is None or above is None or path.endswith(SPARED):
                continue
            target = os.path.join(above, os.path.basename(path))
            if what == FOLDER:
                os.mkdir(target, 0o700)
                made[path] = target
                continue
            with open(target, "wb") as f:
                f.write(image_of(self.files[what], mode, rng))


def points(events, count, rng):
    """Where to cut the power: half the time just after something was said, else near where the log begins anew, a page is
    folded or a name changes, else anywhere; never before the first word."""
    said = [i for i, e in enumerate(events) if e.kind == SAID and not e.b]
    logs = {e.a for e in events if e.kind == OPENED and e.text().endswith(b"-wal")}
    hot = [i for i, e in enumerate(events) if e.kind in (TRUNCATED, RENAMED, UNLINKED)
           or e.kind == WRITTEN and (e.b == 0 if e.a in logs else e.n == 4096)]
    hot = [i for i in hot if i >= said[0]] or said
    chosen = set()
    for _ in range(100 * count):
        if len(chosen) == count:
            break
        r = rng.random()
        chosen.add(rng.choice(said) + 1 if r < 0.5 else rng.choice(hot) + 1 if r < 0.8
                   else rng.randrange(said[0], len(events)) + 1)
    return sorted(chosen)
