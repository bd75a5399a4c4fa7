"""A curve as columns of a chart, and several as one line with a band.

Rule: whatever the zoom, the lowest and the highest sample of a range are in its columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deeprl_tui.core.curve import Axis, Curve
from deeprl_tui.tui.widgets.view import Band

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


class Columns(NamedTuple):
    """Equal columns of an x range. The floats are NaN where a column holds no number."""

    mean: Floats
    lo: Floats
    hi: Floats
    samples: Ints  # buckets, those without a number included: tells "nothing here" from "not a number here"


class Series:
    """A copy of a curve's buckets over one axis; without ends it does not know the lowest and highest."""

    __slots__ = ("count", "high", "low", "mean", "total", "x")

    def __init__(self, curve: Curve, axis: Axis = "step", *, ends: bool = True) -> None:
        buckets = curve.buckets
        size = min(len(column) for column in buckets)  # it may grow meanwhile
        # Slices are copies: an array that numpy looks into cannot grow.
        self.x, self.total, self.count = (
            np.frombuffer(column[:size]) if size else np.empty(0)
            for column in (getattr(buckets, axis), buckets.total, buckets.known)
        )
        self.low = self.high = np.empty(0)
        if ends and size:
            self.low, self.high = np.frombuffer(buckets.low[:size]), np.frombuffer(buckets.high[:size])
        self.mean: Floats = np.full(size, np.nan)
        np.divide(self.total, self.count, out=self.mean, where=self.count > 0)

    def columns(self, x0: float, x1: float, n: int, *, ends: bool = True) -> Columns:
        """The buckets with x0 <= x <= x1 in n equal columns; without ends lo and hi are not worked out."""
        places = np.linspace(x0, x1, n + 1)
        places[-1] = np.nextafter(x1, np.inf)
        edges = self.x.searchsorted(places)
        samples = edges[1:] - edges[:-1]
        used = np.flatnonzero(samples)
        mean, lo, hi = np.full((3, n), np.nan)
        if used.size:
            at, stop = edges[used], edges[-1]
            count = np.add.reduceat(self.count[:stop], at)
            with np.errstate(invalid="ignore"):  # 0 / 0: a column of NaN
                mean[used] = np.add.reduceat(self.total[:stop], at) / count
            if ends:
                lo[used] = np.minimum.reduceat(self.low[:stop], at)
                hi[used] = np.maximum.reduceat(self.high[:stop], at)
                lo[np.isinf(lo)] = hi[np.isinf(hi)] = np.nan
        return Columns(mean, lo, hi, samples)

    def line(self, x0: float, x1: float, n: int, *, ends: bool = True) -> Columns:
        """Like `columns`, with the mean drawn straight over columns between two samples.

        Columns before the first and after the last sample stay NaN, as do NaN samples and the way to them.
        """
        columns = self.columns(x0, x1, n, ends=ends)
        full = np.flatnonzero(columns.samples)
        if len(full) == n or not self.x.size:
            return columns
        at, values = full.astype(np.float64), columns.mean[full]
        before = int(np.searchsorted(self.x, x0)) - 1
        after = int(np.searchsorted(self.x, x1, "right"))
        scale = n / (x1 - x0)
        if before >= 0:  # zoomed in: the line comes from a sample outside
            at = np.append((self.x[before] - x0) * scale - 0.5, at)
            values = np.append(self.mean[before], values)
        if after < self.x.size:
            at = np.append(at, (self.x[after] - x0) * scale - 0.5)
            values = np.append(values, self.mean[after])
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
    rows: Floats  # each seed's line, smoothed


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
    parts = [series.line(x0, x1, n, ends=band == "minmax") for series in seeds]
    if not parts:
        empty = np.full(n, np.nan)
        return Aggregate(empty, empty, empty, np.zeros(n, np.intp), empty[None, :])
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
    return Aggregate(mid, lo, hi, count, means)


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
