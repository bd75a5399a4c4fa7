"""Entries and runs as table rows, chart curves and the header: what the dashboard says, and in which color.

Rule: pure; colors by name of a role, so the words are tested without an app. What is no row is in `notes.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.tui.board import NEW, Board, Entry
from deeprl_tui.tui.theme import FAINT, LABEL, OPEN, STATES, Palette, braille_trend, progress_bar
from deeprl_tui.tui.widgets.curve_plot import CurveData
from deeprl_tui.tui.widgets.multiples import Tile
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row, widths
from deeprl_tui.tui.words import (
    NONE,
    clock,
    duration_range,
    middle,
    number,
    percent,
    plural,
    rate,
    tight_range,
)

METRICS: Final = (
    ("return", "Return"),
    ("length", "Length"),
    ("loss", "Loss"),
    ("epsilon", "Epsilon"),
    ("steps/s", "Steps/s"),
)
"""Names of the curves, and of their tabs."""

TREND: Final = 12
CORE_WIDTH: Final = 8
EXPERIMENTS: Final = (
    Column("state", "", 1),
    Column("name", "experiment", 12, flex=True),
    Column("seeds", "seeds", 5),
    Column("progress", "", 8, min_table=44),
    Column("return", "return", 6, "right"),
    Column("eta", "eta", 6, "right"),
    Column("trend", "trend", TREND, min_table=56),
)
_BESIDE: Final = 50
"""In a narrower table progress and cpu are left out."""
SEEDS: Final = (
    Column("state", "", 1),
    Column("seed", "seed", 4),
    Column("core", "core", CORE_WIDTH),
    Column("progress", "progress", 8, min_table=_BESIDE),
    Column("return", "return", 6, "right"),
    Column("rate", "st/s", 4, "right"),
    Column("cpu", "cpu", 4, "right", min_table=_BESIDE),
    Column("eta", "eta", 6, "right"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What decides how rows look, beside their data."""

    palette: Palette
    drawn: frozenset[str] = frozenset()  # experiments on the chart: their names are in the color of the curve
    selected: str = ""
    marked: frozenset[str] = frozenset()
    table: int = 80  # width of the table


def spread(left: list[Piece], right: list[Piece], width: int, *, cut: bool = True) -> list[Piece]:
    """Two groups of pieces at the two ends of a line; the right one is kept if there is not enough room."""
    taken = sum(cell_len(piece.text) for piece in (*left, *right))
    gap = width - taken
    if gap < 1 and not cut:
        return [*left, *right]
    if gap < 1:
        room = width - sum(cell_len(piece.text) for piece in right) - 1
        kept: list[Piece] = []
        for piece in left:
            size = cell_len(piece.text)
            if size > room:
                break
            kept.append(piece)
            room -= size
        left, gap = kept, max(1, room + 1)
    return [*left, Piece(" " * gap, left[0].style if left else right[0].style), *right]


def bar(
    share: float, width: int, palette: Palette, role: str = "accent", strength: float = 0.75
) -> list[Piece]:
    """A progress bar in two pieces."""
    done, rest = progress_bar(share, width)
    return [
        Piece(done, palette.style(role, strength)),
        Piece(rest, palette.style("foreground", OPEN)),
    ]


def mark(word: str, palette: Palette) -> Piece:
    """The glyph of a state."""
    return Piece(NONE, palette.style("foreground", FAINT)) if word == NEW else _mark(word, palette)


def _mark(word: str, palette: Palette) -> Piece:
    return Piece(STATES[word].glyph, palette.state(word))


# -- the header --------------------------------------------------------------------------------------------


def header(
    board: Board, project: str, eta: Eta | None, now: float, width: int, palette: Palette, reading: str
) -> list[Piece]:
    """`deeprl  project  ● 3 running ...  ━━── 55%  all done in 31–36m  14:25`."""
    line = _header(board, project, eta, now, width, palette, reading, words=width >= 100)
    if width >= 100 and sum(cell_len(piece.text) for piece in line) > width:
        line = _header(board, project, eta, now, width, palette, reading, words=False)
    return line


def _header(
    board: Board,
    project: str,
    eta: Eta | None,
    now: float,
    width: int,
    palette: Palette,
    reading: str,
    *,
    words: bool,
) -> list[Piece]:
    wide = width >= 100
    label, text = palette.style("foreground", LABEL), palette.style()
    left = [Piece(" deeprl", palette.style("primary", bold=True)), Piece(f"  {project}  ", label)]
    if reading:
        left.append(Piece(f"{reading}  ", label))
    elif not board.runs:
        left.append(Piece("no runs yet", label))
    for word, many in board.counts.items():
        left += [Piece(STATES[word].glyph, palette.state(word)), Piece(f" {many} ", text)]
        if words:
            left.append(Piece(f"{word} ", label))
        left.append(Piece(" ", label))
    right: list[Piece] = []
    if wide and board.runs:
        right += [
            *bar(board.progress, 14, palette, strength=1.0),
            Piece(f" {percent(board.progress)}   ", text),
        ]
    if eta is not None:
        right += [
            Piece("all done in " if wide else "done in ", label),
            Piece(duration_range(eta), palette.style(bold=True)),
            Piece("   ", label),
        ]
    elif board.runs and any(board.counts.get(word) for word in ("running", "queued", "stopping")):
        right.append(Piece("eta –   ", label))
    elif board.runs:
        right.append(Piece("nothing runs   ", label))
    return spread(left, [*right, Piece(f"{clock(now)} ", label)], width, cut=not words)


# -- experiments -------------------------------------------------------------------------------------------


def seed_marks(runs: Sequence[RunView], palette: Palette, room: int = 5) -> list[Piece]:
    """A glyph for each seed, or how many there are of each state if they are too many."""
    words = [state.word(run.state) for run in runs]
    if len(words) <= room:
        return [Piece(STATES[word].seed_glyph, palette.state(word)) for word in words]
    seen: dict[str, int] = {}
    for word in words:
        seen[word] = seen.get(word, 0) + 1
    most = sorted(seen, key=lambda word: -seen[word])[:2]
    return [Piece(f"{STATES[word].seed_glyph}{seen[word]}", palette.state(word)) for word in most]


def experiment_row(entry: Entry, ends: Mapping[RunId, Eta | None], look: Look, *, trend: bool) -> Row:
    """One line of the experiments table."""
    palette, word = look.palette, entry.word
    color = palette.curve(entry.color)
    faint, label = palette.style("foreground", FAINT), palette.style("foreground", 0.55)
    here = entry.name == look.selected
    short = middle(entry.name, widths(EXPERIMENTS, look.table)[1])
    if word == NEW:
        name = Piece(short, palette.style("foreground", LABEL, bold=here))
        cells: tuple[Cell, ...] = (mark(word, palette), name, "", "", Piece(NONE, faint), "", "")
        return Row(entry.name, cells, marked=entry.name in look.marked)
    waits = word == "queued" and not entry.has_data
    style = palette.style(
        color if entry.name in look.drawn else "foreground", 0.55 if waits else 1.0, bold=here
    )
    over = word in ("finished", "stopped")
    role, strength = (
        ("error", 0.75) if word == "failed" else ("foreground", 0.42) if over else ("accent", 0.75)
    )
    result, eta = entry.result, entry.eta(ends)
    cells = (
        mark(word, palette),
        Piece(short, style),
        seed_marks(entry.runs, palette),
        bar(entry.progress, 8, palette, role, strength),
        Piece(number(result[0]), palette.style()) if result else Piece(NONE, label),
        Piece(tight_range(eta), label),
        Piece(trend_of(entry), palette.style(color, 0.7)) if trend else "",
    )
    return Row(entry.name, cells, marked=entry.name in look.marked)


def trend_of(entry: Entry, width: int = TREND) -> str:
    """A small line through the returns of the first seed that has some."""
    for run in entry.runs:
        if run.trend:
            return braille_trend(run.trend, width)
        values = run.curves["return"].means()
        if len(values) >= 2 * width:
            step = max(1, len(values) // (16 * width))
            return braille_trend(values[::step], width)
    return ""


def experiment_rows(rows: Sequence[tuple[str, Row]], hidden: int, palette: Palette) -> list[Row]:
    """The rows under headings of their environments, and how many more there are."""
    out: list[Row] = []
    env = ""
    quiet = palette.style("foreground", LABEL)
    for name, row in rows:
        if name != env:
            env = name
            out.append(Row(f"# {env}", (Piece(env, quiet),), heading=True))
        out.append(row)
    if hidden:
        key, text = palette.style("accent", bold=True), palette.style("foreground", LABEL)
        words: list[Piece] = [
            Piece(f"{hidden} more in the file: ", text),
            Piece("n", key),
            Piece(" launches, ", text),
            Piece("a", key),
            Piece(" shows all", text),
        ]
        out.append(Row("# more", (words,), heading=True))
    return out


def curves(shown: Sequence[Entry], selected: Entry | None, metric: str, palette: Palette) -> list[CurveData]:
    """The entries as curves, the selected one last and so on top."""
    return [
        CurveData(
            entry.name,
            palette.curve(entry.color),
            [run.curves[metric] for run in entry.runs if len(run.curves[metric])],
            entry is selected,
        )
        for entry in sorted(shown, key=lambda entry: entry is selected)
    ]


def tiles(shown: Sequence[Entry], selected: Entry | None, metric: str, palette: Palette) -> list[Tile]:
    """A small chart for each entry, grouped by environment."""
    return [
        Tile(curve, entry.env, tuple(references(entry, metric)))
        for entry in shown
        for curve in curves([entry], selected, metric, palette)
    ]


def references(entry: Entry | None, metric: str) -> list[tuple[float, str]]:
    """The dashed line of a chart: where the environment counts as solved."""
    solved = entry.solved if entry and metric == "return" else None
    return [] if solved is None else [(solved, f"solved ≥ {solved:g}")]


# -- seeds -------------------------------------------------------------------------------------------------


def core_text(run: RunView, hosts: Sequence[HostView] = (), home: str = "") -> str:
    """Where a run trains: `local:1`; the host where it waits, if that is another; empty if neither."""
    if home and isinstance(run.state, state.Queued | state.Lost):
        return middle(clean(home), CORE_WIDTH)
    if not isinstance(run.state, state.Running | state.Stopping):
        return ""
    home = next((host.name for host in hosts if run.id in host.held), LOCAL)
    cores = ",".join(str(core) for core in run.cores)
    return f"{middle(clean(home), max(3, CORE_WIDTH - 1 - len(cores)))}:{cores}"


def seed_row(
    run: RunView,
    ends: Mapping[RunId, Eta | None],
    palette: Palette,
    color: str,
    snapshot: FleetSnapshot | None = None,
) -> Row:
    """One line of the seeds table. snapshot: knows which host it is on."""
    label, word = palette.style("foreground", 0.55), state.word(run.state)
    known = snapshot or FleetSnapshot()
    place = core_text(run, known.hosts, known.homes.get(run.id, ""))
    live = isinstance(run.state, state.Running | state.Stopping)
    eta = ends.get(run.id)
    tone = palette.style("foreground", 0.8)
    return Row(
        str(run.id.seed),
        (
            mark(word, palette),
            Piece(str(run.id.seed), tone),
            Piece(place or word, label),
            bar(run.progress, 8, palette, color, 0.8),
            Piece(number(run.return_mean), palette.style()),
            Piece(rate(run.steps_per_second) if run.steps_per_second and live else "", label),
            Piece(percent(min(run.cpu, 9.99)) if run.cpu is not None else "", label),
            Piece(tight_range(eta), label),
        ),
    )


def state_words(entry: Entry) -> str:
    """How the runs of an experiment stand: `3 running, 1 failed`."""
    seen: dict[str, int] = {}
    for run in entry.runs:
        word = state.word(run.state)
        seen[word] = seen.get(word, 0) + 1
    if not seen:
        return "not launched"
    return ", ".join(f"{many} {word}" for word, many in seen.items())


def seeds_phrase(entry: Entry) -> str:
    """`2 seeds`."""
    return plural(len(entry.runs), "seed")
