"""Ticks of an axis and short texts for its numbers.

Rule: plain Python, no state; the same functions label axes, crosshairs and curve ends.
"""

from math import ceil, floor, inf, isfinite, log10

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float) -> str:
    """A number in about five characters: 200, -12.5k, 1.25M, 0.05, 1e-5."""
    if not isfinite(value):
        return "∞" if value == inf else "-∞" if value == -inf else "–"
    size = abs(value)
    if size >= 1e12:
        return f"{value:.0e}".replace("e+", "e")
    for unit, letter in _UNITS:
        if size >= unit and (size >= 1e4 or size % 1000 == 0):
            digits = f"{value / unit:.2f}".rstrip("0").rstrip(".")
            return digits + letter
    if size >= 100 or value == int(value):
        return f"{value:.0f}" if value else "0"
    if size >= 1:
        return f"{value:.4g}"
    return f"{value:.3g}" if size >= 1e-3 else f"{value:.0e}".replace("e-0", "e-")


def reading(value: float) -> str:
    """A value beside a curve: without decimals that flicker."""
    if not isfinite(value):
        return "–"
    size = abs(value)
    if size >= 10:
        return short(float(round(value)))
    return short(round(value, 2) if size >= 0.1 else float(f"{value:.2g}"))


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers in [low, high], in steps of 1, 2, 2.5 or 5."""
    if not (isfinite(low) and isfinite(high) and high > low):
        return [low] if isfinite(low) else []
    raw = (high - low) / max(count, 1)
    if raw <= 0 or not isfinite(raw):
        return [low]
    unit = 10.0 ** floor(log10(raw))
    if unit == 0.0:
        return [low]
    step = next((k * unit for k in (1, 2, 2.5, 5) if k * unit >= raw * 0.999), 10 * unit)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    if last - first > 10 * max(count, 1):  # the range is below the precision of its ends
        return [low]
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten in [low, high], with 2 and 5 between them where there are too few."""
    if not (0 < low < high < inf):
        return []
    first, last = floor(log10(low)), ceil(log10(high))
    every = max(1, ceil((last - first) / max(count, 1)))
    powers = [10.0**k for k in range(first, last + 1, every) if low <= 10.0**k <= high]
    if len(powers) > 2 or every > 1:
        return powers
    marks = [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
    fine = [mark for mark in marks if low <= mark <= high]
    return fine if len(fine) > 1 else ticks(low, high, count)
