"""Learning curves as pictures: means with bands, every run thin, names at the ends, n in the title.

Rule: a solved line, a band, a smoothed line and a number of runs always say what they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from deeprl_tui.export.canvas import LINE, PAPER, SOFT, TEXT, canvas, curve_color, plain
from deeprl_tui.export.series import Axis, Band, Mean, Metric, Samples, mean
from deeprl_tui.export.words import count

THIN_UP_TO: Final = 60
"""Runs in one panel that are drawn one by one; more would be a carpet."""

AXIS_WORDS: Final[Mapping[Axis, str]] = {
    "steps": "environment steps",
    "episodes": "episodes",
    "seconds": "seconds of training",
    "updates": "updates",
}
METRIC_WORDS: Final[Mapping[Metric, str]] = {
    "return": "return",
    "length": "episode length",
    "eval": "return of evaluations",
    "loss": "loss",
    "epsilon": "epsilon",
    "steps/s": "steps per second",
}
BAND_WORDS: Final[Mapping[Band, str]] = {
    "sd": "band: one standard deviation",
    "minmax": "band: lowest to highest run",
    "ci95": "band: 95 % interval of the mean (from 5 runs on)",
    "none": "no band",
}


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one experiment, drawn as one mean."""

    name: str
    color: int  # place in the list of colors
    runs: Sequence[Samples]

    @property
    def known(self) -> int:
        """Runs that have any value: the n of the mean."""
        return sum(len(run.x) > 0 for run in self.runs)


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands in one pair of axes."""

    title: str
    groups: Sequence[Group]
    solved: float | None = None  # return at which the env counts as solved


@dataclass(frozen=True, slots=True)
class Looks:
    """What is drawn, in which units."""

    metric: Metric = "return"
    axis: Axis = "steps"
    band: Band = "sd"
    smooth: int = 1
    each: bool = True  # every run as a thin line


def curves(panels: Sequence[Panel], looks: Looks, *, columns: int = 1, size: tuple[float, float]) -> Figure:
    """Draw panels below each other, or in columns; size: inches of one panel."""
    rows, across = max(1, ceil(len(panels) / columns)), min(columns, max(1, len(panels)))
    with canvas(size[0] * across, size[1] * rows) as figure:
        grid = figure.subplots(rows, across, squeeze=False)
        flat = [axes for row in grid for axes in row]
        small = columns > 1
        for axes, panel in zip(flat, panels, strict=False):
            _panel(axes, panel, looks, small=small)
        for axes in flat[len(panels) :]:
            axes.set_visible(False)
        if small:
            _share(flat[: len(panels)])
        figure.tight_layout(pad=0.8, h_pad=1.6, w_pad=1.4)
        for axes, panel in zip(flat, panels, strict=False):
            if not small:
                _end_labels(figure, axes, panel, looks)
        return figure


def _panel(axes: Axes, panel: Panel, looks: Looks, *, small: bool) -> None:
    plain(axes, small=small)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    means = _means(panel, looks)
    thin = looks.each and sum(len(group.runs) for group in panel.groups) <= THIN_UP_TO
    for group, drawn in means:
        _group(axes, group, drawn, thin=thin, band=looks.band != "none")
    ends = [drawn.x[-1] for _, drawn in means if len(drawn.x)]
    if ends:
        axes.set_xlim(min(0.0, *(drawn.x[0] for _, drawn in means if len(drawn.x))), _round_end(max(ends)))
    if panel.solved is not None and looks.metric in ("return", "eval"):
        _solved(axes, panel.solved)
    axes.margins(y=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(4 if small else 6))
    axes.yaxis.set_major_locator(MaxNLocator(4 if small else 6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: count(value) if abs(value) >= 1000 else f"{value:g}")
    )
    if not small:
        axes.set_xlabel(AXIS_WORDS[looks.axis], color=SOFT, fontsize=8.5)
    _title(axes, panel, looks, small=small)


def _title(axes: Axes, panel: Panel, looks: Looks, *, small: bool) -> None:
    sizes = sorted({group.known for group in panel.groups})
    n = f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]} to {sizes[-1]}" if sizes else "n = 0"
    if small:
        color = curve_color(panel.groups[0].color) if panel.groups else TEXT
        axes.set_title(f"{panel.title}  {n}", loc="left", color=color, fontsize=8.5, fontweight="bold")
        return
    words = [f"mean of runs, {n}", BAND_WORDS[looks.band]]
    if looks.smooth > 1:
        of = "episodes" if looks.metric in ("return", "length") else "values"
        words.append(f"each run: mean of {looks.smooth} {of}")
    axes.set_title(
        f"{panel.title} · {METRIC_WORDS[looks.metric]}", loc="left", color=TEXT, fontweight="bold", pad=20
    )
    axes.annotate(
        " · ".join(words), (0, 1), (0, 7), "axes fraction", "offset points", color=SOFT, fontsize=8.5
    )


def _means(panel: Panel, looks: Looks) -> list[tuple[Group, Mean]]:
    return [(group, mean(group.runs, looks.band)) for group in panel.groups]


def _group(axes: Axes, group: Group, drawn: Mean, *, thin: bool, band: bool) -> None:
    color = curve_color(group.color)
    if thin:
        for row in drawn.rows:
            axes.plot(drawn.x, row, color=color, linewidth=0.6, alpha=0.35, zorder=2)
    if band:
        axes.fill_between(drawn.x, drawn.low, drawn.high, color=color, alpha=0.13, linewidth=0, zorder=1)
    # Where some runs have ended already, the mean is of the others: drawn fainter.
    whole = np.where(drawn.count == group.known, drawn.mid, np.nan)
    axes.plot(drawn.x, drawn.mid, color=color, linewidth=1.4, alpha=0.45, zorder=3)
    axes.plot(drawn.x, whole, color=color, linewidth=1.9, zorder=4, solid_capstyle="round")


def _solved(axes: Axes, value: float) -> None:
    axes.axhline(value, color=SOFT, linewidth=0.9, dashes=(4, 3), zorder=1.5)
    axes.annotate(
        f"solved {value:g}", (0, value), (3, 3), ("axes fraction", "data"), "offset points",
        color=SOFT, fontsize=7.5, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip


def _round_end(value: float) -> float:
    """The next number of two digits if it is near: runs of 60,000 steps end a little before."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** (floor(log10(value)) - 1)
    nice = ceil(value / unit) * unit
    return nice if nice <= 1.01 * value else value


def _share(all_axes: Sequence[Axes]) -> None:
    """Give small panels the same ranges, so that they can be compared."""
    limits = [(*axes.get_xlim(), *axes.get_ylim()) for axes in all_axes]
    for axes in all_axes:
        axes.set_xlim(min(one[0] for one in limits), max(one[1] for one in limits))
        axes.set_ylim(min(one[2] for one in limits), max(one[3] for one in limits))


def _end_labels(figure: Figure, axes: Axes, panel: Panel, looks: Looks) -> None:
    """Write the names right of the curves, at their ends, moved apart where they would overlap."""
    found: list[tuple[float, Group]] = []
    right = axes.get_xlim()[1]
    for group, drawn in _means(panel, looks):
        known = np.flatnonzero(np.isfinite(drawn.mid))
        if len(known):
            x, y = float(drawn.x[known[-1]]), float(drawn.mid[known[-1]])
            found.append((float(axes.transLimits.transform((0.0, y))[1]), group))
            if x < 0.97 * right:  # it ended earlier: lead the eye to its name
                color = curve_color(group.color)
                axes.plot([x, right], [y, y], color=color, linewidth=0.9, linestyle=(0, (1, 3)), zorder=2)
    found.sort(key=lambda one: one[0])
    height = axes.get_position().height * figure.get_size_inches()[1] * 72
    places = _apart([end for end, _ in found], 11.5 / height)
    same = len({group.known for group in panel.groups}) == 1
    for (end, group), place in zip(found, places, strict=True):
        color = curve_color(group.color)
        text = group.name if same else f"{group.name}  n = {group.known}"
        axes.plot(
            [1.004, 1.018], [end, place], transform=axes.transAxes, clip_on=False, color=color, linewidth=0.8
        )
        axes.text(1.023, place, text, transform=axes.transAxes, color=color, va="center", fontsize=8.5)
    widest = max((len(group.name) + (0 if same else 7) for _, group in found), default=0)
    figure.subplots_adjust(right=max(0.55, 1 - (widest * 5.6 + 24) / (figure.get_size_inches()[0] * 72)))


def _apart(ends: Sequence[float], least: float) -> list[float]:
    """Move sorted places so that neighbors are at least so far apart, as little as possible, within 0 to 1.

    Places that touch become one block around the mean of where they want to be.
    """
    blocks: list[list[float]] = []  # sum of wishes of the first place of the block, number of places
    for end in ends:
        blocks.append([end, 1])
        while len(blocks) > 1 and _start(blocks[-1]) < _start(blocks[-2]) + least * blocks[-2][1]:
            wishes, size = blocks.pop()
            blocks[-1][0] += wishes - size * least * blocks[-1][1]
            blocks[-1][1] += size
    return [place for block in blocks for place in _spread(block, least)]


def _start(block: list[float]) -> float:
    return block[0] / block[1]


def _spread(block: list[float], least: float) -> Iterator[float]:
    for place in range(int(block[1])):
        yield _start(block) + place * least
