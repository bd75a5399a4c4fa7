"""What the launch screen asks for, and what that would mean, in words.

Rule: pure but for `work_out`, which is called in the background and writes nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
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
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.runs.plan import Plan
from deeprl_tui.runs.spread import Room
from deeprl_tui.tui import notes
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.typed import fits
from deeprl_tui.tui.widgets.rows import Piece, Row
from deeprl_tui.tui.words import NONE as NOTHING
from deeprl_tui.tui.words import clock, duration, duration_range, gigabytes, middle, plural

Existing = Literal["skip", "resume", "fresh"]
EXISTING: Final = (
    ("skip", "leave as they are"),
    ("resume", "let go on"),
    ("fresh", "archive, train anew"),
)
"""What becomes of runs that are there already."""
MOST_SQUARES: Final = 24
MOST_HOSTS: Final = 4
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
    rooms: Mapping[str, Room] = field(default_factory=dict)  # hosts that may be used
    where: Mapping[str, int] = field(default_factory=dict)  # new runs of each

    @property
    def does(self) -> int:
        """Runs that would be made or go on."""
        return self.plan.runs + len(self.resumed)


def work_out(
    project: Project,
    wish: Wish,
    views: Mapping[RunId, RunView],
    root: Path,
    hosts: Sequence[HostView] = (),
) -> Outlook:
    """What a wish would mean now. Raises on anything that cannot be meant."""
    request = ops.choose(project, wish.names, wish.seeds or None, wish.overrides)
    fresh = wish.existing == "fresh"
    asked = {RunId(part.name, seed) for part, seeds in request.parts for seed in seeds}
    names = {part.name for part, _ in request.parts}
    old = [view for run, view in views.items() if run.experiment in names] if fresh else []
    kept = {run: view for run, view in views.items() if not fresh or run.experiment not in names}
    refused = ops.conflicts(request, root, fresh=fresh)
    rooms, where = ops.rooms(hosts, wish.hosts), dict[str, int]()
    if not wish.is_local:
        refused += _elsewhere(wish, rooms)
        if not refused:
            placed = ops.place(ops.specs(request, root), root, rooms)
            where = {host: sum(run not in kept for run in runs) for host, runs in placed.items()}
    alive = [view.id for view in old if isinstance(view.state, state.Running | state.Stopping)]
    if alive:
        refused.append(RefusedError("is running", place=str(alive[0]), remedy="stop it first: x"))
    resumed = (
        tuple(run for run in sorted(asked) if run in views and isinstance(views[run].state, _GOES_ON))
        if wish.existing == "resume"
        else ()
    )
    used, free = ops.disk(request, root, views, there=frozenset(kept))
    plan = ops.plan(request, root, kept, rooms.values())
    return Outlook(plan, tuple(refused), resumed, len(old), used, free, rooms, where)


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


def plan_lines(outlook: Outlook, palette: Palette, now: float) -> notes.Lines:
    """What would run, where, when it will be done, and what it takes."""
    plan = outlook.plan
    quiet, text = palette.style("foreground", LABEL), palette.style()
    strong = palette.style("accent", bold=True)
    cores, busy = len(plan.cores), min(plan.busy, len(plan.cores))
    asked = sum(len(part.seeds) for part in plan.parts)
    head = [Piece(plural(plan.runs, "new run"), strong)]
    if plan.runs:
        waves = ceil(plan.runs / cores) if cores else 0
        head.append(Piece(f" on {plural(cores, 'core')}", text))
        head.append(Piece("  one wave" if waves == 1 else f"  {waves} waves", quiet))
    lines: notes.Lines = [head]
    if outlook.resumed:
        verb = "goes" if len(outlook.resumed) == 1 else "go"
        lines.append([Piece(f"{plural(len(outlook.resumed), 'run')} {verb} on", text)])
    if outlook.archived:
        lines.append(
            [Piece(f"{plural(outlook.archived, 'old run')} moved to the archive", palette.style("warning"))]
        )
    there = asked - plan.runs - len(outlook.resumed)
    if there > 0:
        lines.append([Piece(f"{plural(there, 'run')} {'is' if there == 1 else 'are'} there already", quiet)])
    rooms = outlook.rooms or {LOCAL: Room(cores, busy)}
    for name, room in list(rooms.items())[:MOST_HOSTS]:
        runs = outlook.where.get(name, 0) if outlook.where else plan.runs
        lines.append(_room_line(name, room, runs, palette))
    lines += _facts(outlook, palette, now)
    return lines


def _room_line(name: str, room: Room, runs: int, palette: Palette) -> list[Piece]:
    """A host: cores that are taken, that the new runs take, that stay free."""
    quiet = palette.style("foreground", LABEL)
    busy = min(room.busy, room.cores)
    free = room.cores - busy
    new = min(runs, free)
    line = [Piece(middle(clean(name), 9).ljust(10), quiet)]
    if room.cores <= MOST_SQUARES:
        line += [
            Piece("▪" * busy, palette.style("foreground", 0.6)),
            Piece("■" * new, palette.style("accent", bold=True)),
            Piece("·" * (free - new), quiet),
            Piece("  ", quiet),
        ]
    return [*line, Piece(f"{free} of {room.cores} free", quiet)]


def _facts(outlook: Outlook, palette: Palette, now: float) -> notes.Lines:
    plan, quiet = outlook.plan, palette.style("foreground", LABEL)
    lines: notes.Lines = []

    def fact(name: str, told: str, role: str = "foreground") -> None:
        lines.append([Piece(name.ljust(10), quiet), Piece(told, palette.style(role))])

    each = [part.each for part in plan.parts if part.new and part.each is not None]
    if each:
        low, high = duration(min(e.low for e in each)), duration(max(e.high for e in each))
        fact("each run", low if low == high else f"{low} to {high}")
    if plan.finish is not None:
        low, high = clock(now + plan.finish.low), clock(now + plan.finish.high)
        fact("all done", f"in {duration_range(plan.finish)}, {low if low == high else f'{low} to {high}'}")
    elif plan.unmeasured:
        fact("all done", f"{NOTHING}  deeprl plan measures it")
    if plan.core_hours is not None:
        fact("work", f"{plan.core_hours.mid:.1f} core hours")
    if plan.memory_peak is not None and plan.runs:
        enough = plan.memory_peak <= plan.memory_available or not plan.memory_available
        told = f"{gigabytes(plan.memory_peak)} of {gigabytes(plan.memory_available)} free"
        fact("memory", told if enough else f"{told}: expect swapping", "foreground" if enough else "warning")
    if plan.runs:
        disk = NOTHING if outlook.disk is None else f"~{gigabytes(outlook.disk)}"
        enough = outlook.disk is None or outlook.disk < outlook.disk_free
        fact("disk", f"{disk} of {gigabytes(outlook.disk_free)} free", "foreground" if enough else "error")
        fact("cost", f"{NOTHING}  this machine has no price")
    return lines


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
    names = sorted({LOCAL, *views, *known}, key=lambda name: (name != LOCAL, name))
    return [_option(name, views.get(name)) for name in names]


def _option(name: str, view: HostView | None) -> tuple[str, str, bool]:
    if view is not None and view.fault:
        return name, "✗ does not answer", False
    if view is None or not view.cores:
        return name, "" if name == LOCAL else "not heard yet", name == LOCAL
    return name, f"{max(0, len(view.cores) - len(view.held))} of {len(view.cores)} free", True
