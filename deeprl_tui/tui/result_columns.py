"""The columns that a user can choose for the results: what they say of a row, and how they sort it.

Rule: a value that is None is shown as a dash and comes last. A column of a row with many runs says in `about`
how it puts them together. Whatever is no name of a column is a setting.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, Literal

from deeprl_tui.runs.record import Record
from deeprl_tui.tui.results import Line
from deeprl_tui.tui.words import NONE, count, duration, number, rate, value_text
from deeprl_tui.verdicts.model import SEEDS_NOT_ROUGH, Group

PLOT, PLOT_WIDE, WIDE = 20, 36, 150
_SETTING: Final = 12


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column: how it is called, how wide it is, what it says of a row."""

    key: str
    width: int
    about: str
    value: Callable[[Line], Any]  # what it is sorted by; None: unknown
    text: Callable[[Line], str]
    align: Literal["left", "right"] = "right"
    title: str = ""
    least: int = 0  # a narrower table leaves it out

    @property
    def head(self) -> str:
        """What stands above it."""
        return self.title or self.key


def tenth(value: float | None) -> str:
    """A return with one decimal, in six characters."""
    if value is None:
        return NONE
    text = f"{value:.1f}"
    return text if len(text) <= 6 else number(value)


def share(value: float | None) -> str:
    """A probability: `0.97`."""
    return NONE if value is None else f"{value:.2f}"


def mean_of(line: Line, read: Callable[[Record], float | None]) -> float | None:
    """Mean over the runs that have a value."""
    found = [value for record in line.records if (value := read(record)) is not None]
    return fmean(found) if found else None


def most_of(line: Line, read: Callable[[Record], float | None]) -> float | None:
    """The highest value of any run."""
    return max((value for record in line.records if (value := read(record)) is not None), default=None)


def runs_text(line: Line) -> str:
    """How many runs have a score, of how many, and whether that is few: `5 rough`, `4/5 rough`."""
    known, of = len(line.known), len(line.records)
    told = str(of) if known == of else f"{known}/{of}"
    return f"{told} rough" if of > 1 and known < SEEDS_NOT_ROUGH else told


def interval_text(line: Line) -> str:
    """The 95 % interval, or what there is instead of one."""
    summary = line.summary
    if len(line.records) == 1:
        return line.records[0].state
    if summary is None:
        return "…" if line.known else "no episode"
    if summary.low is None or summary.high is None:
        return f"{summary.kind} of {summary.n}"
    return f"[{number(summary.low)}, {number(summary.high)}]"


def changes_text(line: Line) -> str:
    """What differs from the baseline, in short: `net_arch [256]  gamma 0.9`."""
    changes = line.records[0].changes
    if not changes:
        return "" if line.baseline else "baseline"
    return "  ".join(f"{key} {value_text(new)}" for key, (_, new) in changes.items())


def states_text(line: Line) -> str:
    """How its runs stand: `4 finished, 1 failed`."""
    seen: dict[str, int] = {}
    for record in line.records:
        seen[record.state] = seen.get(record.state, 0) + 1
    return ", ".join(f"{many} {word}" for word, many in seen.items()) if len(line.records) > 1 else line.word


def _mean(
    key: str,
    read: Callable[[Record], float | None],
    show: Callable[[float | None], str],
    width: int,
    about: str,
    title: str = "",
) -> ResultColumn:
    def value(line: Line) -> float | None:
        return mean_of(line, read)

    told = f"{about}; mean of its runs"
    return ResultColumn(key, width, told, value, lambda line: show(value(line)), title=title)


def _most(
    key: str,
    read: Callable[[Record], float | None],
    show: Callable[[float | None], str],
    width: int,
    about: str,
) -> ResultColumn:
    def value(line: Line) -> float | None:
        return most_of(line, read)

    return ResultColumn(key, width, f"{about}; highest of its runs", value, lambda line: show(value(line)))


def _known(
    key: str,
    of_many: Callable[[Group], float | None],
    of_one: Callable[[Record], float | None],
    show: Callable[[float | None], str],
    width: int,
    about: str,
    title: str = "",
) -> ResultColumn:
    """A number that the verdicts work out for many runs, and that the record of a single run has."""

    def value(line: Line) -> float | None:
        if len(line.records) == 1 and line.group is None:
            return of_one(line.records[0])
        return of_many(line.group) if line.group is not None else None

    return ResultColumn(key, width, about, value, lambda line: show(value(line)), title=title)


def _word(key: str, read: Callable[[Record], str], width: int, about: str) -> ResultColumn:
    def value(line: Line) -> str | None:
        return ", ".join(dict.fromkeys(word for record in line.records if (word := read(record)))) or None

    return ResultColumn(key, width, about, value, lambda line: value(line) or NONE, "left")


KNOWN: Final[tuple[ResultColumn, ...]] = (
    ResultColumn(
        "runs", 11, "runs with a score, of all; rough below 10; signs of failed and stopped ones",
        lambda line: len(line.records), runs_text, "left",
    ),
    ResultColumn(
        "return", 7, "mean of the last 100 episodes: IQM over 4 runs or more, else the mean",
        lambda line: line.value, lambda line: tenth(line.value),
    ),
    ResultColumn(
        "interval", 14, "95 % stratified bootstrap interval of it, from 5 runs on",
        lambda line: line.summary.low if line.summary else None, interval_text, "left", "95% interval",
    ),
    ResultColumn(
        "plot", PLOT, "the interval and every run's score on one axis for each environment",
        lambda line: line.value, lambda line: "", "left", " ", 72,
    ),
    _most("best", lambda record: record.best, tenth, 6, "highest mean of 100 episodes"),
    _known(
        "solved at", lambda group: group.reached.steps if group.reached else None,
        lambda record: record.solved_at, count, 6,
        "env steps until it was solved; median, a run that never did counts as infinite", "solved",
    ),
    _mean("steps/s", lambda record: record.steps_per_second, rate, 5, "env steps for each second", "st/s"),
    _mean("time", lambda record: record.seconds or None, duration, 6, "time of training"),
    ResultColumn(
        "changes", 12, "what differs from the baseline", changes_text, changes_text, "left", "changed"
    ),
    _word("env", lambda record: record.env, 14, "environment"),
    ResultColumn("state", 10, "states of its runs", lambda line: line.word, states_text, "left"),
    ResultColumn(
        "progress", 8, "share of the budget that is used; mean of its runs",
        lambda line: mean_of(line, lambda record: record.progress),
        lambda line: f"{int(100 * (mean_of(line, lambda record: record.progress) or 0))}%",
    ),
    _mean("steps", lambda record: float(record.step), count, 7, "env steps"),
    _mean("episodes", lambda record: float(record.episodes), count, 8, "episodes"),
    _most("eval", lambda record: record.best_eval, tenth, 6, "highest mean of an evaluation"),
    _mean("last eval", lambda record: record.last_eval, tenth, 9, "mean of the last evaluation"),
    _known(
        "auc", lambda group: group.auc.value, lambda record: record.auc, tenth, 6,
        "area under the return over env steps, divided by them",
    ),
    _known(
        "mean", lambda group: group.study.mean, lambda record: record.mean, tenth, 6,
        "mean return from episode 150 on",
    ),
    _known(
        "variance", lambda group: group.study.variance, lambda record: record.variance, number, 8,
        "variance of the return from episode 150 on",
    ),
    _known(
        "p solved", lambda group: group.study.p_solved, lambda record: record.p_solved, share, 8,
        "share of episodes that count as solved",
    ),
    _known(
        "p solved 90", lambda group: group.study.p_solved_90, lambda record: record.p_solved_90, share, 11,
        "share of episodes above 90 % of the threshold",
    ),
    _known(
        "p catastrophic", lambda group: group.study.p_catastrophic, lambda record: record.p_catastrophic,
        share, 14, "share of episodes below half of the run's mean",
    ),
    _mean("cpu", lambda record: record.cpu_seconds, duration, 6, "processor time"),
    _mean("attempts", lambda record: float(record.attempts), tenth, 8, "attempts"),
    _word("host", lambda record: record.host, 10, "host"),
    _word("engine", lambda record: record.backend.partition(" ")[0], 12, "what computed the updates"),
    _word("baseline", lambda record: record.baseline or "", 14, "what it is compared with"),
)  # fmt: skip

_BY_KEY: Final = {column.key: column for column in KNOWN}
NAME: Final = ResultColumn(
    "name", 12, "experiment or run", lambda line: line.key.lower(), lambda line: line.key, "left"
)


def column_of(key: str) -> ResultColumn:
    """The column of this name; any other name is a setting."""
    return NAME if key == NAME.key else _BY_KEY.get(key) or _setting(key)


def _setting(key: str) -> ResultColumn:
    def value(line: Line) -> Any:
        if key not in line.settings:
            return None
        found = line.settings[key]
        if isinstance(found, bool) or not isinstance(found, int | float):
            return 1, 0.0, value_text(found)
        return 0, float(found), ""

    def text(line: Line) -> str:
        return value_text(line.settings[key]) if key in line.settings else NONE

    return ResultColumn(key, max(_SETTING, min(len(key), 16)), "setting", value, text, "left")


def settings_of(lines: Iterable[Line]) -> list[str]:
    """Names of the settings; those that differ between the lines come first."""
    tables = [line.settings for line in lines]
    same = {
        key: all(key in table and table[key] == tables[0].get(key) for table in tables)
        for table in tables
        for key in table
    }
    return sorted(same, key=lambda key: (same[key], key))


def fitting(columns: Sequence[ResultColumn], width: int, name: int) -> list[ResultColumn]:
    """The columns that have room in a table of this width beside names of this length, in their order."""
    out, left = [], width - 4 - name
    for column in columns:
        wide = column.width
        if column.least <= width and wide + 1 <= left:
            out.append(column)
            left -= wide + 1
    return out
