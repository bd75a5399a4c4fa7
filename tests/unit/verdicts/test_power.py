"""How many more seeds would decide, held against simulation of the test itself."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from deeprl_tui.verdicts.pairs import p_value
from deeprl_tui.verdicts.power import MOST, more_seeds, power


def simulated(kind: str, p: float, n: int, m: int, alpha: float, times: int = 1500) -> float:
    """Share of simulated comparisons with a true P(X > Y) of p in which the test decides."""
    rng = np.random.default_rng(0)
    if kind == "normal":
        x, y = rng.normal(math.sqrt(2) * norm.ppf(p), 1, (times, n)), rng.normal(0, 1, (times, m))
    elif kind == "exponential":
        x, y = rng.exponential(p / (1 - p), (times, n)), rng.exponential(1, (times, m))
    else:  # some of x are solved, the others are as y
        lucky = rng.random((times, n)) < 2 * p - 1
        x, y = rng.normal(0, 1, (times, n)) + 100 * lucky, rng.normal(0, 1, (times, m))
    return float(np.mean([p_value(*pair) <= alpha for pair in zip(x, y, strict=True)]))


@pytest.mark.parametrize("kind", ["normal", "exponential", "solved or not"])
@pytest.mark.parametrize(("p", "alpha"), [(0.75, 0.05), (0.9, 0.05), (0.85, 0.005), (0.9, 0.05 / 80)])
def test_the_seeds_that_it_names_decide_with_that_power(kind: str, p: float, alpha: float) -> None:
    """0.8 is reached, and not by far too many seeds, whatever the scores look like."""
    n = 5 + (more_seeds(p, 5, 5, alpha) or MOST)
    assert 0.75 <= simulated(kind, p, n, n, alpha) <= 0.9


def test_it_counts_other_sides_as_they_are() -> None:
    """Five seeds against twenty."""
    more = more_seeds(0.8, 5, 20, 0.05)
    assert more is not None
    assert 0.75 <= simulated("normal", 0.8, 5 + more, 20 + more, 0.05) <= 0.9


def test_a_worse_one_needs_as_many_as_a_better_one() -> None:
    """The test has two sides."""
    assert more_seeds(0.2, 6, 6, 0.05) == more_seeds(0.8, 6, 6, 0.05)


def test_no_effect_is_never_decided() -> None:
    """And one near it not by seeds that anybody has."""
    assert more_seeds(0.5, 10, 10, 0.05) is None
    assert more_seeds(0.55, 10, 10, 0.05) is None


def test_one_more_is_the_least() -> None:
    """What is not decided needs something."""
    assert more_seeds(0.9, 30, 30, 0.05) == 1


def test_where_the_test_cannot_decide_it_has_no_power() -> None:
    """Three against three have a p-value of 0.1 at best."""
    assert power(1.0, 3, 3, 0.05) == 0.0
    assert power(1.0, 4, 4, 0.05) == 1.0
