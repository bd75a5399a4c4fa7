"""The plug-ins that tables name: is their code there? Read, never imported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deeprl_tui.config.model import Table
from deeprl_tui.config.modules import file_of, sources
from deeprl_tui.config.text import Fault
from deeprl_tui.core.plugin import used
from deeprl_tui.errors import Problem


@dataclass(slots=True)
class Looked:
    """What was wrong, and the files on which that depends."""

    problems: list[Problem] = field(default_factory=list)
    files: tuple[Path, ...] = ()


def look_at(tables: Sequence[Table], folder: Path) -> Looked:
    """Look for the code of all plug-ins of a project's folder, and report what cannot be used."""
    looked, faults, files = Looked(), dict[str, Fault | None](), dict[Path, None]()
    for table in tables:
        for key, path in _named(table):
            if path not in faults:
                faults[path] = _fault(folder, path, files)
            fault = faults[path]
            if fault is not None:
                looked.problems.append(table.problem(key, fault.reason, fault.remedy))
    looked.files = tuple(files)
    return looked


def _named(table: Table) -> list[tuple[str, str]]:
    found = used(table.env or "", table.values)
    swept = (item for values in table.sweep.values() for item in values)
    return [*found, *(("sweep", path) for item in swept for _, path in used("", {"": item}))]


def _fault(folder: Path, path: str, files: dict[Path, None]) -> Fault | None:
    module = path.partition(":")[0]
    # A missing file may appear at either of these places.
    files[file_of(folder, module) or folder.joinpath(*module.split(".")).with_suffix(".py")] = None
    try:
        files.update(dict.fromkeys(folder / source.file for source in sources(folder, path)))
    except Fault as fault:
        return fault
    return None
