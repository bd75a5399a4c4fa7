"""Hosts in words and squares: the strip of the dashboard, the rows, cores and facts of the hosts screen.

Rule: pure, like `present.py`. A run is on the host where its lock is held; the same core number on another
host is another core. A host with a fault is a state with an age, not an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.style import Style

from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.present import bar
from deeprl_tui.tui.theme import BUSY_CORE, FAINT, FREE_CORE, LABEL, Palette
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row
from deeprl_tui.tui.words import (
    NONE,
    duration,
    gigabytes,
    middle,
    number,
    percent,
    plural,
    rate,
    tight_range,
)

Owners = Mapping[int, tuple[Entry, RunView]]
Lines = list[list[Piece]]

SILENT_S: Final = 10.0
"""Without a frame for so long a host is silent: it speaks once a second."""
SILENT, RECONNECTING, UNREACHABLE, READING, UP = "silent", "reconnecting", "unreachable", "reading", "up"
SCARCE: Final = 2 * 2**30
"""Bytes on a disk that are few."""

HOSTS: Final = (
    Column("state", "", 1),
    Column("name", "host", 12),
    Column("cores", "cores", 10, flex=True),
    Column("busy", "busy", 7, "right"),
    Column("runs", "runs", 4, "right"),
    Column("memory", "memory", 9, "right"),
    Column("disk", "free", 5, "right"),
    Column("spend", "cost", 7, "right", min_table=100),
    Column("age", "data", 8, "right", min_table=70),
)
RUNS: Final = (
    Column("run", "run", 10, flex=True),
    Column("core", "core", 4, "right"),
    Column("return", "return", 6, "right"),
    Column("rate", "st/s", 4, "right"),
    Column("rss", "mem", 5, "right"),
    Column("eta", "eta", 6, "right"),
)
_CELL_WIDTHS: Final = (36, 30, 26, 22, 18)


def owners_of(host: HostView, entries: Iterable[Entry]) -> dict[int, tuple[Entry, RunView]]:
    """Who is pinned to which core of a host."""
    return {
        core: (entry, run)
        for entry in entries
        if entry.trains
        for run in entry.runs
        if run.id in host.held and isinstance(run.state, state.Running | state.Stopping)
        for core in run.cores
    }


def word_of(host: HostView, now: float) -> str:
    """How a host stands: up, reading, silent, reconnecting, unreachable."""
    if host.fault:
        return UNREACHABLE if host.is_lost(now) else RECONNECTING
    if host.reading:
        return READING
    return SILENT if host.heard and now - host.heard > SILENT_S else UP


def runs_on(owners: Owners) -> int:
    """Runs that these cores belong to."""
    return len({run.id for _, run in owners.values()})


def loads(host: HostView) -> list[float]:
    """The load of each core, 0 where it is not known."""
    return [host.busy[at] if at < len(host.busy) else 0.0 for at in range(len(host.cores))]


def mean_load(host: HostView) -> float:
    """The load of all cores."""
    return sum(host.busy) / len(host.busy) if host.busy else 0.0


def squares(host: HostView, owners: Owners, palette: Palette, room: int = 1 << 20) -> list[Piece]:
    """A square for each core, or for a few neighbors if there is less room; one of free cores is a dot."""
    cores, each = host.cores, loads(host)
    share = max(1, -(-len(cores) // max(1, room)))
    line = []
    for at in range(0, len(cores), share):
        part = cores[at : at + share]
        load = sum(each[at : at + share]) / len(part)
        owner = next((owners[core] for core in part if core in owners), None)
        if owner is not None:
            color = palette.curve(owner[0].color)
            line.append(Piece(BUSY_CORE, palette.style(color, 0.35 + 0.65 * min(1.0, load))))
        else:
            line.append(Piece(FREE_CORE, palette.style("foreground", 0.3 + 0.4 * (load > 0.5))))
    return line


# -- the hosts screen --------------------------------------------------------------------------------------


def age_words(host: HostView, now: float) -> str:
    """How old the newest data is: `live`, `40s old`."""
    if not host.heard:
        return NONE
    age = now - host.heard
    return "live" if age <= SILENT_S and not host.fault else f"{duration(age)} old"


def host_row(host: HostView, owners: Owners, palette: Palette, now: float, strip: int) -> Row:
    """One line of the hosts table. strip: cells of the column with the squares."""
    word = word_of(host, now)
    label, text = palette.style("foreground", LABEL), palette.style()
    glyph, role = {
        UP: ("●", "accent"),
        READING: ("◌", "foreground"),
        SILENT: ("◌", "warning"),
        RECONNECTING: ("◌", "warning"),
        UNREACHABLE: ("✗", "error"),
    }[word]
    if host.warning and word == UP:
        glyph, role = "!", "warning"
    told: Cell = squares(host, owners, palette, strip)
    if word == UNREACHABLE:
        told = Piece(why(host), palette.style("error", 0.8))
    elif word == RECONNECTING:
        told = Piece(f"reconnecting: {why(host)}", palette.style("warning"))
    elif word == READING:
        told = Piece("reading runs…", label)
    elif not host.cores:
        told = Piece("no core for workers", label)
    busy = f"{len(owners)}/{len(host.cores)}" if host.cores else ""
    memory = f"{size_words(host.memory_used)}/{gigabytes(host.memory_total)}" if host.memory_total else ""
    cells: tuple[Cell, ...] = (
        Piece(glyph, palette.style(role)),
        Piece(middle(clean(host.name), 12), text if word == UP else label),
        told,
        Piece(busy, text if owners else label),
        Piece(str(runs_on(owners)), text if owners else label),
        Piece(memory, label),
        Piece(_disk(host.disk_free), _scarce(host.disk_free, palette)),
        Piece(f"${host.spend:.2f}" if host.spend is not None else "", label),
        _data(host, word, now, palette),
    )
    return Row(host.name, cells)


def size_words(size: float) -> str:
    """A size before another in gigabytes: without its unit if that is the same."""
    return gigabytes(size).rstrip("GM") if size >= 2**30 else gigabytes(size)


def _disk(free: int) -> str:
    return "" if not free else gigabytes(free) + ("!" if free < SCARCE else "")


def _scarce(free: int, palette: Palette) -> Style:
    return palette.style("warning") if free < SCARCE else palette.style("foreground", LABEL)


def _data(host: HostView, word: str, now: float, palette: Palette) -> Piece:
    """How old what is known is; while files come home, how far those are."""
    if host.coming.run and host.coming.total and word == UP:
        return Piece(f"↓ {percent(host.coming.done / host.coming.total)}", palette.style("accent"))
    old = word in (SILENT, RECONNECTING)
    return Piece(
        age_words(host, now), palette.style("warning" if old else "foreground", 1.0 if old else LABEL)
    )


def since_words(host: HostView, now: float) -> str:
    """`unreachable for 4m`."""
    return f"unreachable for {duration(now - host.fault_since)}" if host.fault_since else "unreachable"


def why(host: HostView) -> str:
    """The fault without what can be done about it."""
    return host.fault.partition("; ")[0]


def core_lines(host: HostView, owners: Owners, palette: Palette, width: int, height: int) -> Lines:
    """Every core: its number, a square, the run that is pinned to it, its load; in as few rows as will do."""
    if not host.cores:
        why = "nothing is known of its cores" if host.fault else "no core is free for workers here"
        return [[Piece(why, palette.style("foreground", LABEL))]]
    many = len(host.cores)
    cell = next(
        (wide for wide in _CELL_WIDTHS if -(-many // max(1, width // wide)) <= max(1, height)),
        _CELL_WIDTHS[-1],
    )
    across = max(1, width // cell)
    cell = min(_CELL_WIDTHS[0], width // across) if width >= cell else cell
    bars = min(30, width - cell - 2) if many <= height else 0  # room for each in a row of its own
    if bars >= 8:
        across = 1
    else:
        bars = 0
    digits = max(2, len(str(max(host.cores))))
    each, dots = loads(host), squares(host, owners, palette)
    label, text = palette.style("foreground", LABEL), palette.style()
    lines: Lines = []
    for start in range(0, many, across):
        line: list[Piece] = []
        for at in range(start, min(start + across, many)):
            core = host.cores[at]
            owner = owners.get(core)
            room = cell - digits - 10
            if owner is None:
                name = Piece("free".ljust(room), palette.style("foreground", FAINT))
            else:
                entry, run = owner
                name = Piece(_short(run.id, room).ljust(room), palette.style(palette.curve(entry.color)))
            load = percent(each[at]) if host.busy else NONE
            line += [Piece(f"{core:>{digits}} ", label), dots[at], Piece(" ", text), name]
            if bars:
                color = palette.curve(owner[0].color) if owner else "foreground"
                line += [Piece(" ", text), *bar(each[at], bars, palette, color, 0.8 if owner else 0.4)]
            line += [Piece(f" {load:>4}", text if owner else label), Piece("  ", text)]
        lines.append(line)
    return lines


def _short(run: RunId, room: int) -> str:
    """The name of a run, always with its seed."""
    tail = f"/{run.seed}"
    return middle(clean(run.experiment), room - len(tail)) + tail


def run_rows(owners: Owners, ends: Mapping[RunId, Eta | None], palette: Palette, room: int) -> list[Row]:
    """The runs on a host. room: cells for a name."""
    label, text = palette.style("foreground", 0.55), palette.style()
    rows = {}
    for _, (entry, run) in sorted(owners.items()):
        cells = (
            Piece(_short(run.id, room), palette.style(palette.curve(entry.color))),
            Piece(",".join(map(str, run.cores)), label),
            Piece(number(run.return_mean), text),
            Piece(rate(run.steps_per_second), label),
            Piece(gigabytes(run.rss) if run.rss else "", label),
            Piece(tight_range(ends.get(run.id)), label),
        )
        rows[run.id] = Row(str(run.id), cells)
    return list(rows.values())


def caption(hosts: Sequence[HostView], entries: Sequence[Entry], now: float) -> str:
    """`3 hosts · 24 of 40 cores up · 13 runs`."""
    up = [host for host in hosts if word_of(host, now) in (UP, READING)]
    cores, alive = sum(len(host.cores) for host in hosts), sum(len(host.cores) for host in up)
    runs = sum(runs_on(owners_of(host, entries)) for host in hosts)
    known = f"{alive} of {cores} cores up" if alive != cores else plural(cores, "core")
    return f"{plural(len(hosts), 'host')} · {known} · {plural(runs, 'run')}"
