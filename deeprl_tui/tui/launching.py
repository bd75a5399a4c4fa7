"""What the launch screen asks for, and what that would mean, in words.

Rule: pure but for `work_out`, which is called in the background and writes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from shlex import quote
from typing import Final, Literal

from deeprl_tui import ops
from deeprl_tui.config.keys import BY_NAME, NONE
from deeprl_tui.config.model import Experiment, Project
from deeprl_tui.core import state
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.runs.plan import Plan
from deeprl_tui.tui import notes
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Piece, Row
from deeprl_tui.tui.words import NONE as NOTHING
from deeprl_tui.tui.words import clock, duration, duration_range, gigabytes, middle, plural, value_text

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


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a wish would mean."""

    plan: Plan
    refused: tuple[DeeprlError, ...] = ()
    resumed: tuple[RunId, ...] = ()  # runs that would go on
    archived: int = 0  # runs that would go to the archive
    disk: int | None = None  # bytes of the new runs; None: nothing of their kind was finished yet
    disk_free: int = 0

    @property
    def does(self) -> int:
        """Runs that would be made or go on."""
        return self.plan.runs + len(self.resumed)


def work_out(project: Project, wish: Wish, views: Mapping[RunId, RunView], root: Path) -> Outlook:
    """What a wish would mean now. Raises on anything that cannot be meant."""
    request = ops.choose(project, wish.names, wish.seeds or None, wish.overrides)
    fresh = wish.existing == "fresh"
    asked = {RunId(part.name, seed) for part, seeds in request.parts for seed in seeds}
    names = {part.name for part, _ in request.parts}
    old = [view for run, view in views.items() if run.experiment in names] if fresh else []
    kept = {run: view for run, view in views.items() if not fresh or run.experiment not in names}
    refused = ops.conflicts(request, root, fresh=fresh)
    alive = [view.id for view in old if isinstance(view.state, state.Running | state.Stopping)]
    if alive:
        refused.append(RefusedError("is running", place=str(alive[0]), remedy="stop it first: x"))
    resumed = (
        tuple(run for run in sorted(asked) if run in views and isinstance(views[run].state, _GOES_ON))
        if wish.existing == "resume"
        else ()
    )
    used, free = ops.disk(request, root, views, there=frozenset(kept))
    return Outlook(ops.plan(request, root, kept), tuple(refused), resumed, len(old), used, free)


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
    line = " ".join(words)
    if wish.existing != "resume" or (outlook is not None and not outlook.resumed):
        return line
    resume = " ".join(["deeprl resume", *shown])
    return resume if outlook is not None and not outlook.plan.runs else f"{resume}; {line}"


def plan_lines(outlook: Outlook, palette: Palette, now: float, host: str = "local") -> notes.Lines:
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
    new = min(plan.runs, cores - busy)
    squares = [
        Piece("▪" * busy, palette.style("foreground", 0.6)),
        Piece("■" * new, strong),
        Piece("·" * (cores - busy - new), quiet),
    ]
    if cores <= 24:
        lines.append(
            [Piece(host.ljust(10), quiet), *squares, Piece(f"  {cores - busy} of {cores} free", quiet)]
        )
    lines += _facts(outlook, palette, now)
    return lines


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


def host_line(hosts: Sequence[str], picked: Collection[str], palette: Palette) -> list[Piece]:
    """The hosts that can be launched on, with a box to tick."""
    line = [Piece(" ", palette.style())]
    for host in hosts:
        on = host in picked
        style = palette.style("accent", bold=True) if on else palette.style("foreground", LABEL)
        line += [Piece("[x] " if on else "[ ] ", style), Piece(f"{host}  ", palette.style())]
    return line


# -- typing ------------------------------------------------------------------------------------------------


def fits(words: Sequence[str], name: str, env: str) -> bool:
    """Whether each word stands in the name or env, or its letters stand in the name in this order."""
    text = f"{name} {env}".lower()
    return all(word in text or _in_order(word, name.lower()) for word in words)


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def completed(text: str, values: Mapping[str, Json]) -> str | None:
    """The text with its last word completed: the first key that begins so, or the value it has now."""
    head, _, last = text.rpartition(" ")
    key, equals, value = last.partition("=")
    if equals:
        if value or key not in BY_NAME:
            return None
        return f"{text}{spelled(values.get(key, BY_NAME[key].default))}"
    found = next((name for name in BY_NAME if key and name.startswith(key)), None)
    return f"{head} {found}=".lstrip() if found else None


def spelled(value: Json) -> str:
    """A value as it can be typed after `key=`: without spaces."""
    if isinstance(value, list | tuple):
        return (
            "x".join(map(str, value))
            if value and all(isinstance(one, int) for one in value)
            else str(value).replace(" ", "")
        )
    if value is None:
        return NONE
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def help_for(text: str, values: Mapping[str, Json]) -> str:
    """What is known of the setting that is being typed; empty if there is nothing to say."""
    last = text.rpartition(" ")[2]
    key, equals, _ = last.partition("=")
    if key in BY_NAME and (equals or sum(name.startswith(key) for name in BY_NAME) == 1):
        known = BY_NAME[key]
        bounds = "" if not known.choices else f" One of {', '.join(known.choices)}."
        return f"{key}: {known.doc}{bounds} Now {value_text(values.get(key, known.default))}."
    if key and not equals:
        found = [name for name in BY_NAME if name.startswith(key)] or [n for n in BY_NAME if key in n]
        return "  ".join(found[:6])
    return ""
