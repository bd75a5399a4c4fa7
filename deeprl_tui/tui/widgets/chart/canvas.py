"""A grid of characters with inks and tints, and where things stand on a chart.

Rule: a cell holds numbers of inks and tints, not colors, so composing a frame is integer work; colors are
worked out once per number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deeprl_tui.tui.colors import mix
from deeprl_tui.tui.widgets.text import narrow

Chars: TypeAlias = NDArray[np.uint32]
Numbers: TypeAlias = NDArray[np.int32]

BLANK: Final = ord(" ")
SHADE: Final = ord("░")


class Ink(NamedTuple):
    """How a character is written. A color is `#rrggbb` or an `ansi_*` name; "" is the terminal's own."""

    color: str
    bold: bool = False
    dim: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The colors of the theme. `plain`: nothing can be mixed, so bold, dim and reverse do the work."""

    background: str
    foreground: str
    reference: str
    dark: bool = True
    plain: bool = False

    def ink(self, color: str, strength: float = 1.0, *, bold: bool = False, reverse: bool = False) -> Ink:
        """A color at a strength; in plain a weak one is dim."""
        if self.plain:
            return Ink(color, bold, strength < 0.7 and not reverse, reverse)
        return Ink(mix(self.background, color, strength), bold, False, reverse)


class Box(NamedTuple):
    """Where the curves are drawn, in cells from the top left corner, and the width of their labels."""

    left: int
    width: int
    height: int
    labels: int

    @property
    def columns(self) -> int:
        """Columns of data: two per cell."""
        return 2 * self.width


@dataclass(slots=True)
class Frame:
    """A finished picture."""

    ch: Chars
    fg: Numbers  # >= 0: number of an ink; < 0: minus the number of a tint, for a glyph that is part of a band
    bg: Numbers  # number of a tint, 0 for the background
    inks: Sequence[Ink]
    tints: dict[int, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The rows as text."""
        rows: list[str] = [row.astype("<u4").tobytes().decode("utf-32-le") for row in self.ch]
        return rows

    def text(self) -> str:
        """The picture without colors, blanks at line ends removed."""
        return "\n".join(line.rstrip() for line in self.lines()) + "\n"


class Canvas:
    """A frame in the making."""

    __slots__ = ("_numbers", "bg", "ch", "fg", "height", "inks", "tints", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.ch: Chars = np.full((height, width), BLANK, np.uint32)
        self.fg: Numbers = np.zeros((height, width), np.int32)
        self.bg: Numbers = np.zeros((height, width), np.int32)
        self.inks: list[Ink] = [Ink("")]
        self.tints: dict[int, str] = {}
        self._numbers: dict[Ink, int] = {self.inks[0]: 0}

    def ink(self, ink: Ink) -> int:
        """The number of an ink on this canvas."""
        number = self._numbers.get(ink)
        if number is None:
            number = self._numbers[ink] = len(self.inks)
            self.inks.append(ink)
        return number

    def put(self, y: int, x: int, text: str, ink: int) -> None:
        """Write text from cell (x, y); what does not fit is left out."""
        if not 0 <= y < self.height:
            return
        start = max(0, -x)
        shown = narrow(text)[start : self.width - x] if x < self.width else ""
        if shown:
            here = slice(x + start, x + start + len(shown))
            self.ch[y, here] = np.frombuffer(shown.encode("utf-32-le"), "<u4")
            self.fg[y, here] = ink

    def frame(self) -> Frame:
        """The picture."""
        return Frame(self.ch, self.fg, self.bg, self.inks, self.tints)


def layout(width: int, height: int, names: Sequence[str]) -> Box:
    """Place the plot: numbers to its left, its last row for x, and as much room for labels as there is."""
    left = 7 if width >= 40 else 6 if width >= 24 else 0
    labels = 0
    if width >= 44 and names:
        wish = 8 + max(9, *(len(name) for name in names))
        labels = min(wish, max(17, 8 + width // 4))
    elif width >= 32 and names:
        labels = 8
    return Box(left, max(0, width - left - labels), max(0, height - 1), labels)
