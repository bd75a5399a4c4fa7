"""The part of the chart widget that needs numpy: follows the curves it is given and draws them.

Rule: no Textual widgets here, so all of it is tested on arrays; what did not change is not worked out again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from deeprl_tui.core.curve import Axis
from deeprl_tui.core.curve import Curve as Points
from deeprl_tui.tui.widgets.chart.area import Curve, Range, fit_y
from deeprl_tui.tui.widgets.chart.canvas import Box, Frame, Look, layout
from deeprl_tui.tui.widgets.chart.draw import draw
from deeprl_tui.tui.widgets.chart.series import Aggregate, Series, aggregate
from deeprl_tui.tui.widgets.view import View


class CurveSpec(Protocol):
    """One line of the chart: `curve_plot.CurveData` fits."""

    @property
    def name(self) -> str: ...
    @property
    def color(self) -> str: ...
    @property
    def seeds(self) -> Sequence[Points]: ...
    @property
    def selected(self) -> bool: ...


@dataclass(slots=True)
class _Followed:
    points: Points  # held, so that its id stays its own
    state: tuple[int, int, Axis]
    number: int  # never used twice
    series: Series


class Plotter:
    """Curves followed by identity, and the frame of a view on them."""

    def __init__(self) -> None:
        self._followed: dict[int, _Followed] = {}
        self._curves: Sequence[CurveSpec] = ()
        self._numbers = count()
        self._lines: dict[tuple[object, ...], Aggregate] = {}
        self.box = Box(0, 0, 0, 0)
        self.end = 0.0
        """The largest x there is."""
        self.seeds = (0, 0)
        """Of the selected curve, or of the one with most seeds: seeds at most, and at its end."""

    def follow(self, curves: Sequence[CurveSpec], axis: Axis = "step") -> None:
        """Take over what is new in these curves and forget all others."""
        self._curves = curves
        wanted = {id(points): points for curve in curves for points in curve.seeds}
        for gone in self._followed.keys() - wanted.keys():
            del self._followed[gone]
        for key, points in wanted.items():
            state = (points.generation, len(points), axis)
            followed = self._followed.get(key)
            if followed is None or followed.state != state:
                self._followed[key] = _Followed(points, state, next(self._numbers), Series(points, axis))

    def _seeds(self, curve: CurveSpec) -> list[_Followed]:
        """The curve's seeds that have samples."""
        found = (self._followed.get(id(points)) for points in curve.seeds)
        return [seed for seed in found if seed is not None and seed.series.x.size]

    def draw(
        self,
        width: int,
        height: int,
        view: View,
        look: Look,
        refs: Sequence[tuple[float, str]] = (),
        x_name: str = "",
        empty: str = "no episodes yet",
    ) -> Frame:
        """The frame of the followed curves."""
        names = [curve.name for curve in self._curves]
        filled = [self._seeds(curve) for curve in self._curves]
        self.end = max((float(seed.series.x[-1]) for seeds in filled for seed in seeds), default=0.0)
        self.box = layout(width, height, names)
        x0, x1 = view.span(self.end)
        columns = max(self.box.columns, 1)
        lines: dict[tuple[object, ...], Aggregate] = {}
        curves: list[Curve] = []
        most = (False, 0, 0)
        for spec, seeds in zip(self._curves, filled, strict=True):
            # A moved crosshair, another selection or another theme needs no new numbers.
            data = tuple(seed.number for seed in seeds)
            key = (data, x0, x1, columns, view.band, view.smooth)
            line = self._lines.get(key)
            if line is None:
                members = [seed.series for seed in seeds]
                line = aggregate(members, x0, x1, columns, view.band, view.smooth)
            lines[key] = line
            known = line.count[line.count > 0]
            if known.size:
                most = max(most, (spec.selected, int(known.max()), int(known[-1])))
            lo, hi = (None, None) if view.band == "none" else (line.lo, line.hi)
            curves.append(Curve(spec.name, spec.color, line.mid, lo, hi, line.count, spec.selected))
        self._lines = lines
        self.seeds = most[1:]
        y0, y1 = fit_y(curves, refs, view.log_y)
        area = Range(x0, x1, y0, y1, view.log_y)
        return draw(
            width, height, curves, area, look, refs=refs, cross=view.cross, x_name=x_name, empty=empty
        )
