"""Which project and which runs folder a verb means, and the options that say so."""

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import config, ops
from deeprl_tui.config import Project
from deeprl_tui.errors import ConfigError, Problem, UnknownNameError

File = Annotated[
    Optional[Path],  # noqa: UP045  typer before 0.17 reads no unions in aliases
    typer.Option(
        "--file", "-f", metavar="PATH", help="The experiments.toml; default: the nearest one above."
    ),
]
LongFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--file", metavar="PATH", help="The experiments.toml; default: the nearest one above."),
]
Runs = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--runs", metavar="PATH", help="The runs folder; default: runs beside the file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


def find_file(file: Path | None) -> Path:
    """The experiments.toml that is meant, as the user would write it. Raises UnknownNameError."""
    if file is None:
        return _short(ops.find_project(Path.cwd()))
    return file / config.FILE if file.is_dir() else file


def load_project(file: Path | None) -> Project:
    """Load the project that is meant. Raises with all its problems."""
    return config.load(find_file(file))


def find_runs_folder(file: Path | None, runs: Path | None, *, make: bool = False) -> Path:
    """The runs folder that is meant. Raises UnknownNameError if there is no project and no such folder.

    make: it need not be there yet.
    """
    if runs is not None:
        if not make and not runs.is_dir():
            raise UnknownNameError("no such folder", place=str(runs), remedy="name a runs folder with --runs")
        return runs.resolve()
    try:
        return ops.runs_root(find_file(file))
    except UnknownNameError:
        here = Path.cwd() / ops.RUNS
        if file is None and here.is_dir():
            return here
        raise


def try_project(file: Path | None) -> Project | None:
    """The project, if there is one without errors: for verbs that only read runs."""
    try:
        return config.check(find_file(file)).project
    except UnknownNameError:
        return None


def misused(verb: str, fault: str, remedy: str) -> ConfigError:
    """Arguments that make no sense together."""
    return ConfigError([Problem(verb, 0, "", "", fault, remedy)])


def _short(path: Path) -> Path:
    return Path(os.path.relpath(path))
