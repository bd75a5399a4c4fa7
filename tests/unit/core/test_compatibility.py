"""Runs of every released format stay readable: the files in tests/data/runs are never written anew."""

from pathlib import Path

from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import LATER, RunId, RunSpec
from deeprl_tui.runs.load import load_spec, load_view

FORMATS = Path(__file__).parents[2] / "data" / "runs"


def test_format_1_loads() -> None:
    """Two attempts: the first was killed after step 1500, the second went on from its checkpoint."""
    (paths,) = RootPaths(FORMATS / "format-1").runs()
    view = load_view(paths, held=False)
    assert view.id == RunId("base", 0)
    assert isinstance(view.state, state.Finished)
    assert (view.step, view.attempt, view.bad_lines) == (2000, 2, 0)
    assert len(view.evals) == 2
    assert len(view.curves["return"]) == view.episodes


def test_settings_that_came_later_leave_older_experiments_as_they_are() -> None:
    """Launched again by this version, an older experiment has the digest that its runs have."""
    (paths,) = RootPaths(FORMATS / "format-1").runs()
    old = load_spec(paths)
    added = {key.name: key.default for key in SETTINGS if key.name not in old.settings}
    assert added == LATER
    assert RunSpec(old.id, old.env, {**old.settings, **added}).digest == old.digest
