"""What stands beside the picture of a run that plays: return, values of the actions, episodes.

Rule: pure functions of what was seen. Bars of values share one scale, that of the last moments: what counts
is how far the actions lie apart, not how large a return the agent expects.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import fmean, stdev

from deeprl_tui.core.playing import Frame, Played, Scene
from deeprl_tui.core.text import clean
from deeprl_tui.tui.theme import FAINT, LABEL, OPEN, Palette, braille_trend, progress_bar
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.widgets.text import cut
from deeprl_tui.tui.words import count, number

RECENT = 30
"""Frames whose values set the scale of the bars."""
TREND = 4000
LEAST_BAR = 5
NOTES = {"terminated": "ended", "truncated": "time is up"}
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)

Line = list[Piece]


@dataclass
class Memory:
    """What the last moments were like; one for each sitting."""

    recent: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=RECENT))
    hopes: deque[float] = field(default_factory=lambda: deque(maxlen=TREND))  # best value, this episode
    episode: int = 0

    def take(self, frame: Frame) -> None:
        """Remember a frame."""
        if frame.episode != self.episode or frame.step == 0:
            self.episode = frame.episode
            self.forget()
        known = [value for value in frame.values if isfinite(value)]
        if known and not frame.over:
            self.recent.append(frame.values)
            self.hopes.append(max(known))

    def forget(self) -> None:
        """Other weights play now, or another episode has begun."""
        self.recent.clear()
        self.hopes.clear()

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest value of the last moments."""
        known = [value for values in self.recent for value in values if isfinite(value)]
        return (min(known), max(known)) if known else (0.0, 1.0)


def facts(frame: Frame, scene: Scene, speed: float, paused: bool, palette: Palette) -> list[Line]:
    """Return, step, episode, speed."""
    quiet, text = palette.style("foreground", LABEL), palette.style()
    solved = bool(frame.over) and scene.solved is not None and frame.total >= scene.solved
    role = "success" if solved else "accent"
    star = " ★ solved" if solved else ""
    end = f"  {NOTES[frame.over]}" if frame.over else ""
    pace = "paused" if paused else f"{speed:g}×"
    return [
        [Piece("return   ", quiet), Piece(f"{frame.total:.1f}{star}", palette.style(role, bold=True))],
        [Piece("step     ", quiet), Piece(f"{frame.step}", text), Piece(end, palette.style("warning"))],
        [Piece("episode  ", quiet), Piece(f"{frame.episode}", text)],
        [Piece("speed    ", quiet), Piece(pace, palette.style("warning") if paused else text)],
    ]


def values(frame: Frame, scene: Scene, memory: Memory, width: int, palette: Palette) -> list[Line]:
    """One bar for each action; the one that is taken is marked."""
    quiet = palette.style("foreground", LABEL)
    names = scene.actions or tuple(f"action {at}" for at in range(len(frame.values)))
    told = [f"{value:.2f}" if abs(value) < 1000 else count(value) for value in frame.values]
    tail = max(map(len, told), default=0)
    room = min(max(map(len, names), default=0), max(4, width - tail - LEAST_BAR - 4))
    bar = max(3, width - room - tail - 4)
    low, high = memory.span
    out = []
    for at, (name, value, words) in enumerate(zip(names, frame.values, told, strict=False)):
        taken = at == frame.action
        style = palette.style("accent", bold=True) if taken else palette.style("foreground", 0.75)
        share = (value - low) / (high - low) if high > low else 1.0
        done, rest = progress_bar(max(share, 0.5 / bar), bar)
        out.append(
            [
                Piece("▸ " if taken else "  ", style),
                Piece(cut(clean(name), room).ljust(room) + " ", style),
                Piece(done, palette.style("accent" if taken else "foreground", 0.9 if taken else 0.45)),
                Piece(rest, palette.style("foreground", OPEN)),
                Piece(" " + words.rjust(tail), style if taken else quiet),
            ]
        )
    return out


def hopes(memory: Memory, width: int, palette: Palette) -> Line:
    """How the best value went in this episode."""
    return [Piece(braille_trend(list(memory.hopes), width), palette.style("primary"))]


def episodes(played: Sequence[Played], scene: Scene, width: int, room: int, palette: Palette) -> list[Line]:
    """The last episodes, newest first, under their mean."""
    quiet, text = palette.style("foreground", LABEL), palette.style("foreground", 0.85)
    if not played or room < 2:
        return []
    totals = [one.total for one in played]
    mean = number(fmean(totals)) + (f" ± {number(stdev(totals))}" if len(totals) > 1 else "")
    title = [Piece(f"Mean of {len(totals)}  ", quiet), Piece(mean, text)]
    most = max(map(abs, (*totals, scene.solved or 0.0))) or 1.0
    tail = max(len(number(total)) for total in totals[-room:])
    bar = max(3, width - tail - 8)
    lines: list[Line] = [title]
    for one in list(played)[: -room - 1 : -1]:
        solved = scene.solved is not None and one.total >= scene.solved
        done, _ = progress_bar(abs(one.total) / most, bar)
        lines.append(
            [
                Piece(f"{one.episode:>4} ", quiet),
                Piece(done.ljust(bar), palette.style("success" if solved else "foreground", 0.55)),
                Piece(" " + number(one.total).rjust(tail), palette.style("success") if solved else text),
                Piece(" ★" if solved else "", palette.style("success")),
            ]
        )
    return lines[:room]


def waiting(name: str, palette: Palette) -> list[Line]:
    """What is said until the first frame comes."""
    return [
        [Piece(f"{name} takes the stage …", palette.style("foreground", 0.8))],
        [],
        [Piece("its player loads torch first; training is not slowed", palette.style("foreground", FAINT))],
    ]


def fault(text: str, width: int, palette: Palette) -> list[Line]:
    """Why it cannot be watched, wrapped."""
    words, lines, line = clean(text).split(" "), [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > width - 4:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    out: list[Line] = [[Piece(one[: max(1, width)], palette.style("error"))] for one in lines]
    return [
        *out,
        [],
        [Piece("n tries another checkpoint   esc goes back", palette.style("foreground", LABEL))],
    ]
