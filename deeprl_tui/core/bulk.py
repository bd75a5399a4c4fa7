"""Many lines of a log at once: what long logs are read with.

Rule: what comes out is what `decode` makes of each line in turn. Episodes and beats, of which logs are full,
come as rows of checked values; whatever is not plain, in any way, goes through `decode` itself.
"""

import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from deeprl_tui.core.events import (
    MAX_LINE,
    BadLineError,
    Beat,
    Episode,
    Line,
    as_float,
    decode,
    parse,
)

EpisodeRow: TypeAlias = tuple[int, float, int, int, float, int]
"""n, t, then the fields of Episode: episode, step, r, l."""
BeatRow: TypeAlias = tuple[int, float, int, int, float, int, float, float, float]
"""n, t, then the fields of Beat: step, updates, cpu_s, rss, sps, loss, epsilon."""
Row: TypeAlias = EpisodeRow | BeatRow

FEW: Final = 8
"""Fewer lines are not worth a batch."""


@dataclass(slots=True)
class Samples:
    """Episodes and beats that follow each other."""

    rows: Sequence[Row]


def row_of(line: Line) -> Row | None:
    """An episode or a beat as a row."""
    match line.event:
        case Episode(episode, step, r, l):
            return line.n, line.t, episode, step, r, l
        case Beat(step, updates, cpu_s, rss, sps, loss, epsilon):
            return line.n, line.t, step, updates, cpu_s, rss, sps, loss, epsilon
        case _:
            return None


_FIELDS: Final = {
    Episode.kind: itemgetter("n", "t", "episode", "step", "r", "l"),
    Beat.kind: itemgetter("n", "t", "step", "updates", "cpu_s", "rss", "sps", "loss", "epsilon"),
}
_NUMBERS: Final = {Episode.kind: (1, 4), Beat.kind: (1, 4, 6, 7, 8)}  # the others are whole numbers
_kind: Final = itemgetter("e")
_REAL: Final = frozenset({float})
_WHOLE: Final = frozenset({int})


def decode_all(raws: Sequence[bytes]) -> tuple[list[Line | Samples], int]:
    """Read lines without their newlines, in order; also how many were bad."""
    reading = _Reading()
    if len(raws) < FEW:
        reading.each(raws)
    else:
        reading.many(raws)
    return reading.found, reading.bad


class _Reading:
    def __init__(self) -> None:
        self.found: list[Line | Samples] = []
        self.bad = 0

    def each(self, raws: Sequence[bytes]) -> None:
        """Read them one by one."""
        for raw in raws:
            try:
                self.found.append(decode(raw))
            except BadLineError:
                self.bad += 1

    def many(self, raws: Sequence[bytes]) -> None:
        crc32 = zlib.crc32
        good = [raw for raw in raws if raw[-16:] == b',"c":"%08x"}' % crc32(raw[:-16])]
        if max(map(len, raws)) > MAX_LINE:
            good = [raw for raw in good if len(raw) <= MAX_LINE]
        self.bad += len(raws) - len(good)
        text = b",".join(good)
        if text.count(b"{") == len(good):
            self._plain(good, text)
            return
        for plain, group in groupby(good, lambda raw: raw.count(b"{") == 1):
            lines = list(group)
            if plain:
                self._plain(lines, b",".join(lines))
            else:
                self.each(lines)

    def _plain(self, raws: Sequence[bytes], text: bytes) -> None:
        """Read lines with a right checksum and as many braces as lines; text: joined by commas.

        Parsed together they could only pass for something else if an object were in another one or in a list:
        then there were fewer objects than braces. A line that is no object by itself spoils all of them, and
        they are read one by one.
        """
        try:
            bodies: list[dict[str, Any]] = parse(f"[{text.decode('ascii')}]")
            if len(bodies) != len(raws):
                raise ValueError("not one object each")
            kinds = list(map(_kind, bodies))
            set(kinds)  # each may be looked up
        except (ValueError, KeyError, TypeError, RecursionError):
            self.each(raws)
            return
        at = 0
        for hot, group in groupby(kinds, _FIELDS.__contains__):
            end = at + sum(1 for _ in group)
            if hot:
                self._samples(raws[at:end], kinds[at:end], bodies[at:end])
            else:
                self.each(raws[at:end])
            at = end

    def _samples(self, raws: Sequence[bytes], kinds: Sequence[str], bodies: Sequence[dict[str, Any]]) -> None:
        try:
            rows = {kind: iter(_rows(kind, kinds, bodies)) for kind in set(kinds)}
        except (KeyError, TypeError, ValueError, OverflowError):
            self.each(raws)
        else:
            self.found.append(Samples([next(rows[kind]) for kind in kinds]))


def _rows(kind: str, kinds: Sequence[str], bodies: Sequence[dict[str, Any]]) -> Sequence[Row]:
    """The rows of one kind. Raises what `decode` would on a value that is none, or an error of its own."""
    fields, numbers = _FIELDS[kind], _NUMBERS[kind]
    rows = [fields(body) for body, its in zip(bodies, kinds, strict=True) if its == kind]
    columns, same = list(zip(*rows, strict=True)), True
    for at, column in enumerate(columns):
        types = set(map(type, column))
        if at not in numbers:
            if types != _WHOLE:
                raise TypeError("not whole")
            array("q", column)  # within 64 bits
        elif types != _REAL:
            columns[at], same = tuple(map(as_float, column)), False
    return rows if same else list(zip(*columns, strict=True))
