"""What is exported, as tables: runs, episodes, evaluations, settings. A name, columns with a type, rows.

Rules: a table is tidy: one row is one observation, and says whose it is. A number stays a number; what is not
known, not a number or infinite is None. Rows are made one run at a time, so memory is that of one run.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal, TypeAlias

from deeprl_tui.core.spec import Json, finite
from deeprl_tui.errors import UnknownNameError
from deeprl_tui.export.logs import Episode, Evaluation, Log
from deeprl_tui.runs.record import Record

Kind: TypeAlias = Literal["int", "float", "bool", "text", "json"]
What: TypeAlias = Literal["runs", "episodes", "evaluations", "settings"]
WHAT: tuple[What, ...] = ("runs", "episodes", "evaluations", "settings")

Row: TypeAlias = tuple[Json, ...]
Logs: TypeAlias = Callable[[Record], Log]
"""Reads the logs of a run."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name with their type, and rows that are made while they are read."""

    name: str
    columns: Mapping[str, Kind]
    rows: Iterable[Row]


RUN: Mapping[str, Kind] = {"run": "text", "experiment": "text", "seed": "int", "env": "text"}
"""Whose row it is: the first columns of all tables but `settings`."""

RUNS: Mapping[str, Kind] = {
    "algo": "text",
    "state": "text",
    "reason": "text",
    "baseline": "text",
    "solved": "float",
    "digest": "text",
    "began": "float",
    "ended": "float",
    "step": "int",
    "total_steps": "int",
    "episodes": "int",
    "total_episodes": "int",
    "progress": "float",
    "score": "float",
    "best": "float",
    "best_eval": "float",
    "best_step": "int",
    "last_eval": "float",
    "evals": "int",
    "solved_at": "int",
    "solved_episode": "int",
    "auc": "float",
    "mean": "float",
    "variance": "float",
    "p_solved": "float",
    "p_solved_90": "float",
    "p_catastrophic": "float",
    "collapsed": "int",
    "length": "float",
    "loss": "float",
    "epsilon": "float",
    "steps_per_second": "float",
    "seconds": "float",
    "cpu_seconds": "float",
    "rss": "int",
    "host": "text",
    "pid": "int",
    "cores": "json",
    "backend": "text",
    "attempts": "int",
    "exact": "bool",
    "bad_lines": "int",
    "checkpoint_step": "int",
    "code": "json",
}
"""Fields of a Record, in the order of the columns."""

EPISODES: Mapping[str, Kind] = {
    "episode": "int",
    "step": "int",
    "seconds": "float",
    "updates": "int",
    "return": "float",
    "length": "int",
    "loss": "float",
    "epsilon": "float",
}
EVALUATIONS: Mapping[str, Kind] = {
    "evaluation": "int",
    "step": "int",
    "episode": "int",
    "seconds": "float",
    "updates": "int",
    "return": "float",
    "return_sd": "float",
    "length": "float",
    "episodes": "int",
    "best": "bool",
    "returns": "json",
    "lengths": "json",
}
SETTINGS: Mapping[str, Kind] = {
    "experiment": "text",
    "env": "text",
    "setting": "text",
    "value": "json",
    "baseline": "text",
    "baseline_value": "json",
    "differs": "bool",
}


def named(names: Iterable[str]) -> list[What]:
    """Tables by their names, each once. Raises UnknownNameError."""
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in WHAT:
            raise UnknownNameError(
                f'no table "{name}"', place="--what", remedy=f"there are {', '.join(WHAT)}"
            )
    return [what for what in WHAT if what in wanted]


def table(what: What, records: Sequence[Record], logs: Logs) -> Table:
    """Make one table of these runs."""
    match what:
        case "runs":
            return runs(records)
        case "episodes":
            return Table(what, {**RUN, **EPISODES}, _each(records, logs, _episodes))
        case "evaluations":
            return Table(what, {**RUN, **EVALUATIONS}, _each(records, logs, _evaluations))
        case "settings":
            return Table(what, SETTINGS, _settings(records))


def runs(records: Sequence[Record]) -> Table:
    """One row for each run, with its settings as columns `settings.KEY`."""
    keys = sorted({key for record in records for key in record.settings})
    kinds = {f"settings.{key}": _kind([record.settings.get(key) for record in records]) for key in keys}
    rows = (
        (
            *_whose(record),
            *(finite(getattr(record, name)) for name in RUNS),
            *(finite(record.settings.get(key)) for key in keys),
        )
        for record in records
    )
    return Table("runs", {**RUN, **RUNS, **kinds}, rows)


def as_text(value: Json) -> str:
    """A value of mixed type as JSON on one line; a text stays as it is."""
    return value if isinstance(value, str) else json.dumps(finite(value), ensure_ascii=False)


def _whose(record: Record) -> Row:
    return str(record.id), record.id.experiment, record.id.seed, record.env


def _each(records: Iterable[Record], logs: Logs, rows: Callable[[Log], Iterator[Row]]) -> Iterator[Row]:
    for record in records:
        whose = _whose(record)
        for row in rows(logs(record)):
            yield *whose, *map(finite, row)


def _episodes(log: Log) -> Iterator[Row]:
    for row in log.episodes:
        yield _episode(row)


def _episode(row: Episode) -> Row:
    return row.episode, row.step, row.seconds, row.updates, row.score, row.length, row.loss, row.epsilon


def _evaluations(log: Log) -> Iterator[Row]:
    for number, row in enumerate(log.evaluations, 1):
        yield _evaluation(number, row)


def _evaluation(number: int, row: Evaluation) -> Row:
    finite = all(map(math.isfinite, row.returns))
    return (
        number,
        row.step,
        row.episode,
        row.seconds,
        row.updates,
        fmean(row.returns),
        pstdev(row.returns) if finite else None,
        fmean(row.lengths) if row.lengths else None,
        len(row.returns),
        row.best,
        row.returns,
        row.lengths,
    )


def _settings(records: Iterable[Record]) -> Iterator[Row]:
    """Each setting of each experiment once."""
    for record in {record.id.experiment: record for record in records}.values():
        for key, value in sorted(record.settings.items()):
            differs = key in record.changes
            before = record.changes[key][0] if differs else value
            known = record.baseline is not None
            yield (
                record.id.experiment,
                record.env,
                key,
                finite(value),
                record.baseline,
                finite(before) if known else None,
                differs if known else None,
            )


def _kind(values: Sequence[Json]) -> Kind:
    """The type that holds all of these values."""
    types = {type(value) for value in values if value is not None}
    if types <= {bool}:
        return "bool"
    if types <= {int}:
        return "int"
    if types <= {int, float}:
        return "float"
    return "text" if types == {str} else "json"
