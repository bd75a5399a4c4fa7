"""The line of hosts below the dashboard: a square for each core, as long as there is room.

Rule: pure. The more there is to say the less is said of each.
"""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from deeprl_tui.core.text import clean
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.hosts import Owners, loads, mean_load, owners_of, runs_on, squares, why
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import gigabytes, percent, plural

NUMBERED: Final = 4
NUMBERED_WIDE: Final = 8
"""Hosts of up to this many cores show a number for each, on a narrow and on a wide screen."""


def core_strip(
    hosts: Sequence[HostView], entries: Sequence[Entry], palette: Palette, width: int
) -> list[Piece]:
    """One square per core in the color of the experiment on it, load, runs, memory; for each host.

    The more there is to say the less is said of each: the load of every core, that of a host, its squares,
    how many of its cores are taken; at last how many hosts there are.
    """
    owners = [owners_of(host, entries) for host in hosts]
    for say in (_in_full, _in_short, _in_squares, _in_numbers):
        line: list[Piece] = []
        for host, own in zip(hosts, owners, strict=True):
            line.append(Piece("  " if width >= 100 else " ", palette.style("foreground", LABEL)))
            line.append(Piece(f"{clean(host.name)} ", palette.style()))
            line += _down(host, palette, brief=say is not _in_full) or say(
                host, own, palette, width, len(hosts)
            )
        if sum(cell_len(piece.text) for piece in line) <= width or len(hosts) == 1:
            return line
    return _in_sum(hosts, owners, palette)


def _down(host: HostView, palette: Palette, *, brief: bool) -> list[Piece]:
    if not host.fault:
        return []
    glyph = Piece("✗ ", palette.style("error"))
    return [glyph] if brief else [glyph, Piece(why(host), palette.style("foreground", LABEL))]


def _in_full(host: HostView, owners: Owners, palette: Palette, width: int, many: int) -> list[Piece]:
    """Few cores show the load of each as a number, many as the brightness of its square and a mean."""
    label, text = palette.style("foreground", LABEL), palette.style()
    if len(host.cores) > (NUMBERED_WIDE if width >= 100 else NUMBERED):
        return [*_in_short(host, owners, palette, width, many), *_memory(host, palette, width, many)]
    line = []
    for square, core, load in zip(squares(host, owners, palette), host.cores, loads(host), strict=True):
        line.append(square)
        if host.busy:
            line.append(Piece(f" {percent(load).ljust(4)} ", text if core in owners else label))
    line.append(Piece(f"  {_runs_words(host, owners)}", label))
    return line + _memory(host, palette, width, many)


def _in_short(host: HostView, owners: Owners, palette: Palette, width: int, many: int) -> list[Piece]:
    room = max(6, width // many - 34) if len(host.cores) * many > 48 else 48
    line = squares(host, owners, palette, room)
    if host.busy:
        line.append(Piece(f" {percent(mean_load(host)).rjust(4)}", palette.style()))
    runs = _runs_words(host, owners) if many == 1 or width // many > 46 else plural(runs_on(owners), "run")
    return [*line, Piece(f"  {runs}", palette.style("foreground", LABEL))]


def _in_squares(host: HostView, owners: Owners, palette: Palette, width: int, many: int) -> list[Piece]:
    line = squares(host, owners, palette, max(4, width // many - 14))
    return [*line, Piece(f" {plural(runs_on(owners), 'run')}", palette.style("foreground", LABEL))]


def _in_numbers(host: HostView, owners: Owners, palette: Palette, width: int, many: int) -> list[Piece]:
    return [Piece(f"{len(owners)}/{len(host.cores)}", palette.style("foreground", LABEL))]


def _in_sum(hosts: Sequence[HostView], owners: Sequence[Owners], palette: Palette) -> list[Piece]:
    label = palette.style("foreground", LABEL)
    known = [(host, own) for host, own in zip(hosts, owners, strict=True) if not host.fault]
    busy, cores = sum(len(own) for _, own in known), sum(len(host.cores) for host, _ in known)
    line = [Piece(f" {plural(len(hosts), 'host')}  ", palette.style())]
    line.append(
        Piece(f"{busy} of {plural(cores, 'core')} busy, {plural(sum(map(runs_on, owners)), 'run')}", label)
    )
    down = [clean(host.name) for host in hosts if host.fault]
    if down:
        names = ", ".join(down[:3]) + (f", {len(down) - 3} more" if len(down) > 3 else "")
        line.append(Piece(f"  ✗ {names}", palette.style("error")))
    return line


def _runs_words(host: HostView, owners: Owners) -> str:
    return f"{plural(runs_on(owners), 'run')} on {plural(len(host.cores), 'core')}"


def _memory(host: HostView, palette: Palette, width: int, many: int) -> list[Piece]:
    label, alone, line = palette.style("foreground", LABEL), width >= 100 and many == 1, list[Piece]()
    if host.memory_total:
        used = f"  {gigabytes(host.memory_used)}/{gigabytes(host.memory_total)}"
        line.append(Piece(f"{used} memory" if alone else used, label))
    if host.disk_free and alone:
        line.append(Piece(f"  {gigabytes(host.disk_free)} disk free", label))
    return line
