"""The colors of curves, on dark and on light ground: the screen's, and those of pictures and reports.

Rule: color is never the only sign: names stand at the ends of curves, and every run has its own panel.
"""

from typing import Final

NIGHT: Final = (
    "#7aa2f7", "#9ece6a", "#ff9e64", "#bb9af7", "#f7768e", "#7dcfff", "#e0af68", "#73daca",
)  # fmt: skip
DAY: Final = (
    "#2e5fd0", "#3f7d20", "#c2570c", "#7c3fc4", "#c42a4f", "#0b7285", "#8f6200", "#0f7b6c",
)  # fmt: skip
SAFE_NIGHT: Final = (
    "#16c0fc", "#f8e53e", "#f78fab", "#9eae22", "#6478fd", "#5bfced", "#b15fac", "#97784d",
)  # fmt: skip
SAFE_DAY: Final = (
    "#303bbc", "#a76c42", "#277faa", "#8b4367", "#664f04", "#725fe7", "#601d2b", "#61077e",
)  # fmt: skip
"""These two differ in lightness, too, so that they are told apart without red or green cones."""
