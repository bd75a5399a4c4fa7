"""Logs as rows: nothing thinned, nothing twice."""

from collections.abc import Callable

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.export.logs import read_log
from deeprl_tui.runs.load import load_view


def test_every_episode_is_a_row(find: Callable[[str], RunPaths]) -> None:
    """With the step, clock, return and length of its event."""
    rows = read_log(find("CP_basic/0")).episodes
    told = [(row.episode, row.step, row.seconds, row.score, row.length) for row in rows]
    assert told == [(n, 10 * n, float(n), float(n), 10) for n in range(1, 31)]


def test_an_episode_has_the_loss_of_the_beat_before_it(find: Callable[[str], RunPaths]) -> None:
    """The first one ended before any."""
    rows = read_log(find("CP_basic/0")).episodes
    assert [(row.loss, row.updates) for row in rows[:3]] == [(None, None), (0.5, 10), (0.5, 20)]


def test_a_resume_voids_what_came_after_its_checkpoint(find: Callable[[str], RunPaths]) -> None:
    """Episodes and beats of the abandoned future do not count, and none counts twice."""
    log = read_log(find("CP_basic/2"))
    assert [row.episode for row in log.episodes] == list(range(1, 22))
    assert [row.step for row in log.episodes][9:12] == [100, 120, 140]
    assert [beat.step for beat in log.beats] == [*range(10, 101, 10), *range(120, 301, 20)]


def test_the_rows_are_what_the_fold_counts(find: Callable[[str], RunPaths]) -> None:
    """A view of the same files has as many episodes, steps and evaluations."""
    for name in ("CP_basic/0", "CP_basic/2", "CP_wide/0"):
        log, view = read_log(find(name)), load_view(find(name), held=False)
        assert log.spec.id == RunId.parse(name)
        assert len(log.episodes) == view.episodes
        assert log.episodes[-1].step == view.step
        assert [one.returns for one in log.evaluations] == [point.returns for point in view.evals]


def test_a_damaged_line_is_counted(find: Callable[[str], RunPaths]) -> None:
    """It costs its own row and no other."""
    paths = find("CP_basic/0")
    text = paths.events(1).read_text()
    paths.events(1).write_text(text.replace('"episode":7,', '"episode":8,', 1))
    log = read_log(paths)
    assert log.bad_lines == 1
    assert [row.episode for row in log.episodes] == [n for n in range(1, 31) if n != 7]
