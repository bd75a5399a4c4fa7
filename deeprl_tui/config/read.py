"""TOML bytes -> nested tables, with the line of every key and every fault of the syntax.

Rule: what `tomllib` accepts is what it says; only a text that it refuses is read statement by statement, so
that one slip does not hide the other problems. A line is right or 0, never a guess.
"""

import re
import tomllib
from dataclasses import dataclass, field

from deeprl_tui.config.scan import Path, Statement, scan
from deeprl_tui.config.text import shown
from deeprl_tui.errors import Problem

LARGEST = 1_000_000
"""Bytes of a file that are still read; the study's 80 experiments take 12 000."""

_WHERE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_WORDS = {"True": "write true", "False": "write false", "None": 'write "none"', "null": 'write "none"'}


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. `extras` hold the second and later definitions of a name, to be checked as well."""

    data: dict[str, object] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    scalars: dict[Path, str] = field(default_factory=dict)  # bare values as they are spelt
    problems: list[Problem] = field(default_factory=list)
    implied: set[Path] = field(default_factory=set)  # tables that only a header below them mentions
    torn: set[Path] = field(default_factory=set)  # tables in which something could not be read
    extras: list["Document"] = field(default_factory=list)

    def head(self, path: Path, line: int) -> None:
        """Remember the line of a header; the tables above it stand there too, unless they have their own."""
        if path in self.implied:
            self.implied.remove(path)
            del self.lines[path]
        self.lines.setdefault(path, line)
        for length in range(1, len(path)):
            if path[:length] not in self.lines:
                self.lines[path[:length]] = line
                self.implied.add(path[:length])

    def line(self, *path: str) -> int:
        """Return the line of a table or key; 0 if it is not known."""
        return self.lines.get(path, 0)


def read(data: bytes, file: str) -> Document:
    """Read a file. Never raises: what is wrong stands in `problems`."""
    if len(data) > LARGEST:
        problem = Problem(file, 0, "", "", f"is larger than {LARGEST} bytes", "split the project")
        return Document(problems=[problem])
    try:
        text = data.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Document(problems=[Problem(file, line, "", "", "is not UTF-8", "save it as UTF-8")])
    statements = scan(text)
    for statement in statements:
        if statement.deep:
            return Document(problems=[Problem(file, statement.line, "", "", "has a key of too many parts")])
    try:
        whole = tomllib.loads(text)
    except RecursionError:
        return Document(problems=[Problem(file, 0, "", "", "is nested too deeply")])
    except ValueError as error:
        return _Recovery(file).read(statements, str(error))
    return _located(whole, statements)


def _located(whole: dict[str, object], statements: list[Statement]) -> Document:
    """Add lines to what tomllib read. Lists of tables get none below them."""
    document = Document(whole)
    table: Path | None = ()
    for statement in statements:
        if statement.kind == "broken":
            return Document(whole)
        if statement.kind == "key":
            if table is not None:
                _note(document, table, statement)
            continue
        inside = any(statement.path[:n] in document.torn for n in range(1, len(statement.path)))
        if not inside:
            document.head(statement.path, statement.line)
        if statement.kind == "array":
            document.torn.add(statement.path)  # borrowed, to know the lists of tables
        table = None if inside or statement.kind == "array" else statement.path
    document.torn.clear()
    return document


def _note(document: Document, table: Path, statement: Statement) -> None:
    """Remember the lines of an assignment."""
    full = table + statement.path
    for length in range(len(table) + 1, len(full) + 1):
        document.lines.setdefault(full[:length], statement.line)
    for below, line in statement.inner:
        for length in range(1, len(below) + 1):
            document.lines.setdefault(full + below[:length], line)
    if statement.scalar:
        document.scalars[full] = statement.scalar


class _Recovery:
    """Read a text that tomllib refuses, one statement at a time."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.main = Document()
        self.into: Document | None = self.main  # None after a header that could not be read
        self.root: Path = ()  # of the repeated table that is being read
        self.table: Path = ()
        self.open = False  # the last line was broken and began a list or a long string

    def read(self, statements: list[Statement], refusal: str) -> Document:
        for statement in statements:
            if statement.kind in {"table", "array"}:
                self._enter(statement)
            elif statement.kind == "broken" and statement.text.startswith("["):
                self._refuse(statement, "", "is not a table header", "write [experiments.NAME]")
                self.into = None
            else:
                self._assign(statement)
        if not self.main.problems:  # e.g. a table that is extended after it was closed
            reason, line = _reason(refusal)
            self.main.problems.append(Problem(self.file, line, "", "", reason))
        return self.main

    def _enter(self, statement: Statement) -> None:
        self.open = False
        path, line = statement.path, statement.line
        if not self.root or path == self.root or path[: len(self.root)] != self.root:
            self.into, self.root = self.main, ()
        into = self.into or self.main
        first = self._taken(into, path)
        if first is not None and statement.kind == "table":
            self._repeated(path, line, first, _dotted(path), "")
            into = Document()
            self.main.extras.append(into)
            self.root = path
        self.into, self.table = into, path
        _descend(into.data, path)
        into.head(path, line)

    def _assign(self, statement: Statement) -> None:
        if self.into is None:
            return
        table, full = self.table, self.table + statement.path
        if statement.kind == "broken" and self.open and "=" not in statement.text:
            return  # the rest of the list that was reported
        try:
            value: object = tomllib.loads(statement.text)
            for part in statement.path:
                value = value[part] if isinstance(value, dict) else None
        except (ValueError, KeyError, RecursionError) as error:
            self.open = statement.kind == "broken" and bool(re.search(r"\[|\"\"\"|'''", statement.text))
            self.into.torn.update({table, full})
            reason, line = _reason(str(error), statement.line)
            self._refuse(statement, ".".join(statement.path), reason, _remedy(statement.text), line)
            return
        self.open = False
        first = self._taken(self.into, full)
        if first is not None:
            self._repeated(full, statement.line, first, _dotted(table), ".".join(statement.path))
            extra = Document(torn={table})
            self._store(extra, table, statement, value)
            self.main.extras.append(extra)
        else:
            self._store(self.into, table, statement, value)

    def _store(self, into: Document, table: Path, statement: Statement, value: object) -> None:
        full = table + statement.path
        if not full:
            return
        _descend(into.data, full[:-1])[full[-1]] = value
        _note(into, table, statement)

    def _taken(self, into: Document, path: Path) -> int | None:
        """Return the line at which path, or a value on the way to it, was set; None if it is free."""
        node: object = into.data
        for depth, part in enumerate(path):
            if not isinstance(node, dict):
                return into.line(*path[:depth])
            if part not in node:
                return None
            node = node[part]
        free = isinstance(node, dict) and (path in into.implied or path not in into.lines)
        return None if free else into.line(*path)

    def _repeated(self, path: Path, line: int, first: int, table: str, key: str) -> None:
        reason = f"is defined twice, first in line {first}" if first else "is defined twice"
        self.main.problems.append(
            Problem(self.file, line, table, shown(key), reason, "rename or remove one of the two")
        )

    def _refuse(self, statement: Statement, key: str, reason: str, remedy: str, line: int = 0) -> None:
        table = _dotted(self.table) if self.into is not None and key else ""
        place = line or statement.line
        self.main.problems.append(Problem(self.file, place, table, shown(key), reason, remedy))


def _descend(node: dict[str, object], path: Path) -> dict[str, object]:
    """Walk to a table, making what is missing. A value that is in the way gives way to a lost table."""
    for part in path:
        below = node.setdefault(part, {})
        node = below if isinstance(below, dict) else {}
    return node


def _dotted(path: Path) -> str:
    return ".".join(shown(part) for part in path)


def _reason(message: str, start: int = 1) -> tuple[str, int]:
    """Turn tomllib's message into ours: without its place, with the line in the file (0 if unknown)."""
    match = _WHERE.search(message)
    line = start + int(match[1]) - 1 if match and match[1] else (start if start > 1 else 0)
    words = _WHERE.sub("", message) or "cannot be read"
    return f"is not TOML: {words[0].lower()}{shown(words[1:])}", line


def _remedy(text: str) -> str:
    """Word a remedy for the usual slips: Python's words, missing quotes, a list that is not closed."""
    _, equals, value = text.partition("=")
    value = value.partition("#")[0].strip()
    if not equals:
        return "write key = value"
    if value in _WORDS:
        return _WORDS[value]
    if re.fullmatch(r"[A-Za-z][\w./:-]*", value, re.ASCII):
        return f'write "{shown(value)}" in quotes'
    if value.startswith("[") and value.count("[") > value.count("]"):
        return "close the list with ]"
    return ""
