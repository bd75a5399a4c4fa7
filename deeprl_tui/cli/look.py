"""How numbers, times and states look on a command line. Pure.

Rule: color is never the only sign; every state has its own glyph, the dashboard's.
"""

import math
from collections.abc import Sequence

from deeprl_tui.cli.table import Cell
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.state import RunView

STATES: dict[str, tuple[str, str]] = {
    "running": ("●", "cyan"),
    "stopping": ("◌", "yellow"),
    "queued": ("○", "dim"),
    "paused": ("◇", "dim"),
    "finished": ("✓", "green"),
    "stopped": ("■", "dim"),
    "failed": ("✗", "red"),
    "lost": ("?", "red"),
}
"""Glyph and style by the words of `core.state.word`."""

NOTHING = "–"
_BLOCKS = "▁▂▃▄▅▆▇█"
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def glyph(word: str) -> Cell:
    """A state's sign in its color."""
    return Cell(*STATES[word])


def name(view: RunView) -> tuple[Cell, ...]:
    """A run with its state's sign."""
    word = state.word(view.state)
    faint = "dim" if word == "queued" else ""
    return glyph(word), Cell(" "), Cell(str(view.id), faint)


def count(value: float | None) -> str:
    """A number of steps or episodes in four or five letters: 812, 12.4k, 3.1M."""
    if value is None or not math.isfinite(value):
        return NOTHING
    for size, unit in _UNITS:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            text = f"{scaled:.0f}" if scaled >= 99.95 else f"{scaled:.1f}".removesuffix(".0")
            return text + unit
    return f"{value:.0f}"


def number(value: float | None) -> str:
    """A return: one decimal, none for large ones."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.1f}" if abs(value) < 1000 else count(value)


def size(value: int | None) -> str:
    """Bytes in words."""
    if value is None:
        return NOTHING
    if value >= 1e9:
        return f"{value / 1e9:.1f} GB"
    return f"{value / 1e6:.0f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"


def share(value: float | None) -> str:
    """A share of 1 in percent."""
    return NOTHING if value is None or not math.isfinite(value) else f"{100 * value:.0f}%"


def duration(seconds: float | None) -> str:
    """A time span in its two largest units: 45s, 12m, 3h 05m, 2d 4h."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes}m"
    hours = minutes / 60
    if hours < 24:
        return f"{minutes // 60}h {minutes % 60:02d}m"
    return f"{round(hours) // 24}d {round(hours) % 24}h"


def span(eta: Eta | None) -> str:
    """A range of time spans: 3m to 5m, or one of them if they read the same."""
    if eta is None:
        return NOTHING
    low, high = duration(eta.low), duration(eta.high)
    return low if low == high else f"{low} to {high}"


def done(view: RunView) -> str:
    """What is done of the budget, in the unit of the budget."""
    if view.total_episodes:
        return f"{count(view.episodes)}/{count(view.total_episodes)} ep"
    return f"{count(view.step)}/{count(view.total_steps)}" if view.total_steps else count(view.step)


def bar(view: RunView, width: int) -> tuple[Cell, ...]:
    """A progress bar; done and open differ without color."""
    word = state.word(view.state)
    style = STATES[word][1]
    halves = int(view.progress * width * 2 + 1e-9)  # never shows more than is done
    full = "━" * (halves // 2) + "╸" * (halves % 2)
    return Cell(full, style), Cell("─" * (width - len(full)), "dim")


def transfer(run: str, file: str, done: int, total: int, rate: float, width: int = 10) -> str:
    """How far the files of a run are: bar, share, size, and with a rate (bytes a second) the time left."""
    part = min(1.0, done / total) if total else 1.0
    full = "━" * int(part * width + 1e-9)
    speed = f"  {rate / 1e6:.1f} MB/s  {duration((total - done) / rate)} left" if rate > 0 else ""
    return f"{run} {file}  {full}{'─' * (width - len(full))} {share(part)} of {size(total)}{speed}"


def sparkline(values: Sequence[float], width: int) -> str:
    """The means of `width` parts of the values as blocks; fewer blocks for fewer values."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    parts = min(width, len(known))
    means = []
    for part in range(parts):
        piece = known[part * len(known) // parts : (part + 1) * len(known) // parts]
        means.append(sum(piece) / len(piece))
    low = min(means)
    span = max(means) - low
    if not 0.0 < span < math.inf:
        return _BLOCKS[0] * parts
    return "".join(_BLOCKS[round((mean - low) / span * (len(_BLOCKS) - 1))] for mean in means)


def trouble(view: RunView, now: float) -> str:
    """What a run waits for, that it is stalled or has collapsed; empty if all is well.

    now: wall clock of its host.
    """
    if view.waiting:
        return view.waiting
    still = state.stalled(view, now)
    if still is not None:
        return f"stalled: no step for {duration(still)}"
    if view.collapsed is not None:
        fell = f"{number(view.return_mean)}, was {number(view.best_mean)}"
        return f"collapsed at {count(view.collapsed)}: {fell}"
    return ""


def seeds(numbers: Sequence[int]) -> str:
    """Seeds in short: 0-4 or 0,3,7."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))
