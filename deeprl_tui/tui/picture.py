"""What the screens show at one moment, and who makes it.

Rule: one snapshot of the fleet a time; times to go are worked out every few seconds, so they do not flicker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.config.model import Project
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import Problem
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.runs import stats
from deeprl_tui.tui.board import Board, BoardMaker

ETA_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment."""

    board: Board = field(default_factory=Board)
    snapshot: FleetSnapshot = field(default_factory=FleetSnapshot)
    project: Project | None = None
    problems: tuple[Problem, ...] = ()  # of experiments.toml, while it cannot be used
    file: Path | None = None  # None: no experiments.toml
    ends: Mapping[RunId, Eta | None] = field(default_factory=dict)
    batch: Eta | None = None  # until all is done
    now: float = 0.0
    checked: bool = False  # the file was read, or there is none

    @property
    def reading(self) -> bool:
        """Whether the logs have not been read once yet."""
        return (
            not self.checked or not self.snapshot.hosts or any(host.reading for host in self.snapshot.hosts)
        )

    @property
    def reading_words(self) -> str:
        """How far the reading is; empty when all is read."""
        if not self.reading:
            return ""
        found, unread = (
            sum(getattr(host, what) for host in self.snapshot.hosts) for what in ("found", "unread")
        )
        return f"reading {found - unread:,} of {found:,}…" if unread else "reading runs…"

    @property
    def name(self) -> str:
        """The project's name."""
        if self.project is not None:
            return self.project.name
        return self.file.resolve().parent.name if self.file else "no experiments.toml"


class Painter:
    """Makes pictures; `look` returns the same one while nothing changed."""

    def __init__(self, fleet: Fleet, file: Path | None, wall: Callable[[], float]) -> None:
        self._fleet = fleet
        self._wall = wall
        self._maker = BoardMaker()
        self._stale = True
        self._eta_at = 0.0
        self._states: tuple[object, ...] = ()
        self._picture = Picture(file=file, now=wall(), checked=file is None)

    def set_project(self, project: Project | None, problems: tuple[Problem, ...]) -> None:
        """Take what was read from the file. A broken file leaves what was known from a good one."""
        before = self._picture
        self._picture = Picture(
            before.board,
            before.snapshot,
            project or before.project,
            problems,
            before.file,
            before.ends,
            before.batch,
            before.now,
            True,
        )
        self._stale = True

    def look(self) -> Picture:
        """The picture now."""
        now, before = self._wall(), self._picture
        if (
            not self._stale
            and self._fleet.version == before.snapshot.version
            and int(now / 60) == int(before.now / 60)
        ):
            return before
        self._stale = False
        snapshot = self._fleet.snapshot()
        board = self._maker.make(snapshot, before.project)
        left, batch = before.ends, before.batch
        states = self._states
        if snapshot.runs is not before.snapshot.runs:
            states = tuple((run, type(view.state)) for run, view in snapshot.runs.items())
        if states != self._states or not 0 <= now - self._eta_at < ETA_EVERY_S:
            self._states, self._eta_at = states, now
            left, batch = stats.ends(snapshot.runs.values(), _cores(snapshot), homes=snapshot.homes)
        self._picture = Picture(
            board, snapshot, before.project, before.problems, before.file, left, batch, now, before.checked
        )
        return self._picture


def _cores(snapshot: FleetSnapshot) -> dict[str, int]:
    """How many runs train at once on each host; this machine is the empty name."""
    return {
        "" if host.name == LOCAL else host.name: len(host.cores) or (host.name == LOCAL)
        for host in snapshot.hosts
    }


def command(names: list[str], seeds: str, overrides: list[str]) -> str:
    """The command line that does the same as the launch dialog."""
    words = ["deeprl run", *names]
    if seeds:
        words += ["--seeds", quote(seeds)]
    for one in overrides:
        words += ["--set", quote(one)]
    return " ".join(words)


def live_runs(views: Mapping[RunId, RunView]) -> int:
    """Runs that go on when the dashboard is closed."""
    return sum(
        isinstance(view.state, state.Running | state.Stopping | state.Queued) for view in views.values()
    )
