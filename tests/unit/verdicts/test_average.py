"""Averages and their intervals: the numbers are scipy's and rliable's."""

import numpy as np
import pytest
from rliable_lab import library, metrics
from scipy.stats import trim_mean

from deeprl_tui.verdicts.average import aggregate, averages
from deeprl_tui.verdicts.resample import counts, generator, interval

SCORES = [213.4, -35.0, 250.1, 249.9, 101.5, 260.0, 180.2, 22.2, 231.0, 240.6]


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("n", range(4, 11))
def test_the_iqm_is_scipys_trimmed_mean(n: int) -> None:
    """A quarter is cut at each end, rounded down to whole runs."""
    found = aggregate(SCORES[:n], n, rng())
    assert found.kind == "IQM"
    assert found.value == pytest.approx(trim_mean(SCORES[:n], 0.25), rel=1e-12)


def test_below_four_seeds_it_is_the_mean() -> None:
    """A quarter of three runs is none."""
    found = aggregate(SCORES[:3], 3, rng())
    assert found.kind == "mean"
    assert found.value == pytest.approx(np.mean(SCORES[:3]))


@pytest.mark.parametrize(("n", "has", "rough"), [(4, False, True), (5, True, True), (10, True, False)])
def test_few_seeds_have_no_interval_or_a_rough_one(n: int, has: bool, rough: bool) -> None:
    """None under 5, and the word under 10."""
    found = aggregate(SCORES[:n], n, rng())
    assert (found.low is not None, found.high is not None, found.rough) == (has, has, rough)


def test_a_run_without_a_score_stays_in_the_denominator() -> None:
    """It is no zero and it is not forgotten."""
    found = aggregate([*SCORES[:6], None, float("nan")], 9, rng())
    assert (found.n, found.of) == (6, 9)
    assert found.value == pytest.approx(trim_mean(SCORES[:6], 0.25))


def test_no_score_at_all_has_no_value() -> None:
    """Runs that wait."""
    found = aggregate([None, None], 2, rng())
    assert (found.value, found.low, found.n, found.of) == (None, None, 0, 2)


def test_more_scores_than_runs_is_a_mistake_of_the_caller() -> None:
    """A denominator cannot be too small."""
    with pytest.raises(ValueError, match="3 scores of 2 runs"):
        aggregate(SCORES[:3], 2, rng())


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_interval_is_rliables_with_the_same_resamples(tasks: int) -> None:
    """Stratified over tasks, which are our strata; rliable draws from numpy's global generator."""
    reps, runs = 400, 7
    scores = np.random.default_rng(5).normal(size=(runs, tasks)) * 50
    np.random.seed(3)
    _, theirs = library.get_interval_estimates(
        {"x": scores}, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=reps
    )
    np.random.seed(3)
    drawn = np.zeros((reps, tasks, runs))
    for rep in range(reps):
        chosen = np.random.choice(runs, scores.shape, replace=True)
        for task in range(tasks):
            drawn[rep, task] = np.bincount(chosen[:, task], minlength=runs)
    ours = interval(averages(scores.T.ravel(), drawn.reshape(reps, -1), "IQM"))
    assert ours == pytest.approx(theirs["x"].ravel(), rel=1e-10)


def test_the_interval_is_rliables_within_its_random_error() -> None:
    """With draws of its own an end is where rliable has its 1.5th to 3.5th percentile: 3 standard errors."""
    np.random.seed(7)
    scores = np.array(SCORES)[:, None]
    found = aggregate(SCORES, len(SCORES), generator(SCORES))
    ends = []
    for share in (0.97, 0.93):
        _, theirs = library.get_interval_estimates(
            {"x": scores},
            lambda x: np.array([metrics.aggregate_iqm(x)]),
            reps=4000,
            confidence_interval_size=share,
        )
        ends.append(theirs["x"].ravel())
    (widest_low, widest_high), (least_low, least_high) = ends
    assert found.low is not None
    assert found.high is not None
    assert widest_low <= found.low <= least_low
    assert least_high <= found.high <= widest_high


def test_strata_are_resampled_each_by_itself() -> None:
    """Two experiments far apart: their mean moves by what is inside of them, not by how many of each come."""
    near = [1.0, 2.0, 3.0, 4.0, 5.0]
    far = [value + 1000 for value in near]
    labels = ["a"] * 5 + ["b"] * 5
    drawn = aggregate(near + far, 10, rng(), strata=labels)
    plain = aggregate(near + far, 10, rng())
    assert drawn.low is not None
    assert plain.low is not None
    assert drawn.high is not None
    assert plain.high is not None
    assert (drawn.high - drawn.low) * 50 < plain.high - plain.low


def test_the_stratum_with_the_fewest_seeds_says_whether_there_is_an_interval() -> None:
    """A stratum of one never varies."""
    assert aggregate(SCORES, 10, rng(), strata=["a"] * 9 + ["b"]).low is None


def test_the_same_scores_have_the_same_interval() -> None:
    """A second look at a screen shows no other number."""
    assert aggregate(SCORES, 10, generator(SCORES)) == aggregate(SCORES, 10, generator(SCORES))


def test_counts_keep_the_size_of_each_stratum() -> None:
    """Each resample has as many values of a stratum as there are."""
    drawn = counts([3, 5], rng(), 50)
    assert drawn.shape == (50, 8)
    assert (drawn[:, :3].sum(axis=1) == 3).all()
    assert (drawn[:, 3:].sum(axis=1) == 5).all()
