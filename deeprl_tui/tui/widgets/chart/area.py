"""What a chart shows: its curves and the range of its axes.

Rule: plain data; where a value stands is decided here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from deeprl_tui.tui.widgets.chart.canvas import Box
from deeprl_tui.tui.widgets.chart.series import Floats, Ints


class Range(NamedTuple):
    """What the four sides of the plot stand for."""

    x0: float
    x1: float
    y0: float
    y1: float
    log_y: bool = False
    time: bool = False  # x is seconds
    cut: bool = False  # what lies outside in y was cut off by `fit_y`, so it is told

    def heights(self, values: Floats) -> Floats:
        """Place of values from the bottom, 0, to the top, 1. NaN where there is none."""
        if not self.log_y:
            return (values - self.y0) / (self.y1 - self.y0)
        low, high = np.log10(self.y0), np.log10(self.y1)
        out = np.full(values.shape, np.nan)
        np.log10(values, out=out, where=values > 0)
        result: Floats = (out - low) / (high - low)
        return result


@dataclass(slots=True)
class Curve:
    """One line: a value for each half cell of the plot, and perhaps a band."""

    name: str
    color: str
    mid: Floats
    lo: Floats | None = None
    hi: Floats | None = None
    count: Ints | None = None  # seeds per column; where there are fewer than elsewhere the line is fainter
    selected: bool = False
    ghost: bool = False  # one seed among others: faint, behind all, without a label
    shape: str = ""  # a character that stands on the line here and there, and beside its name


_RARE: Final = 1.0
"""Percent of the values at either end that may be cut off."""
_FAR: Final = 2.0
"""They are, if they lie beyond the others by this many times the others' range."""
_FEW: Final = 50
"""With fewer values nothing is cut off."""


def fit_y(curves: Sequence[Curve], refs: Sequence[tuple[float, str]], log_y: bool) -> tuple[float, float]:
    """The range of y that holds all curves, their bands, and reference lines that are near.

    A few values that are far from all others are left out, unless a curve ends there.
    """
    arrays = [v for curve in curves for v in (curve.mid, curve.lo, curve.hi) if v is not None]
    values = np.concatenate(arrays) if arrays else np.empty(0)
    values = values[np.isfinite(values) & ((values > 0) | (not log_y))]
    if not values.size:
        return (0.1, 1.0) if log_y else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if not log_y and values.size >= _FEW:
        ends = [float(known[-1]) for curve in curves if (known := curve.mid[np.isfinite(curve.mid)]).size]
        low, high = _common(values, low, high, ends)
    if log_y:
        near = [v for v, _ in refs if low / 3 <= v <= high * 3]
        return min([low, *near]) * 0.9, max([high, *near]) * 1.1
    reach = 0.35 * (high - low)
    near = [v for v, _ in refs if low - reach <= v <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    room = high - low
    if not room > 1e-9 * max(abs(low), abs(high)):
        room = abs(high) or 1.0
    return low - 0.04 * room, high + 0.05 * room


def _common(values: Floats, low: float, high: float, ends: Sequence[float]) -> tuple[float, float]:
    """The range without what is rare and far away."""
    least, most = np.percentile(values, (_RARE, 100 - _RARE)).tolist()
    reach = most - least
    if reach > 0 and high > most + _FAR * reach:
        high = max(most + 0.1 * reach, *ends)
    if reach > 0 and low < least - _FAR * reach:
        low = min(least - 0.1 * reach, *ends)
    return low, high


def row_of(view: Range, box: Box, value: float) -> int:
    """The plot row in which a value stands, kept within the plot."""
    up = float(view.heights(np.array([value]))[0])
    return int(min(max((1 - up) * box.height, 0), box.height - 1)) if up == up else box.height - 1
