"""What part of the data a chart shows, and how: range of x, log y, band, smoothing, crosshair.

Rule: plain values without numpy or Textual; every change returns a new View.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from deeprl_tui.core.curve import Axis

Band: TypeAlias = Literal["sd", "ci95", "minmax", "none"]

BANDS: Final[tuple[Band, ...]] = get_args(Band)
SMOOTH: Final = (0.85, 0.95, 0.0, 0.6)
_BAND_WORDS: Final[dict[Band, str]] = {
    "sd": "mean ± sd",
    "ci95": "mean ± 95% CI",
    "minmax": "mean, min–max",
    "none": "mean",
}
_DEEPEST: Final = 1e-6
"""The smallest share of the whole that can be zoomed to."""


@dataclass(frozen=True, slots=True)
class View:
    """How a chart looks at its data. `end` in the methods is the largest x there is."""

    x: tuple[float, float] | None = None  # None: all, and growing with the data
    log_y: bool = False
    band: Band = "sd"
    smooth: float = SMOOTH[0]
    cross: float | None = None  # the x of the crosshair, so it stays where it is when the view moves
    axis: Axis = "step"

    def span(self, end: float) -> tuple[float, float]:
        """The range of x to draw; never empty."""
        whole = (0.0, end if end > 0 else 1.0)
        return whole if self.x is None else self.x

    def zoom(self, factor: float, end: float, at: float | None = None) -> "View":
        """The range times `factor` around x = `at` (the crosshair or the middle if None)."""
        x0, x1 = self.span(end)
        if at is None:
            at = self.cross if self.cross is not None and x0 <= self.cross <= x1 else (x0 + x1) / 2
        low, high = at - (at - x0) * factor, at + (x1 - at) * factor
        whole = self._whole(end)
        if high - low >= whole:
            return replace(self, x=None)
        if high - low < whole * _DEEPEST:
            return self
        return replace(self, x=self._inside(low, high, whole))

    def pan(self, share: float, end: float) -> "View":
        """The range moved by a share of its width, within the data."""
        if self.x is None:
            return self
        x0, x1 = self.x
        move = share * (x1 - x0)
        return replace(self, x=self._inside(x0 + move, x1 + move, max(self._whole(end), x1 - x0)))

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
    if view.x is not None:
        parts.append("zoomed")
    return " · ".join(part for part in parts if part)
