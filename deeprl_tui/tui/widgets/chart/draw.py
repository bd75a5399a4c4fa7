"""The chart as characters: bands, lines, grid, labels at the curve ends, crosshair.

Rule: a pure function from arrays to a Frame; it never fails, whatever the size and the data. Later curves
stand before earlier ones and the selected one before all: a cell belongs to one line, because the dots of two
would both get the color of one.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from deeprl_tui.tui.colors import mix
from deeprl_tui.tui.widgets.chart.area import Curve, Range
from deeprl_tui.tui.widgets.chart.canvas import BLANK, SHADE, Box, Canvas, Frame, Look, Numbers, layout
from deeprl_tui.tui.widgets.chart.glyphs import BAND_FILL, BAND_GLYPHS, BAND_INVERTED, DOTS
from deeprl_tui.tui.widgets.chart.marks import (
    draw_axes,
    draw_crosshair,
    draw_cuts,
    draw_labels,
    draw_reference_texts,
    draw_references,
    draw_shapes,
)

GHOST: Final = 0.42
"""How much of a curve's color its single seeds have."""
_WEAKER: Final = 1 << 20  # times 1 to 3 upon the number of a tint: covers as many quarters of a cell


def draw(
    width: int,
    height: int,
    curves: Sequence[Curve],
    view: Range,
    look: Look,
    *,
    refs: Sequence[tuple[float, str]] = (),
    cross: float | None = None,
    x_name: str = "",
    empty: str = "no episodes yet",
    labels: bool = True,
) -> Frame:
    """Draw curves whose arrays have `layout(width, height, names).columns` values, spread over the x range.

    `refs` are dashed lines (value, text). `cross` is an x: labels then tell the values there.
    """
    canvas = Canvas(max(width, 0), max(height, 0))
    names = [curve.name for curve in curves if not curve.ghost and labels]
    box = layout(canvas.width, canvas.height, names)
    shown = [curve for curve in curves if np.isfinite(curve.mid).any()]
    quiet = canvas.ink(look.ink(look.foreground, 0.52))
    if not shown or box.width < 4 or box.height < 2:
        if not shown:
            canvas.put(canvas.height // 2, max(0, (canvas.width - len(empty)) // 2), empty, quiet)
        return canvas.frame()
    order = sorted((curve for curve in shown if not curve.ghost), key=lambda curve: curve.selected)
    ghosts = [curve for curve in shown if curve.ghost]
    with np.errstate(all="ignore"):
        draw_axes(canvas, box, view, look, quiet, x_name)
        draw_references(canvas, box, view, look, refs)
        tints = _bands(canvas, box, view, look, order)
        _lines(canvas, box, view, look, ghosts, tints)
        _lines(canvas, box, view, look, order, tints)
        draw_shapes(canvas, box, view, look, order)
        if view.cut:
            draw_cuts(canvas, box, view, look, order)
        draw_reference_texts(canvas, box, view, look, refs, tints)
        if box.labels:
            draw_labels(canvas, box, view, look, order, cross)
        if cross is not None and view.x0 <= cross <= view.x1:
            draw_crosshair(canvas, box, view, look, quiet, cross)
    return canvas.frame()


def _bands(canvas: Canvas, box: Box, view: Range, look: Look, order: Sequence[Curve]) -> Numbers:
    """Tint the cells between lo and hi, edges in eighths of a cell, or quarters where they are steep.

    A tint lies over at most one other: the sum of many colors is gray and says nothing. Returns tints for
    what is written over the bands: as strong as the part of the cell that they cover.
    """
    count = len(order) + 1
    clear = count * count
    canvas.tints[clear] = look.background
    alphas = (0.22, 0.11) if look.dark else (0.18, 0.09)
    weak: Numbers = np.zeros_like(canvas.bg)
    for number, curve in enumerate(order, 1):
        if curve.lo is None or curve.hi is None or (look.plain and not curve.selected):
            continue
        top = (1 - view.heights(curve.hi)) * (8 * box.height)
        low = curve.lo
        if view.log_y:
            low = np.where(low > 0, low, np.where(np.isfinite(low), view.y0 / 10, np.nan))
        bottom = (1 - view.heights(low)) * (8 * box.height)
        known = np.isfinite(top) & np.isfinite(bottom) & (bottom > top)
        if not known.any():
            continue
        limit = 8.0 * box.height
        top = np.where(known, np.rint(_within(top, 0, limit)), limit).astype(np.int32)
        bottom = np.where(known, np.rint(_within(bottom, 0, limit)), 0).astype(np.int32)
        first, last = int(top[known].min()) // 8, -(-int(bottom[known].max()) // 8)
        if last <= first:
            continue
        rows = np.arange(first, last, dtype=np.int32)[:, None] * 8
        start = _within(top - rows, 0, 8)
        stop = np.maximum(_within(bottom - rows, 0, 8), start)
        edges = start * 9 + stop
        key = edges[:, ::2] * 81 + edges[:, 1::2]
        part = np.s_[first:last, box.left : box.left + box.width]
        ch, fg, bg = canvas.ch[part], canvas.fg[part], canvas.bg[part]
        fill = BAND_FILL[key]
        if look.plain:
            shade = (fill >= 8) & (ch == BLANK)
            ch[shade] = SHADE
            fg[shade] = canvas.ink(look.ink(curve.color, 0.5))
            continue
        tint = number * count + bg // count
        full = fill == 16
        ch[full & (fg < 0)] = BLANK
        fg[full & (fg < 0)] = 0
        bg[full] = weak[part][full] = tint[full]
        edge = (fill > 0) & ~full
        other = edge & BAND_INVERTED[key]
        ch[edge] = BAND_GLYPHS[key[edge]]
        fg[edge] = -tint[edge]
        weak[part][edge] = tint[edge] + ((fill[edge].astype(np.int32) - 1) // 4 + 1) % 4 * _WEAKER
        fg[other] = -np.where(bg[other] == 0, clear, bg[other])  # the glyph shows what is not in the band
        bg[other] = tint[other]
    for tint_number in _tints_used(canvas, weak):
        over, under = order[tint_number // count - 1], tint_number % count
        color = look.background
        if under:
            color = mix(color, order[under - 1].color, alphas[1] / 2)
        alpha = alphas[0] if over.selected else alphas[1]
        canvas.tints[tint_number] = mix(color, over.color, alpha)
        for quarters in (1, 2, 3):
            canvas.tints[tint_number + quarters * _WEAKER] = mix(
                color, over.color, alpha * (quarters + 1) / 5
            )
    return weak


def _tints_used(canvas: Canvas, weak: Numbers) -> set[int]:
    used = set(np.unique(canvas.bg).tolist()) | set(np.unique(weak % _WEAKER).tolist())
    used |= set((-np.unique(np.minimum(canvas.fg, 0))).tolist())
    return used - {0} - canvas.tints.keys()


def _within(values: Any, low: float, high: float) -> Any:
    """np.clip, at a third of its fixed cost."""
    return np.minimum(np.maximum(values, low), high)


def _lines(canvas: Canvas, box: Box, view: Range, look: Look, order: Sequence[Curve], tints: Numbers) -> None:
    dots = 4 * box.height
    for curve in order:
        at = (1 - view.heights(curve.mid)) * dots - 0.5
        known = np.isfinite(at)
        if not known.any():
            continue
        at = np.where(known, _within(at, -4, dots + 4), np.nan)
        left, right = np.full((2, len(at)), np.nan)
        left[1:] = (at[1:] + at[:-1]) / 2
        right[:-1] = left[1:]
        low = np.where(known, np.rint(np.fmin(np.fmin(left, right), at)), dots + 8).astype(np.int32)
        high = np.where(known, np.rint(np.fmax(np.fmax(left, right), at)) + 1, -8).astype(np.int32)
        high[known] += curve.selected  # two dots thick
        first = max(0, int(low.min()) // 4)
        last = min(box.height, -(-int(high.max()) // 4))
        if last <= first:
            continue
        rows = np.arange(first, last, dtype=np.int32)[:, None] * 4
        key = _within(low - rows, 0, 4) * 5 + _within(high - rows, 0, 4)
        code = DOTS[0][key[:, ::2]] | DOTS[1][key[:, 1::2]]
        mine = code > 0
        part = np.s_[first:last, box.left : box.left + box.width]
        ch, fg = canvas.ch[part], canvas.fg[part]
        canvas.bg[part][mine] = tints[part][mine]
        ch[mine] = 0x2800 + code[mine]
        strength = GHOST if curve.ghost else 1.0
        ink = canvas.ink(look.ink(curve.color, strength, bold=look.plain and curve.selected))
        fg[mine] = ink
        if curve.count is not None and not curve.ghost:
            fewer = curve.count < curve.count.max()
            cells = mine & (fewer[::2] | fewer[1::2])
            fg[cells] = canvas.ink(look.ink(curve.color, 0.6))
