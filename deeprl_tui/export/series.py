"""From logs to the lines of a picture: samples of each run, the mean of several with a band around it.

Rules: nothing is invented: a run has no value before its first and after its last sample, and a mean says of
how many runs it is. Non-finite samples are left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from deeprl_tui.core.course import MEAN_OF
from deeprl_tui.errors import UnknownNameError
from deeprl_tui.export.logs import Beat, Episode, Evaluation, Log

Floats: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Literal["return", "length", "eval", "loss", "epsilon", "steps/s"]
Axis: TypeAlias = Literal["steps", "episodes", "seconds", "updates"]
Band: TypeAlias = Literal["sd", "minmax", "ci95", "none"]
Name = TypeVar("Name", bound=str)

POINTS = 300
"""Places along x at which lines are drawn."""
CI_FROM = 5
"""An interval of the mean needs this many runs."""

_Sample: TypeAlias = Episode | Evaluation | Beat
METRICS: Mapping[Metric, tuple[Callable[[Log], Sequence[_Sample]], Callable[..., float | None]]] = {
    "return": (lambda log: log.episodes, lambda row: row.score),
    "length": (lambda log: log.episodes, lambda row: row.length),
    "eval": (lambda log: log.evaluations, lambda row: fmean(row.returns)),
    "loss": (lambda log: log.beats, lambda row: row.loss),
    "epsilon": (lambda log: log.beats, lambda row: row.epsilon),
    "steps/s": (lambda log: log.beats, lambda row: row.steps_per_second),
}
"""Where the samples of a metric are, and which number of each."""

AXES: Mapping[Axis, Callable[..., float | None]] = {
    "steps": lambda row: row.step,
    "episodes": lambda row: row.episode,
    "seconds": lambda row: row.seconds,
    "updates": lambda row: row.updates,
}
BANDS: tuple[Band, ...] = ("sd", "minmax", "ci95", "none")


@dataclass(frozen=True, slots=True)
class Samples:
    """One run's values of a metric; x never decreases."""

    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class Mean:
    """Several runs on one grid: a row for each, their mean, and a band; NaN where nothing is known."""

    x: Floats
    rows: Floats  # runs x places
    mid: Floats
    low: Floats
    high: Floats
    count: NDArray[np.intp]  # runs that have a value at each place


def named(name: str, known: Iterable[Name]) -> Name:
    """One of these names. Raises UnknownNameError."""
    names = list(known)
    for one in names:
        if one == name:
            return one
    raise UnknownNameError(f'"{name}" is not drawn', remedy=f"there are {', '.join(map(str, names))}")


def usual_smoothing(metric: Metric) -> int:
    """Returns and lengths of single episodes leap, so they are shown as the mean of 100, as in the study."""
    return MEAN_OF if metric in ("return", "length") else 1


def samples(log: Log, metric: Metric, axis: Axis, smooth: int) -> Samples:
    """A run's values, each the mean of `smooth` of them up to itself, fewer at the start."""
    rows, number = METRICS[metric]
    place = AXES[axis]
    pairs = [(place(row), number(row)) for row in rows(log)]
    known_pairs = [(x, y) for x, y in pairs if x is not None and y is not None]
    x, y = np.array(known_pairs, float).reshape(-1, 2).T
    finite = np.isfinite(x) & np.isfinite(y)
    return Samples(np.maximum.accumulate(x[finite]), trailing_mean(y[finite], smooth))


def trailing_mean(values: Floats, window: int) -> Floats:
    """The mean of each value and up to window - 1 before it."""
    if window <= 1 or not len(values):
        return values
    total = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(stop - window, 0)
    means: Floats = (total[stop] - total[start]) / (stop - start)
    return means


def on_grid(run: Samples, grid: Floats) -> Floats:
    """A run's values at the places of a grid: the mean of the samples nearest to each, straight between."""
    out = np.full(len(grid), np.nan)
    if not len(run.x):
        return out
    edges = (grid[1:] + grid[:-1]) / 2
    place = np.searchsorted(edges, run.x)
    count = np.bincount(place, minlength=len(grid))
    total = np.bincount(place, run.y, minlength=len(grid))
    full = np.flatnonzero(count)
    out[:] = np.interp(np.arange(len(grid)), full, total[full] / count[full], np.nan, np.nan)
    return out


def mean(runs: Sequence[Samples], band: Band, *, until: float | None = None) -> Mean:
    """The mean of runs where they have values, and a band around it.

    sd: one standard deviation (n - 1), from 2 runs. ci95: Student's t interval of the mean, from 5 runs.
    minmax: the lowest and highest run. until: where the grid ends; by default where the longest run does.
    """
    ends = [float(run.x[-1]) for run in runs if len(run.x)]
    starts = [float(run.x[0]) for run in runs if len(run.x)]
    if not ends:
        empty = np.empty(0)
        return Mean(empty, np.empty((len(runs), 0)), empty, empty, empty, np.empty(0, np.intp))
    grid = np.linspace(min(starts), max(ends) if until is None else until, POINTS)
    rows = np.stack([on_grid(run, grid) for run in runs])
    _hold(rows)
    known = np.isfinite(rows)
    count = known.sum(0)
    mid = np.full(len(grid), np.nan)
    np.divide(np.where(known, rows, 0.0).sum(0), count, out=mid, where=count > 0)
    low, high = np.full((2, len(grid)), np.nan)
    if band == "minmax":
        some = count > 0
        low[some], high[some] = np.nanmin(rows[:, some], 0), np.nanmax(rows[:, some], 0)
    elif band != "none":
        some = count >= (2 if band == "sd" else CI_FROM)
        spread = np.where(known, rows - mid, 0.0)[:, some]
        half = np.sqrt((spread**2).sum(0) / (count[some] - 1))
        if band == "ci95":
            half *= t_quantile(count[some] - 1) / np.sqrt(count[some])
        low[some], high[some] = mid[some] - half, mid[some] + half
    return Mean(grid, rows, mid, low, high, count)


def _hold(rows: Floats) -> None:
    """Hold a run's last value for 2% of the places: runs of one length do not end at the same step."""
    reach, size = rows.shape[1] // 50, rows.shape[1]
    ends = [int(np.flatnonzero(np.isfinite(row))[-1]) if np.isfinite(row).any() else size for row in rows]
    last = max((end for end in ends if end < size), default=0)
    for row, end in zip(rows, ends, strict=True):
        if end < size:
            row[end + 1 : min(end + reach, last) + 1] = row[end]


def t_quantile(freedom: NDArray[np.intp]) -> Floats:
    """The 97.5% quantile of Student's t for 4 or more degrees of freedom, to 0.3%.

    Cornish-Fisher expansion around the normal quantile: Abramowitz and Stegun 26.7.5.
    """
    z, d = 1.959963985, freedom.astype(float)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    quantile: Floats = z + first / d + second / d**2 + third / d**3
    return quantile
