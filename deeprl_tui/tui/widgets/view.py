"""What part of the data a chart shows, and how: ranges, axis, log y, band, smoothing, crosshair.

Rule: plain values without numpy or Textual; every change returns a new View.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from deeprl_tui.core.curve import AXES, Axis

Band: TypeAlias = Literal["sd", "ci95", "minmax", "none"]
Range: TypeAlias = tuple[float, float]

BANDS: Final[tuple[Band, ...]] = get_args(Band)
SMOOTH: Final = (0.85, 0.95, 0.0, 0.6)
AXIS_WORDS: Final[Mapping[Axis, str]] = {
    "step": "env steps",
    "episode": "episodes",
    "seconds": "training time",
    "updates": "updates",
}
_BAND_WORDS: Final[dict[Band, str]] = {
    "sd": "mean ± sd",
    "ci95": "mean ± 95% CI",
    "minmax": "mean, min–max",
    "none": "mean",
}
_DEEPEST: Final = 1e-6
"""The smallest share of the whole that can be zoomed to."""
_TAIL: Final = 0.2
"""The share of the whole that is shown when its end is to be followed and nothing was zoomed."""


@dataclass(frozen=True, slots=True)
class View:
    """How a chart looks at its data. `end` in the methods is the largest x there is."""

    x: Range | None = None  # None: all, and growing with the data
    log_y: bool = False
    band: Band = "sd"
    smooth: float = SMOOTH[0]
    cross: float | None = None  # the x of the crosshair, so it stays where it is when the view moves
    axis: Axis = "step"
    y: Range | None = None  # None: what the curves need
    tail: bool = False  # the range of x moves on with the data
    seeds: bool = False  # each seed as a faint line
    marks: bool = False  # a shape on each curve

    def span(self, end: float) -> Range:
        """The range of x to draw; never empty."""
        if self.x is None:
            return 0.0, end if end > 0 else 1.0
        if self.tail:
            width = self.x[1] - self.x[0]
            return max(0.0, end - width), max(end, width)
        return self.x

    def zoom(self, factor: float, end: float, at: float | None = None) -> "View":
        """The range times `factor` around `at`; None: the followed end, the crosshair or the middle."""
        x0, x1 = self.span(end)
        if at is None:
            seen = self.cross is not None and x0 <= self.cross <= x1
            at = x1 if self.tail else self.cross if seen and self.cross is not None else (x0 + x1) / 2
        low, high = at - (at - x0) * factor, at + (x1 - at) * factor
        whole = self._whole(end)
        if high - low >= whole:
            return replace(self, x=None, tail=False)
        if high - low < whole * _DEEPEST:
            return self
        return replace(self, x=self._inside(low, high, whole), tail=self.tail and high >= end)

    def pan(self, share: float, end: float) -> "View":
        """The range moved by a share of its width, within the data."""
        if self.x is None:
            return self
        x0, x1 = self.span(end)
        move = share * (x1 - x0)
        moved = self._inside(x0 + move, x1 + move, max(self._whole(end), x1 - x0))
        return replace(self, x=moved, tail=self.tail and share >= 0)

    def box(self, x: Range, y: Range | None, end: float) -> "View":
        """The part between two places of x, and of y; too small a part changes nothing."""
        low, high = max(0.0, min(x)), min(max(x), self._whole(end))
        if not high - low > self._whole(end) * _DEEPEST or (y is not None and not max(y) > min(y)):
            return self
        return replace(self, x=(low, high), y=self.y if y is None else (min(y), max(y)), tail=False)

    def fit(self) -> "View":
        """Everything."""
        return replace(self, x=None, y=None, tail=False)

    def follow(self, end: float) -> "View":
        """Move on with the data, or hold still; the end of it if nothing was zoomed."""
        x0, x1 = self.span(end)
        if self.tail:
            return replace(self, x=(x0, x1), tail=False)
        return replace(self, x=(x1 - _TAIL * (x1 - x0), x1) if self.x is None else self.x, tail=True)

    def move_cross(self, columns: int, count: int, end: float) -> "View":
        """The crosshair moved by columns of `count`; it starts in the middle and stays in the range."""
        x0, x1 = self.span(end)
        width = (x1 - x0) / max(count, 1)
        at = (x0 + x1) / 2 if self.cross is None else self.cross + columns * width
        return replace(self, cross=min(max(at, x0), x1))

    def next_band(self) -> "View":
        """The band after this one."""
        return replace(self, band=BANDS[(BANDS.index(self.band) + 1) % len(BANDS)])

    def next_smooth(self) -> "View":
        """The smoothing after this one."""
        here = SMOOTH.index(self.smooth) if self.smooth in SMOOTH else -1
        return replace(self, smooth=SMOOTH[(here + 1) % len(SMOOTH)])

    def next_axis(self) -> "View":
        """All, over the axis after this one."""
        axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        return replace(self, axis=axis, x=None, cross=None, tail=False)

    @staticmethod
    def _whole(end: float) -> float:
        return end if end > 0 else 1.0

    @staticmethod
    def _inside(low: float, high: float, whole: float) -> tuple[float, float]:
        shift = max(0.0, -low) - max(0.0, high - whole)
        return low + shift, high + shift


def seeds_text(band: Band, most: int, now: int) -> str:
    """What the line and its band are: `mean ± sd of 5 seeds, 3 at end`."""
    if most == 0:
        return ""
    if most == 1:
        return "samples min–max of 1 seed" if band == "minmax" else "1 seed"
    of = f"of {most} seeds" + (f", {now} at end" if 0 < now < most else "")
    if band == "ci95" and most < 5:
        return f"mean {of}, 95% CI needs 5"
    return f"{_BAND_WORDS[band]} {of}"


def caption(view: View, most: int, now: int) -> str:
    """A chart's caption: what is drawn, of how many seeds, and what was done to it."""
    parts = [seeds_text(view.band, most, now)]
    if view.smooth > 0:
        parts.append(f"smooth {view.smooth:g}")
    if view.log_y:
        parts.append("log y")
    if view.tail:
        parts.append("follows the end")
    elif view.x is not None or view.y is not None:
        parts.append("zoomed")
    return " · ".join(part for part in parts if part)
