"""Columns and the aggregate: what they may round and what they may not."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprl_tui.core.curve import Curve
from deeprl_tui.tui.widgets.chart.series import Series, aggregate, smoothed, t_quantile


def series(x: Iterable[float], y: Iterable[float]) -> Series:
    """What a chart reads of these samples."""
    curve = Curve()
    for at, value in zip(x, y, strict=True):
        curve.append(step=at, y=value)
    return Series(curve)


def lumpy(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples whose density jumps by four orders of magnitude, with some NaN."""
    random = np.random.default_rng(seed)
    x = np.cumsum(random.exponential(10.0 ** random.integers(-2, 3, size // 50 + 1).repeat(50)[:size]))
    y = random.normal(size=size)
    y[random.random(size) < 0.05] = np.nan
    return x, y


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 3000),
    n=st.integers(1, 200),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_peak_is_never_lost(seed: int, size: int, n: int, ends: tuple[float, float]) -> None:
    """The lowest and highest sample of any range are among its columns."""
    x, y = lumpy(seed, size)
    x0, x1 = x[0] + min(ends) * (x[-1] - x[0]), x[0] + max(ends) * (x[-1] - x[0])
    if not x1 > x0:
        return
    got = series(x, y).columns(x0, x1, n)
    inside = y[(x >= x0) & (x <= x1)]
    assert np.fmin.reduce(got.lo) == pytest.approx(np.fmin.reduce(inside, initial=np.nan), nan_ok=True)
    assert np.fmax.reduce(got.hi) == pytest.approx(np.fmax.reduce(inside, initial=np.nan), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 3000), n=st.integers(1, 100))
def test_all_samples_are_counted_once(seed: int, size: int, n: int) -> None:
    """The columns' counts add up to the samples, and means lie within their column's ends."""
    x, y = lumpy(seed, size)
    got = series(x, y).columns(x[0], x[-1] + 1, n)
    assert got.samples.sum() == size
    known = np.isfinite(got.mean)
    assert (got.lo[known] <= got.mean[known] + 1e-9).all()
    assert (got.mean[known] <= got.hi[known] + 1e-9).all()


def test_columns_by_hand() -> None:
    """Means, ends and counts of five samples in two columns; the right end is included."""
    got = series([0, 1, 5, 6, 10], [1.0, 3.0, np.nan, 4.0, 8.0]).columns(0, 10, 2)
    assert got.mean.tolist() == [2.0, 6.0]
    assert got.lo.tolist() == [1.0, 4.0]
    assert got.hi.tolist() == [3.0, 8.0]
    assert got.samples.tolist() == [2, 3]


def test_an_infinite_sample_is_a_gap() -> None:
    """It is no number: a column that holds nothing else is empty."""
    got = series([0, 5, 9], [1.0, np.inf, 2.0]).columns(0, 9, 3)
    assert np.isnan(got.mean).tolist() == [False, True, False]
    assert np.isnan(got.hi).tolist() == [False, True, False]


def test_a_peak_among_a_million_is_seen() -> None:
    """One sample of a million is the top of the one column that it is in."""
    curve = Curve()
    for step in range(100_000):
        curve.append(step=step, y=100.0 if step == 31_234 else 0.0)
    got = Series(curve).columns(0, 100_000, 100)
    assert np.flatnonzero(got.hi == 100).tolist() == [31]


def test_line_crosses_empty_columns_but_not_nan() -> None:
    """A gap between samples is drawn over; a NaN sample is a gap."""
    assert series([0, 4], [0.0, 4.0]).line(0, 5, 5).mean.tolist() == [0, 1, 2, 3, 4]
    got = series([0, 2, 4], [0.0, np.nan, 4.0]).line(0, 5, 5).mean
    assert np.isnan(got).tolist() == [False, True, True, True, False]


def test_line_enters_from_outside_the_view() -> None:
    """Zoomed in between two samples the line is still there."""
    got = series([0.0, 100.0], [0.0, 100.0]).line(40, 60, 4).mean
    np.testing.assert_allclose(got, [42.5, 47.5, 52.5, 57.5])


def test_aggregate_by_hand() -> None:
    """Mean, standard deviation and count where one of three seeds ended earlier."""
    seeds = [series([0, 1, 2], [1.0, 2, 3]), series([0, 1, 2], [3.0, 4, 5]), series([0, 1], [5.0, 9])]
    got = aggregate(seeds, 0, 3, 3, "sd", 0.0)
    assert got.mid.tolist() == [3, 5, 4]
    assert got.count.tolist() == [3, 3, 2]
    np.testing.assert_allclose(got.hi - got.mid, [2, np.std([2, 4, 9], ddof=1), np.sqrt(2)])


@pytest.mark.parametrize(
    ("band", "seeds", "drawn"), [("sd", 1, 0), ("sd", 2, 1), ("ci95", 4, 0), ("ci95", 5, 1)]
)
def test_a_band_needs_enough_seeds(band: str, seeds: int, drawn: int) -> None:
    """Too few seeds give a line without a band."""
    got = aggregate([series([0.0], [float(k)]) for k in range(seeds)], 0, 1, 1, band, 0.0)  # type: ignore[arg-type]
    assert np.isfinite(got.lo).sum() == drawn


def test_minmax_shows_samples_not_means() -> None:
    """The min-max band holds the extreme sample of any seed."""
    got = aggregate([series([0, 0.1], [0.0, 10.0]), series([0, 0.1], [4.0, 4.0])], 0, 1, 1, "minmax", 0.9)
    assert (got.lo[0], got.mid[0], got.hi[0]) == (0, 4.5, 10)


def test_ci95_is_students_interval() -> None:
    """Five seeds use t(4) = 2.776, and the quantile is within 0.3% from 4 degrees of freedom."""
    known = {4: 2.7764, 5: 2.5706, 9: 2.2622, 30: 2.0423}
    np.testing.assert_allclose(t_quantile(list(known)), list(known.values()), rtol=3e-3)
    got = aggregate([series([0.0], [float(k)]) for k in range(5)], 0, 1, 1, "ci95", 0.0)
    half = 2.7764 * np.sqrt(2.5) / np.sqrt(5)
    np.testing.assert_allclose(got.hi - 2, [half], rtol=3e-3)


def test_smoothing_is_debiased_and_skips_nan() -> None:
    """A constant stays constant from its first column, and NaN has no weight."""
    np.testing.assert_allclose(smoothed(np.full((1, 4), 7.0), 0.9), 7.0)
    got = smoothed(np.array([[0.0, np.nan, 3.0]]), 0.5)[0]
    assert np.isnan(got[1])
    assert got[2] == pytest.approx(3.0 / (1 + 0.25))


def test_no_seeds_give_an_empty_line() -> None:
    """An experiment without data is a line of NaN on no seeds."""
    got = aggregate([], 0, 1, 3, "sd", 0.5)
    assert np.isnan(got.mid).all()
    assert got.count.tolist() == [0, 0, 0]
