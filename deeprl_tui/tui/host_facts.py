"""What is known of one host, a fact on each line.

Rule: pure. What is wrong comes with what can be done, in full.
"""

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.tui import notes
from deeprl_tui.tui.hosts import (
    RECONNECTING,
    SCARCE,
    SILENT,
    UNREACHABLE,
    UP,
    age_words,
    since_words,
    size_words,
    why,
    word_of,
)
from deeprl_tui.tui.present import bar
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import duration, file_size, gigabytes, percent, plural

_NAMES = 12


class _Facts:
    """Lines that grow."""

    def __init__(self, palette: Palette, width: int) -> None:
        self.lines: notes.Lines = []
        self._palette, self._room = palette, max(12, width - _NAMES)

    def add(self, name: str, told: str, role: str = "foreground", strength: float = 0.85) -> None:
        """A fact in as many lines as it takes."""
        for at, part in enumerate(notes.wrapped(told, self._room)):
            self.row("" if at else name, [Piece(part, self._palette.style(role, strength))])

    def row(self, name: str, pieces: list[Piece]) -> None:
        """A fact that is drawn."""
        label = self._palette.style("foreground", LABEL)
        self.lines.append([Piece(name.ljust(_NAMES), label), *pieces])


def fact_lines(host: HostView, palette: Palette, now: float, width: int, push: str = "") -> notes.Lines:
    """What else is known of a host. push: how far a push to it is; empty without one."""
    facts, word = _Facts(palette, width), word_of(host, now)
    machine = host.machine or ("this machine" if host.name == LOCAL else "")
    if machine:
        facts.add("machine", machine)
    if push:
        facts.add("push", push, "accent", 1.0)
    _add_state(facts, host, word, now)
    if host.warning:
        facts.add("warning", host.warning, "warning", 1.0)
    if host.memory_total:
        share = host.memory_used / host.memory_total
        used = f" {size_words(host.memory_used)} of {gigabytes(host.memory_total)}"
        drawn = bar(share, min(10, max(4, width - 26)), palette, "warning" if share > 0.9 else "accent")
        facts.row("memory", [*drawn, Piece(used, palette.style("foreground", 0.85))])
    if host.disk_free:
        scarce = host.disk_free < SCARCE
        told = f"{gigabytes(host.disk_free)} free" + (": nearly full" if scarce else "")
        facts.add("disk", told, *(("warning", 1.0) if scarce else ()))
    if word in (UP, SILENT):
        facts.add("supervisor", "starts what waits" if host.supervisor else "none: nothing waits, or press r")
    if host.ahead:
        side = "ahead of" if host.ahead > 0 else "behind"
        facts.add("clock", f"{duration(abs(host.ahead))} {side} ours", "warning", 1.0)
    if host.version:
        facts.add("deeprl-tui", host.version)
    _add_files(facts, host, palette)
    if host.price is not None:
        rule = "from when it was made, at most" if host.by_age else "for the hours its workers ran"
        facts.add("cost", f"${host.spend or 0.0:.2f} at ${host.price:.2f} an hour, {rule}")
    return facts.lines


def _add_state(facts: _Facts, host: HostView, word: str, now: float) -> None:
    if word == UNREACHABLE:
        facts.add("state", since_words(host, now), "error", 1.0)
    elif word == RECONNECTING:
        facts.add("state", f"reconnecting for {duration(now - host.fault_since)}", "warning", 1.0)
    elif word == SILENT:
        facts.add("state", f"silent for {duration(now - host.heard)}", "warning", 1.0)
    if not host.fault or host.heard:
        facts.add("data", age_words(host, now))
    if host.fault:
        facts.add("why", why(host))
        remedy = host.fault.partition("; ")[2]
        if remedy:
            facts.add("", remedy)
        if host.held:
            facts.add("its runs", "go on there by themselves")


def _add_files(facts: _Facts, host: HostView, palette: Palette) -> None:
    coming = host.coming
    if coming.run:
        share = coming.done / coming.total if coming.total else 0.0
        sizes = f" {percent(share)} of {file_size(coming.total)}"
        if coming.rate:
            sizes += f", {duration((coming.total - coming.done) / coming.rate)} left"
        drawn = bar(share, 10, palette, "accent")
        facts.row("files", [*drawn, Piece(sizes, palette.style("foreground", 0.85))])
        more = f", {plural(coming.runs - 1, 'run')} more" if coming.runs > 1 else ""
        facts.add("", f"{coming.run} {coming.file}{more}")
    elif coming.why and not host.fault:
        facts.add("files", coming.why, "warning", 1.0)
