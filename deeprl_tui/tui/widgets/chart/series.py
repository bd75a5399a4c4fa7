"""Curves as data: samples with a pyramid of block summaries, and many seeds made one line with a band.

Rule: a sample is never lost. Whatever the zoom, the lowest and highest sample of a range are in its columns,
and reading n columns costs the same for a thousand samples and for a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deeprl_tui.tui.widgets.view import Band

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]

BLOCKS: Final = (32, 1024, 32768)
_SIZES: Final[Ints] = np.array((1, *BLOCKS), np.intp)  # level 0: the samples themselves
_LEAST: Final[Ints] = 4 * _SIZES[1:]  # samples from which a column reads whole blocks of a level


class Columns(NamedTuple):
    """Equal columns of an x range. The floats are NaN where a column holds no number."""

    mean: Floats
    lo: Floats
    hi: Floats
    samples: Ints  # NaN included: tells "nothing here" from "not a number here"


class _Level:
    """Minimum, maximum, sum and count of numbers, one of each per block."""

    __slots__ = ("arrays", "done")

    def __init__(self) -> None:
        self.done = 0
        self.arrays = [np.empty(4) for _ in range(4)]

    def grow(self, done: int, new: Sequence[Floats]) -> None:
        for k, values in enumerate(new):
            if done > len(self.arrays[k]):
                self.arrays[k] = np.concatenate([self.arrays[k][: self.done], np.empty(2 * done - self.done)])
            self.arrays[k][self.done : done] = values
        self.done = done


class Series:
    """Samples y at x, x never decreasing; only appended to."""

    __slots__ = ("_levels", "_x", "_y", "size")

    def __init__(self, x: ArrayLike = (), y: ArrayLike = ()) -> None:
        self.clear()
        self.extend(x, y)

    def clear(self) -> None:
        """Forget all samples."""
        self.size = 0
        self._x: Floats = np.empty(64)
        self._y: Floats = np.empty(64)
        self._levels = [_Level() for _ in BLOCKS]

    def __len__(self) -> int:
        return self.size

    @property
    def x(self) -> Floats:
        """All x, a view: do not write to it."""
        return self._x[: self.size]

    @property
    def y(self) -> Floats:
        """All y, a view: do not write to it."""
        return self._y[: self.size]

    def extend(self, x: ArrayLike, y: ArrayLike) -> None:
        """Append samples. An infinite y counts as NaN. An x below the one before it is lifted to it."""
        new_x = np.asarray(x, np.float64)
        new_y = np.asarray(y, np.float64)
        if new_x.shape != new_y.shape or new_x.ndim != 1:
            raise ValueError(f"x and y must be two equally long rows, got {new_x.shape} and {new_y.shape}")
        if not new_x.size:
            return
        start, size = self.size, self.size + new_x.size
        if size > len(self._x):
            room = np.empty(2 * size - start)
            self._x = np.concatenate([self.x, room])
            self._y = np.concatenate([self.y, room])
        floor = self._x[start - 1] if start else -np.inf
        if new_x[0] < floor or not bool((new_x[1:] >= new_x[:-1]).all()):
            new_x = np.maximum.accumulate(np.fmax(new_x, floor))
        self._x[start:size] = new_x
        self._y[start:size] = new_y
        tail = self._y[start:size]
        tail[np.isinf(tail)] = np.nan
        self.size = size
        self._summarize()

    def _summarize(self) -> None:
        for k, block in enumerate(BLOCKS):
            level = self._levels[k]
            done = self.size // block
            if done == level.done:
                return
            if k == 0:
                values = self._y[level.done * block : done * block].reshape(-1, block)
                known = np.isfinite(values)
                total = np.where(known, values, 0.0).sum(1)
                new = [np.fmin.reduce(values, 1), np.fmax.reduce(values, 1), total, known.sum(1)]
            else:
                ratio = block // BLOCKS[k - 1]
                part = slice(level.done * ratio, done * ratio)
                low, high, total, count = (a[part].reshape(-1, ratio) for a in self._levels[k - 1].arrays)
                new = [np.fmin.reduce(low, 1), np.fmax.reduce(high, 1), total.sum(1), count.sum(1)]
            level.grow(done, new)

    def columns(self, x0: float, x1: float, n: int) -> Columns:
        """The samples with x0 <= x <= x1 in n equal columns.

        Inside the range a sample may count for the column beside its own, by at most a quarter of a column's
        samples; the two ends of the range are exact.
        """
        places = np.linspace(x0, x1, n + 1)
        places[-1] = np.nextafter(x1, np.inf)
        edges = self.x.searchsorted(places)
        samples = edges[1:] - edges[:-1]
        used = samples > 0
        if used.all():
            out = self._reduce(edges, samples)
        else:
            out = np.full((3, n), np.nan)
            if used.any():
                out[:, used] = self._reduce(np.append(edges[:-1][used], edges[-1]), samples[used])
        return Columns(out[0], out[1], out[2], samples)

    def _reduce(self, bounds: Ints, samples: Ints) -> Floats:
        """Mean, minimum and maximum of the samples between bounds; no two bounds are equal."""
        wish = _LEAST.searchsorted(samples, "right")
        level = wish.copy()  # a column and its neighbor must agree on the block their bound is rounded to
        level[1:] = np.minimum(level[1:], wish[:-1])
        level[:-1] = np.minimum(level[:-1], wish[1:])
        head, tail = int(bounds[0]), int(bounds[-1])
        first, last = int(_SIZES[level[0]]), int(_SIZES[level[-1]])
        cuts = bounds.copy()
        inner = _SIZES[np.maximum(level[:-1], level[1:])]
        cuts[1:-1] = bounds[1:-1] // inner * inner
        cuts[0] = -(-head // first) * first
        cuts[-1] = tail // last * last
        starts, stops = cuts[:-1], cuts[1:]
        lowest = int(level.min())
        if lowest == int(level.max()):
            size = int(_SIZES[lowest])
            low, high, total, count = self._level(lowest, starts // size, stops // size)
        else:
            low, high, total, count = np.empty((4, len(samples)))
            for k, size in enumerate(_SIZES.tolist()):
                mine = level == k
                if mine.any():
                    got = self._level(k, starts[mine] // size, stops[mine] // size)
                    low[mine], high[mine], total[mine], count[mine] = got
        for column, start, stop in ((0, head, int(cuts[0])), (-1, int(cuts[-1]), tail)):
            if stop > start:
                rest = self._y[start:stop]
                low[column] = np.fmin(low[column], np.fmin.reduce(rest))
                high[column] = np.fmax(high[column], np.fmax.reduce(rest))
                known = rest[np.isfinite(rest)]
                total[column] += known.sum()
                count[column] += known.size
        with np.errstate(invalid="ignore"):  # 0 / 0: a column of NaN
            return np.array((total / count, low, high))

    def _level(self, k: int, starts: Ints, stops: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Minimum, maximum, sum and count between starts and stops, counted in the level's blocks."""
        if bool((starts[1:] == stops[:-1]).all()):  # one row of columns: no copy
            pick: slice | Ints = slice(int(starts[0]), int(stops[-1]))
            at = starts - starts[0]
        else:
            sizes = stops - starts
            at = np.cumsum(sizes) - sizes
            pick = np.repeat(starts - at, sizes) + np.arange(int(sizes.sum()))
        if k:
            low, high, total, count = (a[pick] for a in self._levels[k - 1].arrays)
        else:
            low = high = self._y[pick]
            known = np.isfinite(low)
            total, count = np.where(known, low, 0.0), known.astype(np.float64)
        return (
            np.fmin.reduceat(low, at),
            np.fmax.reduceat(high, at),
            np.add.reduceat(total, at),
            np.add.reduceat(count, at),
        )

    def line(self, x0: float, x1: float, n: int) -> Columns:
        """Like `columns`, with the mean drawn straight over columns between two samples.

        Columns before the first and after the last sample stay NaN, as do NaN samples and the way to them.
        """
        columns = self.columns(x0, x1, n)
        full = np.flatnonzero(columns.samples)
        if len(full) == n or not self.size:
            return columns
        at, values = full.astype(np.float64), columns.mean[full]
        before = int(np.searchsorted(self.x, x0)) - 1
        after = int(np.searchsorted(self.x, x1, "right"))
        scale = n / (x1 - x0)
        if before >= 0:  # zoomed in: the line comes from a sample outside
            at = np.append((self._x[before] - x0) * scale - 0.5, at)
            values = np.append(self._y[before], values)
        if after < self.size:
            at = np.append(at, (self._x[after] - x0) * scale - 0.5)
            values = np.append(values, self._y[after])
        if len(at) > 1:
            columns.mean[:] = np.interp(np.arange(n), at, values, np.nan, np.nan)
        return columns


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One line of several seeds: the mean, a band around it, and how many seeds each column stands on."""

    mid: Floats
    lo: Floats
    hi: Floats
    count: Ints


def aggregate(
    seeds: Sequence[Series], x0: float, x1: float, n: int, band: Band = "sd", smooth: float = 0.0
) -> Aggregate:
    """The mean of the seeds that have data at a column, in n columns of [x0, x1], and its band.

    Seeds that ended earlier leave the mean, so `count` says how many are left; charts draw columns with fewer
    seeds fainter and say so. Runs of one length never end at the same step, so a seed's last value is held
    for 2% of the columns.

    `sd`: one standard deviation (n - 1), from 2 seeds. `ci95`: Student's t interval of the mean, from 5.
    `minmax`: the lowest and highest sample, not smoothed. Without a band lo and hi are NaN. `smooth`: the
    weight of the past per column, 0 to 1, so smoothing follows the zoom.
    """
    parts = [series.line(x0, x1, n) for series in seeds]
    if not parts:
        empty = np.full(n, np.nan)
        return Aggregate(empty, empty, empty, np.zeros(n, np.intp))
    means = smoothed(np.stack([part.mean for part in parts]), smooth)
    _hold(means, parts)
    known = np.isfinite(means)
    count = known.sum(0)
    mid = np.full(n, np.nan)
    np.divide(np.where(known, means, 0.0).sum(0), count, out=mid, where=count > 0)
    lo, hi = np.full((2, n), np.nan)
    if band == "minmax":
        lo = np.fmin.reduce([part.lo for part in parts])
        hi = np.fmax.reduce([part.hi for part in parts])
    elif band != "none":
        least = 2 if band == "sd" else 5
        enough = count >= least
        if enough.any():
            spread = np.where(known, means - mid, 0.0)[:, enough]
            k = count[enough]
            half = np.sqrt((spread * spread).sum(0) / (k - 1))
            if band == "ci95":
                half *= t_quantile(k - 1) / np.sqrt(k)
            lo[enough], hi[enough] = mid[enough] - half, mid[enough] + half
    return Aggregate(mid, lo, hi, count)


def _hold(means: Floats, parts: Sequence[Columns]) -> None:
    """Draw on each row's last number a little, not past the longest row and not where it ended in NaN."""
    reach = means.shape[1] // 50
    ends = [int(full[-1]) if (full := np.flatnonzero(part.samples)).size else -1 for part in parts]
    for row, end in zip(means, ends, strict=True):
        if 0 <= end < max(ends):
            row[end + 1 : min(end + reach, max(ends)) + 1] = row[end]


def smoothed(rows: Floats, weight: float) -> Floats:
    """Debiased exponential moving average along each row; NaN stays NaN and carries no weight.

    out[i] = sum(w**(i - j) * row[j]) / sum(w**(i - j)) over the numbers j <= i.
    """
    if weight <= 0:
        return rows
    known = np.isfinite(rows)
    kernel = _decay(rows.shape[1], weight)
    out = np.full(rows.shape, np.nan)
    np.divide(np.where(known, rows, 0.0) @ kernel, known @ kernel, out=out, where=known)
    return out


@lru_cache(8)
def _decay(n: int, weight: float) -> Floats:
    ages = np.arange(n)[None, :] - np.arange(n)[:, None]
    kernel: Floats = np.where(ages >= 0, weight ** np.maximum(ages, 0), 0.0)
    return kernel


def t_quantile(df: ArrayLike) -> Floats:
    """The 97.5% quantile of Student's t for 4 or more degrees of freedom, to 0.3%.

    Cornish-Fisher expansion around the normal quantile: Abramowitz and Stegun 26.7.5.
    """
    z, d = 1.959963985, np.asarray(df, np.float64)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    result: Floats = z + first / d + second / d**2 + third / d**3
    return result
