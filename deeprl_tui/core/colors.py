"""The colors of curves, on dark and on light ground: the screen's, and those of pictures and reports.

They are told apart by lightness too, so that they stay eight colors for most eyes; names stand at the curves.
"""

from typing import Final

NIGHT: Final = (
    "#7aa2f7", "#9ece6a", "#ff9e64", "#bb9af7", "#f7768e", "#7dcfff", "#e0af68", "#73daca",
)  # fmt: skip
DAY: Final = (
    "#2e5fd0", "#3f7d20", "#c2570c", "#7c3fc4", "#c42a4f", "#0b7285", "#8f6200", "#0f7b6c",
)  # fmt: skip
