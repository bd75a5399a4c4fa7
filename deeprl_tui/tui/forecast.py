"""What a launch would mean, in words and squares: runs, hosts, times, memory, money.

Rule: pure. Money is the price of a host for an hour times the hours that it works longer.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.eta import Eta, total
from deeprl_tui.core.text import clean
from deeprl_tui.runs.plan import Share
from deeprl_tui.runs.spread import Room
from deeprl_tui.tui import notes
from deeprl_tui.tui.launching import Outlook
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import NONE as NOTHING
from deeprl_tui.tui.words import clock, duration, duration_range, gigabytes, middle, plural

MOST_SQUARES: Final = 24
MOST_HOSTS: Final = 4


def plan_lines(outlook: Outlook, palette: Palette, now: float, width: int = 60) -> notes.Lines:
    """What would run, where, when it will be done, and what it takes."""
    plan = outlook.plan
    quiet, text = palette.style("foreground", LABEL), palette.style()
    strong = palette.style("accent", bold=True)
    cores, busy = len(plan.cores), min(plan.busy, len(plan.cores))
    asked = sum(len(part.seeds) for part in plan.parts)
    head = [Piece(plural(plan.runs, "new run"), strong)]
    if plan.runs:
        rooms = [(share.room, share.runs) for share in outlook.shares.values()] or [
            (Room(cores, busy), plan.runs)
        ]
        waves = max(_waves(room, runs) for room, runs in rooms)
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
    if outlook.shares:
        lines += _share_lines(outlook.shares, palette)
    else:
        room = Room(cores, busy)
        line = [*_squares(room, plan.runs, palette), Piece(f"  {cores - busy} of {cores} free", quiet)]
        lines.append([Piece(LOCAL.ljust(10), quiet), *line])
    lines += _facts(outlook, palette, now, width)
    return lines


def _waves(room: Room, runs: int) -> int:
    """How often new runs begin on a host, if all take as long; 0 without a core."""
    free = max(0, room.cores - room.busy)
    late = max(0, runs - free)
    return (1 if runs else 0) + ceil(late / room.cores) if room.cores else 0


def _share_lines(shares: Mapping[str, Share], palette: Palette) -> notes.Lines:
    """Each host: its cores, its new runs, when it is done, for how much; those with most new runs first."""
    quiet, text = palette.style("foreground", LABEL), palette.style()
    order = sorted(shares, key=lambda name: -shares[name].runs)
    shown, rest = order[:MOST_HOSTS], order[MOST_HOSTS:]
    if len(rest) == 1:
        shown, rest = order, []
    strip = max(min(shares[name].room.cores, MOST_SQUARES) for name in shown)
    lines: notes.Lines = []
    for name in shown:
        share = shares[name]
        squares = _squares(share.room, share.runs, palette)
        gap = strip - sum(len(piece.text) for piece in squares)
        line = [Piece(middle(clean(name), 9).ljust(10), quiet), *squares, Piece(" " * gap, quiet)]
        if share.runs:
            line.append(Piece(f" {plural(share.runs, 'run'):>7}", text))
            if share.finish is not None:
                line.append(Piece(f"  {duration_range(share.finish)}", quiet))
            if share.cost is not None:
                line.append(Piece(f"  {dollars(share.cost)}", quiet))
        else:
            full = share.room.busy >= share.room.cores
            line.append(Piece("  full" if full else "  nothing", quiet))
        lines.append(line)
    if rest:
        runs = sum(shares[name].runs for name in rest)
        lines.append([Piece(f"{'and':<10}{len(rest)} hosts more, {plural(runs, 'run')} there", quiet)])
    return lines


def _squares(room: Room, runs: int, palette: Palette) -> list[Piece]:
    """Cores that are taken, that new runs take, that stay free; fewer squares for very many."""
    scale = max(1.0, room.cores / MOST_SQUARES)
    busy = min(room.busy, room.cores)
    new = min(runs, room.cores - busy)
    ends = [round(number / scale) for number in (busy, busy + new, room.cores)]
    return [
        Piece("▪" * ends[0], palette.style("foreground", 0.6)),
        Piece("■" * (ends[1] - ends[0]), palette.style("accent", bold=True)),
        Piece("·" * (ends[2] - ends[1]), palette.style("foreground", LABEL)),
    ]


def dollars(cost: Eta) -> str:
    """`$1.20–1.45`, `<$0.01`."""
    if cost.high < 0.01:
        return "<$0.01"
    low, high = f"{cost.low:.2f}", f"{cost.high:.2f}"
    return f"${low}" if low == high else f"${low}–{high}"


def _facts(outlook: Outlook, palette: Palette, now: float, width: int) -> notes.Lines:
    plan, quiet = outlook.plan, palette.style("foreground", LABEL)
    lines: notes.Lines = []

    def fact(name: str, told: str, role: str = "foreground") -> None:
        for at, part in enumerate(notes.wrapped(told, width - 10)):
            lines.append([Piece(("" if at else name).ljust(10), quiet), Piece(part, palette.style(role))])

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
    crowded = [name for name, share in outlook.shares.items() if share.crowded]
    for name in crowded[:2]:
        share = outlook.shares[name]
        told = f"{gigabytes(share.memory or 0)} of {gigabytes(share.room.memory)} free: expect swapping"
        fact("memory", f"{clean(name)}: {told}", "warning")
    if outlook.shares and not crowded and any(share.memory for share in outlook.shares.values()):
        fact("memory", "enough is free on each host")
    for told in outlook.warnings:
        fact("warning", told, "warning")
    if plan.runs:
        disk = NOTHING if outlook.disk is None else f"~{gigabytes(max(2**20, outlook.disk))}"
        enough = outlook.disk is None or outlook.disk < outlook.disk_free
        fact("disk", f"{disk} of {gigabytes(outlook.disk_free)} free", "foreground" if enough else "error")
        fact("cost", _cost(outlook.shares))
    return lines


def _cost(shares: Mapping[str, Share]) -> str:
    """What the launch costs: the price of each host times the hours that it works longer."""
    busy = {name: share for name, share in shares.items() if share.runs}
    priced = {name: share for name, share in busy.items() if share.room.price is not None}
    if not priced:
        return f"{NOTHING}  no host has a price" if busy else f"{NOTHING}  without a price"
    rest = ", ".join(clean(name) for name in busy if name not in priced)
    free = f", {rest} not counted" if rest else ""
    known = [share.cost for share in priced.values() if share.cost is not None]
    hourly = sum(share.room.price or 0.0 for share in priced.values())
    if len(known) < len(priced):
        return f"${hourly:.2f} an hour{free}"
    return f"{dollars(total(known))} at ${hourly:.2f} an hour{free}"
