"""experiments.toml -> checked experiments.

Rule: everything is checked before anything starts, and all problems of a file are reported at once.
"""

from pathlib import Path

from deeprl_tui.config.decode import decode
from deeprl_tui.config.doubts import doubts
from deeprl_tui.config.expand import expand
from deeprl_tui.config.hosts import Host
from deeprl_tui.config.model import Checked, Experiment, Project
from deeprl_tui.config.named import Looked, look_at
from deeprl_tui.config.override import override, parse_override, parse_seeds, select
from deeprl_tui.config.read import read
from deeprl_tui.errors import ConfigError, Problem

__all__ = [
    "FILE",
    "Checked",
    "Experiment",
    "Host",
    "Project",
    "check",
    "check_bytes",
    "load",
    "override",
    "parse_override",
    "parse_seeds",
    "select",
]

FILE = "experiments.toml"


def load(path: str | Path) -> Project:
    """Read a file, or the experiments.toml of a folder. Raises ConfigError with all problems."""
    checked = check(path)
    if checked.project is None:
        raise ConfigError(checked.errors)
    return checked.project


def check(path: str | Path) -> Checked:
    """Read a file, or the experiments.toml of a folder, and report every problem."""
    path = Path(path)
    if path.is_dir():
        path = path / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = f"go to a folder that has an {FILE}"
        return Checked(None, (Problem(str(path), 0, "", "", "no such file", remedy),), ())
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        return Checked(None, (Problem(str(path), 0, "", "", reason),), ())
    folder = path.resolve().parent
    return check_bytes(data, str(path), folder.name, modules=folder)


def check_bytes(
    data: bytes, file: str = FILE, folder: str = "experiments", *, modules: Path | None = None
) -> Checked:
    """Check the contents of a file. `folder` names the project if the file does not.

    modules: where the project's own modules are; None: they are not looked at.
    """
    name, tables, hosts, problems = decode(read(data, file), file, folder)
    expanded = expand(tables)
    code = look_at(tables, modules) if modules is not None else Looked()
    errors = _in_order([*problems, *expanded.problems, *code.problems])
    warnings = _in_order(doubts(tables, expanded.experiments))
    if errors:
        return Checked(None, errors, warnings, code.files)
    project = Project(file, name, expanded.experiments, warnings, expanded.groups, hosts)
    return Checked(project, errors, warnings, code.files)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Sort by line; those without one come last."""
    return tuple(sorted(problems, key=lambda problem: problem.line or 10**9))
