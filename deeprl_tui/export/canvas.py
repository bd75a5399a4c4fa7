"""What all pictures share: colors, letters, bare axes, and how a figure becomes a file or part of a page.

Rules: a picture may be drawn in any thread: matplotlib's settings are those of the process, so who changes
them holds a lock. Every name is text, never markup.
"""

import io
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deeprl_tui.core.colors import SAFE_DAY
from deeprl_tui.errors import UnknownNameError

PictureFormat: TypeAlias = Literal["png", "svg", "pdf"]
FORMATS: Final[tuple[PictureFormat, ...]] = ("png", "svg", "pdf")

TEXT: Final = "#2b3140"
SOFT: Final = "#667085"
LINE: Final = "#d3d9e4"
PAPER: Final = "#ffffff"

_LOCK: Final = threading.Lock()
_STYLE: Final[Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "deeprl",
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,
}


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of so many inches, with our letters while it is drawn."""
    with _LOCK, rc_context(_STYLE):
        figure = Figure((width, height), facecolor=PAPER)
        FigureCanvasAgg(figure)
        yield figure


def curve_color(place: int) -> str:
    """The color of the experiment at this place, for any reader's eyes; it repeats after eight."""
    return SAFE_DAY[place % len(SAFE_DAY)]


def by_ending(file: Path) -> PictureFormat:
    """The kind of picture that a file's name ends with. Raises UnknownNameError."""
    for form in FORMATS:
        if file.suffix.lower() == f".{form}":
            return form
    raise UnknownNameError("is no picture", place=str(file), remedy=f"end it in .{', .'.join(FORMATS)}")


def save(figure: Figure, form: PictureFormat) -> bytes:
    """The picture as a file's content; the same figure gives the same bytes."""
    data = io.BytesIO()
    dateless = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None},
    }
    with _LOCK, rc_context(_STYLE):
        figure.savefig(data, format=form, dpi=160, metadata=dateless[form], facecolor=figure.get_facecolor())
    return data.getvalue()


def inline_svg(figure: Figure, label: str, colors: Mapping[str, str]) -> str:
    """The picture to stand inside a page; colors: what takes the place of a color, as `var(--text)`.

    label: what a reader hears who does not see it, escaped for an attribute.
    """
    figure.patch.set_visible(False)
    text = save(figure, "svg").decode()
    text = text[text.index("<svg") :]
    head, _, body = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    body = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), body)
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    for color, stands in colors.items():
        body = body.replace(color, stands)
    return f'<svg {box[0] if box else ""} role="img" aria-label="{label}">{body}'


def plain(axes: Axes, *, small: bool) -> None:
    """No box, no ticks, soft numbers."""
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(length=0, labelcolor=SOFT, labelsize=7.5 if small else 8.5)
    axes.set_axisbelow(True)
