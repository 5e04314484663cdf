#!/usr/bin/env python3
"""The lists of the wire and of the outcomes, for clients in other languages.

lists.py json                    prints all lists as JSON, read from wire/*.h and base/status_list.h
lists.py typescript [--check]    writes (or compares) the generated files of worker/typescript/src
lists.py python [--check]        writes (or compares) the generated files of worker/python/provost

The headers are the source: nothing of what stands in them is written a second time by hand.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STRING = r'"((?:[^"\\]|\\.)*)"'
NUMBERS = {"UINT32_MAX": 2**32 - 1, "UINT64_MAX": 2**64 - 1, "1u << 30": 1 << 30, "WIRE_ROWS_MAX": 200, "WIRE_CELLS_MAX": 40}


def text(path):
    """A header with its continued lines joined and its comments gone."""
    whole = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ")
    return re.sub(r"/\*.*?\*/", " ", whole, flags=re.S)


def macro(path, name):
    return re.search(r"#define " + name + r"\(\w\)(.*)", text(path)).group(1)


def bound(word):
    return NUMBERS[word] if word in NUMBERS else int(word) if word.isdigit() else word


def fields(name):
    found = re.findall(r"X\(\s*(\w+),\s*(\w+),\s*([^,]+?),\s*" + STRING + r"\s*\)", macro("wire/fields.h", name))
    return [{"key": key, "kind": kind, "bound": bound(most), "meaning": meaning} for key, kind, most, meaning in found]


def messages():
    pattern = r"X\(\s*(\w+),\s*(\d+),\s*(\w+),\s*(\w+),([^\"]*?),\s*" + STRING + r"\s*\)"
    use = {"N": "need", "M": "may", "U": "need-up", "D": "need-down"}
    return [
        {"name": name, "code": int(code), "way": way.lower(), "payload": payload.lower(), "meaning": meaning,
         "fields": {field: use[mark] for mark, field in re.findall(r"([NMUD])\((\w+)\)", used)}}
        for name, code, way, payload, used, meaning in re.findall(pattern, macro("wire/msg.h", "WIRE_MSG_LIST"))
    ]


def words():
    lists = {}
    for name, word in re.findall(r"W\(\s*(\w+),\s*\w+,\s*" + STRING + r"\)", macro("wire/fields.h", "WIRE_WORD_LIST")):
        lists.setdefault(name, []).append(word)
    return lists


def states():
    found = re.findall(r"X\(\w+, (\d+), " + STRING + r", (\d)\)", macro("wire/task_state.h", "TASK_STATE_LIST"))
    return [{"code": int(code), "word": word, "live": live == "1"} for code, word, live in found]


def statuses():
    found = re.findall(r"X\((\w+), (\d+), (\d+), " + STRING + r", " + STRING + r"\)", macro("base/status_list.h", "PV_STATUS_LIST"))
    return [{"name": name, "code": int(code), "exit": int(exit), "word": word, "text": sentence}
            for name, code, exit, word, sentence in found]


def limits():
    table = re.search(r"limits\[\]\[2\] = \{(.*?)\n    \};", text("wire/refusal.c"), re.S).group(1)
    return dict(re.findall(r"\{ " + STRING + r",\s*" + STRING + r" \}", table))


def lists():
    return {"fields": fields("WIRE_FIELD_LIST"), "circuit": fields("WIRE_CIRCUIT_FIELDS"), "held": fields("WIRE_HELD_FIELDS"),
            "messages": messages(), "words": words(), "states": states(), "statuses": statuses(), "limits": limits()}


# What a caller may try again as it is: it was refused, or ended, for a reason that passes by itself.
RETRYABLE = {"unreachable", "timeout", "busy", "interrupted", "stale-broker", "standby", "name-in-use", "unservable", "paused", "lost", "run-timeout",
             "stalled", "released", "resources", "hash-mismatch", "no-memory", "disk-full", "store", "no-device", "device"}

HEAD = "// Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again.\n"


def number(value):
    return f"{value}n" if isinstance(value, int) else json.dumps(value)


def ts_fields(name, rows):
    body = "".join(f'  {{ key: "{f["key"]}", kind: "{f["kind"]}", bound: {number(f["bound"])} }},\n' for f in rows)
    return f"export const {name}: readonly Field[] = [\n{body}];\n"


def ts_messages(rows):
    out = "export const messages: readonly Layout[] = [\n"
    for m in rows:
        used = ", ".join(f'{k}: "{v}"' for k, v in m["fields"].items())
        used = f"{{ {used} }}" if used else "{}"
        out += f'  {{ name: "{m["name"]}", code: {m["code"]}, way: "{m["way"]}", payload: "{m["payload"]}", fields: {used} }},\n'
    return out + "];\n"


TS_TYPES = {"U32": "number", "U64": "Whole", "BOOL": "boolean", "NAME": "string", "TEXT": "string", "ID": "string", "HASH": "string",
            "TOKEN": "Token", "STATE": "TaskState", "STATUS": "number", "NAMES": "readonly string[]", "HASHES": "readonly string[]",
            "TOKENS": "readonly Token[]", "STATES": "readonly TaskState[]", "CIRCUITS": "readonly CircuitFields[]",
            "HELDS": "readonly HeldFields[]", "COUNTS": "Counts", "ROW": "Row", "ROWS": "readonly Row[]"}


def ts_interface(name, rows, l):
    out = f"export interface {name} {{\n"
    for f in rows:
        kind = " | ".join(json.dumps(w) for w in l["words"][f["bound"]]) if f["kind"] == "WORD" else TS_TYPES[f["kind"]]
        out += f'  /** {f["meaning"]} */\n  {f["key"]}?: {kind};\n'
    return out + "}\n"


TS_SCALARS = """/** A number of the wire: a bigint only where it is above Number.MAX_SAFE_INTEGER. */
export type Whole = number | bigint;

export interface Token {
  readonly epoch: number;
  readonly seq: Whole;
}

/** A row of a table: column name to value. */
export type Row = Readonly<Record<string, string | number | bigint | boolean | null>>;

export type Counts = Readonly<Partial<Record<TaskState, Whole>>>;

"""


def ts_wire(l):
    names = " | ".join(f'"{m["name"]}"' for m in l["messages"])
    kinds = " | ".join(f'"{k}"' for k in sorted({f["kind"] for f in l["fields"]}))
    out = HEAD + f"\nexport type MessageName = {names};\n\nexport type Kind = {kinds};\n\n"
    out += "export interface Field {\n  readonly key: string;\n  readonly kind: Kind;\n  readonly bound: bigint | string;\n}\n\n"
    out += ("export interface Layout {\n  readonly name: MessageName;\n  readonly code: number;\n  readonly way: \"up\" | \"down\" | \"both\";\n"
            "  readonly payload: \"none\" | \"inline\" | \"chunk\";\n"
            "  readonly fields: Readonly<Record<string, \"need\" | \"may\" | \"need-up\" | \"need-down\">>;\n}\n\n")
    out += TS_SCALARS
    out += ts_interface("Fields", l["fields"], l) + "\n" + ts_interface("CircuitFields", l["circuit"], l) + "\n"
    out += ts_interface("HeldFields", l["held"], l) + "\n"
    out += ts_fields("fields", l["fields"]) + "\n" + ts_fields("circuitFields", l["circuit"]) + "\n" + ts_fields("heldFields", l["held"]) + "\n"
    out += ts_messages(l["messages"]) + "\n"
    out += "export const words: Readonly<Record<string, readonly string[]>> = {\n"
    out += "".join(f"  {k}: {json.dumps(v)},\n" for k, v in l["words"].items()) + "};\n\n"
    out += "/** The states of a task, in the order of their codes. */\nexport const states = "
    out += json.dumps([s["word"] for s in l["states"]]) + " as const;\n\nexport type TaskState = (typeof states)[number];\n\n"
    out += "export const liveStates = " + json.dumps([s["word"] for s in l["states"] if s["live"]]) + " as const;\n\n"
    out += "/** The sentence of each limit that ERROR names in `which`. */\nexport const limits: Readonly<Record<string, string>> = {\n"
    out += "".join(f"  {k}: {json.dumps(v)},\n" for k, v in l["limits"].items()) + "};\n"
    return out


def ts_statuses(l):
    assert RETRYABLE <= {s["word"] for s in l["statuses"]}
    out = HEAD + "\n/** The outcomes: code on the wire, exit status of a program that ends with it, word in logs, sentence. */\n"
    out += "export const statuses = [\n"
    for s in l["statuses"]:
        retry = str(s["word"] in RETRYABLE).lower()
        out += f'  {{ code: {s["code"]}, exit: {s["exit"]}, word: "{s["word"]}", retryable: {retry}, text: {json.dumps(s["text"])} }},\n'
    return out + "] as const;\n"


def ts_errors(l):
    out = HEAD + 'import { ProvostError } from "./provost_error.js";\n'
    classes = [(s["word"], "".join(part.capitalize() for part in s["word"].split("-")) + "Error", s["text"]) for s in l["statuses"] if s["code"]]
    for _, name, sentence in classes:
        out += f"\n/** {sentence[0].upper()}{sentence[1:]}. */\nexport class {name} extends ProvostError {{}}\n"
    out += "\n/** The class of each outcome. */\nexport const errorClasses = {\n"
    return out + "".join(f'  "{word}": {name},\n' for word, name, _ in classes) + "} as const;\n"


# --- Python ---

PY_HEAD = '"""Made by worker/lists.py from the headers of wire/ and base/. Do not edit: change them and run it again."""\n'
PY_TYPES = {"U32": "int", "U64": "int", "BOOL": "bool", "NAME": "str", "TEXT": "str", "ID": "str", "HASH": "str", "TOKEN": "Token",
            "WORD": "str", "STATE": "str", "STATUS": "int", "NAMES": "list[str]", "HASHES": "list[str]", "TOKENS": "list[Token]",
            "STATES": "list[str]", "CIRCUITS": "list[dict[str, Any]]", "HELDS": "list[dict[str, Any]]", "COUNTS": "dict[str, int]",
            "ROW": "Row", "ROWS": "list[Row]"}


def py_fields(name, rows):
    body = "".join(f'    Field({f["key"]!r}, {f["kind"]!r}, {f["bound"]!r}),\n' for f in rows)
    return f"{name}: tuple[Field, ...] = (\n{body})\n"


def py_table(name, kind, rows):
    return f"{name}: {kind} = {{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in rows) + "}\n"


def py_wire(l):
    out = PY_HEAD + "from __future__ import annotations\n\nfrom typing import Any, NamedTuple, TypedDict, Union\n\n"
    out += "\nclass Field(NamedTuple):\n    key: str\n    kind: str\n    bound: int | str\n\n"
    out += ("\nclass Layout(NamedTuple):\n    name: str\n    code: int\n    way: str\n    payload: str\n"
            "    fields: dict[str, str]\n\n")
    out += '\nclass Token(NamedTuple):\n    """One lease of a task to one prover."""\n\n    epoch: int\n    seq: int\n\n'
    out += "\n#: A row of a table: column name to value.\nRow = dict[str, Union[str, int, bool, None]]\n\n"
    out += ("#: A message: its type, its fields, and the payload frame where it has one. Ids and digests are lower-case hex.\n"
            'Message = TypedDict("Message", {\n    "type": str,\n    "payload": Union[bytes, memoryview],\n')
    out += "".join(f'    "{f["key"]}": {PY_TYPES[f["kind"]]},\n' for f in l["fields"]) + "}, total=False)\n\n"
    out += py_fields("FIELDS", l["fields"]) + "\n" + py_fields("CIRCUIT_FIELDS", l["circuit"]) + "\n" + py_fields("HELD_FIELDS", l["held"])
    out += "\nMESSAGES: tuple[Layout, ...] = (\n"
    for m in l["messages"]:
        out += f'    Layout({m["name"]!r}, {m["code"]}, {m["way"]!r}, {m["payload"]!r}, {m["fields"]!r}),\n'
    out += ")\n\n" + py_table("WORDS", "dict[str, tuple[str, ...]]", [(k, tuple(v)) for k, v in l["words"].items()])
    out += "\n#: The states of a task, in the order of their codes.\n"
    out += f'STATES = {tuple(s["word"] for s in l["states"])!r}\n'
    out += f'LIVE_STATES = {tuple(s["word"] for s in l["states"] if s["live"])!r}\n\n'
    out += "#: The sentence of each limit that ERROR names in `which`.\n" + py_table("LIMITS", "dict[str, str]", l["limits"].items())
    return out


def py_statuses(l):
    out = PY_HEAD + "from __future__ import annotations\n\nfrom typing import NamedTuple\n\n"
    out += '\nclass Status(NamedTuple):\n    """An outcome: code on the wire, exit status of a program, word in logs, sentence."""\n\n'
    out += "    code: int\n    exit: int\n    word: str\n    retryable: bool\n    text: str\n\n\nSTATUSES: tuple[Status, ...] = (\n"
    for s in l["statuses"]:
        out += f'    Status({s["code"]}, {s["exit"]}, {s["word"]!r}, {s["word"] in RETRYABLE}, {s["text"]!r}),\n'
    return out + ")\n"


def py_errors(l):
    out = PY_HEAD + "from __future__ import annotations\n\nimport builtins\n\nfrom .provost_error import ProvostError\n"
    classes = [(s["word"], "".join(part.capitalize() for part in s["word"].split("-")) + "Error", s["text"]) for s in l["statuses"] if s["code"]]
    for word, name, sentence in classes:
        also = ", builtins.TimeoutError" if word == "timeout" else ""
        out += f'\n\nclass {name}(ProvostError{also}):\n    """{sentence[0].upper()}{sentence[1:]}."""\n\n    code = {word!r}\n'
    out += "\n\n#: The class of each outcome.\nERROR_CLASSES: dict[str, type[ProvostError]] = {\n"
    out += "".join(f"    {word!r}: {name},\n" for word, name, _ in classes) + "}\n"
    out += '\n\ndef error_of(word: str, message: str = "", task_id: str | None = None) -> ProvostError:\n'
    out += '    """The error of an outcome, of its own class. "ok" is none, so it reads as internal."""\n'
    return out + "    return ERROR_CLASSES.get(word, InternalError)(message, task_id=task_id)\n"


def files_of(language, l):
    """Path and text of each generated file."""
    if language == "typescript":
        room = ROOT / "worker/typescript/src"
        return ((room / "wire/lists.ts", ts_wire(l)), (room / "status_list.ts", ts_statuses(l)), (room / "error_list.ts", ts_errors(l)))
    room = ROOT / "worker/python/provost"
    return ((room / "wire/wire_lists.py", py_wire(l)), (room / "status_list.py", py_statuses(l)), (room / "error_list.py", py_errors(l)))


def main(arguments):
    all_lists = lists()
    if arguments[:1] == ["json"]:
        print(json.dumps(all_lists, indent=1))
        return 0
    if arguments[:1] not in (["typescript"], ["python"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for path, made in files_of(arguments[0], all_lists):
        if "--check" not in arguments:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            print(f"{path} is not what the headers say: run worker/lists.py {arguments[0]}", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
