"""Text that came from runs, logs or files, made fit for a terminal.

Rule: no text of somebody else reaches a terminal but through `clean`. It is the last guard: a title, a name
or a log line could hold escape sequences, a hidden direction change or a character of no width.
"""

import re

STAND_IN = "·"

_COLORS = re.compile(r"\x1b\[[0-9;:]*m")


def clean(text: str) -> str:
    """Replace control, format and all other unprintable characters, one for one. A tab becomes a space.

    Unprintable are the C0 and C1 controls, line ends, bidi marks, zero-width characters, surrogates and
    private use characters.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char in "\t\xa0" else STAND_IN for char in text)


def uncolored(text: str) -> str:
    """A line of a log without its color codes; clean it after that."""
    return _COLORS.sub("", text)
