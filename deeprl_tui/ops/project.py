"""The project and its file: find it, make it, check it, choose experiments and seeds from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from deeprl_tui import config
from deeprl_tui.config import Checked, Experiment, Project
from deeprl_tui.core.layout import RUNS as RUNS
from deeprl_tui.errors import RefusedError, UnknownNameError
from deeprl_tui.runs import code
from deeprl_tui.runs.code import CodeFile


@dataclass(frozen=True, slots=True)
class Request:
    """Experiments with the seeds to run; made by `choose`, taken by `plan` and `launch`."""

    parts: tuple[tuple[Experiment, tuple[int, ...]], ...]


def find_project(start: Path) -> Path:
    """Find the nearest experiments.toml, from a folder upwards. Raises UnknownNameError if there is none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / config.FILE).is_file():
            return folder / config.FILE
    raise UnknownNameError(
        f"no {config.FILE} here or above",
        place=str(start),
        remedy="go to a project's folder, name its file with --file, or make one: deeprl init",
    )


def runs_root(file: Path) -> Path:
    """The runs folder of a project."""
    return file.resolve().parent / RUNS


def make_project(folder: Path) -> Path:
    """Write an experiments.toml to start from. Raises RefusedError if there is one."""
    file = folder / config.FILE
    text = resources.files(config).joinpath("example.toml").read_text(encoding="utf-8")
    try:
        with open(file, "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise RefusedError(
            "is there already", place=str(file), remedy="edit it, or go to another folder"
        ) from None
    return file


def check(file: Path) -> Checked:
    """Check an experiments.toml and report every problem."""
    return config.check(file)


def check_if_changed(file: Path, stamp: object) -> tuple[object, Checked | None]:
    """Check a file again if it, or code that it names, is not what it was; None if all is.

    Keep the stamp for the next call.
    """
    looked_at = tuple(stamp) if isinstance(stamp, dict) else (file,)
    now = {path: _stamp(path) for path in looked_at}
    if now == stamp:
        return stamp, None
    checked = config.check(file)
    return {file: now[file], **{path: _stamp(path) for path in checked.files}}, checked


def _stamp(file: Path) -> object:
    try:
        stat = file.stat()
    except OSError as error:
        return error.errno
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def code_files(project: Project) -> list[CodeFile]:
    """List the code that a project's experiments use, and whether this user trusts it; see `trust`."""
    return code.files(project.experiments.values(), Path(project.path).parent)


def choose(
    project: Project, names: Iterable[str], seeds: str | None = None, overrides: Iterable[str] = ()
) -> Request:
    """Turn names, `--seeds` and `--set`s into experiments with seeds. Raises on anything unknown."""
    values = dict(config.parse_override(text) for text in overrides)
    parts = []
    for found in config.select(project, names):
        experiment = config.override(found, values) if values else found
        own = experiment.seeds
        parts.append((experiment, own if seeds is None else config.parse_seeds(seeds, own[0] if own else 0)))
    return Request(tuple(parts))
