"""What the results and the comparison know, also while they are not shown: how the user looks at them, and
what was worked out in the background.

Rule: averages and verdicts are worked out in a thread, a few at a time; until they are there, rows show what
is known. Nothing is worked out twice from the same records.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

from deeprl_tui import ops
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import FleetSnapshot
from deeprl_tui.runs.query import Query, QueryError, parse
from deeprl_tui.runs.record import Record, record_of
from deeprl_tui.tui.result_columns import column_of
from deeprl_tui.tui.results import Browse, Line, LineMaker, Shown, Unit, arranged, shown
from deeprl_tui.verdicts.model import Group, Verdict

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

_AT_ONCE: Final = 100
"""Experiments that are averaged in one call."""
_AGAIN_S: Final = 5.0
"""Experiments whose runs train are averaged anew this often."""
_REMEMBERED: Final = 32
"""Baselines whose verdicts are remembered."""

_Asked: TypeAlias = tuple[str, str | None]
"""A baseline, and the user's choice of one."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was said of experiments with one baseline, and of which runs."""

    lines: Sequence[Line]
    at: float
    found: Mapping[str, Verdict]


def understood(text: str, wall: Callable[[], float]) -> tuple[Query | None, str]:
    """What a filter means up to the first term that cannot be understood, and what is wrong with that."""
    rest, fault = text.strip(), ""
    while rest:
        try:
            return parse(rest, wall=wall), fault
        except QueryError as error:
            fault = f"{error.remedy} ({error.fault})" if error.remedy else error.fault
            rest = rest.rpartition(" ")[0].rstrip()
    return None, fault


class Desk:
    """The results as they are looked at; `app.desk`."""

    def __init__(self, app: "DeeprlApp") -> None:
        self._app = app
        self.browse = Browse()
        self.typing = False  # a word that nothing fits may be half of one that something fits
        self.fault = ""  # of the filter
        self._makers: Mapping[Unit, LineMaker] = {unit: LineMaker(unit) for unit in get_args(Unit)}
        self._version = self._runs_version = -1
        self.records: Sequence[Record] = ()
        self._known: dict[RunId, tuple[RunView, Record]] = {}
        self._experiments: dict[str, Line] = {}
        self._ordered: tuple[object, list[Line]] = (None, [])
        self._found: tuple[object, Shown] = (None, Shown())
        self._busy = False
        self._verdicts: dict[_Asked, _Judged] = {}
        self._learned = 0
        self._again_at = 0.0

    # -- rows --------------------------------------------------------------------------------------------

    def take(self, snapshot: FleetSnapshot) -> None:
        """Take what is known of all runs."""
        if snapshot.version != self._version:
            self._version = snapshot.version
            self.records = self._read(snapshot)
            self._makers["experiment"].make(self.records)
            self._experiments = {line.key: line for line in self._makers["experiment"].lines}
        self._work()

    def _read(self, snapshot: FleetSnapshot) -> list[Record]:
        """A record of each run; the same object as long as its view is, so that rows stay what they are."""
        known, self._known = self._known, {}
        records = []
        for run, view in snapshot.runs.items():
            record = snapshot.at_rest.get(run)
            if record is None:
                old = known.get(run)
                self._known[run] = old if old is not None and old[0] is view else (view, record_of(view))
                record = self._known[run][1]
            records.append(record)
        return records

    def shown(self, envs: Sequence[str]) -> Shown:
        """The rows to show. envs: in the order of the file."""
        browse = self.browse
        order = (self._version, self._learned, browse.unit, browse.sort, browse.descending)
        wish = (order, browse.filter, browse.group, self.typing, tuple(envs))
        if self._found[0] == wish:
            return self._found[1]
        if self._ordered[0] != order:
            lines = self._runs().lines if browse.unit == "run" else self._makers["experiment"].lines
            self._ordered = (order, arranged(lines, column_of(browse.sort).value, browse.descending))
        query, self.fault = understood(browse.filter, self._app.workspace.wall)
        found = shown(self._ordered[1], browse, query.matches if query else None, envs)
        if self.typing and query is not None and not found.many:
            rest, _, last = query.text.rpartition(" ")
            self.fault = self.fault or f"nothing fits {last}"
            query, _ = understood(rest, self._app.workspace.wall)
            found = shown(self._ordered[1], browse, query.matches if query else None, envs)
        self._found = (wish, found)
        return found

    def line(self, key: str | None) -> Line | None:
        """An experiment or a run by its key."""
        if key is None:
            return None
        return self._experiments.get(key) or (self._runs().line(key) if "/" in key else None)

    def _runs(self) -> LineMaker:
        """The lines of single runs; made when somebody looks at them."""
        if self._runs_version != self._version:
            self._runs_version = self._version
            self._makers["run"].make(self.records)
        return self._makers["run"]

    def picked(self) -> list[Line]:
        """The picked rows that are still there, in the order they were picked."""
        return [line for key in self.browse.picks if (line := self.line(key)) is not None]

    def baseline_of(self, line: Line) -> Line | None:
        """What a row is compared with: the user's choice, else its own baseline."""
        found = self._experiments.get(self.browse.baseline or line.baseline or "")
        return found if found is not None and found.key != line.experiment else None

    def want(self, lines: Sequence[Line]) -> None:
        """Ask for the curves of these rows: runs at rest have none in memory."""
        self._app.workspace.fleet.want({record.id for line in lines for record in line.records})

    # -- what is worked out ------------------------------------------------------------------------------

    def _work(self) -> None:
        if self._busy:
            return
        maker = self._makers["experiment"]
        now = self._app.workspace.wall()
        asked = maker.missing(_AT_ONCE, again=now >= self._again_at)
        if not asked:
            return
        self._busy = True
        records = [record for line in asked for record in line.records]
        self._app.jobs.run(
            "summaries",
            partial(ops.summaries, records),
            partial(self._on_summaries, asked),
            self._on_fault,
        )

    def _on_summaries(self, asked: Sequence[Line], found: Sequence[Group]) -> None:
        self._busy = False
        maker = self._makers["experiment"]
        maker.learn(asked, {group.key: group for group in found})
        self._experiments = {line.key: line for line in maker.lines}
        self._learned += 1
        if not maker.missing(1, again=True):
            self._again_at = self._app.workspace.wall() + _AGAIN_S
        self._work()
        self._app.show_again()

    def _on_fault(self, error: Exception) -> None:
        self._app.fail(error)  # stays busy: the same records would fail again

    def verdicts(self, lines: Sequence[Line]) -> dict[str, Verdict]:
        """What is known of the experiments of these rows against their baselines; the rest is worked out.

        Experiments with the same baseline are judged together: the correction for many is over all of them.
        """
        found: dict[str, Verdict] = {}
        for line in lines:
            base = self.browse.baseline or line.baseline
            if base is not None and line.experiment not in found:
                found |= self._judged(base)
        return found

    def _judged(self, base: str) -> Mapping[str, Verdict]:
        chosen = self.browse.baseline
        env = self._experiments[base].env if base in self._experiments else None
        family = [
            line
            for line in self._experiments.values()
            if line.key == base or (line.env == env if chosen else line.baseline == base)
        ]
        asked = (base, chosen)
        known = self._verdicts.get(asked)
        now = self._app.workspace.wall()
        if known is None or (known.lines != family and now >= known.at + _AGAIN_S):
            self._verdicts[asked] = _Judged(family, now, known.found if known else {})
            records = [record for line in family for record in line.records]
            then = partial(self._on_verdicts, asked, family)
            work = partial(ops.verdicts, records, chosen)
            self._app.jobs.run(f"verdicts-{base}", work, then, self._app.fail)
        return known.found if known is not None else {}

    def _on_verdicts(self, asked: _Asked, family: list[Line], found: Sequence[Verdict]) -> None:
        now = self._app.workspace.wall()
        self._verdicts[asked] = _Judged(family, now, {verdict.experiment: verdict for verdict in found})
        while len(self._verdicts) > _REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]
        self._app.show_again()
