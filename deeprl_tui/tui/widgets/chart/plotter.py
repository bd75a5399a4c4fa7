"""The part of the chart widget that needs numpy: follows the curves it is given and draws them.

Rule: no Textual widgets here, so all of it is tested on arrays; what did not change is not worked out again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from deeprl_tui.core.curve import Axis
from deeprl_tui.core.curve import Curve as Points
from deeprl_tui.tui.widgets.chart.area import Curve, Range, fit_y
from deeprl_tui.tui.widgets.chart.canvas import Box, Frame, Look, layout
from deeprl_tui.tui.widgets.chart.draw import draw
from deeprl_tui.tui.widgets.chart.series import Aggregate, Series, aggregate
from deeprl_tui.tui.widgets.view import AXIS_WORDS, View

SHAPES: Final = "○×△+□*▽◇"
"""By the order of the names, so that they stay when another curve is selected."""


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
    state: tuple[int, int, Axis, bool]
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
        self.area = Range(0.0, 1.0, 0.0, 1.0)
        self.end = 0.0
        """The largest x there is."""
        self.seeds = (0, 0)
        """Of the selected curve, or of the one with most seeds: seeds at most, and at its end."""

    def follow(self, curves: Sequence[CurveSpec], view: View | None = None) -> None:
        """Take over what is new in these curves, as a view needs it, and forget all others."""
        view = view or View()
        ends = view.band == "minmax"
        self._curves = curves
        wanted = {id(points): points for curve in curves for points in curve.seeds}
        for gone in self._followed.keys() - wanted.keys():
            del self._followed[gone]
        for key, points in wanted.items():
            state = (points.generation, len(points), view.axis, ends)
            followed = self._followed.get(key)
            if followed is None or followed.state != state:
                series = Series(points, view.axis, ends=ends)
                self._followed[key] = _Followed(points, state, next(self._numbers), series)
        self.end = max((points.end(view.axis) for points in wanted.values()), default=0.0)

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
        empty: str = "no episodes yet",
    ) -> Frame:
        """The frame of the followed curves."""
        self.box = layout(width, height, [curve.name for curve in self._curves])
        curves = self.curves(view, view.span(self.end), self.box.columns, shapes=look.plain or view.marks)
        self.area = area_of(view, view.span(self.end), curves, refs)
        return draw(
            width, height, curves, self.area, look,
            refs=refs, cross=view.cross, x_name=AXIS_WORDS[view.axis], empty=empty,
        )  # fmt: skip

    def curves(self, view: View, span: tuple[float, float], columns: int, *, shapes: bool) -> list[Curve]:
        """The followed curves in so many columns of a range, single seeds before their means."""
        columns = max(columns, 1)
        lines: dict[tuple[object, ...], Aggregate] = {}
        ghosts: list[Curve] = []
        curves: list[Curve] = []
        names = sorted(spec.name for spec in self._curves)
        most = (False, 0, 0)
        for spec in self._curves:
            seeds = self._seeds(spec)
            # A moved crosshair, another selection or another theme needs no new numbers.
            key = (tuple(seed.number for seed in seeds), span, columns, view.band, view.smooth)
            line = self._lines.get(key)
            if line is None:
                members = [seed.series for seed in seeds]
                line = aggregate(members, *span, columns, view.band, view.smooth)
            lines[key] = line
            known = line.count[line.count > 0]
            if known.size:
                most = max(most, (spec.selected, int(known.max()), int(known[-1])))
            if view.seeds and len(seeds) > 1:
                ghosts += [Curve("", spec.color, row, ghost=True) for row in line.rows]
            lo, hi = (None, None) if view.band == "none" else (line.lo, line.hi)
            shape = SHAPES[names.index(spec.name) % len(SHAPES)] if shapes else ""
            curves.append(
                Curve(spec.name, spec.color, line.mid, lo, hi, line.count, spec.selected, shape=shape)
            )
        self._lines = lines
        self.seeds = most[1:]
        return [*ghosts, *curves]


def area_of(
    view: View, span: tuple[float, float], curves: Sequence[Curve], refs: Sequence[tuple[float, str]]
) -> Range:
    """What the sides of the plot stand for."""
    y0, y1 = view.y or fit_y(curves, refs, view.log_y)
    if view.log_y and not 0 < y0 < y1:
        y0, y1 = fit_y(curves, refs, True)
    return Range(*span, y0, y1, view.log_y, view.axis == "seconds", cut=view.y is None)
