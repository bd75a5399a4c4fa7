"""A run that plays, drawn on a terminal without the dashboard.

Rule: only lines that changed are written, and the terminal is given back whatever happens: at the end, on
ctrl+c, after an error, when the process is terminated or the line drops.
"""

import base64
import contextlib
import os
import re
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from deeprl_tui.core import cells
from deeprl_tui.core.playing import CHECKPOINTS, GLYPHS, Frame, Kind, Picture, Scene, Wish
from deeprl_tui.core.text import clean
from deeprl_tui.launch.player import Player, Seen

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h\x1b[?1049l"
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
FPS, FAR_FPS = 15.0, 8.0
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
KEYS = "space pause  . step  n checkpoint  + - speed  r again  q quit"
WORDS = 3
"""Lines below the picture."""
GROUND = "#101216"
"""Takes the place of white paper: what color the terminal has is not known."""
PIXELS = (10, 20)
"""Pixels of a cell that are worth sending where the terminal shows pictures."""
CHUNK = 4096
ASK = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
FENCE = re.compile(rb"\x1b\[\?[\d;]*c")


LAST_S = 1.0
"""A terminal that takes nothing for so long does not get our last words."""


class Terminal:
    """The terminal, ours while inside."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Terminal":
        self._before = termios.tcgetattr(self._reader)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, _end)
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        tty.setcbreak(self._reader)
        self.write(ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            takes = bool(select.select([], [self._writer], [], LAST_S)[1])
            if takes:  # else it is halted, and would hold us for ever
                self.write(LEAVE)
            when = termios.TCSADRAIN if takes else termios.TCSANOW
            termios.tcsetattr(self._reader, when, self._before)
        except (OSError, termios.error):
            pass  # nobody is there any more
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def write(self, text: str) -> None:
        """Write all of a text."""
        data = memoryview(text.encode())
        while data:
            data = data[os.write(self._writer, data) :]

    def keys(self) -> str:
        """Read what was typed."""
        return os.read(self._reader, 256).decode(errors="replace")

    def shows_pictures(self, environ: Mapping[str, str], limit: float = 0.2) -> bool:
        """Ask whether it knows Kitty's graphics protocol; only terminals whose name is known are asked."""
        if not may_show_pictures(environ):
            return False
        self.write(ASK.decode())
        data, end = b"", time.monotonic() + limit
        while not FENCE.search(data):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._reader], [], [], left)[0]:
                break
            data += os.read(self._reader, 256)
        return b"\x1b_Gi=31;OK" in data


def may_show_pictures(environ: Mapping[str, str]) -> bool:
    """Whether a terminal of this name is known to show pictures; inside of another program none does."""
    if any(environ.get(name) for name in ("TMUX", "STY", "ZELLIJ", "NO_COLOR")):
        return False
    known = environ.get("TERM_PROGRAM", "").lower() in ("ghostty", "wezterm", "kitty")
    return known or environ.get("TERM") in ("xterm-kitty", "xterm-ghostty")


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


class Stage:
    """Draws what a player shows, and turns keys into wishes."""

    def __init__(
        self,
        name: str,
        terminal: Terminal,
        environ: Mapping[str, str],
        size: Callable[[], os.terminal_size] = shutil.get_terminal_size,
    ) -> None:
        self._name, self._terminal, self._size = clean(name), terminal, size
        self._far = bool(environ.get("SSH_CONNECTION"))
        self._colorless = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        self._deep = environ.get("COLORTERM", "") in ("truecolor", "24bit")
        self._pictures = terminal.shows_pictures(environ)
        self._shown: list[str] = []
        self._picture: Picture | None = None

    def wish(self, before: Wish) -> Wish:
        """Give the wish that fits the terminal now."""
        from dataclasses import replace

        size = self._size()
        columns, rows = size.columns, max(1, size.lines - WORDS)
        kind: Kind = "quarters"
        if self._pictures:
            kind, columns, rows = "zlib", columns * PIXELS[0], rows * PIXELS[1]
        fps = FAR_FPS if self._far else FPS
        return replace(before, kind=kind, columns=columns, rows=rows, fps=fps, ground=GROUND)

    def show(self, seen: Seen, wish: Wish) -> None:
        """Draw what changed."""
        width, height = self._size()
        frame, scene = seen.frame, seen.scene
        picture = frame.picture if frame is not None else None
        lines = [""] * max(1, height - WORDS)
        out = []
        if picture is not None and picture.kind == "zlib":
            if picture is not self._picture:
                out.append(transmitted(picture, width, len(lines)))
        elif picture is not None:
            top, left = max(0, (len(lines) - picture.height) // 2), max(0, (width - picture.width) // 2)
            for row in range(min(picture.height, len(lines))):
                lines[top + row] = " " * left + self._row(picture, row)
        else:
            words = scene.blank if scene is not None and scene.blank else f"{self._name} takes the stage …"
            lines[len(lines) // 2] = words[:width].center(width).rstrip()
        self._picture = picture
        if frame is not None and scene is not None:
            lines += self._words(frame, scene, seen, wish, width)
        lines = lines[:height]
        for number, line in enumerate(lines):
            if number >= len(self._shown) or self._shown[number] != line:
                out.append(f"\x1b[{number + 1};1H{line}\x1b[0m\x1b[K")
        self._shown = lines
        if out:
            self._terminal.write(BEGIN + "".join(out) + END)

    def forget(self) -> None:
        """The terminal has another size: draw all anew."""
        self._shown, self._picture = [], None
        self._terminal.write("\x1b[2J")

    def _row(self, picture: Picture, row: int) -> str:
        if self._colorless:
            return "".join(cells.colorless(cell) * many for cell, many in cells.runs(picture, row))
        return "".join(
            f"\x1b[38;{self._color(cell[1:4])};48;{self._color(cell[4:7])}m{GLYPHS[cell[0]] * many}"
            for cell, many in cells.runs(picture, row)
        )

    def _color(self, color: bytes) -> str:
        if self._deep:
            return f"2;{color[0]};{color[1]};{color[2]}"
        red, green, blue = (round(part / 51) for part in color)
        return f"5;{16 + 36 * red + 6 * green + blue}"

    def _words(self, frame: Frame, scene: Scene, seen: Seen, wish: Wish, width: int) -> list[str]:
        dim, bold, off = ("", "", "") if self._colorless else ("\x1b[2m", "\x1b[1m", "\x1b[0m")
        trained = f", {scene.trained:,} steps" if scene.trained is not None else ""
        pace = "paused" if wish.paused else f"{wish.speed:g}x"
        facts = f"return {frame.total:.1f}  step {frame.step}  episode {frame.episode}  {pace}"
        if seen.played:
            mean = sum(one.total for one in seen.played) / len(seen.played)
            facts += f"  mean of {len(seen.played)}: {mean:.1f}"
        if frame.over:
            facts += f"  {frame.over}"
        head = f"{self._name}  {scene.env}  {scene.checkpoint}{trained}"
        gap = width - len(head) - len(KEYS)
        more = f"{' ' * gap}{dim}{KEYS}" if gap >= 2 else ""
        return [f"{bold}{head[:width]}{off}{more}{off}", facts[:width], values(frame, scene, width)]


def values(frame: Frame, scene: Scene, width: int) -> str:
    """Give the values of the actions in one line, each with a bar; the one taken is marked."""
    if not frame.values:
        return ""
    low, high = min(frame.values), max(frame.values)
    labels = []
    for at, value in enumerate(frame.values):
        name = clean(scene.actions[at]) if at < len(scene.actions) else f"action {at}"
        share = (value - low) / (high - low) if high > low else 1.0
        labels.append((f"{'▸' if at == frame.action else ' '}{name}", share, f"{value:.2f}"))
    taken = sum(len(name) + len(value) + 4 for name, _, value in labels)
    bar = max(2, min(10, (width - taken) // len(labels)))
    parts = []
    for name, share, number in labels:
        filled = max(1, round(share * bar)) if share == share else 0
        parts.append(f"{name} {'━' * filled}{'─' * (bar - filled)} {number}")
    while parts and sum(len(part) + 2 for part in parts) - 2 > width:
        parts.pop()
    return "  ".join(parts)


def transmitted(picture: Picture, columns: int, rows: int) -> str:
    """Show compressed pixels by Kitty's graphics protocol, in the middle of so many cells; image number 1."""
    scale = min(columns / picture.width, 2 * rows / picture.height)
    wide = max(1, min(columns, round(picture.width * scale)))
    high = max(1, min(rows, round(picture.height * scale / 2)))
    text = base64.standard_b64encode(picture.data).decode()
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    head = f"a=T,q=2,f=24,o=z,s={picture.width},v={picture.height},i=1,p=1,c={wide},r={high},C=1,"
    out = [f"\x1b[{1 + (rows - high) // 2};{1 + (columns - wide) // 2}H"]
    for number, chunk in enumerate(chunks):
        more = int(number < len(chunks) - 1)
        out.append(f"\x1b_G{head if number == 0 else ''}m={more};{chunk}\x1b\\")
    return "".join(out)


def pressed(key: str, wish: Wish, scene: Scene | None) -> Wish | None:
    """Give the wish after a key; None: quit."""
    from dataclasses import replace

    if key in ("q", "\x1b", "\x04"):
        return None
    match key:
        case " ":
            return replace(wish, paused=not wish.paused)
        case ".":
            return replace(wish, paused=True, nudges=wish.nudges + 1)
        case "r":
            return replace(wish, rounds=wish.rounds + 1)
        case "+" | "=" | "-":
            at = SPEEDS.index(wish.speed) + (-1 if key == "-" else 1)
            return replace(wish, speed=SPEEDS[min(max(at, 0), len(SPEEDS) - 1)])
        case "n":
            there: Sequence[str] = scene.there if scene is not None and scene.there else CHECKPOINTS
            now = scene.checkpoint if scene is not None else wish.checkpoint
            return replace(wish, checkpoint=there[(there.index(now) + 1) % len(there) if now in there else 0])
    return wish


def perform(name: str, wish: Wish, start: Callable[[Wish, Callable[[], None]], Player]) -> Seen:
    """Play on this terminal until the user has enough or nothing more comes. Returns what was seen last."""
    bell, rope = os.pipe()
    os.set_blocking(rope, False)

    def news() -> None:
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(rope, b".")

    player: Player | None = None
    reader = sys.stdin.fileno()
    try:
        with Terminal(reader, sys.stdout.fileno()) as terminal:
            stage = Stage(name, terminal, os.environ)
            wish = stage.wish(wish)
            player = start(wish, news)
            size = shutil.get_terminal_size()
            while not player.seen.over:
                stage.show(player.seen, wish)
                ready, _, _ = select.select([bell, reader], [], [], 1.0)
                if bell in ready:
                    os.read(bell, 1 << 16)
                changed: Wish | None = wish
                if reader in ready:
                    typed = terminal.keys()
                    changed = pressed(typed[:1], wish, player.seen.scene) if typed else None
                if changed is None:
                    break
                if shutil.get_terminal_size() != size:
                    size = shutil.get_terminal_size()
                    stage.forget()
                wish = stage.wish(changed)
                player.ask(**{name: getattr(wish, name) for name in wish.__slots__})
            return player.seen
    finally:
        if player is not None:
            player.close()
            player.wait(5.0)
        if player is None or player.seen.over:  # else its thread may ring once more
            os.close(bell)
            os.close(rope)
