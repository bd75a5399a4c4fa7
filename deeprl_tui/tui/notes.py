"""What the dashboard tells in sentences: activity, detail, cores, what to do when nothing is there.

Rule: pure, like `present.py`; lines of pieces, cut by whoever shows them.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Final

from deeprl_tui.core import state
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import Note, RunView
from deeprl_tui.core.text import clean
from deeprl_tui.errors import Problem
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.monitor.news import Kind, Notice
from deeprl_tui.tui.board import Board, Entry
from deeprl_tui.tui.theme import FAINT, LABEL, LAUNCHED, SOLVED, STATES, Palette
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import (
    clock,
    count,
    duration,
    middle,
    number,
    plural,
    value_text,
)

Lines = list[list[Piece]]

_GROUPED: Final = ("queued", "started", "resumed", "stopped", "paused", "finished")
_SEEN: Final[Mapping[Kind, tuple[str, str]]] = {
    "stalled": ("!", "warning"),
    "lost": (STATES["failed"].glyph, "error"),
    "back": (STATES["finished"].glyph, "success"),
}
"""News that is in no log: how it is drawn."""
TOGETHER_S: Final = 5.0
"""Notes of one experiment that say the same within this time are one line."""

WAIT_S: Final = 6.0
"""A new supervisor takes this long to begin; until then a waiting run is nothing to worry about."""

# -- activity ----------------------------------------------------------------------------------------------


def newest(views: Iterable[RunView], most: int = 60) -> list[Note]:
    """The last notes of all runs, newest first."""
    return nlargest(most, (note for view in views for note in view.notes[-12:]), key=lambda note: note.at)


def activity(
    notes: Sequence[Note],
    runs: Mapping[str, Entry],
    palette: Palette,
    width: int,
    most: int = 40,
    *,
    seen: Sequence[Notice] = (),
) -> Lines:
    """Notes as lines: when, what it is, who, what. seen: what this dashboard saw and no log says."""
    lines: list[tuple[float, list[Piece]]] = [
        (notice.at, _seen_line(notice, palette, width)) for notice in seen if notice.kind in _SEEN
    ]
    label = palette.style("foreground", LABEL)
    for note, seeds in _together(notes):
        glyph, role, strength = _glyph(note.kind)
        told = _told(note, len(seeds), runs.get(note.run.experiment))
        who = short_name(note.run, max(10, width - 9 - min(len(told), 26)), one=len(seeds) == 1)
        line = [
            Piece(f"{clock(note.at)} ", label),
            Piece(f"{glyph} ", palette.style(role, strength)),
            Piece(f"{who} ", palette.style()),
            Piece(told, label),
        ]
        lines.append((note.at, line))
    lines.sort(key=lambda line: -line[0])
    return [line for _, line in lines[:most]]


def _seen_line(notice: Notice, palette: Palette, width: int) -> list[Piece]:
    glyph, role = _SEEN[notice.kind]
    room = max(10, width - 9 - min(len(notice.text), 26))
    who = short_name(notice.run, room) if notice.run else middle(clean(notice.host), room)
    label = palette.style("foreground", LABEL)
    return [
        Piece(f"{clock(notice.at)} ", label),
        Piece(f"{glyph} ", palette.style(role)),
        Piece(f"{who} ", palette.style()),
        Piece(clean(notice.text), label),
    ]


def short_name(run: RunId, room: int, *, one: bool = True) -> str:
    """A run's name, or its experiment's, in the room there is; the seed is never cut."""
    tail = f"/{run.seed}" if one else ""
    return middle(clean(run.experiment), room - len(tail)) + tail


def _together(notes: Sequence[Note]) -> list[tuple[Note, list[int]]]:
    """Notes with the seeds they stand for: equal ones of one experiment, close in time, become one."""
    out: list[tuple[Note, list[int]]] = []
    for note in notes:
        for before, seeds in reversed(out[-12:]):
            if (
                before.kind == note.kind
                and before.run.experiment == note.run.experiment
                and before.at - note.at <= TOGETHER_S
                and note.kind in _GROUPED
                and note.run.seed not in seeds
            ):
                seeds.append(note.run.seed)
                break
        else:
            out.append((note, [note.run.seed]))
    return out


def _glyph(kind: str) -> tuple[str, str, float]:
    if kind == "solved":
        return SOLVED, "warning", 1.0
    if kind in ("queued", "resumed"):
        return LAUNCHED, "accent", 1.0
    if kind in ("warned", "collapsed"):
        return "!", "warning", 1.0
    look = STATES.get("running" if kind == "started" else kind, STATES["queued"])
    return look.glyph, look.role, look.strength


def _told(note: Note, seeds: int, entry: Entry | None) -> str:
    many = f" {seeds} seeds" if seeds > 1 else ""
    view = next((run for run in entry.runs if run.id == note.run), None) if entry else None
    match note.kind:
        case "queued" if note.text == "launched":
            return f"launched{many}"
        case "queued":
            return f"waits again{many}: {note.text}"
        case "started":
            return f"started{many}" if note.text.startswith("attempt 1 ") else f"started{many}, {note.text}"
        case "solved" if view is not None and view.solved_at is not None:
            return f"solved at {count(view.solved_at)} steps"
        case "finished":
            result = entry.result if entry and seeds > 1 else None
            mean = result[0] if result else view.return_mean if view else None
            return f"finished{many}" + (f", {number(mean)}" if mean is not None else "")
        case "stopped" | "paused":
            return f"{note.kind}{many}"
        case "failed":
            return f"failed: {note.text}"
        case _:
            return note.text


# -- detail ------------------------------------------------------------------------------------------------


def summary(entry: Entry, palette: Palette, width: int, height: int) -> Lines:
    """The result, and the difference to the baseline: key, old value -> new value."""
    label = palette.style("foreground", LABEL)
    lines: Lines = []
    result = entry.result
    if result:
        mean, spread = result
        lines.append([Piece(f"{mean:.1f}", palette.style(palette.curve(entry.color), bold=True))])
        if spread is not None:
            lines[0].append(Piece(f" ± {spread:.1f}", label))
    elif entry.runs:
        lines.append([Piece("no episode yet", label)])
    else:
        lines.append([Piece("not launched", label)])
    solved = [run.solved_at for run in entry.runs if run.solved_at is not None]
    if solved:
        lines.append(
            [
                Piece(f"{SOLVED} ", palette.style("warning")),
                Piece(f"solved at {count(min(solved))}", label),
            ]
        )
    if entry.baseline is None:
        lines.append([Piece("is the baseline" if not entry.changes else "no baseline", label)])
        if not entry.runs:
            lines += [[Piece(part, label)] for part in wrapped(entry.notes, max(8, width))]
        return lines[:height]
    lines.append([Piece(f"vs {entry.baseline}", label)])
    changes = list(entry.changes.items())
    if not changes:
        lines.append([Piece("no difference", label)])
    for at, (key, (old, new)) in enumerate(changes):
        block = difference(key, old, new, palette, width)
        if len(lines) + len(block) > height - (at + 1 < len(changes)):
            lines.append([Piece(f"and {len(changes) - at} more", label)])
            break
        lines += block
    return lines[:height]


def difference(key: str, old: Json, new: Json, palette: Palette, width: int) -> Lines:
    """A changed setting, on one line if it fits and else on two."""
    label = palette.style("foreground", LABEL)
    change = [
        Piece(value_text(old), palette.style("error", 0.8)),
        Piece(" → ", label),
        Piece(value_text(new), palette.style("success")),
    ]
    name = Piece(key, palette.style("foreground", 0.7))
    if len(key) + 1 + sum(len(piece.text) for piece in change) <= width:
        return [[name, Piece(" ", label), *change]]
    return [[name], [Piece(" ", label), *change]]


def tails(entry: Entry, palette: Palette, most: int) -> Lines:
    """The last words of the runs that train: time, seed, episode, return, loss."""
    live = [run for run in entry.runs if isinstance(run.state, state.Running | state.Stopping)]
    label, color = palette.style("foreground", LABEL), palette.style(palette.curve(entry.color))
    lines: Lines = []
    for run in live[:most]:
        newest = run.curves["return"].last
        words = [f"ep {run.episodes}"]
        if newest is not None:
            words.append(f"return {number(newest)}")
        if run.loss is not None:
            words.append(f"loss {number(run.loss)}")
        if run.epsilon is not None:
            words.append(f"eps {run.epsilon:.2f}")
        lines.append(
            [
                Piece(f"{clock(run.last_seen, seconds=True)} ", label),
                Piece(f"{run.id.seed} ", color),
                Piece("  ".join(words), palette.style("foreground", 0.62)),
            ]
        )
    if lines:
        return lines
    for run in entry.runs:
        if isinstance(run.state, state.Failed):
            lines.append(
                [
                    Piece(f"{STATES['failed'].glyph} {run.id.seed} ", palette.style("error")),
                    Piece(run.state.error, palette.style("foreground", 0.8)),
                ]
            )
    return lines[:most]


# -- runs that wait ---------------------------------------------------------------------------------------


def waiting(board: Board, hosts: Sequence[HostView], now: float) -> str:
    """What to do about runs that wait while nobody starts them; empty if all is well."""
    if not hosts or any(host.supervisor or host.fault or host.reading for host in hosts):
        return ""
    left = board.queued + board.lost
    if not left:
        return ""
    since = max(
        (
            run.state.since if isinstance(run.state, state.Queued) else run.last_seen
            for entry in board.entries
            for run in entry.runs
            if isinstance(run.state, state.Queued | state.Lost)
        ),
        default=now,
    )
    if now - since < WAIT_S:
        return ""
    verb = "waits" if left == 1 else "wait"
    return f"{plural(left, 'run')} {verb} and no supervisor works here: r starts one (or: deeprl resume)"


# -- when there is nothing to show -------------------------------------------------------------------------


def problems(found: Sequence[Problem], palette: Palette, width: int, height: int) -> Lines:
    """The faults of experiments.toml, each with its place and what to do."""
    label = palette.style("foreground", LABEL)
    lines: Lines = []
    for problem in found:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        head = [Piece(f"{place.rpartition('/')[2]} ", palette.style("warning"))]
        if problem.table:
            head.append(Piece(f"[{problem.table}] ", label))
        lines.append([*head, Piece(problem.key, palette.style(bold=True))])
        told = f"{problem.reason}; {problem.remedy}" if problem.remedy else problem.reason
        lines += [
            [Piece(f"  {part}", palette.style("foreground", 0.8))]
            for part in wrapped(told, max(20, width - 2))
        ]
    if len(lines) > height:
        lines = [
            *lines[: height - 1],
            [Piece(f"and more: deeprl check ({plural(len(found), 'problem')})", label)],
        ]
    return lines


def paragraph(text: str, palette: Palette, width: int, strength: float = 0.8) -> Lines:
    """A text as lines of a width."""
    return [[Piece(part, palette.style("foreground", strength))] for part in wrapped(text, max(8, width))]


def wrapped(text: str, width: int) -> list[str]:
    """A cleaned text in lines of a width; it breaks within words that are longer."""
    return textwrap.wrap(clean(text), max(8, width))


def hint(keys: Sequence[tuple[str, str]], palette: Palette) -> Lines:
    """Keys with what they do, one on each line."""
    room = max((len(key) for key, _ in keys), default=0)
    return [
        [
            Piece(f"{key.ljust(room)}  ", palette.style("accent", bold=True)),
            Piece(what, palette.style("foreground", FAINT + 0.3)),
        ]
        for key, what in keys
    ]


def age(now: float, then: float) -> str:
    """How long ago."""
    return f"{duration(max(0.0, now - then))} ago"
