"""What is written on a chart: axes, reference lines, names and values at the curve ends, crosshair.

Rule: writing keeps clear of curves; names are in the color of their curve, so there is no legend.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from deeprl_tui.tui.widgets.chart.area import Curve, Range, row_of
from deeprl_tui.tui.widgets.chart.canvas import BLANK, SHADE, Box, Canvas, Look, Numbers
from deeprl_tui.tui.widgets.scale import (
    log_ticks,
    reading,
    short,
    ticks,
    time_reading,
    time_short,
    time_ticks,
)
from deeprl_tui.tui.words import middle

_GRID: Final = ord("┈")
_SPACING: Final = 18
"""Cells from one shape on a curve to its next."""
_SOLVED: Final = ord("╌")


def draw_axes(canvas: Canvas, box: Box, view: Range, look: Look, quiet: int, x_name: str) -> None:
    grid = canvas.ink(look.ink(look.foreground, 0.13))
    axis = canvas.ink(look.ink(look.foreground, 0.24))
    plot = slice(box.left, box.left + box.width)
    wish = max(2, box.height // 4)
    marks = log_ticks(view.y0, view.y1, wish) if view.log_y else ticks(view.y0, view.y1, wish)
    if box.left:
        canvas.ch[: box.height, box.left - 1] = ord("│")
        canvas.fg[: box.height, box.left - 1] = axis
    used: set[int] = set()
    for value in marks:
        row = row_of(view, box, value)
        if row in used or not view.y0 <= value <= view.y1:
            continue
        used.add(row)
        canvas.ch[row, plot] = _GRID
        canvas.fg[row, plot] = grid
        if box.left:
            text = short(value)
            canvas.put(row, max(0, box.left - 2 - len(text)), text, quiet)
            canvas.put(row, box.left - 1, "┤", axis)
    y, right = box.height, canvas.width - box.labels
    beside = bool(x_name) and box.labels >= len(x_name) + 2
    if beside:
        canvas.put(y, right + 1, x_name, quiet)
    elif x_name and right - box.left > 3 * len(x_name):
        right -= len(x_name) + 2
        canvas.put(y, right + 2, x_name, quiet)
    last = -2
    places = time_ticks if view.time else ticks
    for value in places(view.x0, view.x1, max(2, box.width // 14)):
        text = (time_short if view.time else short)(value)
        at = box.left + int((value - view.x0) / (view.x1 - view.x0) * (box.width - 1) + 0.5)
        at = max(at - len(text) // 2, 0)
        if at > last + 1 and at + len(text) <= right:
            canvas.put(y, at, text, quiet)
            last = at + len(text)


def draw_references(
    canvas: Canvas, box: Box, view: Range, look: Look, refs: Sequence[tuple[float, str]]
) -> None:
    for value, _ in refs:
        if view.y0 <= value <= view.y1:
            row = row_of(view, box, value)
            plot = slice(box.left, box.left + box.width)
            canvas.ch[row, plot] = _SOLVED
            canvas.fg[row, plot] = canvas.ink(look.ink(look.reference, 0.55))


def draw_reference_texts(
    canvas: Canvas, box: Box, view: Range, look: Look, refs: Sequence[tuple[float, str]], tints: Numbers
) -> None:
    """Write each text upon its line, at the first place that no curve crosses."""
    for value, text in refs:
        if not view.y0 <= value <= view.y1 or not 0 < len(text) < box.width:
            continue
        row = row_of(view, box, value)
        ch = canvas.ch[row, box.left + 1 : box.left + box.width]
        crossed = np.concatenate([[0], np.cumsum((ch >= 0x2800) & (ch < 0x2900))])
        free = np.flatnonzero(crossed[len(text) :] == crossed[: -len(text)])
        if free.size:
            x = box.left + 1 + int(free[0])
            canvas.put(row, x, text, canvas.ink(look.ink(look.reference, 0.9)))
            canvas.bg[row, x : x + len(text)] = tints[row, x : x + len(text)]


def draw_shapes(canvas: Canvas, box: Box, view: Range, look: Look, order: Sequence[Curve]) -> None:
    """Put each curve's shape on it, at places of its own, where no other curve lies over it."""
    for number, curve in enumerate(order):
        if not curve.shape:
            continue
        ink = canvas.ink(look.ink(curve.color, bold=True))
        line = {canvas.ink(look.ink(curve.color, bold=look.plain and curve.selected)), ink}
        for cell in range(2 + number * _SPACING // len(order), box.width, _SPACING):
            value = float(curve.mid[2 * cell])
            if not view.y0 <= value <= view.y1:
                continue
            row, x = row_of(view, box, value), box.left + cell
            if 0x2800 <= canvas.ch[row, x] < 0x2900 and int(canvas.fg[row, x]) in line:
                canvas.put(row, x, curve.shape, ink)


def draw_cuts(canvas: Canvas, box: Box, view: Range, look: Look, order: Sequence[Curve]) -> None:
    """Say at the upper and the lower edge where a curve or its band goes on beyond it."""
    for curve in order:
        top = curve.mid if curve.hi is None else np.fmax(curve.mid, curve.hi)
        low = curve.mid if curve.lo is None else np.fmin(curve.mid, curve.lo)
        for row, out, sign in ((0, top > view.y1, "▲"), (box.height - 1, low < view.y0, "▼")):
            for cell in np.flatnonzero(out[::2] | out[1::2]).tolist():
                canvas.put(row, box.left + cell, sign, canvas.ink(look.ink(curve.color)))


class _Label(NamedTuple):
    place: float
    curve: Curve
    value: float
    end: int  # last cell of the curve


def draw_labels(
    canvas: Canvas, box: Box, view: Range, look: Look, order: Sequence[Curve], cross: float | None
) -> None:
    labels: list[_Label] = []
    for curve in order:
        known = np.flatnonzero(np.isfinite(curve.mid))
        at = int(known[-1])
        value = float(curve.mid[at])
        if cross is not None:
            column = int((cross - view.x0) / (view.x1 - view.x0) * len(curve.mid))
            value = float(curve.mid[min(max(column, 0), len(curve.mid) - 1)])
        row = row_of(view, box, value if value == value else float(curve.mid[at]))
        labels.append(_Label(row, curve, value, at // 2))
    if len(labels) > box.height:  # the selected ones are last: keep them
        labels = labels[-box.height :]
    labels.sort(key=lambda label: (label.place, -label.value))
    rows = _apart([int(label.place) for label in labels], box.height)
    x = canvas.width - box.labels
    for row, label in zip(rows, labels, strict=True):
        curve = label.curve
        gone = label.value != label.value
        name = middle(curve.name, box.labels - 8)
        mark = look.ink(curve.color, 0.38 if gone else 1.0 if curve.selected else 0.6)
        if cross is None:
            leader = slice(box.left + label.end + 2, x)
            free = (canvas.ch[row, leader] == BLANK) | (canvas.ch[row, leader] == _GRID)
            free &= canvas.bg[row, leader] == 0
            canvas.ch[row, leader][free] = _GRID
            canvas.fg[row, leader][free] = canvas.ink(look.ink(curve.color, 0.38))
        canvas.put(row, x, curve.shape or ("━" if curve.selected else "─"), canvas.ink(mark))
        number = look.ink(curve.color, 0.38 if gone else 1.0, bold=curve.selected)
        canvas.put(row, x + 1, reading(label.value).rjust(5)[:6], canvas.ink(number))
        word = look.ink(curve.color, 0.38 if gone else 1.0 if curve.selected else 0.75, bold=curve.selected)
        canvas.put(row, x + 7, name, canvas.ink(word))


def _apart(rows: Sequence[int], height: int) -> list[int]:
    """Sorted rows moved so that no two are equal and all are below height."""
    out = list(rows)
    for k in range(1, len(out)):
        out[k] = max(out[k], out[k - 1] + 1)
    limit = height - 1
    for k in range(len(out) - 1, -1, -1):
        out[k] = min(out[k], limit)
        limit = out[k] - 1
    return out


def draw_crosshair(canvas: Canvas, box: Box, view: Range, look: Look, quiet: int, cross: float) -> None:
    share = (cross - view.x0) / (view.x1 - view.x0)
    x = box.left + min(int(share * box.width), box.width - 1)
    column = canvas.ch[: box.height, x]
    free = (column == BLANK) | (column == _GRID) | (column == _SOLVED) | (column == SHADE)
    column[free] = ord("│")
    canvas.fg[: box.height, x][free] = quiet
    text = f" {time_reading(cross) if view.time else short(cross)} "
    at = min(max(x - len(text) // 2, 0), max(0, canvas.width - len(text)))
    below = canvas.ch[box.height]
    for start, step in ((at - 1, -1), (at + len(text), 1)):  # no halves of numbers beside it
        while 0 <= start < canvas.width and below[start] != BLANK:
            below[start] = BLANK
            start += step
    canvas.put(box.height, at, text, canvas.ink(look.ink(look.foreground, reverse=True)))
