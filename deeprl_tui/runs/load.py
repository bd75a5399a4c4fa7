"""Reading run directories back: files in, views out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from deeprl_tui.core.files import read_small
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.log import LineReader, read_bytes
from deeprl_tui.core.spec import MAX_SPEC, RunSpec
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.runs.homes import is_alive, read_status

PIECE = 1 << 18
"""Bytes of a log that are folded at once."""


def load_view(paths: RunPaths, *, held: bool | None = None, whole: bool = False) -> RunView:
    """Read one run. Raises RunDirectoryError if it has no good run.json.

    held: whether its lock is held, when the caller knows. whole: say also what needs every return at once.
    """
    if held is None:
        held = is_alive(paths)
    fold = RunFold(load_spec(paths), whole=whole)
    for attempt in paths.attempts():
        reader, offset = LineReader(), 0
        while data := read_bytes(paths.events(attempt), offset, PIECE):
            for what in reader.take(data):
                fold.take(attempt, what)
            offset += len(data)
        fold.bad_lines += reader.bad
    return fold.view(held=held, waiting=read_status(paths))


def load_spec(paths: RunPaths) -> RunSpec:
    """Read a run's description. Raises RunDirectoryError if it is missing or damaged."""
    try:
        return RunSpec.from_json(read_small(paths.spec, MAX_SPEC), place=str(paths.spec))
    except OSError as error:
        raise RunDirectoryError(f"cannot be read ({error.strerror})", place=str(paths.spec)) from None


def load_all(root: Path) -> Iterator[tuple[RunPaths, RunView | RunDirectoryError]]:
    """Read all runs of a folder; one that cannot be read comes as its error and stops nothing."""
    return load_each(RootPaths(root).runs())


def load_each(folders: Iterable[RunPaths]) -> Iterator[tuple[RunPaths, RunView | RunDirectoryError]]:
    """Read some runs in the same way."""
    for paths in folders:
        try:
            yield paths, load_view(paths)
        except RunDirectoryError as error:
            yield paths, error
        except OSError as error:
            yield paths, RunDirectoryError(str(error.strerror), place=str(paths.folder))
