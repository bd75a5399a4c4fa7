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


_SPANS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))
_ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def time_short(seconds: float) -> str:
    """A time from the start in the largest unit that leaves at most one decimal: 45s, 1.5h, 90m, 2d."""
    if not isfinite(seconds):
        return short(seconds)
    for unit, letter in _SPANS:
        scaled = seconds / unit
        if scaled >= 1 and abs(scaled * 10 - round(scaled * 10)) < 1e-6:
            return f"{scaled:.1f}".removesuffix(".0") + letter
    return f"{seconds:.3g}s" if seconds else "0"


def time_reading(seconds: float) -> str:
    """A time from the start, to the second below an hour: 12m 40s, 3h 05m."""
    whole = int(seconds) if isfinite(seconds) else 0
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}h {rest // 60:02d}m"
    return f"{rest // 60}m {rest % 60:02d}s" if rest >= 60 else f"{seconds:.3g}s"


def time_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round times in [low, high]."""
    raw = (high - low) / max(count, 1)
    step = next((float(step) for step in _ROUND_S if step >= raw * 0.999), None)
    if not raw >= 1:
        return ticks(low, high, count)
    if step is None:
        return [86400 * day for day in ticks(low / 86400, high / 86400, count)]
    return [k * step for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
