"""The only writer to stdout and stderr of `deeprl`.

Rules: stdout is data, stderr is talk. Whatever is written is cleaned here, also what was clean before.
Colors only on a terminal, never with NO_COLOR or on a dumb one. JSON is ASCII, with null for NaN.
"""

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence

from deeprl_tui.cli.table import Cell, Column, Line, Value, lay
from deeprl_tui.core.spec import Json, finite
from deeprl_tui.core.text import clean
from deeprl_tui.errors import ConfigError, DeeprlError

_STYLES = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}


class NobodyReadsError(Exception):
    """stdout was closed by its reader: no fault, and nothing more to say."""


class Output:
    """Where a verb writes. Streams are looked up at each call, so a redirection is seen."""

    def __init__(self, environ: Mapping[str, str] | None = None, width: int | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._width = width

    @property
    def terminal(self) -> bool:
        """Whether stdout is read by a person."""
        return sys.stdout.isatty()

    @property
    def colors(self) -> bool:
        """Whether stdout takes colors."""
        return self.terminal and not self._environ.get("NO_COLOR") and self._environ.get("TERM") != "dumb"

    @property
    def draws(self) -> bool:
        """Whether the terminal can move its cursor."""
        return self._environ.get("TERM", "dumb") != "dumb"

    @property
    def width(self) -> int:
        """Cells in a line of stdout."""
        return self._width or shutil.get_terminal_size((100, 24)).columns

    def line(self, *pieces: str | Cell) -> None:
        """Write one line of data."""
        cells = [Cell(piece) if isinstance(piece, str) else piece for piece in pieces]
        self._write(self._painted(tuple(cells)))

    def lines(self, lines: Iterable[Line]) -> None:
        """Write several lines of data."""
        for line in lines:
            self._write(self._painted(line))

    def text(self, text: str) -> None:
        """Write a text of several lines."""
        for line in text.rstrip().splitlines():
            self._write(clean(line))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Value]]) -> None:
        """Write a table that fits the terminal."""
        self.lines(lay(columns, rows, self.width))

    def record(self, fields: Iterable[Json]) -> None:
        """Write one record for programs: fields between tabs, nothing for what is unknown."""
        self._write("\t".join(clean(_field(field)) for field in fields))

    def json(self, value: Json, *, indent: int | None = None) -> None:
        """Write one JSON value; on one line unless indented."""
        self._write(json.dumps(finite(value), allow_nan=False, indent=indent))

    def say(self, text: str) -> None:
        """Tell the user something that is no data."""
        print(clean(text), file=sys.stderr, flush=True)  # noqa: T201

    def error(self, error: DeeprlError) -> None:
        """Tell the user what went wrong, one line for each problem."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            self.say(f"deeprl: {problem}")

    def progress(self, text: str) -> bool:
        """Show a passing line on stderr; empty: take it away. False off a terminal: nothing is shown."""
        if not sys.stderr.isatty() or self._environ.get("TERM") == "dumb":
            return False
        print(f"\r\x1b[2K{clean(text)}", end="", file=sys.stderr, flush=True)  # noqa: T201
        return True

    def _painted(self, line: Line) -> str:
        if not self.colors:
            return "".join(clean(piece.text) for piece in line).rstrip()
        return "".join(
            f"\x1b[{_STYLES[piece.style]}m{clean(piece.text)}\x1b[0m" if piece.style else clean(piece.text)
            for piece in line
        )

    def _write(self, text: str) -> None:
        try:
            print(text, flush=True)  # noqa: T201
        except BrokenPipeError:
            raise NobodyReadsError from None


def _field(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.10g}" if math.isfinite(value) else ""
        case list() | tuple():
            return ",".join(_field(item) for item in value)
        case _:
            return str(value)
