"""The average of runs: interquartile mean from 4 seeds on, mean below, with a stratified bootstrap interval.

After Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"; the numbers
are rliable's. The percentile interval covers less than its 95 % where seeds are few: benchmarks/RESULTS.md.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.random import Generator

from deeprl_tui.verdicts.model import SEEDS_FOR_INTERVAL, SEEDS_FOR_IQM, SEEDS_NOT_ROUGH, Average, Summary
from deeprl_tui.verdicts.resample import RESAMPLES, Floats, counts, interval

TRIM = 0.25
"""Share of the values that the interquartile mean leaves out at each end, rounded down to whole values."""


def aggregate(
    scores: Sequence[float | None],
    runs: int,
    rng: Generator,
    *,
    strata: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
) -> Summary:
    """Average the scores of runs.

    scores: one for each run that is there; None or not finite: that run has none, and stays in `runs`.
    strata: what each score belongs to where several experiments are pooled; each is resampled by itself, and
    the one with the fewest seeds says whether there is an interval.
    Raises ValueError if `runs` is less than the scores that there are.
    """
    labels = [None] * len(scores) if strata is None else list(strata)
    parts: dict[Hashable, list[float]] = {}
    for score, label in zip(scores, labels, strict=True):
        if score is not None and math.isfinite(score):
            parts.setdefault(label, []).append(float(score))
    # Sorted, so that the order in which runs were read changes nothing, not even the draws.
    ordered = sorted(sorted(part) for part in parts.values())
    n, fewest = sum(map(len, ordered)), min(map(len, ordered), default=0)
    if n > runs:
        raise ValueError(f"{n} scores of {runs} runs")
    kind: Average = "IQM" if n >= SEEDS_FOR_IQM else "mean"
    rough = fewest < SEEDS_NOT_ROUGH
    if n == 0:
        return Summary(kind, None, None, None, 0, runs, rough)
    values = np.concatenate([np.array(part) for part in ordered])
    (value,) = averages(values, np.ones((1, n)), kind)
    low, high = None, None
    if fewest >= SEEDS_FOR_INTERVAL:
        drawn = counts([len(part) for part in ordered], rng, resamples)
        low, high = interval(averages(values, drawn, kind))
    return Summary(kind, float(value), low, high, n, runs, rough)


def averages(values: Floats, drawn: Floats, kind: Average) -> Floats:
    """Average resamples. values: (n,), drawn: (resamples, n) as of `counts`; returns (resamples,)."""
    n = len(values)
    cut = int(TRIM * n) if kind == "IQM" else 0
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    # How many values of a resample lie at or below each one, without what is cut off; from there the sum
    # of the kept ones by parts, since cumulating and differencing many short rows costs ten times as much.
    reached = np.clip(drawn[:, order] @ np.triu(np.ones((n, n))), cut, n - cut)
    steps = np.append(ordered[:-1] - ordered[1:], ordered[-1])
    averaged: Floats = (reached @ steps - cut * ordered[0]) / (n - 2 * cut)
    return averaged
