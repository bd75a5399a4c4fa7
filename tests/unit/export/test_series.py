"""The lines of a picture: means that say of how many runs they are."""

import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.errors import UnknownNameError
from deeprl_tui.export import series
from deeprl_tui.export.logs import Log
from deeprl_tui.export.series import Samples
from deeprl_tui.runs.record import Record

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def flat(value: float, until: float = 100.0) -> Samples:
    """A run that has one value from 0 to a step."""
    x = np.linspace(0, until, 51)
    return Samples(x, np.full(len(x), value))


@given(st.lists(numbers, min_size=1, max_size=60), st.integers(1, 70))
def test_a_trailing_mean_is_the_mean_of_the_last_values(values: list[float], window: int) -> None:
    """Fewer at the start."""
    means = series.trailing_mean(np.array(values), window)
    expected = [statistics.fmean(values[max(0, end - window) : end]) for end in range(1, len(values) + 1)]
    assert means == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_the_mean_and_the_bands_are_numpys() -> None:
    """One standard deviation with n - 1, the lowest and highest run, Student's t interval."""
    levels = [1.0, 2.0, 4.0, 8.0, 10.0]
    runs = [flat(level) for level in levels]
    middle = series.mean(runs, "sd")
    assert middle.mid[150] == pytest.approx(5.0)
    assert middle.high[150] - middle.mid[150] == pytest.approx(np.std(levels, ddof=1))
    ends = series.mean(runs, "minmax")
    assert (ends.low[150], ends.high[150]) == (1.0, 10.0)
    interval = series.mean(runs, "ci95")
    half = 2.776445 * np.std(levels, ddof=1) / np.sqrt(5)  # t(4) at 97.5 %
    assert interval.high[150] - 5.0 == pytest.approx(half, rel=3e-3)


def test_an_interval_needs_five_runs() -> None:
    """Four have none, and one has no deviation."""
    assert np.isnan(series.mean([flat(level) for level in (1, 2, 3, 4)], "ci95").low).all()
    assert np.isnan(series.mean([flat(1)], "sd").low).all()


def test_a_run_that_ended_leaves_the_mean() -> None:
    """And the count says so; nothing is drawn on for it but two percent of the axis."""
    drawn = series.mean([flat(0.0, 50.0), flat(10.0, 100.0)], "none")
    assert (drawn.mid[30], drawn.count[30]) == (5.0, 2)
    assert (drawn.mid[200], drawn.count[200]) == (10.0, 1)
    last = int(np.flatnonzero(drawn.count == 2)[-1])
    assert drawn.x[last] == pytest.approx(52.0, abs=1.0)


def test_runs_without_a_value_are_no_zeros() -> None:
    """They are not in the mean."""
    nothing = Samples(np.empty(0), np.empty(0))
    drawn = series.mean([flat(3.0), nothing], "sd")
    assert set(drawn.mid) == {3.0}
    assert set(drawn.count) == {1}
    assert len(series.mean([nothing], "sd").x) == 0


@given(st.lists(st.tuples(st.floats(0, 1e4), numbers), min_size=1, max_size=300))
def test_a_grid_invents_nothing(points: list[tuple[float, float]]) -> None:
    """Whatever the samples, no drawn value is above the highest or below the lowest."""
    points.sort(key=lambda point: point[0])
    x, y = np.array(points).T
    on_grid = series.on_grid(Samples(x, y), np.linspace(0, 1e4, 300))
    known = on_grid[np.isfinite(on_grid)]
    slack = 1e-9 * max(1.0, float(np.abs(y).max()))
    assert len(known)
    assert y.min() - slack <= known.min()
    assert known.max() <= y.max() + slack


@pytest.mark.parametrize(("axis", "x"), [("steps", 10), ("episodes", 1), ("seconds", 1.0), ("updates", 10)])
def test_each_axis_comes_from_the_log(
    records: Sequence[Record], logs: Callable[[Record], Log], axis: series.Axis, x: float
) -> None:
    """The first sample of the loss: its step, episodes, seconds and updates."""
    drawn = series.samples(logs(records[0]), "loss", axis, 1)
    assert (drawn.x[0], drawn.y[0]) == (x, 0.5)


def test_values_that_are_no_numbers_are_left_out(
    records: Sequence[Record], logs: Callable[[Record], Log]
) -> None:
    """A return of NaN is not drawn and spoils no mean."""
    drawn = series.samples(logs(records[2]), "return", "episodes", 100)
    assert drawn.x.tolist() == list(range(1, 21))
    assert np.isfinite(drawn.y).all()


def test_an_unknown_metric_is_told() -> None:
    """With what there is."""
    with pytest.raises(UnknownNameError, match="there are return, length, eval"):
        series.named("reward", series.METRICS)
