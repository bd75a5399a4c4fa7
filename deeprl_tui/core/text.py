"""Text that came from runs, logs or files, made fit for a terminal.

Rule: no text of somebody else reaches a terminal but through `clean`. It is the last guard: a title, a name
or a log line could hold escape sequences, a hidden direction change or a character of no width.
"""

import re

STAND_IN = "·"
FOLDER = re.compile(r"~?[A-Za-z0-9_./-]+")
"""A folder of another machine that needs no quotes there."""

_DOUBTFUL = re.compile(r"[\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
"""Variation selectors, halves of flags, skin tones: terminals do not agree on how wide they make a text."""
_COLORS = re.compile(r"\x1b\[[0-9;:]*m")


def clean(text: str) -> str:
    """Replace control, format and all other unprintable characters, one for one. A tab becomes a space.

    Unprintable are the C0 and C1 controls, line ends, bidi marks, zero-width characters, surrogates and
    private use characters. Replaced as well is what terminals do not agree on.
    """
    if text.isascii():
        if text.isprintable():
            return text
    else:
        text = _DOUBTFUL.sub(STAND_IN, text)
        if text.isprintable():
            return text
    return "".join(char if char.isprintable() else " " if char in "\t\xa0" else STAND_IN for char in text)


def uncolored(text: str) -> str:
    """A line of a log without its color codes; clean it after that."""
    return _COLORS.sub("", text)
