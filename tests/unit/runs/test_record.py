"""View -> record -> JSON -> record -> view."""

import json
from pathlib import Path

import pytest
from support import WALL, make_run, spec, start, training

from deeprl_tui.core import state
from deeprl_tui.core.events import Beat, End, Eval, Event
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.state import RunView
from deeprl_tui.core.tally import EXPLORED
from deeprl_tui.runs import stats
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.record import OWN, Record, record_of, view_of


def finished(root: Path, *, double_q: bool = True) -> RunPaths:
    """A run of 200 episodes with two evaluations."""
    history: list[tuple[float, Event]] = [
        (0.0, start()),
        *training(200),
        (200.0, Eval(1000, (9.0, 11.0), (5, 5))),
        (200.0, Eval(2000, (8.0, 8.0), (5, 5))),
        (201.0, End(WALL + 500, "finished", 2000)),
    ]
    return make_run(root, spec(solved=120.0, double_q=double_q), history)


@pytest.fixture
def view(tmp_path: Path) -> RunView:
    """It, read whole."""
    return load_view(finished(tmp_path), whole=True)


def test_a_record_says_what_the_log_says(view: RunView) -> None:
    """Every number of a small run by hand."""
    record = record_of(view)
    assert (record.state, record.progress, record.began, record.ended) == ("finished", 1.0, WALL, WALL + 500)
    assert (record.score, record.best, record.episodes, record.step) == (150.5, 150.5, 200, 2000)
    assert (record.best_eval, record.best_step, record.last_eval, record.evals) == (10.0, 1000, 8.0, 2)
    assert (record.solved_episode, record.solved_at) == (170, 1700)
    assert record.mean == pytest.approx((EXPLORED + 200) / 2)
    assert record.p_solved == 1.0
    assert record.p_catastrophic == 0.0
    assert record.auc == pytest.approx(100.5)
    assert record.cpu_seconds == pytest.approx(180.0)
    assert len(record.trend) == 24


def test_a_record_comes_back_from_json(view: RunView) -> None:
    """To the bit, and as plain JSON."""
    record = record_of(view)
    text = json.dumps(record.to_json(), allow_nan=False)
    assert Record.from_json(json.loads(text)) == record


def test_json_that_is_no_record_is_refused(view: RunView) -> None:
    """Each field with a wrong type, a field that lacks, a state that is none."""
    body = record_of(view).to_json()
    for name in OWN:
        with pytest.raises(ValueError):
            Record.from_json({**body, name: {"not": "this"}})
        with pytest.raises(ValueError):
            Record.from_json({key: value for key, value in body.items() if key != name})
    for name, value in {
        "state": "happy",
        "score": float("inf"),
        "run": "no seed",
        "settings": [],
        "trend": ["x"],
    }.items():
        with pytest.raises(ValueError):
            Record.from_json({**body, name: value})


def test_the_view_of_a_record_shows_what_the_runs_own_view_shows(view: RunView) -> None:
    """A table of runs looks the same, whether their logs were read or not."""
    back = view_of(record_of(view))
    assert stats.row(back) == stats.row(view)
    assert back.state == view.state
    assert back.rest
    assert record_of(back) == record_of(view).__class__.from_json(record_of(view).to_json())


def test_only_a_run_that_is_over_has_a_view_from_its_record(tmp_path: Path) -> None:
    """What lives is known from its events alone."""
    record = record_of(load_view(make_run(tmp_path, spec(), [(0.0, start())]), held=True))
    assert record.state == "running"
    assert record.p_catastrophic is None
    with pytest.raises(ValueError):
        view_of(record)


def test_a_number_that_is_none_stays_out_of_a_record(tmp_path: Path) -> None:
    """A loss that is NaN is null."""
    history: list[tuple[float, Event]] = [
        (0.0, start()),
        (1.0, Beat(10, 1, 1.0, 1, 1.0)),
        (2.0, End(WALL, "failed", 10, "NaN")),
    ]
    record = record_of(load_view(make_run(tmp_path, spec(), history), whole=True))
    assert record.loss is None
    assert isinstance(view_of(record).state, state.Failed)
    json.dumps(record.to_json(), allow_nan=False)
