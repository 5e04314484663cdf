#!/usr/bin/env python3
"""Writes the API reference, a page for each module that users import: api_pages.py FOLDER

It reads the package that this Python imports. Exits 1, with one line each, when something public has no docstring, or when a type in a signature
is neither a class of these pages nor explained where it is defined ("#:" above it). Needs nothing but the standard library: pdoc is not in Debian.
"""
from __future__ import annotations

import ast
import dataclasses
import html
import importlib
import inspect
import pathlib
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

MODULES = ("provost", "provost.blocking", "provost.pool", "provost.mock")
STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:64em;margin:2em auto;padding:0 1em}pre{white-space:pre-wrap;font-size:13px}"
    "h2{border-top:1px solid #bbb;padding-top:.6em}.is{font:13px/1.5 monospace;background:#f3f3f3;padding:.4em .6em;overflow-wrap:anywhere}"
    "section section{margin-left:2em}nav a{margin-right:1em}"
    "@media(prefers-color-scheme:dark){body{background:#151515;color:#ddd}.is{background:#252525}a{color:#8bf}}"
)
WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_][\w.]*")
TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")


class Bare:
    """An annotation as it stands in the source."""

    def __init__(self, annotation: object) -> None:
        self._text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)

    def __repr__(self) -> str:
        return str(self._text)


def signature_of(function: Any) -> str:
    found = inspect.signature(function)
    given = [p.replace(annotation=Bare(p.annotation) if p.annotation is not p.empty else p.empty) for p in found.parameters.values() if p.name != "self"]
    back = Bare(found.return_annotation) if found.return_annotation is not found.empty else found.empty
    return str(found.replace(parameters=given, return_annotation=back))


def is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).split(".")[0] == "provost"


def definitions() -> dict[str, tuple[str, str]]:
    """What stands in the package as NAME = ...: the comment above it, and the definition."""
    found = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("provost.")]:
        source = pathlib.Path(str(module.__file__)).read_text()
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                first = node.lineno - 1
                while lines[first - 1].startswith("#:"):
                    first -= 1
                comment = " ".join(line[2:].strip() for line in lines[first:node.lineno - 1])
                found[node.targets[0].id] = (comment, ast.get_source_segment(source, node) or "")
    return found


class Pages:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.classes: dict[type, str] = {}  # where each is explained
        self.types: dict[str, tuple[str, str]] = {}  # of the page being written: the name of a type, its explanation and definition
        self._defined: dict[str, tuple[str, str]] = {}
        self._modules = [importlib.import_module(name) for name in MODULES]
        for module in self._modules:
            for name, thing in self._public(module):
                if inspect.isclass(thing):
                    self.classes.setdefault(thing, f"{module.__name__}.html#{name}")
        self._defined = definitions()

    def _public(self, module: ModuleType) -> Iterator[tuple[str, Any]]:
        """What a module offers: what it lists, else what is defined in it."""
        names = getattr(module, "__all__", None) or [
            name for name, thing in vars(module).items() if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__]
        yield from ((name, getattr(module, name)) for name in names)

    def write(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        links = " ".join(f'<a href="{name}.html">{name}</a>' for name in MODULES)
        for module in self._modules:
            self.types = {}
            body = "".join(self._thing(module, name, thing) for name, thing in self._public(module))
            page = f"<nav>{links}</nav><h1>{module.__name__}</h1>{self._doc(module, module.__name__)}{body}{self._types()}"
            name = module.__name__
            (folder / f"{name}.html").write_text(
                f'<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title><style>{STYLE}</style>{page}\n')

    def _doc(self, thing: Any, name: str) -> str:
        doc = thing.__dict__.get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)
        if not doc or doc.startswith(f"{getattr(thing, '__name__', '')}("):  # the second is what dataclass writes
            self.faults.append(f"{name}: not documented")
            return ""
        return f"<pre>{html.escape(inspect.cleandoc(doc))}</pre>"

    def _thing(self, module: ModuleType, name: str, thing: Any) -> str:
        if inspect.isclass(thing):
            return self._class(module, name, thing)
        if inspect.isfunction(thing):
            return self._function(module, "", name, thing, "h2")
        if name == "__version__":
            return ""
        self._type(name, self._defined.get(name, ("", "")))
        return ""

    def _class(self, module: ModuleType, name: str, thing: type) -> str:
        parts = [f'<section id="{name}"><h2>class {name}</h2>']
        bases = [base for base in thing.__bases__ if base in self.classes]
        if bases:
            parts.append("<p>" + ", ".join(f'is also a <a href="{self.classes[base]}">{base.__name__}</a>' for base in bases) + "</p>")
        parts.append(self._doc(thing, f"{module.__name__}.{name}"))
        if issubclass(thing, Exception):
            code = thing.__dict__.get("code")
            return "".join(parts) + (f'<p class="is">code = {code!r}</p>' if code else "") + "".join(self._members(module, name, thing)) + "</section>"
        if hasattr(thing, "__aenter__") or hasattr(thing, "__enter__"):
            parts.append(f"<p>For <code>{'async with' if hasattr(thing, '__aenter__') else 'with'}</code>: it is closed at the end.</p>")
        if dataclasses.is_dataclass(thing):
            parts += (self._is(f"{f.name}: {Bare(f.type)}", thing) for f in dataclasses.fields(thing))
        elif issubclass(thing, tuple):
            parts += (self._is(f"{key}: {Bare(kind)}", thing) for key, kind in thing.__annotations__.items())
        return "".join(parts) + "".join(self._members(module, name, thing)) + "</section>"

    def _members(self, module: ModuleType, name: str, thing: type) -> Iterator[str]:
        """Its methods and properties, and those of bases that have no entry of their own; not what the connection says to it."""
        told = vars(importlib.import_module("provost.io.tidings").Listener)
        for owner in [c for c in thing.__mro__ if is_ours(c) and (c is thing or c not in self.classes)]:
            for key, member in vars(owner).items():
                if key.startswith("_") or key in told:
                    continue
                if inspect.isfunction(member):
                    yield self._function(sys.modules[owner.__module__], f"{name}.", key, member, "h3")
                elif isinstance(member, property):
                    back = Bare(inspect.signature(member.fget).return_annotation) if member.fget else ""
                    doc = self._doc(member, f"{module.__name__}.{name}.{key}")
                    yield f'<section id="{name}.{key}"><h3>{key}</h3>{self._is(f"{key}: {back}", owner)}{doc}</section>'

    def _function(self, module: ModuleType, owner: str, name: str, function: Any, head: str) -> str:
        before = "async " if inspect.iscoroutinefunction(function) else ""
        id = f"{owner}{name}"
        return (
            f'<section id="{id}"><{head}>{name}</{head}>{self._is(f"{before}{name}{signature_of(function)}", function)}'
            f"{self._doc(function, f'{module.__name__}.{id}')}</section>")

    def _is(self, text: str, owner: Any) -> str:
        """A line of code, its types linked."""
        where = sys.modules[owner.__module__]
        said = html.escape(text, quote=False)
        known = {word: link for word in set(WORD.findall(TEXT.sub("", text))) if (link := self._link(word, where))}
        return f'<p class="is">{WORD.sub(lambda m: f"""<a href="{known[m[0]]}">{m[0]}</a>""" if m[0] in known else m[0], said)}</p>'

    def _link(self, word: str, where: ModuleType) -> str:
        """Where a type is explained; "" when it needs no explanation, as those of Python."""
        found: Any = where
        for part in word.split("."):
            found = getattr(found, part, None)
        if inspect.isclass(found) and found in self.classes:
            return self.classes[found]
        if inspect.isclass(found) and is_ours(found):
            return self._type(found.__name__, (inspect.getdoc(found) or "", ""))
        return self._type(word, self._defined[word]) if hasattr(where, word) and word in self._defined else ""

    def _type(self, name: str, explained: tuple[str, str]) -> str:
        """Notes a type that is no class of these pages."""
        if not explained[0] and "Literal[" not in explained[1]:
            self.faults.append(f"{name}: stands in a signature, and is not explained where it is defined")
        self.types[name] = explained
        return f"#{name}"

    def _types(self) -> str:
        if not self.types:
            return ""
        return "<h2>Types</h2>" + "".join(
            f'<section id="{name}"><h3>{name}</h3>' + (f'<p class="is">{html.escape(definition)}</p>' if definition else "")
            + f"<pre>{html.escape(explained)}</pre></section>" for name, (explained, definition) in sorted(self.types.items()))


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: api_pages.py FOLDER", file=sys.stderr)
        return 2
    pages = Pages()
    pages.write(pathlib.Path(sys.argv[1]))
    for fault in pages.faults:
        print(f"api_pages: {fault}", file=sys.stderr)
    return 1 if pages.faults else 0


if __name__ == "__main__":
    sys.exit(main())
