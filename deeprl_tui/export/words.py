"""How numbers, times and settings read in a report and on a picture. Pure."""

import math
import time

NOTHING = "–"


def count(value: float | None) -> str:
    """A number of steps or episodes in short: 812, 12.4k, 3.1M."""
    if value is None or not math.isfinite(value):
        return NOTHING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}" if value != round(value) else f"{value:.0f}"


def number(value: float | None, digits: int = 1) -> str:
    """A return or a share with so many decimals."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def duration(seconds: float | None) -> str:
    """A time span in its two largest units."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def when(at: float | None) -> str:
    """A moment in universal time, to the minute."""
    if at is None or not math.isfinite(at):
        return NOTHING
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def times(number: int, noun: str) -> str:
    """A number with its noun: 1 run, 2 runs."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
