"""What the results browser shows: which rows, in which order, under which headings.

Rule: pure. A filter chooses rows and never changes a number: an experiment is shown if one of its runs fits,
with all of its runs. Whatever did not finish stays in the denominator.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any, Final, Literal, TypeAlias, get_args

from deeprl_tui.core.spec import Json
from deeprl_tui.runs.record import Record
from deeprl_tui.tui.words import value_text
from deeprl_tui.verdicts.model import Group, Summary

Unit: TypeAlias = Literal["experiment", "run"]

COLUMNS: Final = (
    "runs", "return", "interval", "plot", "best", "solved at", "steps/s", "time", "changes",
)  # fmt: skip
"""What is shown until the user chooses."""

BY_ENV, BY_EXPERIMENT, FLAT = "env", "experiment", ""
"""Groupings; any other word is a setting."""

_FIRST = ("failed", "lost", "running", "stopping", "queued", "paused", "stopped", "finished")


@dataclass(frozen=True, slots=True)
class Browse:
    """How the user looks at the results; saved between starts."""

    columns: tuple[str, ...] = COLUMNS
    sort: str = "return"
    descending: bool = True
    group: str = BY_ENV
    unit: Unit = "experiment"  # what a row is
    filter: str = ""
    picks: tuple[str, ...] = ()  # keys of rows in the order they were picked
    baseline: str | None = None  # None: each experiment's own

    def as_json(self) -> dict[str, Json]:
        """What is saved."""
        told: dict[str, Json] = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**told, "columns": list(self.columns), "picks": list(self.picks)}

    @classmethod
    def of_json(cls, value: object) -> "Browse":
        """What was saved; whatever does not fit is left as it is at first."""
        known = value if isinstance(value, Mapping) else {}
        out: dict[str, Any] = {}
        for one in fields(cls):
            found = known.get(one.name)
            if one.name in ("columns", "picks"):
                if isinstance(found, Sequence) and not isinstance(found, str):
                    out[one.name] = tuple(item for item in found if isinstance(item, str))
            elif one.name == "descending":
                out[one.name] = found is not False
            elif isinstance(found, str) and (one.name != "unit" or found in get_args(Unit)):
                out[one.name] = found
        return cls(**out)

    def toggled(self, key: str) -> "Browse":
        """With a row picked, or no longer picked."""
        picks = tuple(one for one in self.picks if one != key)
        return replace(self, picks=picks if len(picks) < len(self.picks) else (*picks, key))

    def regrouped(self, chosen: str | None = None) -> "Browse":
        """With the next grouping, or with the chosen one."""
        order = [BY_ENV, FLAT] if self.unit == "experiment" else [BY_ENV, BY_EXPERIMENT, FLAT]
        at = order.index(self.group) if self.group in order else -1
        return replace(self, group=order[(at + 1) % len(order)] if chosen is None else chosen)


ASCENDING: Final = ("name", "env", "algo", "state", "host", "changes", "solved at", "time", "began")
"""Columns of which the least comes first when they are chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One row: all runs of an experiment, or a single run. Made anew if one of its runs changed."""

    key: str
    env: str
    records: tuple[Record, ...]
    group: Group | None = None  # what was worked out last; None: nothing yet, or a single run
    fresh: bool = False  # whether that is about these records

    @property
    def known(self) -> list[float]:
        """The scores there are."""
        return [record.score for record in self.records if record.score is not None]

    @property
    def summary(self) -> Summary | None:
        """The average of its scores."""
        return self.group.score if self.group is not None else None

    @property
    def value(self) -> float | None:
        """IQM or mean; the plain mean until that is worked out."""
        if self.group is not None:
            return self.group.score.value
        known = self.known
        return sum(known) / len(known) if known else None

    @property
    def word(self) -> str:
        """The state that matters most: a failure is never hidden behind those that finished."""
        words = {record.state for record in self.records}
        return next((word for word in _FIRST if word in words), "queued")

    @property
    def experiment(self) -> str:
        """The experiment that its runs are of."""
        return self.records[0].id.experiment

    @property
    def baseline(self) -> str | None:
        """What it is compared with."""
        return self.records[0].baseline

    @property
    def solved(self) -> float | None:
        """The return at which its environment counts as solved."""
        return self.records[0].solved

    @property
    def settings(self) -> Mapping[str, Json]:
        """Equal for all of its runs."""
        return self.records[0].settings


class LineMaker:
    """Makes lines from records; a line stays the same object as long as its records do."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._lines: dict[str, Line] = {}

    def make(self, records: Iterable[Record]) -> list[Line]:
        """Lines in the order of their names. What was worked out for a line stays until it is anew."""
        together: dict[str, list[Record]] = {}
        if self._unit == "run":
            together = {str(record.id): [record] for record in records}
        else:
            for record in records:
                together.setdefault(record.id.experiment, []).append(record)
        made: dict[str, Line] = {}
        for key, found in together.items():
            line = self._lines.get(key)
            if (
                line is None
                or len(line.records) != len(found)
                or any(a is not b for a, b in zip(line.records, found, strict=True))
            ):
                group = line.group if line is not None else None
                line = Line(key, found[0].env, tuple(found), group, self._unit == "run")
            made[key] = line
        self._lines = made
        return self.lines

    @property
    def lines(self) -> list[Line]:
        """What was made last, with what was learned since."""
        return list(self._lines.values())

    def line(self, key: str) -> Line | None:
        """A line by its key."""
        return self._lines.get(key)

    def missing(self, most: int, *, again: bool) -> list[Line]:
        """The first lines to work out; `again`: also those that changed since."""
        wanted = (line for line in self._lines.values() if not line.fresh and (again or line.group is None))
        return list(islice(wanted, most))

    def learn(self, asked: Iterable[Line], found: Mapping[str, Group]) -> None:
        """Take what was worked out for lines; a line that changed meanwhile is not fresh."""
        for line in asked:
            now = self._lines.get(line.key)
            if now is not None:
                same = now.records is line.records
                self._lines[line.key] = replace(now, group=found.get(line.key), fresh=same)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading; the title is empty if there is none."""

    title: str
    lines: tuple[Line, ...]
    env: str = ""  # if all of them have the same


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The rows to show. Compared by identity: it is made anew whenever something may have changed."""

    sections: tuple[Section, ...] = ()
    many: int = 0  # rows shown
    of: int = 0  # rows there are
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of the returns, by env

    def lines(self) -> list[Line]:
        """All rows from the top."""
        return [line for section in self.sections for line in section.lines]


def arranged(lines: Sequence[Line], read: Callable[[Line], Any], descending: bool) -> list[Line]:
    """Lines sorted by a value; those without one come last either way. Equal ones stay in their order."""
    found: list[tuple[Any, Line]] = []
    rest: list[Line] = []
    for line in lines:
        value = read(line)
        if value is None:
            rest.append(line)
        else:
            found.append((value, line))
    found.sort(key=lambda pair: pair[0], reverse=descending)
    return [line for _, line in found] + rest


def shown(
    ordered: Sequence[Line],
    browse: Browse,
    fits: Callable[[Record], bool] | None,
    envs: Sequence[str] = (),
) -> Shown:
    """The rows that fit the filter under their headings. `envs`: environments in the order of the file."""
    kept = [line for line in ordered if fits is None or any(map(fits, line.records))]
    grouped: dict[str, list[Line]] = {}
    for line in kept:
        grouped.setdefault(heading(line, browse.group), []).append(line)
    places = {env: f"{at:06}" for at, env in enumerate(envs)}
    if browse.group:
        grouped = dict(sorted(grouped.items(), key=lambda item: _order(item[0], places)))
    ranges: dict[str, tuple[float, float]] = {}
    for line in kept:
        span = span_of(line)
        if span is not None:
            low, high = ranges.get(line.env, span)
            ranges[line.env] = (min(low, span[0]), max(high, span[1]))
    sections = tuple(
        Section(title, tuple(found), found[0].env if len({line.env for line in found}) == 1 else "")
        for title, found in grouped.items()
    )
    return Shown(sections, len(kept), len(ordered), ranges)


def _order(title: str, places: Mapping[str, str]) -> tuple[int, float, str]:
    word = title.rpartition(" = ")[2]
    try:
        return 0, float(word), title
    except ValueError:
        return 1, 0.0, places.get(title, title)


def span_of(line: Line) -> tuple[float, float] | None:
    """Least and greatest of its scores and its interval."""
    values = line.known
    if not values:
        return None
    if line.summary is not None and line.summary.low is not None and line.summary.high is not None:
        values += [line.summary.low, line.summary.high]
    return min(values), max(values)


def heading(line: Line, group: str) -> str:
    """The heading that a row stands under."""
    if group == FLAT:
        return ""
    if group == BY_ENV:
        return line.env
    if group == BY_EXPERIMENT:
        return line.experiment
    return f"{group} = {value_text(line.settings[group])}" if group in line.settings else f"no {group}"
