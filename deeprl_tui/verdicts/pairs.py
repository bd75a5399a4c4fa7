"""One experiment against another: P(X > Y) with an interval, and the test that goes with it.

P(X > Y) is the share of all pairs (a run of x, a run of y) in which x is higher, ties half: the Mann-Whitney
statistic divided by n m, and rliable's probability of improvement. It asks how often, not how much.

Rule: higher is better, and a comparison is of one env only; who calls sees to that.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from deeprl_tui.verdicts.model import SEEDS_FOR_INTERVAL, SEEDS_NOT_ROUGH, Comparison
from deeprl_tui.verdicts.resample import RESAMPLES, Floats, counts, interval

EXACT = 50
"""Runs on both sides together up to which the test is exact; above, the normal approximation is as good."""


def compare(
    x: Mapping[int, float], y: Mapping[int, float], rng: Generator, *, resamples: int = RESAMPLES
) -> Comparison:
    """Compare scores by seed.

    Paired is what has exactly the same seeds on both sides. A seed decides a run's initial weights, its
    episodes' starts and its exploration, so two runs of one seed may have luck in common; then the interval
    is made by resampling seeds, each with its x and its y, which keeps what they share. P itself is the same
    either way: it compares all runs of x with all of y, not x and y of one seed. Without the same seeds both
    sides are resampled apart, and no run is thrown away to make pairs.

    The test is not a paired one. Where seeds share their luck it errs to the safe side (shown by simulation
    in the tests), while the exact paired tests cannot get below 2 / 2^n: ten seeds could then never decide
    anything among 26 comparisons.

    Raises ValueError if a side is empty or a score is not finite.
    """
    paired = x.keys() == y.keys()
    xs, ys = (np.array([side[seed] for seed in sorted(side)], dtype=np.float64) for side in (x, y))
    if not (len(xs) and len(ys) and np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise ValueError("a comparison needs finite scores on both sides")
    wins = won(xs, ys)
    p = float(wins.mean())
    low, high = None, None
    separate = p in (0.0, 1.0)
    if min(len(xs), len(ys)) >= SEEDS_FOR_INTERVAL and not separate:
        drawn = counts([len(xs)], rng, resamples)
        low, high = interval(resampled(wins, drawn, drawn if paired else counts([len(ys)], rng, resamples)))
    rough = min(len(xs), len(ys)) < SEEDS_NOT_ROUGH
    return Comparison(p, low, high, len(xs), len(ys), paired, separate, p_value(xs, ys), rough)


def won(x: Floats, y: Floats) -> Floats:
    """Tell who is higher in each pair: (n, m) of 1 where x is, 0 where y is, 0.5 for a tie."""
    higher: Floats = (np.sign(x[:, None] - y[None, :]) + 1.0) / 2.0
    return higher


def resampled(wins: Floats, x_drawn: Floats, y_drawn: Floats) -> Floats:
    """P of resamples. wins: (n, m); drawn: (resamples, n) and (resamples, m) as of `counts`."""
    shares: Floats = ((x_drawn @ wins) * y_drawn).sum(axis=1) / wins.size
    return shares


def p_value(x: Floats, y: Floats) -> float:
    """Two-sided p-value of the Mann-Whitney test of equal distributions (Mann and Whitney 1947).

    Exact, also with ties, for up to 50 runs together: the share of all ways to deal the pooled scores out
    to the two sides that are as extreme, twice the smaller tail. Above: normal, corrected for ties and
    continuity.
    """
    n, m = len(x), len(y)
    pooled = np.concatenate((x, y))
    _, inverse, sizes = np.unique(pooled, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    doubled = (2 * ends - sizes + 1)[inverse]  # midranks times two are whole numbers
    rank_sum = int(doubled[:n].sum())
    if n + m <= EXACT:
        low, high = _tails(tuple(sorted(doubled.tolist())), n, rank_sum)
        return min(1.0, 2.0 * min(low, high))
    u = rank_sum / 2.0 - n * (n + 1) / 2.0
    ties = float((sizes.astype(np.float64) ** 3 - sizes).sum())
    variance = n * m / 12.0 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0.0:  # all scores are equal
        return 1.0
    z = (abs(u - n * m / 2.0) - 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(z / math.sqrt(2.0)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for being many (Holm 1979): each is then to be held against alpha, in the same order.

    The chance that any true null hypothesis among them is rejected stays below alpha.
    """
    corrected, worst = [0.0] * len(p_values), 0.0
    for done, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - done) * p_values[index]))
        corrected[index] = worst
    return corrected


def _tails(doubled: tuple[int, ...], n: int, rank_sum: int) -> tuple[float, float]:
    """P(rank sum of n of these ranks <= the one seen) and >=."""
    ways = _ways(doubled, n)
    total = ways.sum()
    return float(ways[: rank_sum + 1].sum() / total), float(ways[rank_sum:].sum() / total)


@lru_cache(maxsize=256)
def _ways(doubled: tuple[int, ...], n: int) -> Floats:
    """Count the ways to choose n of the ranks, by their sum; without ties, one for all of a size."""
    ways = np.zeros((n + 1, sum(doubled[-n:]) + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    counted: Floats = ways[n]
    return counted
