"""A frame as Textual strips.

Rule: a strip is cut only where the style changes, and styles are cached: bytes and time go with the cuts.
"""

from functools import lru_cache

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from deeprl_tui.tui.widgets.chart.canvas import BLANK, Frame, Ink


def frame_strips(frame: Frame, background: str) -> list[Strip]:
    """One strip per row. `background` is what tint 0 looks like, "" for the terminal's own."""
    height, width = frame.ch.shape
    if width == 0:
        return [Strip([], 0) for _ in range(height)]
    plain = np.array([not ink.reverse for ink in frame.inks])
    blank = (frame.ch == BLANK) & plain[np.maximum(frame.fg, 0)]
    look = np.where(blank, 0, frame.fg).astype(np.int64) * (1 << 24) + frame.bg
    changes = look[:, 1:] != look[:, :-1]
    styles: dict[int, Style] = {}
    strips = []
    for y, text in enumerate(frame.lines()):
        cuts = [0, *(np.flatnonzero(changes[y]) + 1).tolist(), width]
        segments = []
        numbers = look[y, cuts[:-1]].tolist()
        for start, stop, number in zip(cuts, cuts[1:], numbers, strict=False):
            style = styles.get(number)
            if style is None:
                style = styles[number] = _style_of(frame, number, background)
            segments.append(Segment(text[start:stop], style))
        strips.append(Strip(segments, width))
    return strips


def _style_of(frame: Frame, number: int, background: str) -> Style:
    fg, bg = number >> 24, number & 0xFFFFFF
    ink = frame.inks[fg] if fg >= 0 else Ink(frame.tints[-fg])
    return _style(ink, frame.tints[bg] if bg else background)


@lru_cache(8192)
def _style(ink: Ink, background: str) -> Style:
    return Style(
        color=ink.color.removeprefix("ansi_") or None,
        bgcolor=background.removeprefix("ansi_") or None,
        bold=ink.bold or None,
        dim=ink.dim or None,
        reverse=ink.reverse or None,
    )
