"""Many lines of a log at once: what long logs are read with.

Rule: what comes out is what `decode` makes of each line in turn. Episodes and beats, of which logs are full,
come as columns of checked values; whatever is not plain, in any way, goes through `decode` itself.
"""

import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

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

FEW: Final = 6
"""Fewer lines are not worth a batch."""


class Episodes(NamedTuple):
    """Episodes as columns: the line's clock, then the fields of Episode."""

    t: Sequence[float] = ()
    episode: Sequence[int] = ()
    step: Sequence[int] = ()
    r: Sequence[float] = ()
    l: Sequence[int] = ()  # noqa: E741  the field's name


class Beats(NamedTuple):
    """Beats as columns: the line's clock, then the fields of Beat."""

    t: Sequence[float] = ()
    step: Sequence[int] = ()
    updates: Sequence[int] = ()
    cpu_s: Sequence[float] = ()
    rss: Sequence[int] = ()
    sps: Sequence[float] = ()
    loss: Sequence[float] = ()
    epsilon: Sequence[float] = ()


@dataclass(slots=True)
class Samples:
    """Episodes and beats that follow each other."""

    kinds: Sequence[str]  # in order
    episodes: Episodes
    beats: Beats

    def each(self) -> "Iterator[Samples]":
        """The same one by one."""
        episodes, beats = zip(*self.episodes, strict=True), zip(*self.beats, strict=True)
        for kind in self.kinds:
            if kind == Episode.kind:
                yield Samples((kind,), Episodes._make((value,) for value in next(episodes)), Beats())
            else:
                yield Samples((kind,), Episodes(), Beats._make((value,) for value in next(beats)))


def samples_of(line: Line) -> Samples | None:
    """An episode or a beat as samples."""
    match line.event:
        case Episode(episode, step, r, l):
            return Samples((Episode.kind,), Episodes((line.t,), (episode,), (step,), (r,), (l,)), Beats())
        case Beat(step, updates, cpu_s, rss, sps, loss, epsilon):
            values = (line.t, step, updates, cpu_s, rss, sps, loss, epsilon)
            return Samples((Beat.kind,), Episodes(), Beats._make((value,) for value in values))
        case _:
            return None


_FIELDS: Final = {
    Episode.kind: itemgetter("n", *Episodes._fields),
    Beat.kind: itemgetter("n", *Beats._fields),
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
            hash(tuple(kinds))  # each may be looked up
        except (ValueError, KeyError, TypeError, RecursionError):
            self.each(raws)
            return
        if kinds and _FIELDS.keys() >= set(kinds):
            self._samples(raws, kinds, bodies)
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
            episodes = Episodes(*_columns(Episode.kind, kinds, bodies))
            beats = Beats(*_columns(Beat.kind, kinds, bodies))
        except (KeyError, TypeError, ValueError, OverflowError):
            self.each(raws)
        else:
            self.found.append(Samples(kinds, episodes, beats))


def _columns(kind: str, kinds: Sequence[str], bodies: Sequence[dict[str, Any]]) -> list[Any]:
    """The values of one kind but their line numbers. Raises what `decode` does on a value that is none."""
    fields, numbers = _FIELDS[kind], _NUMBERS[kind]
    rows = [fields(body) for its, body in zip(kinds, bodies, strict=True) if its == kind]
    columns: list[Any] = list(zip(*rows, strict=True))
    for at, column in enumerate(columns):
        types = set(map(type, column))
        if at not in numbers:
            if types != _WHOLE:
                raise TypeError("not whole")
            array("q", column)  # within 64 bits
        elif types != _REAL:
            columns[at] = tuple(map(as_float, column))
    return columns[1:]
