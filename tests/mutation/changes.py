"""The small changes: what each does to one line of C. A change is a Mutant; its new line takes the place of the old one, so that line numbers stay."""
import dataclasses
import pathlib
import re

FLIPS = {"==": ["!="], "!=": ["=="], "<=": ["<", ">"], ">=": [">", "<"], "<": ["<=", ">="], ">": [">=", "<="], "&&": ["||"], "||": ["&&"]}
OPERATOR = re.compile(r" (==|!=|<=|>=|<|>|&&|\|\|) ")
STATUS_LIST = pathlib.Path(__file__).parents[2] / "base" / "status_list.h"
STATUSES = ["PV_" + name for name in re.findall(r"\bX\((\w+), \d+,", STATUS_LIST.read_text())]
STATUS = re.compile(r"\b(?:" + "|".join(STATUSES) + r")\b")
GUARD = re.compile(r"^(\s*)if \((.+)\) (return\b.*|continue|break|goto \w+);(\s*/\*.*)?$")
GUARDED_CALL = re.compile(r"^(\s*)if \((.+)\) (\w+\(.*\));(\s*/\*.*)?$")
CALL = re.compile(r"^(\s+)(?:\(void\))?(\w+)\((.*)\);(\s*/\*.*)?$")
ASSIGN = re.compile(r"^(\s+)((?:\*?\w+(?:->|\.|\[))[\w\[\]\.>-]*) ([|&+-]?=) ([^={][^;]*);(\s*/\*.*)?$")
TRY = re.compile(r"^(\s+)TRY\((.*)\);$")
ONE = re.compile(r"(?<=[\w)\]]) ([+-]) 1\b(?!\w)")
NO_CALLS = {"if", "while", "for", "switch", "return", "sizeof", "TRY", "PV_LOG"}  # a message in the log is not behaviour that a test must hold
# What glibc does nothing in: these free no memory, and what they are of goes right after.
NO_CALLS |= {"pthread_mutex_destroy", "pthread_cond_destroy", "pthread_attr_destroy", "pthread_condattr_destroy"}
# No file gets the number 0: std_streams_begin has opened what was closed, so that "none below 0" and "none up to 0" are the same.
DESCRIPTOR = re.compile(r"\b(?:\w*fd|socket|streams\[\w+\]) $")
NO_NAMES = re.compile(r"log|trace|warn|say\b")


@dataclasses.dataclass(frozen=True)
class Mutant:
    path: str
    line: int  # from 1
    kind: str
    old: str
    new: str


def _whole(text):
    """Whether parentheses are balanced: a statement of one line."""
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0


def _of_line(line):
    if m := GUARD.match(line):
        if _whole(m[2]):
            yield "drop-check", f"{m[1]}(void)({m[2]});"
    if (m := GUARDED_CALL.match(line)) and _whole(m[2]) and not NO_NAMES.search(m[3].split("(")[0]):
        yield "drop-guarded-call", f"{m[1]}(void)({m[2]});"
    if (m := TRY.match(line)) and _whole(m[2]):
        yield "drop-TRY", f"{m[1]}(void)({m[2]});"
    if (m := CALL.match(line)) and m[2] not in NO_CALLS and _whole(m[3]) and not NO_NAMES.search(m[2]):
        yield "drop-call", m[1] + ";"
    if m := ASSIGN.match(line):
        yield "drop-assign", m[1] + ";"
    for m in OPERATOR.finditer(line):
        for to in FLIPS[m[1]]:
            if (m[1], to) in {("<", "<="), (">=", ">")} and line[m.end() :].startswith("0") and DESCRIPTOR.search(line[: m.start(1)]):
                continue
            yield f"flip {m[1]} {to}", line[: m.start(1)] + to + line[m.end(1) :]
    for m in STATUS.finditer(line):
        to = STATUSES[(STATUSES.index(m[0]) + 1) % len(STATUSES)]
        if not line.lstrip().startswith(("case", "[PV_", "{")):
            yield "swap-status", line[: m.start()] + to + line[m.end() :]
    for m in ONE.finditer(line):
        yield "drop-one", line[: m.start()] + line[m.end() :]


def _code_lines(text):
    """(number, line) of lines inside functions: no comments, no declarations, no preprocessor."""
    comment, depth = False, 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = re.sub(r"/\*.*?\*/", "", re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'', '""', line))
        inside = depth > 0
        if comment:
            comment = "*/" not in bare
            continue
        if "/*" in bare:
            comment = True
            bare = bare.split("/*")[0]
        depth += bare.count("{") - bare.count("}")
        if inside and bare.strip() and not bare.lstrip().startswith("#"):
            yield number, line


def of_file(path, text):
    """Every change of this file, in order."""
    found = []
    for number, line in _code_lines(text):
        for kind, new in _of_line(line):
            if new != line:
                found.append(Mutant(path, number, kind, line, new))
    return found
