"""What the screen of one run tells: its events, what it printed, its error, its files, its settings.

Rule: pure, like `present.py`; lines of pieces, cut by whoever shows them. An empty page says why it is empty.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean, uncolored
from deeprl_tui.ops import FileFact, Told
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.notes import Lines, difference, paragraph, wrapped
from deeprl_tui.tui.present import spread
from deeprl_tui.tui.theme import FAINT, LABEL, LAUNCHED, SOLVED, STATES, Palette
from deeprl_tui.tui.widgets.rows import Column, Piece, Row
from deeprl_tui.tui.words import (
    clock,
    count,
    duration,
    duration_range,
    file_size,
    middle,
    percent,
    value_text,
)

FILES: Final = (
    Column("file", "file", 20, flex=True),
    Column("what", "what", 24, min_table=60),
    Column("step", "step", 6, "right"),
    Column("size", "size", 8, "right"),
    Column("age", "written", 8, "right"),
)

_BAD: Final = re.compile(r"\b(error|exception|traceback|fatal|critical)\b", re.IGNORECASE)
_DOUBTFUL: Final = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
_FRAME: Final = re.compile(r'(\s*)File "(.*)", line (\d+)(?:, in (.*))?')
_FOREIGN: Final = ("site-packages", "/lib/python", "<frozen")


def path_line(
    entry: Entry,
    seed: int | None,
    ends: Mapping[RunId, Eta | None],
    palette: Palette,
    width: int,
    clock_of: Callable[[RunId], float],
) -> list[Piece]:
    """Where one is: the experiment, its seeds of which one is looked at, how it stands.

    clock_of: the wall clock now of a run's host.
    """
    quiet, text = palette.style("foreground", LABEL), palette.style()
    wide, word = width >= 100, entry.word
    left = [
        Piece(" ‹ Experiments / " if wide else " ‹ ", quiet),
        Piece(entry.name, palette.style(palette.curve(entry.color), bold=True)),
        Piece(f"  {entry.env}   " if wide else "  ", quiet),
        Piece("[all]" if seed is None else " all ", text if seed is None else quiet),
    ]
    for run in entry.runs:
        here, state_word = run.id.seed == seed, state.word(run.state)
        left += [
            Piece("  [" if here else "   ", text),
            Piece(f"{run.id.seed}", palette.style(bold=True) if here else quiet),
            Piece(STATES[state_word].glyph, palette.state(state_word)),
            Piece("]" if here else " ", text),
        ]
    troubles = [trouble(run, clock_of(run.id)) for run in entry.runs if seed in (None, run.id.seed)]
    right = [
        *(Piece(f"! {told}   ", palette.style("warning")) for told in dict.fromkeys(troubles) if told),
        Piece(f"{STATES[word].glyph} ", palette.state(word)),
        Piece(f"{word} {percent(entry.progress)}", text),
        Piece(f"   eta {duration_range(entry.eta(ends))} ", quiet),
    ]
    return spread(left, right, width)


def trouble(view: RunView, now: float) -> str:
    """`disk full`, `stalled` or `collapsed`; empty for a run that is well. now: wall clock of its host."""
    if view.waiting:
        return view.waiting.partition(" since ")[0]
    if state.stalled(view, now) is not None:
        return "stalled"
    return "collapsed" if view.collapsed is not None else ""


def told_lines(told: Sequence[Told], palette: Palette, width: int) -> Lines:
    """Events: when, at which step, what; long ones go on below."""
    label, text = palette.style("foreground", LABEL), palette.style("foreground", 0.85)
    lines: Lines = []
    room = max(20, width - 30)
    for one in told:
        glyph, role, strength = _glyph(one.kind)
        step = count(one.step).rjust(6) if one.step is not None else " " * 6
        parts = wrapped(one.text, room) or [""]
        head = [
            Piece(f"{clock(one.at, seconds=True)} ", label),
            Piece(f"{step} ", label),
            Piece(f"{glyph} ", palette.style(role, strength)),
            Piece(f"{one.kind.ljust(10)} ", palette.style(role, max(strength, 0.55))),
        ]
        lines.append([*head, Piece(parts[0], text)])
        lines += [[Piece(" " * 29, label), Piece(part, text)] for part in parts[1:8]]
        if len(parts) > 8:
            lines.append([Piece(" " * 29 + "…", label)])
    return lines or [[Piece("no event yet", label)]]


def _glyph(kind: str) -> tuple[str, str, float]:
    if kind == "solved":
        return SOLVED, "warning", 1.0
    if kind in ("queued", "resumed"):
        return LAUNCHED, "accent", 1.0
    if kind == "warned":
        return "!", "warning", 1.0
    if kind in ("episodes", "eval", "checkpoint", "computes"):
        return "·", "foreground", 0.6
    look = STATES.get({"started": "running", "asked": "stopping"}.get(kind, kind), STATES["queued"])
    return look.glyph, look.role, look.strength


def print_lines(lines: Sequence[str], palette: Palette) -> Lines:
    """What a worker printed, errors and warnings in their colors."""
    if not lines:
        return [
            [Piece("its workers printed nothing; e shows the events", palette.style("foreground", LABEL))]
        ]
    plain, bad, doubtful = (
        palette.style("foreground", 0.8),
        palette.style("error"),
        palette.style("warning"),
    )
    out: Lines = []
    for line in lines:
        text = uncolored(line)
        head = text[:400]
        style = bad if _BAD.search(head) else doubtful if _DOUBTFUL.search(head) else plain
        out.append([Piece(text, style)])
    return out


def error_lines(view: RunView, traceback: Sequence[str], palette: Palette, width: int) -> Lines:
    """Why a run failed: the reason, the traceback with one's own code in front, and what can be done."""
    label, found = palette.style("foreground", LABEL), view.state
    if not isinstance(found, state.Failed | state.Lost):
        words = f"Nothing went wrong with seed {view.id.seed}: it is {state.word(found)}."
        return paragraph(words, palette, width, LABEL)
    if isinstance(found, state.Lost):
        lines = paragraph("Its worker died without a last word.", palette, width, 1.0)
    else:
        lines = [[Piece(part, palette.style("error", bold=True))] for part in wrapped(found.error, width)[:6]]
        lines = lines or [[Piece("it gave no reason", palette.style("error"))]]
    when = clock(found.at if isinstance(found, state.Failed) else found.last_seen)
    kept = f", checkpoint at {count(view.checkpoint_step)} kept" if view.checkpoint_step is not None else ""
    lines.append([Piece(f"at step {count(view.step)}, {when}{kept}", label)])
    if traceback:
        lines.append([])
        for at, line in enumerate(traceback):
            lines.append(_frame(line, palette, width, last=at + 1 == len(traceback)))
    lines.append([])
    key, text = palette.style("accent", bold=True), label
    lines.append(
        [Piece("r", key), Piece(" tries again  ", text), Piece("l", key), Piece(" what it printed  ", text)]
    )
    lines[-1] += [Piece("e", key), Piece(" its events", text)]
    return lines


def _frame(line: str, palette: Palette, width: int, *, last: bool) -> list[Piece]:
    text = uncolored(line)
    label = palette.style("foreground", LABEL)
    match = _FRAME.fullmatch(text)
    if match:
        indent, path, number, function = match.groups()
        foreign = any(part in path for part in _FOREIGN)
        tail = f":{number}" + (f" in {function}" if function else "")
        shown = middle(clean(path), max(12, width - len(indent) - len(clean(tail))))
        strong = palette.style("foreground", FAINT if foreign else 1.0)
        return [
            Piece(f"{indent}{shown}", strong),
            Piece(f":{number}", label if foreign else palette.style("accent")),
            Piece(f" in {function}" if function else "", label),
        ]
    if last or (text and not text.startswith(" ") and not text.endswith(":")):
        return [Piece(text, palette.style("error"))]
    return [Piece(text, palette.style("foreground", 0.7 if text.startswith(" ") else LABEL))]


def file_rows(files: Sequence[FileFact], folder: str, now: float, palette: Palette) -> list[Row]:
    """A run's files, those that one asks for first."""
    label, text = palette.style("foreground", LABEL), palette.style("foreground", 0.85)
    rows = []
    for fact in files:
        name = str(fact.path).removeprefix(folder).lstrip("/")
        strong = text if fact.what and fact.step is not None else palette.style("foreground", 0.7)
        cells = (
            Piece(name, strong),
            Piece(fact.what, label),
            Piece(count(fact.step) if fact.step is not None else "", text),
            Piece(file_size(fact.size), text),
            Piece(duration(max(0.0, now - fact.written)), label),
        )
        rows.append(Row(str(fact.path), cells))
    return rows


# -- settings ----------------------------------------------------------------------------------------------


def origin_words(key: str, entry: Entry, *, short: bool) -> str:
    """Who set a key: the file with its line, another experiment, --set, or nobody."""
    experiment = entry.experiment
    if experiment is None:
        return "" if short else "this experiment is no longer in the file"
    source, line = experiment.origin.get(key, "default"), experiment.lines.get(key)
    kind, _, name = source.partition(" ")
    if short:
        where = f":{line}" if line else ""
        own = f"line {line}" if line else "the file"
        return {"experiment": own, "baseline": f"{name}{where}", "extends": f"{name}{where}"}.get(
            kind, source
        )
    where = f"experiments.toml line {line}" if line else "experiments.toml"
    return {
        "experiment": where,
        "sweep": "its sweep",
        "baseline": f"inherited from {name}" + (f", line {line}" if line else ""),
        "extends": f"inherited from {name}" + (f", line {line}" if line else ""),
    }.get(kind, source)


def setting_lines(entry: Entry, view: RunView, palette: Palette, width: int) -> Lines:
    """All settings with who set them: what differs from the baseline, what the file sets, the defaults."""
    label, text = palette.style("foreground", LABEL), palette.style("foreground", 0.85)
    settings: Mapping[str, Json] = view.spec.settings
    lines: Lines = []
    for key, (old, new) in entry.changes.items():
        block = difference(key, old, new, palette, width)
        if len(block) == 1:
            _put_origin(block[0], key, entry, palette, width)
        lines += block
    if lines:
        lines.append([])
    room = max((len(key) for key in settings), default=0)
    origin = entry.experiment.origin if entry.experiment else {}
    rest = [key for key in settings if key not in entry.changes]
    is_set = [key for key in rest if origin.get(key, "default") != "default"]
    for key in is_set:
        line = [Piece(key.ljust(room), label), Piece(f" {value_text(settings[key])}", text)]
        _put_origin(line, key, entry, palette, width)
        lines.append(line)
    if origin:
        lines += [[], [Piece("defaults", palette.style("foreground", FAINT))]]
    for key in rest:
        if key not in is_set:
            lines.append([Piece(key.ljust(room), label), Piece(f" {value_text(settings[key])}", label)])
    return lines


def _put_origin(line: list[Piece], key: str, entry: Entry, palette: Palette, width: int) -> None:
    """At the right end, in the words that fit."""
    taken = sum(cell_len(clean(piece.text)) for piece in line)
    for short in (False, True):
        words = origin_words(key, entry, short=short)
        if words and taken + 2 + len(words) <= width:
            line.append(Piece(words.rjust(width - taken), palette.style("foreground", FAINT)))
            return
