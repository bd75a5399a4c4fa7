"""Rows of a picture as segments, with and without colors."""

from deeprl_tui.core.playing import CELL, GLYPHS, Picture
from deeprl_tui.tui.widgets.cells import pieces

BLACK, WHITE, GRAY = bytes(3), b"\xff" * 3, b"\x80" * 3


def cell(glyph: str, first: bytes, rest: bytes) -> bytes:
    """One cell of a picture."""
    return bytes([GLYPHS.index(glyph)]) + first + rest


def test_equal_cells_are_one_piece() -> None:
    """What a terminal gets, and the time to make it, go with the number of pieces."""
    row = cell(" ", WHITE, WHITE) * 40 + cell("▌", BLACK, WHITE) + cell(" ", WHITE, WHITE) * 9
    made = pieces(Picture("quarters", 50, 1, row), 0)
    assert [piece.text for piece in made] == [" " * 40, "▌", " " * 9]


def test_colors_are_those_of_the_cell() -> None:
    """The first one is the text's, the other the ground's."""
    (piece,) = pieces(Picture("quarters", 1, 1, cell("▚", b"\x12\x34\x56", b"\xab\xcd\xef")), 0)
    assert piece.style is not None
    assert piece.style.color is not None
    assert piece.style.color.name == "#123456"
    assert piece.style.bgcolor is not None
    assert piece.style.bgcolor.name == "#abcdef"


def test_each_row_is_its_own() -> None:
    """Rows follow one another in the bytes."""
    picture = Picture("quarters", 1, 2, cell("▌", BLACK, WHITE) + cell("▐", BLACK, WHITE))
    assert [pieces(picture, row)[0].text for row in (0, 1)] == ["▌", "▐"]


def test_without_colors_light_is_ink() -> None:
    """A light quarter on a dark rest stays; a dark one on a light rest is turned round; gray is a shade."""
    row = cell("▘", WHITE, BLACK) + cell("▘", BLACK, WHITE) + cell(" ", GRAY, GRAY) + cell("▌", GRAY, GRAY)
    made = pieces(Picture("quarters", 4, 1, row), 0, plain=True)
    assert "".join(piece.text for piece in made) == "▘▟▒▒"
    assert all(piece.style is None for piece in made)


def test_every_glyph_has_its_opposite() -> None:
    """Turning round relies on the order of the glyphs; CELL is glyph and two colors."""
    assert len(GLYPHS) == 16
    assert CELL == 7
    assert len(set(GLYPHS)) == 16
