"""How long workers ran on a host."""

from pathlib import Path

from support import WALL, make_run, spec, start, training, write

from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.runs.moves import assign
from deeprl_tui.runs.worked import Worked


def test_hours_count_once(tmp_path: Path) -> None:
    """Two runs at the same time and one an hour later: the time of the first two counts once."""
    for seed, at in enumerate((WALL, WALL + 10, WALL + 3600)):
        make_run(tmp_path, spec(seed=seed), [(0.0, start(at=at)), *training(100)])
    assert Worked(tmp_path).seconds("") == 110 + 100


def test_an_attempt_counts_where_it_ran(tmp_path: Path) -> None:
    """A run that moved: its first attempt on one host, the second on the other."""
    Mirror(tmp_path, "one").describe(spec().id, spec().to_json().encode())
    (paths,) = [paths for _, paths in Mirror(tmp_path, "one").runs()]
    write(paths, 1, [(0.0, start()), *training(50)])
    assign(paths, "two", 2)
    write(paths, 2, [(0.0, start(2, WALL + 500)), *training(30)])
    worked = Worked(tmp_path)
    assert [worked.seconds(host) for host in ("one", "two", "")] == [50, 30, 0]


def test_a_run_that_never_began_costs_nothing(tmp_path: Path) -> None:
    """It only waited; and a log that grows is read again."""
    paths, worked = make_run(tmp_path, spec()), Worked(tmp_path)
    assert worked.seconds("") == 0
    write(paths, 1, [(0.0, start()), *training(20)])
    assert worked.seconds("") == 20
