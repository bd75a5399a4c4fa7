"""The scores of experiments as rows of dots: every run, their average, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from deeprl_tui.export.canvas import LINE, SOFT, canvas, curve_color, plain


@dataclass(frozen=True, slots=True)
class Dots:
    """The scores of one experiment: each run's, their average, and its interval."""

    name: str
    color: int
    values: Sequence[float]
    average: float | None
    low: float | None
    high: float | None


def scores(rows: Sequence[Dots], solved: float | None, *, width: float) -> Figure:
    """Draw a row of dots for each experiment, the average as a bar, its interval as a line; width: inches."""
    dashed = "" if solved is None else f" (dashed: solved, {solved:g})"
    with canvas(width, 0.75 + 0.31 * len(rows)) as figure:
        axes = figure.subplots()
        plain(axes, small=False)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        for place, row in enumerate(rows):
            color = curve_color(row.color)
            axes.scatter(
                row.values, [place] * len(row.values), s=26, color=color, alpha=0.45, linewidths=0, zorder=2
            )
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place, place], color=color, linewidth=2.2, zorder=3)
            if row.average is not None:
                axes.plot([row.average] * 2, [place - 0.27, place + 0.27], color=color, linewidth=3, zorder=4)
        if solved is not None:
            axes.axvline(solved, color=SOFT, linewidth=0.9, dashes=(4, 3), zorder=1.5)
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        for label, row in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_color(curve_color(row.color))
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.set_xlabel(f"score{dashed}", color=SOFT, fontsize=8.5)
        figure.tight_layout(pad=0.6)
        return figure
