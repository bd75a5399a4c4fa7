"""Runs whose every number is known."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from support import WALL, make_run, start, training, write
from support import spec as make_spec

from deeprl_tui.core import events
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.export.logs import Log, read_log
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.record import Record, record_of

NASTY = "</td><script>alert(1)</script> \" onload='x' &amp; \x1b[31mred \u202e $x^2$ | `code`"


def end(outcome: events.Outcome, step: int, reason: str = "") -> events.End:
    return events.End(at=WALL + 60, outcome=outcome, step=step, reason=reason)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two experiments: three seeds that finished, of which one was resumed, and two that failed or wait."""
    folder = tmp_path / "runs"
    for seed in (0, 1):
        make_run(
            folder,
            make_spec(seed=seed, solved=20.0),
            [
                (0.0, start()),
                (0.0, events.Backend("c avx2")),
                *training(30),
                (31.0, events.Eval(300, (30.0, 10.0), (30, 10), True)),
                (32.0, end("finished", 300)),
            ],
        )
    resumed = make_run(folder, make_spec(seed=2, solved=20.0), [(0.0, start()), *training(20)])
    again: list[tuple[float, events.Event]] = [
        (10.0, start(2)),
        (10.0, events.Resume(100, 10, exact=False, why="another processor")),
        *training(10, first=11, step=100, length=20),
        (21.0, events.Episode(21, 310, math.nan, 10)),
        (22.0, end("finished", 310)),
    ]
    write(resumed, 2, again)
    make_run(
        folder,
        make_spec("CP_wide", 0, solved=20.0, net_arch=[512], note=NASTY),
        [(0.0, start()), *training(5), (6.0, end("failed", 50, NASTY))],
    )
    make_run(folder, make_spec("CP_wide", 1, solved=20.0, net_arch=[512], note=NASTY))
    return folder


Finder = Callable[[str], RunPaths]


@pytest.fixture
def find(root: Path) -> Finder:
    """The directory of a run by its name."""

    def paths(run: str) -> RunPaths:
        experiment, _, seed = run.partition("/")
        return RunPaths(root / experiment / "dqn" / f"CartPole-v1_{seed}")

    return paths


@pytest.fixture
def records(find: Finder) -> list[Record]:
    """Records of all runs."""
    names = ("CP_basic/0", "CP_basic/1", "CP_basic/2", "CP_wide/0", "CP_wide/1")
    return [record_of(load_view(find(name), held=False)) for name in names]


@pytest.fixture
def logs(find: Finder) -> Callable[[Record], Log]:
    """Reads the log of a record."""
    return lambda record: read_log(find(str(record.id)))
