"""Text that came from data, made fit for cells of a terminal.

Rule: nothing that a terminal could obey leaves these functions. It is the last guard; callers clean as well.
"""

from unicodedata import combining, east_asian_width

from rich.cells import cell_len, set_cell_size

from deeprl_tui.core.text import STAND_IN


def narrow(text: str) -> str:
    """The text with one cell per character: wide, combining and unprintable ones are replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _one_cell(char) else STAND_IN for char in text)


def _one_cell(char: str) -> bool:
    return char.isprintable() and not combining(char) and east_asian_width(char) not in "WF"


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, ended with an ellipsis if it is longer."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    return set_cell_size(text, width - 1).rstrip() + "…"
