"""How many more seeds would decide.

The test is the Mann-Whitney test of `pairs`. Its power for an effect of the size seen is taken from the
normal approximation: the statistic P has the exact variance of the null hypothesis where the test rejects,
and under the alternative the variance of Hanley and McNeil (1982), which needs no more than P. At a given P
the power hardly depends on the shape of the scores: normal, exponential, Laplace, unequal spread and "solved
or not" lie within 0.08 of each other, and the formula, where it says 0.7 to 0.9, within 0.07 of the normal
ones, mostly below (tests).

What it is not: a forecast. The effect seen in few seeds is itself uncertain, and as a rule looks larger than
it is where it was picked out of many.
"""

import math
from statistics import NormalDist

from deeprl_tui.verdicts.model import POWER

MOST = 100
"""More seeds than this on each side are not counted any further."""

_NORMAL = NormalDist()


def power(p: float, n: int, m: int, alpha: float) -> float:
    """Chance that n runs against m are decided if the true P(X > Y) is `p`."""
    if 2.0 / math.comb(n + m, n) > alpha:  # not even with every x above every y
        return 0.0
    p = max(p, 1.0 - p)
    one_x, one_y = p / (2.0 - p), 2.0 * p * p / (1.0 + p)  # one run above two of the other side
    spread = math.sqrt((p * (1 - p) + (n - 1) * (one_x - p * p) + (m - 1) * (one_y - p * p)) / (n * m))
    needed = _NORMAL.inv_cdf(1.0 - alpha / 2.0) * math.sqrt((n + m + 1) / (12.0 * n * m))
    over = p - 0.5 - needed
    return _NORMAL.cdf(over / spread) if spread > 0.0 else float(over >= 0.0)


def more_seeds(p: float, n: int, m: int, alpha: float) -> int | None:
    """Seeds that each side needs on top to decide an effect of size `p` with power 0.8, at least 1.

    alpha: what the test's p-value is held against; a share of 0.05 where there are many comparisons.
    None: more than MOST, as for an effect near 0.5.
    """
    if power(p, n + MOST, m + MOST, alpha) < POWER:
        return None
    low, high = 0, MOST  # power grows with the seeds
    while high - low > 1:
        middle = (low + high) // 2
        if power(p, n + middle, m + middle, alpha) < POWER:
            low = middle
        else:
            high = middle
    return high
