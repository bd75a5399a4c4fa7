"""Bootstrap resamples as counts, and intervals from them.

A resample is written as how often each value was drawn: an average is then one matrix product, and x and y of
a pair are resampled together by sharing their counts.

Rule: draws come from the generator that is passed in; `generator` makes one from the data themselves.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from deeprl_tui.verdicts.model import LEVEL

Floats: TypeAlias = NDArray[np.float64]

RESAMPLES = 5000
"""The ends of an interval then move by 0.2 percentiles (one standard error) between generators."""


def generator(*samples: Sequence[float]) -> Generator:
    """Make a generator that depends on the values alone, so that a second look shows the same interval."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(struct.pack(f"<I{len(sample)}d", len(sample), *sample))
    return np.random.default_rng(int.from_bytes(digest.digest()[:16], "little"))


def counts(sizes: Sequence[int], rng: Generator, resamples: int = RESAMPLES) -> Floats:
    """Draw resamples with replacement, each stratum by itself.

    sizes: values in each stratum. Returns (resamples, sum of sizes): how often each value was drawn.
    """
    parts = [_one(size, rng, resamples) for size in sizes]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def interval(estimates: Floats) -> tuple[float, float]:
    """Take the percentile interval of resampled estimates (Efron 1979)."""
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(estimates, (tail, 100.0 - tail))
    return float(low), float(high)


def _one(size: int, rng: Generator, resamples: int) -> Floats:
    drawn = rng.integers(0, size, (resamples, size))
    drawn += size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=size * resamples).reshape(resamples, size).astype(np.float64)
