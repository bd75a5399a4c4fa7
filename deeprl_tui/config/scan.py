"""Cut TOML text into statements and say in which line each key stands; `tomllib` tells neither.

Rule: values are not read here. Where the scanner does not follow, the statement is `broken`: it never
guesses.
"""

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, TypeAlias

Path: TypeAlias = tuple[str, ...]

DEEPEST = 40
"""Parts of a key, or lists in lists. tomllib needs memory with the square of a key's parts."""

_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_END = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_STRING = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"""(?:"{0,2})'
    r"|'''[\s\S]*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"""\d{4}-\d\d-\d\d[ ]\d\d:[^\s,\[\]{}#"'=]+|[^\s,\[\]{}#"'=]+""")


class _Lost(Exception):
    """The text is not what the scanner expects."""


class _Deep(_Lost):
    """A key has too many parts."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One header or one assignment. A broken one is a single line; the next line starts afresh."""

    kind: Literal["table", "array", "key", "broken"]
    line: int  # from 1
    text: str
    path: Path  # of the header, or of the key within its table; of a broken one as far as known
    inner: tuple[tuple[Path, int], ...] = ()  # keys of inline tables, below `path`, with their lines
    deep: bool = False  # broken because a key has too many parts
    scalar: str = ""  # the value as it is spelt, if it is one bare word or number


def scan(text: str) -> list[Statement]:
    """Cut text (with \\n line ends) into its statements."""
    return _Scanner(text).statements()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.path: Path = ()
        self.inner: list[tuple[Path, int]] = []
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return found
            start = self.at
            self.path, self.inner = (), []
            try:
                found.append(self._header(start) if self.text[start] == "[" else self._assignment(start))
            except _Lost as lost:
                stop = self.text.find("\n", start)
                self.at = stop if stop >= 0 else len(self.text)
                line, text = self._line(start), self.text[start : self.at]
                found.append(Statement("broken", line, text, self.path, deep=isinstance(lost, _Deep)))

    def _header(self, start: int) -> Statement:
        double = self.text.startswith("[[", start)
        self.at += 2 if double else 1
        self._skip(_SPACE)
        self.path = self._key()
        self._expect("]]" if double else "]")
        text = self._finish(start)
        return Statement("array" if double else "table", self._line(start), text, self.path)

    def _assignment(self, start: int) -> Statement:
        self.path = self._key()
        self._expect("=")
        self._skip(_SPACE)
        value = self.at
        bare = self._value((), 0)
        scalar = self.text[value : self.at] if bare else ""
        text = self._finish(start)
        return Statement("key", self._line(start), text, self.path, tuple(self.inner), scalar=scalar)

    def _value(self, path: Path | None, depth: int) -> bool:
        """Pass over a value; `path` is None inside a list, where keys have no name. True if it is bare."""
        if depth > DEEPEST or self.at >= len(self.text):
            raise _Lost
        match self.text[self.at]:
            case "[":
                self._list(depth)
            case "{":
                self._inline(path, depth)
            case '"' | "'":
                self._must(_STRING)
            case _:
                self._must(_SCALAR)
                return True
        return False

    def _list(self, depth: int) -> None:
        self._expect("[")
        self._skip(_BLANK)
        while not self._take("]"):
            self._value(None, depth + 1)
            self._skip(_BLANK)
            if not self._take(","):
                self._expect("]")
                return
            self._skip(_BLANK)

    def _inline(self, path: Path | None, depth: int) -> None:
        self._expect("{")
        self._skip(_SPACE)
        if self._take("}"):
            return
        while True:
            line = self._line(self.at)
            key = self._key()
            below = None if path is None else path + key
            if below is not None:
                self.inner.append((below, line))
            self._expect("=")
            self._skip(_SPACE)
            self._value(below, depth + 1)
            self._skip(_SPACE)
            if not self._take(","):
                self._expect("}")
                return
            self._skip(_SPACE)

    def _key(self) -> Path:
        parts = [self._part()]
        self._skip(_SPACE)
        while self._take("."):
            self._skip(_SPACE)
            parts.append(self._part())
            if len(parts) > DEEPEST:
                raise _Deep
            self._skip(_SPACE)
        return tuple(parts)

    def _part(self) -> str:
        part = self._must(_PART)
        if part[0] == "'":
            return part[1:-1]
        if part[0] == '"':
            try:
                return str(tomllib.loads(f"k = {part}")["k"])
            except ValueError:
                raise _Lost from None
        return part

    def _finish(self, start: int) -> str:
        stop = self.at
        self._must(_END)
        return self.text[start:stop]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def _must(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise _Lost
        self.at = match.end()
        return match.group()

    def _take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise _Lost

    def _line(self, at: int) -> int:
        return bisect_right(self.starts, at)
