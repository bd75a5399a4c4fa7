"""Runs of every released format stay readable: the files in tests/data/runs are never written anew."""

from pathlib import Path

from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.runs.load import load_view

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
