"""The look: two themes, the curve colors, the glyph and color of every state, bars and small trends.

Rule: color is never the only sign. Every state has its own glyph, and whatever is not of first importance is
the text color mixed toward the background, so the look survives any theme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite
from typing import Any, Final, NamedTuple

from rich.style import Style
from textual.app import App
from textual.theme import Theme

from deeprl_tui.core import colors as curve_colors
from deeprl_tui.tui.colors import mix

NIGHT: Final = Theme(
    name="deeprl-night",
    dark=True,
    background="#0f1117",
    surface="#151821",
    panel="#1c202b",
    foreground="#c9d1e3",
    primary="#7aa2f7",
    secondary="#73daca",
    accent="#7dcfff",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    variables={
        "border": "#2a3040",
        "border-focus": "#7aa2f7",
        "footer-key-foreground": "#7dcfff",
        "footer-description-foreground": "#8089a0",
        "footer-background": "#0f1117",
    },
)

DAY: Final = Theme(
    name="deeprl-day",
    dark=False,
    background="#f7f8fa",
    surface="#ffffff",
    panel="#eceff4",
    foreground="#2b3140",
    primary="#2e5fd0",
    secondary="#0f7b6c",
    accent="#0b7285",
    success="#3f7d20",
    warning="#8f6200",
    error="#c42a4f",
    variables={
        "border": "#d3d9e4",
        "border-focus": "#2e5fd0",
        "footer-key-foreground": "#0b7285",
        "footer-description-foreground": "#667085",
        "footer-background": "#f7f8fa",
    },
)

THEMES: Final = (NIGHT, DAY)

COLORLESS: Final = "ansi-dark"
"""The theme to use with NO_COLOR. Pass `ansi_color=True` to `App` as well: it chooses its color filter before
the theme is set, and the filter for other themes turns colors into shades of gray instead of none."""

VARIABLE_DEFAULTS: Final = {"border": "ansi_bright_black", "border-focus": "ansi_blue"}
"""For `App.get_theme_variable_defaults`: themes that are not ours lack these names."""

_CURVES_ANSI: Final = (
    "ansi_blue", "ansi_green", "ansi_yellow", "ansi_magenta", "ansi_red", "ansi_cyan",
    "ansi_bright_blue", "ansi_bright_green",
)  # fmt: skip

LABEL: Final = 0.5
"""How much of the text color secondary words keep."""
FAINT: Final = 0.38
"""The same for what waits, and for leader lines."""
OPEN: Final = 0.16
"""The same for the part of a bar that is not done."""
GRID: Final = 0.13

SOLVED: Final = "★"
LAUNCHED: Final = "▲"
BUSY_CORE: Final = "▪"
FREE_CORE: Final = "·"


class StateLook(NamedTuple):
    """How a state looks: alone, in a row of seeds, and in which color of the theme."""

    glyph: str
    seed_glyph: str  # narrower: `●` overflows its cell in some fonts when it is repeated
    role: str
    strength: float = 1.0


STATES: Final[Mapping[str, StateLook]] = {
    "queued": StateLook("○", "·", "foreground", FAINT),
    "running": StateLook("●", "•", "accent"),
    "stopping": StateLook("◌", "◦", "warning"),
    "paused": StateLook("◇", "◇", "foreground", 0.7),
    "finished": StateLook("✓", "✓", "success"),
    "stopped": StateLook("■", "▪", "foreground", 0.7),
    "failed": StateLook("✗", "✗", "error"),
    "lost": StateLook("?", "?", "error"),
}
"""By the words of `core.state.word`."""


@lru_cache(4096)
def text_style(color: str, bold: bool = False, dim: bool = False, reverse: bool = False) -> Style:
    """A cached rich style for `#rrggbb` or an `ansi_*` name."""
    return Style(
        color=color.removeprefix("ansi_"), bold=bold or None, dim=dim or None, reverse=reverse or None
    )


@dataclass(frozen=True, slots=True)
class Palette:
    """The colors of the theme in use, as `#rrggbb`, or as `ansi_*` names if `plain`."""

    dark: bool
    plain: bool  # the terminal's own 16 colors or none: nothing can be mixed
    background: str
    foreground: str
    primary: str
    accent: str
    success: str
    warning: str
    error: str
    curves: tuple[str, ...]

    @classmethod
    def of(cls, app: App[Any]) -> "Palette":
        """The palette of the app's current theme, with the curve colors that its user prefers."""
        memory = getattr(app, "memory", None)
        return cls.of_theme(
            app.current_theme, safe=memory is not None and memory.preferences.colors == "safe"
        )

    @classmethod
    def of_theme(cls, theme: Theme, *, safe: bool = False) -> "Palette":
        """The palette of a theme. Made once per name: a theme does not change after it was registered.

        safe: curve colors for the color-blind.
        """
        made = _MADE.get((theme.name, safe))
        if made is None:
            colors = theme.to_color_system().generate()
            short = [c[:7] if (c := colors[role]).startswith("#") else c for role in _ROLES]
            night, day = curve_colors.NIGHT, curve_colors.DAY
            if safe:
                night, day = curve_colors.SAFE_NIGHT, curve_colors.SAFE_DAY
            curves = _CURVES_ANSI if theme.ansi else night if theme.dark else day
            background, foreground, primary, accent, success, warning, error = short
            made = _MADE[theme.name, safe] = cls(
                theme.dark,
                theme.ansi,
                background,
                foreground,
                primary,
                accent,
                success,
                warning,
                error,
                curves,
            )
        return made

    def color(self, role: str, strength: float = 1.0) -> str:
        """A color by the name of a role, or `#rrggbb`, mixed toward the background."""
        color = str(getattr(self, role, role))
        return color if strength >= 1.0 else mix(self.background, color, strength)

    def style(self, role: str = "foreground", strength: float = 1.0, *, bold: bool = False) -> Style:
        """A text style by role. Where nothing can be mixed a low strength becomes dim."""
        if self.plain:
            return text_style(str(getattr(self, role, role)), bold, strength < 0.6)
        return text_style(self.color(role, strength), bold)

    def curve(self, index: int) -> str:
        """The color of the experiment at this place within its environment; it repeats after eight."""
        return self.curves[index % len(self.curves)]

    def state(self, word: str) -> Style:
        """The style of a state's glyph."""
        look = STATES[word]
        return self.style(look.role, look.strength)


_ROLES: Final = ("background", "foreground", "primary", "accent", "success", "warning", "error")
_MADE: Final[dict[tuple[str, bool], Palette]] = {}


def progress_bar(fraction: float, width: int) -> tuple[str, str]:
    """A bar in two pieces, done `━━╸` and open `──`, together `width` cells; they differ without color."""
    share = min(1.0, max(0.0, fraction)) if isfinite(fraction) else 0.0
    halves = int(share * width * 2 + 1e-9)  # never shows more than is done
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return done, "─" * (width - len(done))


_LEFT: Final = (0x01, 0x02, 0x04, 0x40)
_RIGHT: Final = (0x08, 0x10, 0x20, 0x80)


def braille_trend(values: Sequence[float], width: int) -> str:
    """A line of `width` cells through the means of 2 * width parts of `values`; spaces where data is missing.

    Blocks in neighboring table rows run into one area, dots do not.
    """
    parts = 2 * width
    if not values or width < 1:
        return " " * max(width, 0)
    means: list[float | None] = []
    for part in range(parts):
        start = part * len(values) // parts
        stop = max((part + 1) * len(values) // parts, start + 1)
        known = [value for value in values[start:stop] if isfinite(value)]
        means.append(sum(known) / len(known) if known else None)
    present = [mean for mean in means if mean is not None]
    if not present:
        return " " * width
    low, high = min(present), max(present)
    span = high - low
    cells = [0] * width
    before: int | None = None
    for part, mean in enumerate(means):
        if mean is None:
            before = None
            continue
        level = 3 - round((mean - low) / span * 3) if 0.0 < span < inf else 2
        bits = _RIGHT if part % 2 else _LEFT
        # The upright of a jump stands in the new column, without the dot that the old one has.
        first, last = (level, level) if before is None else (min(level, before), max(level, before))
        for row in range(first, last + 1):
            if row != before or row == level:
                cells[part // 2] |= bits[row]
        before = level
    return "".join(chr(0x2800 + cell) if cell else " " for cell in cells)
