"""Which theme to start with: what the user says, else whether the terminal is light or dark.

Rule: asked once, before Textual takes the terminal, for a tenth of a second at most, and the terminal's
settings are always put back.
"""

import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Mapping
from typing import TypeAlias

Rgb: TypeAlias = tuple[float, float, float]

NIGHT, DAY, COLORLESS = "deeprl-night", "deeprl-day", "ansi-dark"
_SHORT = {"night": NIGHT, "dark": NIGHT, "day": DAY, "light": DAY}

# OSC 11 asks for the background. DA1 follows as a fence: every terminal answers it, so one that does not
# know OSC 11 costs a round trip and not the whole limit.
_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
_FENCE = re.compile(rb"\x1b\[\?[\d;]*c")
_ANSWER = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")


def choose_theme(
    option: str, environ: Mapping[str, str], ask: Callable[[], Rgb | None], saved: str = "auto"
) -> str:
    """The name of the theme to start with.

    `option` is what `--theme` said, `saved` what the settings say, "" or "auto" for nothing. `ask` returns
    the terminal's background or None; it is called only if nothing before it decides.
    """
    for wish in (option, environ.get("DEEPRL_THEME", ""), environ.get("TEXTUAL_THEME", "")):
        if wish and wish != "auto":
            return _SHORT.get(wish, wish)
    if "NO_COLOR" in environ:
        return COLORLESS
    if saved not in ("", "auto"):
        return COLORLESS if saved == "ansi" else _SHORT.get(saved, saved)
    light = is_light(background) if (background := ask()) else parse_colorfgbg(environ.get("COLORFGBG", ""))
    return DAY if light else NIGHT


def is_light(color: Rgb) -> bool:
    """Whether dark text reads better than light text on this color."""
    red, green, blue = color
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5


def parse_answer(data: bytes) -> Rgb | None:
    """The color in an OSC 11 answer, each part 0 to 1 (terminals send one to four hex digits)."""
    found = _ANSWER.search(data)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return red, green, blue


def parse_colorfgbg(value: str) -> bool | None:
    """Whether `COLORFGBG` ("15;0", "0;default;15") names a light background; None if it does not say."""
    last = value.rpartition(";")[2]
    if not re.fullmatch(r"\d{1,2}", last):
        return None
    return int(last) == 7 or 9 <= int(last) <= 15


def terminal_background(limit: float = 0.1) -> Rgb | None:
    """Ask the terminal for its background color; None if it is no terminal or does not say in time."""
    if os.environ.get("TERM", "dumb") in ("dumb", "linux"):
        return None
    try:
        reader, writer = sys.stdin.fileno(), sys.stderr.fileno()  # Textual draws to stderr
    except (OSError, ValueError):
        return None
    return query_background(reader, writer, limit)


def query_background(reader: int, writer: int, limit: float) -> Rgb | None:
    """The same on given descriptors."""
    if not (os.isatty(reader) and os.isatty(writer)):
        return None
    try:
        before = termios.tcgetattr(reader)
    except termios.error:
        return None
    data = b""
    try:
        tty.setcbreak(reader)
        os.write(writer, _QUESTION)
        end = time.monotonic() + limit
        while not _FENCE.search(data):
            left = end - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                break
            chunk = os.read(reader, 256)
            if not chunk:
                break
            data += chunk
    except OSError:
        return None
    finally:
        termios.tcsetattr(reader, termios.TCSADRAIN, before)
    return parse_answer(data)
