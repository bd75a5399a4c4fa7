"""Rows of a picture as runs of equal cells, and what they look like without colors."""

from collections.abc import Iterator

from deeprl_tui.core.playing import CELL, GLYPHS, Picture

SHADES = " ░▒▓█"
APART = 90
"""Two shades of gray, 0 to 255, that a terminal without colors shows as light and dark."""


def runs(picture: Picture, row: int) -> Iterator[tuple[bytes, int]]:
    """Give a row as cells, each with how many of it follow one another."""
    start = row * picture.width * CELL
    data, before, many = picture.data, b"", 0
    for at in range(start, start + picture.width * CELL, CELL):
        cell = data[at : at + CELL]
        if cell != before:
            if many:
                yield before, many
            before, many = cell, 0
        many += 1
    if many:
        yield before, many


def changed(before: Picture | None, now: Picture) -> list[int]:
    """Give the rows that differ; all if the size does."""
    if before is None or (before.width, before.height) != (now.width, now.height):
        return list(range(now.height))
    size = now.width * CELL
    return [
        row
        for row in range(now.height)
        if before.data[row * size : (row + 1) * size] != now.data[row * size : (row + 1) * size]
    ]


def colorless(cell: bytes) -> str:
    """Give the character that comes closest on a dark terminal without colors: light is ink."""
    glyph = cell[0]
    first, rest = _gray(cell[1:4]), _gray(cell[4:7])
    if glyph and abs(first - rest) >= APART:
        return GLYPHS[glyph if first > rest else len(GLYPHS) - 1 - glyph]
    share = glyph.bit_count() / 4
    gray = first * share + rest * (1 - share)
    return SHADES[round(gray / 255 * (len(SHADES) - 1))]


def _gray(color: bytes) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
