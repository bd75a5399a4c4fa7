"""The pyramid and the aggregate: what they may round and what they may not."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprl_tui.tui.widgets.chart.series import Series, aggregate, smoothed, t_quantile


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
    size=st.integers(1, 80_000),
    n=st.integers(1, 200),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_peak_is_never_lost(seed: int, size: int, n: int, ends: tuple[float, float]) -> None:
    """The lowest and highest sample of any range are among its columns."""
    x, y = lumpy(seed, size)
    x0, x1 = x[0] + min(ends) * (x[-1] - x[0]), x[0] + max(ends) * (x[-1] - x[0])
    if not x1 > x0:
        return
    got = Series(x, y).columns(x0, x1, n)
    inside = y[(x >= x0) & (x <= x1)]
    assert np.fmin.reduce(got.lo) == pytest.approx(np.fmin.reduce(inside, initial=np.nan), nan_ok=True)
    assert np.fmax.reduce(got.hi) == pytest.approx(np.fmax.reduce(inside, initial=np.nan), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 50_000), n=st.integers(1, 100))
def test_all_samples_are_counted_once(seed: int, size: int, n: int) -> None:
    """The columns' counts add up to the samples, and means lie within their column's ends."""
    x, y = lumpy(seed, size)
    got = Series(x, y).columns(x[0], x[-1] + 1, n)
    assert got.samples.sum() == size
    known = np.isfinite(got.mean)
    assert (got.lo[known] <= got.mean[known] + 1e-9).all()
    assert (got.mean[known] <= got.hi[known] + 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 40_000), max_size=6))
def test_pieces_make_the_same_series(seed: int, cuts: list[int]) -> None:
    """Appending in pieces gives the columns of appending at once."""
    x, y = lumpy(seed, 40_000)
    whole, pieces = Series(x, y), Series()
    bounds = [0, *sorted(cuts), 40_000]
    for start, stop in pairwise(bounds):
        pieces.extend(x[start:stop], y[start:stop])
    for one, other in zip(whole.columns(0, x[-1], 50), pieces.columns(0, x[-1], 50), strict=True):
        np.testing.assert_allclose(one, other)


def test_a_sparse_stretch_keeps_its_columns() -> None:
    """Dense samples on the left do not blur single samples on the right."""
    x = np.concatenate([np.linspace(0, 1, 100_000), np.arange(2, 101)])
    y = np.concatenate([np.zeros(100_000), np.arange(2.0, 101.0)])
    got = Series(x, y).columns(0, 100, 100)
    np.testing.assert_allclose(got.mean[3:99], np.arange(3.0, 99.0))


def test_columns_by_hand() -> None:
    """Means, ends and counts of five samples in two columns; the right end is included."""
    got = Series([0, 1, 5, 6, 10], [1.0, 3.0, np.nan, 4.0, 8.0]).columns(0, 10, 2)
    assert got.mean.tolist() == [2.0, 6.0]
    assert got.lo.tolist() == [1.0, 4.0]
    assert got.hi.tolist() == [3.0, 8.0]
    assert got.samples.tolist() == [2, 3]


def test_infinite_and_backward_samples_are_tamed() -> None:
    """An infinite value becomes a gap and an x that goes back is lifted."""
    series = Series([0, 5, 3], [1.0, np.inf, 2.0])
    series.extend([1, 7], [3.0, 4.0])
    assert series.x.tolist() == [0, 5, 5, 5, 7]
    assert np.isnan(series.y[1])


def test_clear_forgets() -> None:
    """After clear the series is as new."""
    series = Series(np.arange(5000.0), np.arange(5000.0))
    series.clear()
    series.extend([1.0], [2.0])
    assert series.columns(0, 2, 1).hi.tolist() == [2.0]


def test_a_frame_of_a_million_samples_is_cheap() -> None:
    """160 columns of 1e6 samples cost less than a fifth of one pass over the samples."""
    x = np.arange(1e6)
    series = Series(x, np.sin(x))
    series.columns(0, 1e6, 160)

    def cost(job: object, times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            job()  # type: ignore[operator]
        return (time.process_time() - start) / times

    edges = np.linspace(0, 1e6 - 1, 161).astype(int)[:-1]
    whole = cost(lambda: [np.fmin.reduceat(series.y, edges), np.fmax.reduceat(series.y, edges)], 10)
    assert cost(lambda: series.columns(0, 1e6, 160), 50) < whole / 5 + 1e-4


def test_line_crosses_empty_columns_but_not_nan() -> None:
    """A gap between samples is drawn over; a NaN sample is a gap."""
    assert Series([0, 4], [0.0, 4.0]).line(0, 5, 5).mean.tolist() == [0, 1, 2, 3, 4]
    got = Series([0, 2, 4], [0.0, np.nan, 4.0]).line(0, 5, 5).mean
    assert np.isnan(got).tolist() == [False, True, True, True, False]


def test_line_enters_from_outside_the_view() -> None:
    """Zoomed in between two samples the line is still there."""
    got = Series([0.0, 100.0], [0.0, 100.0]).line(40, 60, 4).mean
    np.testing.assert_allclose(got, [42.5, 47.5, 52.5, 57.5])


def test_aggregate_by_hand() -> None:
    """Mean, standard deviation and count where one of three seeds ended earlier."""
    seeds = [Series([0, 1, 2], [1.0, 2, 3]), Series([0, 1, 2], [3.0, 4, 5]), Series([0, 1], [5.0, 9])]
    got = aggregate(seeds, 0, 3, 3, "sd", 0.0)
    assert got.mid.tolist() == [3, 5, 4]
    assert got.count.tolist() == [3, 3, 2]
    np.testing.assert_allclose(got.hi - got.mid, [2, np.std([2, 4, 9], ddof=1), np.sqrt(2)])


@pytest.mark.parametrize(
    ("band", "seeds", "drawn"), [("sd", 1, 0), ("sd", 2, 1), ("ci95", 4, 0), ("ci95", 5, 1)]
)
def test_a_band_needs_enough_seeds(band: str, seeds: int, drawn: int) -> None:
    """Too few seeds give a line without a band."""
    got = aggregate([Series([0.0], [float(k)]) for k in range(seeds)], 0, 1, 1, band, 0.0)  # type: ignore[arg-type]
    assert np.isfinite(got.lo).sum() == drawn


def test_minmax_shows_samples_not_means() -> None:
    """The min-max band holds the extreme sample of any seed."""
    got = aggregate([Series([0, 0.1], [0.0, 10.0]), Series([0, 0.1], [4.0, 4.0])], 0, 1, 1, "minmax", 0.9)
    assert (got.lo[0], got.mid[0], got.hi[0]) == (0, 4.5, 10)


def test_ci95_is_students_interval() -> None:
    """Five seeds use t(4) = 2.776, and the quantile is within 0.3% from 4 degrees of freedom."""
    known = {4: 2.7764, 5: 2.5706, 9: 2.2622, 30: 2.0423}
    np.testing.assert_allclose(t_quantile(list(known)), list(known.values()), rtol=3e-3)
    got = aggregate([Series([0.0], [float(k)]) for k in range(5)], 0, 1, 1, "ci95", 0.0)
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
