"""Whatever the scores are, averages and comparisons keep to what they mean."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.verdicts.average import aggregate
from deeprl_tui.verdicts.pairs import compare, holm, p_value
from deeprl_tui.verdicts.resample import generator

SCORES = st.lists(st.integers(-500, 500).map(float), min_size=1, max_size=12)
SIDE = st.dictionaries(st.integers(0, 15), st.integers(-20, 20).map(float), min_size=1, max_size=10)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(SCORES, st.integers(-1000, 1000), st.integers(1, 64))
def test_an_average_moves_and_stretches_with_its_scores(scores: list[float], shift: int, scale: int) -> None:
    """So does its interval."""
    plain = aggregate(scores, len(scores), rng(), resamples=50)
    moved = aggregate([scale * score + shift for score in scores], len(scores), rng(), resamples=50)
    for before, after in ((plain.value, moved.value), (plain.low, moved.low), (plain.high, moved.high)):
        assert (before is None) == (after is None)
        if before is not None:
            assert after == pytest.approx(scale * before + shift, abs=1e-6)


@given(SCORES, st.randoms())
def test_the_order_of_runs_does_not_matter(scores: list[float], random: Random) -> None:
    """Not even for the interval."""
    mixed = list(scores)
    random.shuffle(mixed)
    assert aggregate(mixed, len(mixed), rng(), resamples=50) == aggregate(
        scores, len(scores), rng(), resamples=50
    )


@given(SCORES)
def test_an_average_lies_among_its_scores(scores: list[float]) -> None:
    """And inside of its interval's reach."""
    found = aggregate(scores, len(scores), rng(), resamples=50)
    assert found.value is not None
    assert min(scores) - 1e-9 <= found.value <= max(scores) + 1e-9
    if found.low is not None and found.high is not None:
        assert min(scores) - 1e-9 <= found.low <= found.high <= max(scores) + 1e-9


@given(SIDE, SIDE)
def test_both_directions_sum_to_one(x: dict[int, float], y: dict[int, float]) -> None:
    """P(X > Y) + P(Y > X) = 1, for ties count half; the p-value has no direction."""
    there, back = compare(x, y, rng(), resamples=50), compare(y, x, rng(), resamples=50)
    assert there.p + back.p == pytest.approx(1.0)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)
    if there.paired and there.low is not None and back.high is not None:
        assert there.low + back.high == pytest.approx(1.0)


@given(SIDE, SIDE, st.integers(1, 9), st.integers(-100, 100))
def test_a_comparison_sees_only_the_order(
    x: dict[int, float], y: dict[int, float], scale: int, shift: int
) -> None:
    """Another unit of the return changes nothing."""
    a, b = ({seed: (scale * value + shift) ** 3 for seed, value in side.items()} for side in (x, y))
    assert compare(a, b, rng(), resamples=50) == compare(x, y, rng(), resamples=50)


@given(SIDE, SIDE)
def test_the_order_of_seeds_does_not_matter(x: dict[int, float], y: dict[int, float]) -> None:
    """Runs are read in any order."""
    a, b = (dict(reversed(side.items())) for side in (x, y))
    assert compare(a, b, rng(), resamples=50) == compare(x, y, rng(), resamples=50)


@given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=30), SCORES)
def test_a_p_value_is_a_probability(x: list[float], y: list[float]) -> None:
    """With any ties."""
    assert 0.0 < p_value(np.array(x), np.array(y)) <= 1.0


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_helps(values: list[float]) -> None:
    """Corrected p-values are no smaller, none above 1, and sorted as before."""
    corrected = holm(values)
    assert all(after >= before for after, before in zip(corrected, values, strict=True))
    assert all(after <= 1.0 for after in corrected)
    by_value = sorted(range(len(values)), key=values.__getitem__)
    assert [corrected[index] for index in by_value] == sorted(corrected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_monotone(values: list[float]) -> None:
    """A smaller p-value never makes another one larger after the correction."""
    less = [values[0] / 2, *values[1:]]
    assert all(after <= before + 1e-15 for after, before in zip(holm(less), holm(values), strict=True))


@given(SCORES)
def test_a_generator_is_made_of_the_values(scores: list[float]) -> None:
    """The same ones give the same draws."""
    assert generator(scores).random() == generator(list(scores)).random()
