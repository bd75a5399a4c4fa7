"""Finding runs by name or pattern, and what their workers printed."""

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from deeprl_tui.config.text import shown, suggest
from deeprl_tui.core.files import open_regular
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import UnknownNameError

LONG_LINE = 400
"""Bytes that a line of a worker's log has at most, mostly: it is read from its end."""


def find_runs(root: Path, patterns: Sequence[str]) -> list[tuple[RunId, RunPaths]]:
    """Find runs by `experiment`, `experiment/seed` or pattern.

    Raises UnknownNameError for the first pattern without any.
    """
    known = []
    for paths in RootPaths(root).runs():
        try:
            known.append((name_of(paths), paths))
        except ValueError:
            continue
    known.sort(key=lambda pair: pair[0])
    found: dict[RunId, RunPaths] = {}
    for pattern in patterns:
        matches = [
            (run, paths)
            for run, paths in known
            if pattern in (run.experiment, str(run))
            or fnmatchcase(str(run) if "/" in pattern else run.experiment, pattern)
        ]
        if not matches:
            experiments = list(dict.fromkeys(run.experiment for run, _ in known))
            raise UnknownNameError(
                f'no run matches "{shown(pattern)}"',
                place=str(root),
                remedy=suggest(pattern.partition("/")[0], experiments) or "deeprl ls names all runs",
            )
        found.update(matches)
    return list(found.items())


def worker_log(paths: RunPaths, lines: int) -> list[str]:
    """The last lines that a run's workers printed, oldest first; none if there is no log."""
    try:
        fd = open_regular(paths.worker_log)
    except OSError:
        return []
    with open(fd, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LONG_LINE * lines))
        text = file.read(LONG_LINE * lines).decode(errors="replace")
    return text.splitlines()[-lines:]
