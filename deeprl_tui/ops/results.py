"""What is known of many runs, through the index: runs at rest are not read again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.runs import index as indexing
from deeprl_tui.runs import query
from deeprl_tui.runs.find import find_runs
from deeprl_tui.runs.index import Entry, Index
from deeprl_tui.runs.record import Record, record_of, view_of


def read_records(
    root: Path, patterns: Sequence[str] = (), where: str = ""
) -> tuple[list[Record], list[RunDirectoryError]]:
    """Read the runs that match as records in the order of their names, and what cannot be read.

    where: a filter, see `runs.query`. Raises UnknownNameError for the first pattern without any run and
    QueryError for a filter that cannot be understood.
    """
    fits = query.parse(where, strict=True)
    records, errors = [], []
    for found in _each(root, patterns):
        if isinstance(found, RunDirectoryError):
            errors.append(found)
        else:
            records.append(record_of(found) if isinstance(found, RunView) else found)
    return sorted(fits.select(records), key=lambda record: record.id), errors


def list_runs(
    root: Path, patterns: Sequence[str] = (), where: str = ""
) -> tuple[list[RunView], list[RunDirectoryError]]:
    """The same as views; those of runs at rest have no curves."""
    fits = query.parse(where, strict=True)
    views, errors = [], []
    for found in _each(root, patterns):
        if isinstance(found, RunDirectoryError):
            errors.append(found)
        elif fits.matches(record_of(found) if isinstance(found, RunView) else found):
            views.append(found if isinstance(found, RunView) else view_of(found))
    return sorted(views, key=lambda view: view.id), errors


def _each(root: Path, patterns: Sequence[str]) -> Iterator[Record | RunView | RunDirectoryError]:
    """A record of each run at rest, a view of each other, an error for what cannot be read."""
    index = Index(root)
    folders = [paths for _, paths in find_runs(root, patterns)] if patterns else RootPaths(root).runs()
    for paths in folders:
        folder = str(paths.folder)
        try:
            known = index.entry(folder)
            found = known or indexing.read(folder)
        except RunDirectoryError as error:
            yield error
        except OSError as error:
            yield RunDirectoryError(str(error.strerror), place=folder)
        else:
            if known is not None:
                yield known.record
            else:
                yield index.put(folder, found) if isinstance(found, Entry) else found
    index.save()
