"""Numbers and times as the screens spell them.

Rule: pure, short, and without decimals that flicker; a range is written as a range.
"""

import time
from collections.abc import Callable
from math import ceil, floor, isfinite

from deeprl_tui.core.eta import Eta

NONE = "–"
"""Stands where there is no value."""


def duration(seconds: float | None) -> str:
    """How long: `40s`, `4m`, `1h 20m`, `3d 4h`."""
    if seconds is None or not isfinite(seconds):
        return NONE
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)}s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    if hours < 10:
        return f"{hours}h {rest:02d}m" if rest else f"{hours}h"
    hours = round(minutes / 60)
    if hours < 48:
        return f"{hours}h"
    days, left = divmod(hours, 24)
    return f"{days}d {left}h" if left and days < 10 else f"{days}d"


def duration_range(eta: Eta | None) -> str:
    """How long, from the least to the most likely: `31–36m`, `50m–1h 10m`."""
    if eta is None:
        return NONE
    low, high = duration(eta.low), duration(eta.high)
    if low == high:
        return low
    if low[-1] == high[-1] and " " not in low + high:
        return f"{low[:-1]}–{high}"
    return f"{low}–{high}"


def tight_range(eta: Eta | None) -> str:
    """The same in six characters, rounded outward: `31–36m`, `50m–2h`, `1–3d`; nothing without an eta."""
    if eta is None:
        return ""
    shown = duration_range(eta)
    if len(shown) <= 6:
        return shown
    low, least = _coarse(eta.low, floor)
    high, most = _coarse(eta.high, ceil)
    shown = f"{low}–{high}{most}" if least == most else f"{low}{least}–{high}{most}"
    return shown if len(shown) <= 6 else f"<{high}{most}"


def _coarse(seconds: float, whole: Callable[[float], int]) -> tuple[int, str]:
    """In the largest unit of which there is one; days from two on."""
    for unit, letter in ((86400.0, "d"), (3600.0, "h")):
        if seconds >= (2 * unit if letter == "d" else unit):
            return whole(seconds / unit), letter
    return max(1, whole(seconds / 60)), "m"


def count(value: float | None) -> str:
    """A number of steps or episodes: `950`, `9.5k`, `212k`, `1.25M`."""
    if value is None or not isfinite(value):
        return NONE
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            scaled = value / unit
            text = f"{scaled:.0f}" if abs(scaled) >= 100 else f"{scaled:.3g}"
            return text + letter
    return f"{value:.0f}"


def rate(value: float | None) -> str:
    """Steps per second in four characters: `950`, `1.2k`, `12k`."""
    if value is None or not isfinite(value):
        return NONE
    if value < 999.5:
        return f"{value:.0f}"
    return f"{value / 1e3:.1f}k" if value < 9950 else f"{value / 1e3:.0f}k"


def number(value: float | None) -> str:
    """A return or a loss in six characters at most."""
    if value is None or not isfinite(value):
        return NONE
    size = abs(value)
    if size >= 100_000:
        return count(value)
    if size >= 20 or value == int(value):
        text = f"{value:.0f}"
        return "0" if text == "-0" else text
    return f"{value:.1f}" if size >= 1 else f"{value:.2g}"


def percent(share: float | None) -> str:
    """`74%`; never 100% before it is all."""
    if share is None:
        return NONE
    return f"{int(share * 100 + 1e-9)}%"


def gigabytes(size: float) -> str:
    """`11G`, `1.4G`, `350M`."""
    scaled = size / 2**30
    if scaled >= 9.95:
        return f"{scaled:.0f}G"
    return f"{scaled:.1f}G" if scaled >= 0.95 else f"{size / 2**20:.0f}M"


def file_size(size: float) -> str:
    """`310 B`, `12 kB`, `1.4 MB`, `350 MB`, `2.1 GB`."""
    for unit, letter in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            scaled = size / unit
            return f"{scaled:.0f} {letter}" if scaled >= 9.95 else f"{scaled:.1f} {letter}"
    return f"{size:.0f} B"


def clock(at: float, *, seconds: bool = False) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(at))


def middle(text: str, room: int) -> str:
    """A long name without its middle: derived names differ at the end."""
    if len(text) <= room or room < 4:
        return text[: max(0, room)] if room < 4 else text
    head = (room - 1) // 2
    return f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"


def plural(many: int, one: str, more: str = "") -> str:
    """`1 run`, `3 runs`."""
    return f"{many} {one if many == 1 else more or one + 's'}"


def value_text(value: object) -> str:
    """A setting as experiments.toml writes it, in short."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case int():
            return count(value) if abs(value) >= 10_000 and value % 1000 == 0 else str(value)
        case list() | tuple():
            return "[" + ", ".join(value_text(item) for item in value) + "]"
        case _:
            return str(value)
