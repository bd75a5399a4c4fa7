"""Experiments and seeds in the order that a column gives.

Rule: pure and stable. Experiments stay under their environments, since returns of two cannot be compared;
what has no value comes last either way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.widgets.rows import Order

T = TypeVar("T")
Ends = Mapping[RunId, Eta | None]

EXPERIMENTS: Final = ("name", "seeds", "progress", "return", "eta")
SEEDS: Final = ("seed", "core", "progress", "return", "rate", "cpu", "eta")
"""Columns of the two tables that can be sorted by."""


def experiments(entries: Sequence[Entry], order: Order, ends: Ends) -> list[Entry]:
    """Sort experiments within their environments."""
    read: dict[str, Callable[[Entry], Any]] = {
        "name": lambda entry: entry.name.lower(),
        "seeds": lambda entry: len(entry.runs),
        "progress": lambda entry: entry.progress,
        "return": lambda entry: entry.result[0] if entry.result else None,
        "eta": lambda entry: eta.mid if (eta := entry.eta(ends)) else None,
    }
    if order is None or order[0] not in read:
        return list(entries)
    envs: dict[str, list[Entry]] = {}
    for entry in entries:
        envs.setdefault(entry.env, []).append(entry)
    return [one for group in envs.values() for one in _sorted(group, read[order[0]], order[1])]


def seeds(runs: Sequence[RunView], order: Order, ends: Ends) -> list[RunView]:
    """Sort the runs of an experiment."""
    read: dict[str, Callable[[RunView], Any]] = {
        "seed": lambda run: run.id.seed,
        "core": lambda run: (state.word(run.state), run.host, run.cores),
        "progress": lambda run: run.progress,
        "return": lambda run: run.return_mean,
        "rate": lambda run: run.steps_per_second,
        "cpu": lambda run: run.cpu,
        "eta": lambda run: eta.mid if (eta := ends.get(run.id)) else None,
    }
    if order is None or order[0] not in read:
        return list(runs)
    return _sorted(runs, read[order[0]], order[1])


def _sorted(rows: Iterable[T], read: Callable[[T], Any], descending: bool) -> list[T]:
    valued = [(read(row), row) for row in rows]
    known = [pair for pair in valued if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + [row for value, row in valued if value is None]
