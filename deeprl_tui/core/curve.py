"""A learning curve of bounded size: buckets of samples that keep the lowest, the highest, sum and count.

Rule: no peak is ever lost, and a rewind to one of the two newest checkpoints gives what a fresh fold gives.
A bucket holds one sample until there are MOST; then pairs are merged, and again whenever it is full.
`generation` changes with each rewind: a reader that remembers (generation, length) knows whether it is up
to date.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import accumulate, islice, repeat
from math import inf, isfinite, nan
from operator import add, le
from typing import Literal, NamedTuple, TypeAlias, get_args

Axis: TypeAlias = Literal["step", "episode", "seconds", "updates"]
"""What a curve can be drawn over: env steps, episodes, seconds of training, gradient updates."""
AXES: tuple[Axis, ...] = get_args(Axis)

MOST = 4096
"""Buckets of a curve at most; even."""
RECENT = 1000
"""So many newest samples are kept as they came."""
_SLACK = 250
MARKS = 2
"""So many checkpoints a run directory keeps, so so many places a run can go back to."""


class Buckets(NamedTuple):
    """Columns of equal length, in order. Live: read copies (slices), up to the shortest column."""

    step: "array[float]"  # the axes: of the bucket's last sample, never decreasing
    episode: "array[float]"
    seconds: "array[float]"
    updates: "array[float]"
    low: "array[float]"  # inf in a bucket without a number
    high: "array[float]"  # -inf in one
    total: "array[float]"
    known: "array[float]"  # numbers in it; samples that are none are not among them


class _Recent(NamedTuple):
    step: "array[float]"
    seconds: "array[float]"
    y: "array[float]"


class Places:
    """Where samples are: steps, episodes, seconds of training and updates, as columns of equal length."""

    def __init__(self, *axes: Sequence[float]) -> None:
        self.axes = [array("d", axis) for axis in axes]
        self.rising = _rises(self.axes[0])  # no step goes back
        self.lifted = [_never_back(axis) for axis in self.axes] if self.rising else []


def _rises(column: "array[float]") -> bool:
    return all(map(le, column, islice(column, 1, None)))


def _from(column: "array[float]", end: float) -> "array[float]":
    """A column that rises, with nothing of it before the end of another."""
    before = bisect_left(column, end)
    return array("d", repeat(end, before)) + column[before:] if before else column


def _never_back(column: "array[float]") -> "array[float]":
    return column if _rises(column) else array("d", islice(accumulate(column, max, initial=-inf), 1, None))


@dataclass(slots=True)
class _Mark:
    """The curve as it was when the first sample after a checkpoint came."""

    step: float
    size: int
    per: int
    used: int  # buckets
    open: tuple[float, ...]  # the last of them
    recent: _Recent
    kept: Buckets | None = None  # the buckets, once pairs of them were merged


def _buckets() -> Buckets:
    return Buckets(*(array("d") for _ in Buckets._fields))


def _newest(recent: _Recent) -> _Recent:
    return _Recent(*(column[-RECENT:] for column in recent))


class Curve:
    """Values over env steps and the other axes; no axis ever decreases."""

    __slots__ = ("_due", "_marks", "_recent", "_room", "buckets", "generation", "per", "size")

    def __init__(self) -> None:
        self.buckets = _buckets()
        self.per = 1  # samples in a full bucket
        self.size = 0
        self.generation = 0
        self._room = 0  # samples that the last bucket still takes
        self._recent = _Recent(array("d"), array("d"), array("d"))
        self._due: list[float] = []  # checkpoints that no sample has followed yet
        self._marks: list[_Mark] = []

    def __len__(self) -> int:
        """Samples seen."""
        return self.size

    # -- what is known -----------------------------------------------------------------------------------

    @property
    def last(self) -> float | None:
        """The newest value; None without one, NaN where it is no number."""
        return self._recent.y[-1] if self.size else None

    @property
    def mean(self) -> float | None:
        """The mean of all numbers."""
        count = sum(self.buckets.known)
        return sum(self.buckets.total) / count if count else None

    def end(self, axis: Axis = "step") -> float:
        """The largest value on an axis; 0 without samples."""
        column: array[float] = getattr(self.buckets, axis)
        return column[-1] if column else 0.0

    def recent(self, n: int) -> "array[float]":
        """The last n values as they came, at most RECENT; NaN where they were no numbers."""
        return self._recent.y[-min(n, RECENT) :]

    def recent_times(self, n: int) -> "tuple[array[float], array[float]]":
        """Seconds of training and env steps of the last n samples, at most RECENT."""
        n = min(n, RECENT)
        return self._recent.seconds[-n:], self._recent.step[-n:]

    def means(self) -> "array[float]":
        """The mean of each bucket, NaN where there is none: the samples themselves while they are few."""
        columns = zip(self.buckets.total[:], self.buckets.known[:], strict=False)
        return array("d", (total / count if count else nan for total, count in columns))

    # -- what happens ------------------------------------------------------------------------------------

    def append(
        self, *, step: float, y: float, episode: float = 0, seconds: float = 0, updates: float = 0
    ) -> None:
        """Add a sample; one whose step goes back is dropped: a damaged log must not fold a curve."""
        buckets = self.buckets
        ends = [axis[-1] for axis in buckets[:4]] if buckets.step else (0.0, 0.0, 0.0, 0.0)
        if not step >= ends[0]:
            return
        # Written so that NaN, too, gives the value before.
        episode = episode if episode > ends[1] else ends[1]
        seconds = seconds if seconds > ends[2] else ends[2]
        updates = updates if updates > ends[3] else ends[3]
        while self._due and self._due[0] < step:
            self._freeze(self._due.pop(0))
        known = isfinite(y)
        if self._room:
            self._room -= 1
            buckets.step[-1], buckets.episode[-1] = step, episode
            buckets.seconds[-1], buckets.updates[-1] = seconds, updates
            if known:
                if y < buckets.low[-1]:
                    buckets.low[-1] = y
                if y > buckets.high[-1]:
                    buckets.high[-1] = y
                buckets.total[-1] += y
                buckets.known[-1] += 1
        else:
            if len(buckets.step) == MOST:
                self._merge()
                buckets = self.buckets
            values = (y, y, y, 1.0) if known else (inf, -inf, 0.0, 0.0)
            for column, value in zip(buckets, (step, episode, seconds, updates, *values), strict=True):
                column.append(value)
            self._room = self.per - 1
        recent = self._recent
        recent.step.append(step)
        recent.seconds.append(seconds)
        recent.y.append(y if known else nan)
        if len(recent.y) >= RECENT + _SLACK:
            self._recent = _newest(recent)
        self.size += 1  # last: who reads meanwhile reads again

    def extend(self, at: Places, ys: "array[float]") -> None:
        """Add samples: the same as `append` for each in turn, in a fraction of the time."""
        many, done = len(ys), 0
        plain = many and at.rising and at.axes[0][0] >= self.end() and all(map(isfinite, ys))
        while done < many and (self._due or not plain):
            step, episode, seconds, updates = (axis[done] for axis in at.axes)
            self.append(step=step, y=ys[done], episode=episode, seconds=seconds, updates=updates)
            done += 1
        if done == many:
            return
        ends = map(self.end, AXES)
        columns = [_from(column[done:], end) for column, end in zip(at.lifted, ends, strict=True)]
        ys = ys[done:]
        self._fill(columns, ys)
        for kept, column in zip(self._recent, (columns[0], columns[2], ys), strict=True):
            kept.extend(column[-RECENT:])
        if len(self._recent.y) >= RECENT + _SLACK:
            self._recent = _newest(self._recent)
        self.size += len(ys)  # last: who reads meanwhile reads again

    def mark(self, step: float) -> None:
        """Say that the run may go back to this step: there is a checkpoint."""
        self._due = [*self._due, step][-MARKS:]

    def rewind(self, step: float) -> None:
        """Drop all samples after a step.

        Exact for the two newest marks, for the beginning, and while a bucket is a sample. Else some samples
        before the step go as well.
        """
        self._due = [due for due in self._due if due <= step]
        self._marks = [mark for mark in self._marks if mark.step <= step]
        if self.size and self.end() > step:
            self.generation += 1
            if self.per > 1 and self._marks:
                self._restore(self._marks[-1])
            else:
                self._cut(step)
        while self._marks and self._marks[-1].size == self.size:  # no sample follows it any more
            self._due = [self._marks.pop().step, *self._due][-MARKS:]

    # -- buckets -----------------------------------------------------------------------------------------

    def _fill(self, columns: "Sequence[array[float]]", ys: "array[float]") -> None:
        """Put samples, all of them numbers, into the last bucket and new ones."""
        at, many = 0, len(ys)
        while at < many:
            if self._room:
                at = self._top_up(columns, ys, at)
                continue
            if len(self.buckets.step) == MOST:
                self._merge()
            buckets = self.buckets
            each = min(self.per, many - at)  # fewer than a bucket takes: it stays open
            end = at + each * min((many - at) // each, MOST - len(buckets.step))
            low = high = total = ys[at:end]
            if each > 1:
                pieces = [ys[start : start + each] for start in range(at, end, each)]
                low, high = array("d", map(min, pieces)), array("d", map(max, pieces))
                total = array("d", map(partial(reduce, add), pieces))
            axes = (column[at + each - 1 : end : each] for column in columns)
            for column, more in zip(buckets, (*axes, low, high, total), strict=False):
                column.extend(more)
            buckets.known.extend(repeat(float(each), len(low)))
            self._room = self.per - each
            at = end

    def _top_up(self, columns: "Sequence[array[float]]", ys: "array[float]", at: int) -> int:
        """Put samples from `at` on into the last bucket; returns where the rest begins."""
        buckets, end = self.buckets, min(at + self._room, len(ys))
        piece = ys[at:end]
        for column, more in zip(buckets, columns, strict=False):
            column[-1] = more[end - 1]
        buckets.low[-1] = min(buckets.low[-1], min(piece))
        buckets.high[-1] = max(buckets.high[-1], max(piece))
        buckets.total[-1] = reduce(add, piece, buckets.total[-1])
        buckets.known[-1] += len(piece)
        self._room -= len(piece)
        return end

    def _cut(self, step: float) -> None:
        keep = bisect_right(self.buckets.step, step)
        self.buckets = Buckets(*(column[:keep] for column in self.buckets))
        self.per, self.size, self._room = self.per if keep else 1, keep * self.per, 0
        means = self.means()[-RECENT:]
        self._recent = _newest(_Recent(self.buckets.step, self.buckets.seconds, means))

    def _merge(self) -> None:
        """Make one bucket of two. New columns, so that a reader never meets a half of it."""
        old = self.buckets
        for mark in self._marks:
            if mark.kept is None:
                mark.kept = Buckets(*(column[: mark.used] for column in old))
        self.buckets = Buckets._make(
            [
                *(column[1::2] for column in old[:4]),
                array("d", map(min, old.low[::2], old.low[1::2])),
                array("d", map(max, old.high[::2], old.high[1::2])),
                array("d", map(add, old.total[::2], old.total[1::2])),
                array("d", map(add, old.known[::2], old.known[1::2])),
            ]
        )
        self.per *= 2

    def _freeze(self, step: float) -> None:
        """Remember the curve as it is."""
        last = tuple(column[-1] for column in self.buckets) if self.size else ()
        mark = _Mark(step, self.size, self.per, len(self.buckets.step), last, _newest(self._recent))
        self._marks = [*self._marks, mark][-MARKS:]

    def _restore(self, mark: _Mark) -> None:
        """Be again what a mark remembers."""
        buckets = Buckets(*(column[: mark.used] for column in mark.kept or self.buckets))
        for column, value in zip(buckets, mark.open, strict=False):
            column[-1] = value
        mark.kept = None
        self._recent = _newest(mark.recent)
        self.buckets, self.per, self.size = buckets, mark.per, mark.size
        self._room = mark.used * mark.per - mark.size
