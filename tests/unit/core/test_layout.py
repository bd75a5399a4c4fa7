"""Paths of runs."""

import re
from pathlib import Path

from support import spec

import deeprl_tui
from deeprl_tui.core.layout import RootPaths, name_of
from deeprl_tui.core.spec import RunId, RunSpec


def test_a_run_lies_where_rl_zoo_looks(tmp_path: Path) -> None:
    """<folder>/<algo>/<env>_<id>, and an env's slash is a dash."""
    run = RunSpec(RunId("pong", 3), "ALE/Pong-v5", {})
    paths = RootPaths(tmp_path).run(run)
    assert paths.folder == tmp_path / "pong" / "dqn" / "ALE-Pong-v5_3"
    assert name_of(paths) == run.id


def test_half_made_and_archived_runs_are_not_runs(tmp_path: Path) -> None:
    """Folders that begin with a dot are left out, and those without a run.json."""
    root = RootPaths(tmp_path)
    for folder in ("a/dqn/.X_1.77", ".archive/a-1/dqn", "b/dqn/X_1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a/dqn/.X_1.77/run.json").write_text("{}")
    assert list(root.runs()) == []
    good = root.run(spec())
    good.folder.mkdir(parents=True)
    good.spec.write_text(spec().to_json())
    assert list(root.runs()) == [good]


def test_attempts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Eleven files: 10 comes after 2. Reading by name order spliced the study's curves wrongly."""
    paths = RootPaths(tmp_path).run(spec())
    paths.folder.mkdir(parents=True)
    for attempt in range(1, 13):
        paths.events(attempt).touch()
    assert paths.attempts() == list(range(1, 13))


def test_only_the_layout_spells_file_names() -> None:
    """A second spelling is a second truth."""
    package = Path(deeprl_tui.__file__).parent
    names = re.compile(
        r"""["'](?:events-|run\.json|attempt\.json|worker\.log|best_model\.zip|evaluations\.npz)"""
    )
    strays = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if names.search(path.read_text()) and path.name != "layout.py"
    ]
    assert strays == []
