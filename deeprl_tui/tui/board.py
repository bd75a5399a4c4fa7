"""What the dashboard is about: the experiments of the file and of the runs, put together.

Rule: pure. An entry is made anew only if one of its runs changed, so entries are compared by identity.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from deeprl_tui.config.model import Experiment, Project
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import FleetSnapshot

NEW = "new"
"""The word for an experiment of the file that was never launched."""

_FIRST = ("running", "stopping", "queued", "failed", "lost", "paused", "stopped", "finished")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One experiment: its runs, and its table in the file if it has one."""

    name: str
    env: str
    color: int  # place in its environment's row of colors
    runs: tuple[RunView, ...] = ()
    experiment: Experiment | None = None
    counts: Mapping[str, int] = field(init=False)  # runs by state
    word: str = field(init=False)  # the state that matters most among its runs; `new` without runs

    def __post_init__(self) -> None:
        """Work out once what is asked for at every tick."""
        counts = Counter(state.word(run.state) for run in self.runs)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "word", next((word for word in _FIRST if word in counts), NEW))

    @property
    def trains(self) -> bool:
        """Whether one of its runs has a worker."""
        return "running" in self.counts or "stopping" in self.counts

    @property
    def progress(self) -> float:
        """Share of the work of its runs that is done."""
        return fmean(run.progress for run in self.runs) if self.runs else 0.0

    @property
    def result(self) -> tuple[float, float | None] | None:
        """Mean over seeds of the mean return of 100 episodes, with the standard deviation from 2 seeds."""
        means = [run.return_mean for run in self.runs if run.return_mean is not None]
        if not means:
            return None
        return fmean(means), stdev(means) if len(means) > 1 else None

    @property
    def solved(self) -> float | None:
        """The return at which its environment counts as solved."""
        return self.runs[0].spec.solved if self.runs else self.experiment.solved if self.experiment else None

    @property
    def baseline(self) -> str | None:
        """What it is compared with."""
        if self.runs:
            return self.runs[0].spec.baseline
        return self.experiment.baseline if self.experiment else None

    @property
    def changes(self) -> Mapping[str, tuple[Json, Json]]:
        """What differs from the baseline."""
        if self.runs:
            return self.runs[0].spec.changes
        return self.experiment.changes if self.experiment else {}

    @property
    def notes(self) -> str:
        """What the file says about it."""
        return self.experiment.notes if self.experiment else ""

    @property
    def has_data(self) -> bool:
        """Whether there is anything to draw."""
        return any(run.episodes or any(map(len, run.curves.values())) for run in self.runs)

    def eta(self, ends: Mapping[RunId, Eta | None]) -> Eta | None:
        """When the last of its runs ends; None if nothing is left or too little is known."""
        if not self.trains and "queued" not in self.counts and "lost" not in self.counts:
            return None
        left = [
            ends.get(run.id)
            for run in self.runs
            if isinstance(run.state, state.Running | state.Stopping | state.Queued | state.Lost)
        ]
        known = [eta for eta in left if eta is not None]
        if not known or len(known) < len(left):
            return None
        return Eta(max(e.low for e in known), max(e.mid for e in known), max(e.high for e in known))


@dataclass(frozen=True, slots=True)
class Board:
    """All entries in the order of the file, and how the batch stands."""

    entries: tuple[Entry, ...] = ()
    by_name: Mapping[str, Entry] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)  # runs by state
    progress: float = 0.0
    queued: int = 0
    lost: int = 0

    @property
    def runs(self) -> int:
        """All runs."""
        return sum(self.counts.values())

    @property
    def unlaunched(self) -> int:
        """Experiments of the file without a run."""
        return sum(not entry.runs for entry in self.entries)


class BoardMaker:
    """Makes boards, one after the other: colors stay, and entries stay as long as nothing in them changed."""

    def __init__(self) -> None:
        self._colors: dict[str, dict[str, int]] = {}
        self._entries: dict[str, Entry] = {}
        self._sums: dict[str, tuple[Entry, float]] = {}  # progress of all its runs
        self._made: tuple[Mapping[RunId, RunView], Project | None, Board] | None = None

    def make(self, snapshot: FleetSnapshot, project: Project | None) -> Board:
        """Put the experiments of the file and the runs together. The same board if none of them changed."""
        made = self._made
        if made is None or made[0] is not snapshot.runs or made[1] is not project:
            self._made = made = (snapshot.runs, project, self._make(snapshot, project))
        return made[2]

    def _make(self, snapshot: FleetSnapshot, project: Project | None) -> Board:
        runs: dict[str, list[RunView]] = {}
        for run in snapshot.runs.values():
            runs.setdefault(run.id.experiment, []).append(run)
        known = project.experiments if project else {}
        places = {name: at for at, name in enumerate(known)}
        envs: dict[str, int] = {}
        found: list[tuple[int, int, str, str]] = []
        for name, experiment in known.items():
            envs.setdefault(experiment.env, len(envs))
            found.append((envs[experiment.env], places[name], "", name))
        for name, views in runs.items():
            if name not in known:
                env = views[0].spec.env
                at = places.get(name.partition("+")[0], len(places))
                found.append((envs.setdefault(env, len(envs)), at, name, name))
        entries = tuple(
            self._entry(name, runs.get(name, ()), known.get(name)) for _, _, _, name in sorted(found)
        )
        self._entries = {entry.name: entry for entry in entries}
        counts, progress = dict.fromkeys(_FIRST, 0), 0.0
        for entry in entries:
            progress += self._sum(entry)
            for word, many in entry.counts.items():
                counts[word] += many
        total = len(snapshot.runs)
        return Board(
            entries,
            self._entries,
            {word: many for word, many in counts.items() if many},
            progress / total if total else 0.0,
            counts["queued"],
            counts["lost"],
        )

    def _sum(self, entry: Entry) -> float:
        """The sum of the progress of its runs; worked out once, most entries are at rest."""
        known = self._sums.get(entry.name)
        if known is None or known[0] is not entry:
            known = self._sums[entry.name] = (entry, sum(run.progress for run in entry.runs))
        return known[1]

    def _entry(self, name: str, runs: Sequence[RunView], experiment: Experiment | None) -> Entry:
        old = self._entries.get(name)
        if (
            old is not None
            and old.experiment is experiment
            and len(old.runs) == len(runs)
            and all(a is b for a, b in zip(old.runs, runs, strict=True))
        ):
            return old
        env = runs[0].spec.env if runs else experiment.env if experiment else ""
        return Entry(name, env, self._color(env, name) if runs else 0, tuple(runs), experiment)

    def _color(self, env: str, name: str) -> int:
        """Colors are given to experiments with runs only: eight have to do for a chart."""
        taken = self._colors.setdefault(env, {})
        return taken.setdefault(name, len(taken))


def on_chart(board: Board, selected: Entry | None, most: int = 8) -> list[Entry]:
    """The entries to draw: the selected one, and the nearest others of its environment that have data."""
    if selected is None:
        return []
    others = [e for e in board.entries if e.env == selected.env and e is not selected and e.has_data]
    if len(others) > most - 1:
        order = {entry.name: at for at, entry in enumerate(board.entries)}
        here = order.get(selected.name, 0)
        base = [entry for entry in others if entry.name == selected.baseline]
        near = sorted(
            (entry for entry in others if entry not in base), key=lambda entry: abs(order[entry.name] - here)
        )
        keep = {entry.name for entry in [*base, *near][: most - 1]}
        others = [entry for entry in others if entry.name in keep]
    return [selected, *others] if selected.has_data else others[: most - 1]
