"""What the launch screen asks for, and what that would mean, in words.

Rule: pure but for `work_out`, which is called in the background and writes nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Final, Literal

from deeprl_tui import ops
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.config.model import Experiment, Project
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.monitor.hostview import host_order
from deeprl_tui.runs.plan import Plan, Share
from deeprl_tui.runs.spread import Room
from deeprl_tui.tui import notes
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.typed import fits
from deeprl_tui.tui.widgets.rows import Piece, Row
from deeprl_tui.tui.words import middle

Existing = Literal["skip", "resume", "fresh"]
EXISTING: Final = (
    ("skip", "leave as they are"),
    ("resume", "let go on"),
    ("fresh", "archive, train anew"),
)
"""What becomes of runs that are there already."""
_GOES_ON = state.Paused | state.Stopped | state.Failed | state.Lost


@dataclass(frozen=True, slots=True)
class Wish:
    """What the screen asks for."""

    names: tuple[str, ...]
    seeds: str = ""
    overrides: tuple[str, ...] = ()
    existing: Existing = "skip"
    hosts: tuple[str, ...] = (LOCAL,)

    @property
    def is_local(self) -> bool:
        """Whether this machine alone is meant."""
        return self.hosts == (LOCAL,)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a wish would mean."""

    plan: Plan
    refused: tuple[DeeprlError, ...] = ()
    resumed: tuple[RunId, ...] = ()  # runs that would go on
    archived: int = 0  # runs that would go to the archive
    disk: int | None = None  # bytes of the new runs; None: nothing of their kind was finished yet
    disk_free: int = 0
    shares: Mapping[str, Share] = field(default_factory=dict)  # of each host, if others may be used
    warnings: tuple[str, ...] = ()  # of hosts that may be used

    @property
    def does(self) -> int:
        """Runs that would be made or go on."""
        return self.plan.runs + len(self.resumed)


def work_out(
    project: Project,
    wish: Wish,
    views: Mapping[RunId, RunView],
    root: Path,
    snapshot: FleetSnapshot | None = None,
) -> Outlook:
    """What a wish would mean now. Raises on anything that cannot be meant."""
    request = ops.choose(project, wish.names, wish.seeds or None, wish.overrides)
    fresh = wish.existing == "fresh"
    asked = {RunId(part.name, seed) for part, seeds in request.parts for seed in seeds}
    names = {part.name for part, _ in request.parts}
    old = [view for run, view in views.items() if run.experiment in names] if fresh else []
    kept = {run: view for run, view in views.items() if not fresh or run.experiment not in names}
    refused = ops.conflicts(request, root, fresh=fresh)
    snapshot = snapshot or FleetSnapshot()
    shares: Mapping[str, Share] = {}
    if wish.is_local:
        plan = ops.plan(request, root, kept)
    else:
        rooms = ops.rooms(snapshot, wish.hosts, root)
        refused += _elsewhere(wish, rooms)
        plan = ops.plan(request, root, kept, rooms.values())
        if not refused:
            spread = ops.plan_on(request, root, snapshot, rooms, kept)
            plan, shares = spread.plan, spread.shares
    alive = [view.id for view in old if isinstance(view.state, state.Running | state.Stopping)]
    if alive:
        refused.append(RefusedError("is running", place=str(alive[0]), remedy="stop it first: x"))
    resumed = (
        tuple(run for run in sorted(asked) if run in views and isinstance(views[run].state, _GOES_ON))
        if wish.existing == "resume"
        else ()
    )
    used, free = ops.disk(request, root, views, there=frozenset(kept))
    warned = tuple(
        f"{host.name}: {host.warning}" for host in snapshot.hosts if host.warning and host.name in wish.hosts
    )
    return Outlook(plan, tuple(refused), resumed, len(old), used, free, shares, warned)


def _elsewhere(wish: Wish, rooms: Mapping[str, Room]) -> Iterator[DeeprlError]:
    """What cannot be done on other hosts."""
    for name in wish.hosts:
        if name not in rooms:
            yield RefusedError("does not answer", place=name, remedy="leave it out; 3 shows the hosts")
    if wish.existing == "fresh":
        yield RefusedError("only runs of this machine are archived", place="hosts", remedy="tick local alone")


def twin(names: Sequence[str], wish: Wish, outlook: Outlook | None) -> str:
    """The command line that does the same."""
    shown = list(names) or ["…"]
    words = ["deeprl run", *shown]
    if wish.seeds:
        words += ["--seeds", quote(wish.seeds)]
    for one in wish.overrides:
        words += ["--set", quote(one)]
    if wish.existing == "fresh":
        words.append("--fresh")
    if not wish.is_local:
        words += ["--on", quote(",".join(wish.hosts))]
    line = " ".join(words)
    if wish.existing != "resume" or (outlook is not None and not outlook.resumed):
        return line
    resume = " ".join(["deeprl resume", *shown])
    return resume if outlook is not None and not outlook.plan.runs else f"{resume}; {line}"


def change_rows(outlook: Outlook, palette: Palette, width: int) -> list[Row]:
    """What differs from the baseline, by experiment: rows whose keys are `experiment key`."""
    quiet, rows = palette.style("foreground", LABEL), list[Row]()
    for part in outlook.plan.parts:
        experiment = part.experiment
        if not experiment.changes:
            continue
        title = [
            Piece(middle(clean(experiment.name), max(8, width - 24)), palette.style()),
            Piece(f"  against {experiment.baseline}", quiet),
        ]
        rows.append(Row(f"# {experiment.name}", (title,), heading=True))
        for key, (old, new) in experiment.changes.items():
            told = notes.difference(key, old, new, palette, width)
            rows.append(
                Row(
                    f"{experiment.name} {key}",
                    ([Piece(" ", quiet), *(piece for line in told for piece in line)],),
                )
            )
    return rows


def pick_rows(
    entries: Sequence[Entry],
    known: Mapping[str, Experiment],
    picked: Collection[str],
    words: Sequence[str],
    palette: Palette,
    room: int,
) -> list[Row]:
    """The experiments that fit the filter, under their environments, with a box to tick."""
    quiet, plain, rows, env = palette.style("foreground", LABEL), palette.style(), list[Row](), ""
    for entry in entries:
        experiment = known[entry.name]
        if not fits(words, entry.name, experiment.env):
            continue
        if experiment.env != env:
            env = experiment.env
            rows.append(Row(f"# {env}", (Piece(env, quiet),), heading=True))
        on = entry.name in picked
        tick = Piece("[x]" if on else "[ ]", palette.style("accent", bold=True) if on else quiet)
        name = Piece(middle(entry.name, room), plain)
        rows.append(Row(entry.name, (tick, name, Piece(_stand(entry), quiet)), marked=on))
    return rows or [Row("# none", (Piece("no experiment has these letters", quiet),), heading=True)]


def _stand(entry: Entry) -> str:
    """How far an experiment is: `done 5/5`, `2 running`, or nothing."""
    if not entry.runs:
        return "new"
    done = sum(isinstance(run.state, state.Finished) for run in entry.runs)
    return f"done {done}/{len(entry.runs)}" if done else f"{len(entry.runs)} {entry.word}"


def host_options(hosts: Sequence[HostView], known: Collection[str] = ()) -> list[tuple[str, str, bool]]:
    """The hosts that can be launched on, this machine first: name, how it stands, whether that is well.

    known: hosts of the project, of which some may not have been heard of yet.
    """
    views = {view.name: view for view in hosts}
    names = sorted({LOCAL, *views, *known}, key=host_order)
    return [_option(name, views.get(name)) for name in names]


def _option(name: str, view: HostView | None) -> tuple[str, str, bool]:
    if view is not None and view.fault:
        return name, "✗ no answer", False
    if view is None or not view.cores:
        return name, "" if name == LOCAL else "not heard yet", name == LOCAL
    free = max(0, len(view.cores) - len(view.held))
    return name, f"{free}/{len(view.cores)} free" if free else f"full, 0/{len(view.cores)} free", True
