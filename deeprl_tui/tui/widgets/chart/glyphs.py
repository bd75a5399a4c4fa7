"""Lookup tables from parts of a cell to characters.

Rule: made once at import, from the shapes of the characters, so that drawing is indexing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

DOTS: Final[tuple[NDArray[np.uint32], NDArray[np.uint32]]] = (
    np.array([sum(_BRAILLE[0][a:b]) for a in range(5) for b in range(5)], np.uint32),
    np.array([sum(_BRAILLE[1][a:b]) for a in range(5) for b in range(5)], np.uint32),
)
"""Braille bits of the left and the right half of a cell whose dot rows start to stop - 1 are set, at
[start * 5 + stop]."""


def _half(start: int, stop: int) -> int:
    """Eighths start to stop - 1 of half a cell, from the top, as bits."""
    return sum(1 << row for row in range(start, stop))


def _shape(left: int, right: int) -> int:
    return left << 8 | right


def _bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    ones = np.array([byte.bit_count() for byte in range(256)], np.uint8)
    result: NDArray[np.uint8] = ones[values >> 8] + ones[values & 255]
    return result


def _band_tables() -> tuple[NDArray[np.uint32], NDArray[np.bool_], NDArray[np.uint8]]:
    upper, lower, all_ = _half(0, 4), _half(4, 8), _half(0, 8)
    shapes: list[tuple[int, str, bool]] = [(0, " ", False), (_shape(all_, all_), "█", False)]
    for eighths in range(1, 8):
        low = _half(8 - eighths, 8)
        high = _half(0, 8 - eighths)
        glyph = chr(0x2580 + eighths)
        shapes.append((_shape(low, low), glyph, False))
        shapes.append((_shape(high, high), glyph, True))
    quarters = {
        "▌": (all_, 0), "▐": (0, all_), "▘": (upper, 0), "▝": (0, upper), "▖": (lower, 0), "▗": (0, lower),
        "▛": (all_, upper), "▜": (upper, all_), "▙": (all_, lower), "▟": (lower, all_),
        "▚": (upper, lower), "▞": (lower, upper),
    }  # fmt: skip
    shapes += [(_shape(*halves), glyph, False) for glyph, halves in quarters.items()]
    halves_of = np.array([_half(a, b) for a in range(9) for b in range(9)], np.uint16)
    wanted = (halves_of[:, None] << 8 | halves_of[None, :]).reshape(-1)
    offered: NDArray[np.uint16] = np.array([shape for shape, _, _ in shapes], np.uint16)
    best = _bits(np.bitwise_xor(wanted[:, None], offered[None, :], dtype=np.uint16)).argmin(1)
    glyphs = np.array([ord(glyph) for _, glyph, _ in shapes], np.uint32)[best]
    inverted = np.array([flag for _, _, flag in shapes])[best]
    return glyphs, inverted, _bits(offered)[best]


_TABLES: Final = _band_tables()

BAND_GLYPHS: Final = _TABLES[0]
"""The character nearest to a cell of which eighths start to stop - 1 are filled, at
[(start * 9 + stop of the left half) * 81 + (start * 9 + stop of the right half)]."""

BAND_INVERTED: Final = _TABLES[1]
"""Whether that character shows what is not filled."""

BAND_FILL: Final = _TABLES[2]
"""How many sixteenths it leaves filled: 16 all, 0 none."""
