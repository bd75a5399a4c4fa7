"""Filtering runs as one types: `env:LunarLander state:finished net_arch:64 return>100 !word since:7d`.

All terms have to hold; `!` turns one round; a comma gives choices; quotes hold blanks. A word is looked for
in a run's name, env, algo, state, reason and host. A key is a field of a record, or any setting.
Rule: pure and total: whatever is typed is a query or a QueryError with its place. A term that is only half
typed says nothing yet, so that a list does not go empty under the fingers.
"""

import math
import operator
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeAlias

from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.config.text import shown, suggest
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import QueryError as QueryError
from deeprl_tui.runs.record import Record

Test: TypeAlias = Callable[[Record], bool]
Read: TypeAlias = Callable[[Record], Any]

ALIASES: Final[Mapping[str, str]] = {
    "return": "score",
    "result": "score",
    "eval": "last_eval",
    "threshold": "solved",
    "time": "seconds",
    "steps": "step",
    "sps": "steps_per_second",
    "steps/s": "steps_per_second",
}
"""Other words for fields of a record."""

READ: Final[dict[str, Read]] = {
    **{
        field.name: attrgetter(field.name)
        for field in fields(Record)
        if field.name not in ("id", "settings", "changes", "code", "trend")
    },
    "run": lambda record: str(record.id),
    "experiment": lambda record: record.id.experiment,
    "seed": lambda record: record.id.seed,
    "changed": lambda record: " ".join(record.changes) or None,
}
"""How to read what a key names; any other key is a setting."""

DURATIONS: Final = frozenset({"seconds", "cpu_seconds"})
UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
SIZES: Final = {"k": 1e3, "m": 1e6, "g": 1e9, "%": 0.01}
WORDS: Final[Mapping[str, bool | None]] = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
    "none": None,
}  # fmt: skip
ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip

_SETTINGS = frozenset(key.name for key in SETTINGS)
_TERM = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_PARTS = re.compile(r"([A-Za-z_][A-Za-z0-9_./]*)(>=|<=|!=|[:><=])(.*)", re.DOTALL)
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)([a-z%]?)", re.IGNORECASE)
_BEGUN = re.compile(r"[+-]?(?:[0-9]*\.?[0-9]*)(?:(?<=[0-9.])e[+-]?)?", re.IGNORECASE)
_AGO = re.compile(r"([0-9]*\.?[0-9]*)([smhdw]?)")


@dataclass(frozen=True, slots=True)
class Query:
    """What to show. `unfinished`: terms that say nothing yet."""

    text: str
    tests: tuple[Test, ...] = ()
    unfinished: tuple[str, ...] = ()

    def matches(self, record: Record) -> bool:
        """Whether a run fits."""
        return all(test(record) for test in self.tests)

    def select(self, records: Collection[Record]) -> list[Record]:
        """The runs that fit, in their order."""
        kept = list(records)
        for test in self.tests:
            kept = [record for record in kept if test(record)]
        return kept


class _Unfinished(Exception):
    """The term says nothing yet."""


def parse(
    text: str,
    *,
    settings: Collection[str] = (),
    strict: bool = False,
    wall: Callable[[], float] = time.time,
) -> Query:
    """Read a query. Raises QueryError with the place of the fault.

    settings: keys beyond those of experiments.toml that are known. strict: a half-typed term is a fault, for
    who does not type. wall: the clock that `since` counts from.
    """
    tests, unfinished = [], []
    for found in _TERM.finditer(text):
        place = f"filter, character {found.start() + 1}"
        try:
            tests.append(_term(found[0], place, settings, wall))
        except _Unfinished:
            unfinished.append(found[0])
            if strict:
                raise QueryError(
                    f"{shown(found[0])} is not finished", place=place, remedy="write a value"
                ) from None
    return Query(text, tuple(tests), tuple(unfinished))


def _term(text: str, place: str, settings: Collection[str], wall: Callable[[], float]) -> Test:
    wanted = text.lstrip("!")
    test = _positive(wanted, place, settings, wall)
    return test if (len(text) - len(wanted)) % 2 == 0 else _not(test)


def _not(test: Test) -> Test:
    return lambda record: not test(record)


def _positive(text: str, place: str, settings: Collection[str], wall: Callable[[], float]) -> Test:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return _word(_unquoted(text))
    name, sign, value = parts[1].lower(), parts[2], _unquoted(parts[3])
    if name == "since":
        if sign not in (":", "=", ">", ">="):
            raise QueryError("since goes with a colon", place=place, remedy="write since:7d")
        return _since(value, place, wall)
    read = _reader(parts[1], place, settings)
    if sign in (">", "<", ">=", "<="):
        return _compared(read, ORDER[sign], _number(value, ALIASES.get(name, name) in DURATIONS, place))
    if not value:
        raise _Unfinished
    test = _equal(read, value, whole=sign != ":")
    return _not(test) if sign == "!=" else test


def _unquoted(text: str) -> str:
    return text.replace('"', "")


def _word(text: str) -> Test:
    sought = text.lower()
    if not sought:
        raise _Unfinished

    def test(record: Record) -> bool:
        run = record.id
        said = f"{run.experiment}/{run.seed} {record.env} {record.algo} {record.state}"
        return sought in f"{said} {record.reason} {record.host}".lower()

    return test


def _reader(name: str, place: str, settings: Collection[str]) -> Read:
    key = name.lower()
    read = READ.get(ALIASES.get(key, key))
    if read is not None:
        return read
    for one in (name, key):
        if one in _SETTINGS or one in settings:
            return partial(_setting, one)
    known = [*READ, *ALIASES, "since", *_SETTINGS, *settings]
    raise QueryError(
        f"no field or setting {shown(name)}",
        place=place,
        remedy=suggest(name, known) or "write a word alone to find it in names",
    )


def _setting(key: str, record: Record) -> Json:
    return record.settings.get(key)


def _since(value: str, place: str, wall: Callable[[], float]) -> Test:
    ago = _AGO.fullmatch(value.lower())
    if ago is not None:
        if not ago[1].strip(".") or not ago[2]:
            raise _Unfinished
        begin = wall() - float(ago[1]) * UNITS[ago[2]]
    else:
        try:
            begin = datetime.fromisoformat(value).astimezone().timestamp()
        except (ValueError, OverflowError, OSError):
            if re.fullmatch(r"[0-9-]{1,9}", value):
                raise _Unfinished from None
            raise QueryError(
                f"{shown(value)} is no span and no day",
                place=place,
                remedy="write since:7d or since:2026-11-30",
            ) from None
    return lambda record: record.ended is None or record.ended >= begin


def _number(text: str, duration: bool, place: str) -> float:
    found = _NUMBER.fullmatch(text)
    units = UNITS if duration else SIZES
    if found is None or (found[2] and found[2].lower() not in units):
        if _BEGUN.fullmatch(text):
            raise _Unfinished
        raise QueryError(
            f"{shown(text)} is no number",
            place=place,
            remedy="write a number, also 1e6, 90% or 2M"
            if not duration
            else "write a span, for example 90m or 2h",
        )
    return float(found[1]) * (units[found[2].lower()] if found[2] else 1.0)


def _compared(read: Read, holds: Callable[[Any, Any], bool], limit: float) -> Test:
    def test(record: Record) -> bool:
        value = read(record)
        if type(value) is not float and (not isinstance(value, int) or isinstance(value, bool)):
            return False
        return holds(value, limit)

    return test


def _equal(read: Read, text: str, *, whole: bool) -> Test:
    """Text by substring (whole: all of it), numbers, booleans, lists by value; one of several."""
    choices = [choice for choice in text.lower().split(",") if choice]
    if not choices:
        raise _Unfinished
    numbers = [number for choice in choices if (number := _plain_number(choice)) is not None]
    words = {WORDS[choice] for choice in choices if choice in WORDS}
    listed = [_plain_number(part) for part in text.strip("[]() ").split(",") if part.strip()]
    name = text.lower()

    def test(record: Record) -> bool:
        value = read(record)
        if isinstance(value, str):
            said = value.lower()
            return said in choices if whole else any(choice in said for choice in choices)
        if value is None or isinstance(value, bool):
            return value in words
        if isinstance(value, int | float):
            return value in numbers
        if isinstance(value, Sequence) and all(isinstance(item, int | float) for item in value):
            return list(value) == listed
        return name in str(value).lower()

    return test


def _plain_number(text: str) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or (found[2] and found[2].lower() not in SIZES):
        return None
    number = float(found[1]) * (SIZES[found[2].lower()] if found[2] else 1.0)
    return number if math.isfinite(number) else None
