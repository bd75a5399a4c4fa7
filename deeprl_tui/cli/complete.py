"""What the shell may complete: names of experiments and runs. Never fails, never talks."""

from pathlib import Path

from deeprl_tui import ops
from deeprl_tui.core.layout import RootPaths, name_of
from deeprl_tui.errors import DeeprlError


def experiments(incomplete: str) -> list[str]:
    """Names of the nearest experiments.toml."""
    try:
        project = ops.check(ops.find_project(Path.cwd())).project
    except (DeeprlError, OSError):
        return []
    names = [*project.experiments, *project.groups] if project else []
    return [name for name in names if name.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Names of the runs beside it, and of their experiments."""
    try:
        root = ops.runs_root(ops.find_project(Path.cwd()))
    except DeeprlError:
        root = Path.cwd() / ops.RUNS
    names: dict[str, None] = {}
    try:
        for paths in RootPaths(root).runs():
            run = name_of(paths)
            names |= {run.experiment: None, str(run): None}
    except (ValueError, OSError):
        pass
    return [name for name in names if name.startswith(incomplete)]
