"""P(X > Y), its interval and its test: the numbers are scipy's and rliable's."""

import numpy as np
import pytest
from rliable_lab import library, metrics
from scipy import stats

from deeprl_tui.verdicts.model import ALPHA
from deeprl_tui.verdicts.pairs import compare, holm, p_value, resampled, won
from deeprl_tui.verdicts.resample import Floats, counts, interval

SIZES = [(5, 5), (10, 10), (3, 8), (20, 30)]


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(n: int, m: int, ties: bool = False) -> tuple[Floats, Floats]:
    """Scores of both sides, with a ceiling that many reach if there are to be ties."""
    x, y = rng(n).normal(1, 1, n), rng(m + 50).normal(0, 1, m)
    return (np.minimum(x, 0.9), np.minimum(y, 0.9)) if ties else (x, y)


def by_seed(values: Floats, first: int = 0) -> dict[int, float]:
    return {first + seed: float(value) for seed, value in enumerate(values)}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_p_is_the_mann_whitney_statistic_divided_by_the_pairs(n: int, m: int, ties: bool) -> None:
    """And so rliable's probability of improvement."""
    x, y = drawn(n, m, ties)
    p = compare(by_seed(x), by_seed(y), rng()).p
    assert p == pytest.approx(stats.mannwhitneyu(x, y).statistic / (n * m), rel=1e-12)
    assert p == pytest.approx(metrics.probability_of_improvement(x[:, None], y[:, None]), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_p_value_is_scipys_exact_one(n: int, m: int) -> None:
    """Without ties."""
    x, y = drawn(n, m)
    assert p_value(x, y) == pytest.approx(stats.mannwhitneyu(x, y, method="exact").pvalue, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 7), (8, 8)])
def test_the_p_value_with_ties_is_that_of_all_permutations(n: int, m: int) -> None:
    """scipy goes through all of them."""
    x, y = drawn(n, m, ties=True)
    theirs = stats.mannwhitneyu(x, y, method=stats.PermutationMethod(n_resamples=10**6)).pvalue
    assert p_value(x, y) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("ties", [False, True])
def test_the_p_value_of_many_runs_is_scipys_approximation(ties: bool) -> None:
    """With both corrections."""
    x, y = drawn(40, 35, ties)
    assert p_value(x, y) == pytest.approx(stats.mannwhitneyu(x, y, method="asymptotic").pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [5, 60])
def test_equal_scores_differ_in_nothing(n: int) -> None:
    """All seeds at the ceiling on both sides."""
    assert p_value(np.full(n, 500.0), np.full(n, 500.0)) == 1.0


def test_the_interval_is_rliables_with_the_same_resamples() -> None:
    """Both sides resampled apart; rliable draws from numpy's global generator, x first."""
    x, y = drawn(8, 6)
    reps = 300
    np.random.seed(4)
    _, theirs = library.get_interval_estimates(
        {"x": [x[:, None], y[:, None]]},
        lambda a, b: np.array([metrics.probability_of_improvement(a, b)]),
        reps=reps,
    )
    np.random.seed(4)
    x_drawn, y_drawn = np.zeros((reps, 8)), np.zeros((reps, 6))
    for rep in range(reps):
        x_drawn[rep] = np.bincount(np.random.choice(8, (8, 1)).ravel(), minlength=8)
        y_drawn[rep] = np.bincount(np.random.choice(6, (6, 1)).ravel(), minlength=6)
    assert interval(resampled(won(x, y), x_drawn, y_drawn)) == pytest.approx(theirs["x"].ravel(), rel=1e-9)


def test_the_same_seeds_are_paired() -> None:
    """And other ones are not, though no run is left out."""
    x, y = drawn(6, 6)
    same = compare(by_seed(x), by_seed(y), rng())
    other = compare(by_seed(x), by_seed(y, first=1), rng())
    assert (same.paired, same.seeds) == (True, "6 paired seeds")
    assert (other.paired, other.seeds, other.p) == (False, "6 and 6 seeds", same.p)


def test_luck_that_seeds_share_narrows_a_paired_interval() -> None:
    """What both sides have in common says nothing about which is better."""
    luck = rng().normal(0, 1, 12)
    x, y = by_seed(luck + 0.5 + rng(2).normal(0, 0.3, 12)), by_seed(luck + rng(3).normal(0, 0.3, 12))
    paired = compare(x, y, rng())
    apart = compare(x, {seed + 100: value for seed, value in y.items()}, rng())
    assert paired.low is not None
    assert paired.high is not None
    assert apart.low is not None
    assert apart.high is not None
    assert paired.high - paired.low < 0.95 * (apart.high - apart.low)


def test_pairs_are_drawn_together() -> None:
    """The interval is that of P over resampled seeds, written out."""
    x, y = drawn(7, 7)
    found = compare(by_seed(x), by_seed(y), rng(9), resamples=200)
    shares = []
    for times in counts([7], rng(9), 200).astype(int):
        seeds = np.repeat(np.arange(7), times)
        shares.append(stats.mannwhitneyu(x[seeds], y[seeds]).statistic / 49)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(shares, (2.5, 97.5))))


def test_separate_sides_have_no_interval() -> None:
    """Each resample would say the same, as if it were certain."""
    found = compare(by_seed(np.arange(5.0) + 10), by_seed(np.arange(5.0)), rng())
    assert (found.p, found.separate, found.low, found.high) == (1.0, True, None, None)


def test_under_five_seeds_there_is_no_interval() -> None:
    """On either side."""
    x, y = drawn(4, 20)
    assert compare(by_seed(x), by_seed(y), rng()).low is None


@pytest.mark.parametrize("bad", [{}, {0: float("nan")}])
def test_a_side_without_scores_is_a_mistake_of_the_caller(bad: dict[int, float]) -> None:
    """There is nothing to compare."""
    with pytest.raises(ValueError, match="finite scores"):
        compare(bad, {0: 1.0}, rng())


def test_holm_is_the_procedure_step_by_step() -> None:
    """From the smallest on, each is held against alpha divided by those that are left, until one fails."""
    for case in range(50):
        values = rng(case).uniform(0, 0.1, 8).tolist()
        left, rejected = sorted(range(8), key=values.__getitem__), set()
        while left and values[left[0]] <= ALPHA / len(left):
            rejected.add(left.pop(0))
        assert {index for index, value in enumerate(holm(values)) if value <= ALPHA} == rejected


def test_holm_corrects_a_known_example() -> None:
    """Four p-values, by hand."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_luck_that_seeds_share_makes_no_false_winners() -> None:
    """Both sides equal, correlated by seed: the test errs on the safe side of its 5 %."""
    draws = rng(11)
    wrong = 0
    for _ in range(1000):
        luck = draws.normal(0, 1, 8)
        x, y = luck + draws.normal(0, 1, 8), luck + draws.normal(0, 1, 8)
        wrong += p_value(x, y) <= ALPHA
    assert wrong / 1000 < ALPHA
