"""A process that plays a run, and what it last showed.

Rule: it costs who watches nothing but a thread that waits. Only the newest frame is kept: one that nobody
looked at is dropped, never queued. The process ends with its stdin, so it cannot outlive us.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deeprl_tui.core import playing
from deeprl_tui.core.playing import Fault, Frame, Message, Played, Progress, ProtocolError, Scene, Wish
from deeprl_tui.core.text import clean

PLAYER, RECORDER = "deeprl_agents.play", "deeprl_agents.record"
"""Reached by name in a process of its own, so the tool has no import of the learner."""
KEPT = 1000
"""Episodes that are remembered."""
TAIL = 4000
"""Bytes of its stderr that are remembered, for the case that it dies without a word."""
PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a player at one moment."""

    scene: Scene | None = None
    frame: Frame | None = None  # the newest
    played: Sequence[Played] = field(default=())  # episodes with these weights, oldest first
    progress: int = 0  # frames of a recording
    fault: str = ""
    over: bool = False  # nothing more will come


class Player:
    """A player process of ours. `seen` is the newest; all methods return at once."""

    def __init__(self, command: Sequence[str], wish: Wish, news: Callable[[], None] = lambda: None) -> None:
        """Start it. news: called on a thread of its own, after each message."""
        self.wish = wish
        self.seen = Seen()
        self._news = news
        self._played: deque[Played] = deque(maxlen=KEPT)
        self._tail = b""
        self._closed = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl+c is ours alone
            env={
                **os.environ,
                "PYGAME_HIDE_SUPPORT_PROMPT": "1",
                "SDL_VIDEODRIVER": "dummy",
                "SDL_NO_SIGNAL_HANDLERS": "1",  # else it takes SIGTERM for itself
            },
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._unsent = True
        self._send()
        self._errors = threading.Thread(target=self._drain, name="player-errors", daemon=True)
        self._reader = threading.Thread(target=self._read, name="player", daemon=True)
        self._errors.start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, **changes: Any) -> None:
        """Wish for something else; see `Wish`."""
        wish = replace(self.wish, **changes)
        if wish != self.wish:
            self.wish, self._unsent = wish, True
            self._send()

    def close(self) -> None:
        """End the process, without waiting for that."""
        self._closed = True
        with contextlib.suppress(OSError, AttributeError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.terminate()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until nothing more will come."""
        self._reader.join(seconds)

    def _send(self) -> None:
        """Send the wish, now or with the next message: a line is written whole or not at all."""
        try:
            os.write(self._process.stdin.fileno(), self.wish.encode())  # type: ignore[union-attr]
        except BlockingIOError:
            return
        except (OSError, ValueError):
            pass  # it is gone, and the reader will say so
        self._unsent = False

    def _read(self) -> None:
        fault = ""
        try:
            while (message := playing.read(self._process.stdout)) is not None:  # type: ignore[arg-type]
                self._take(message)
                if self._unsent:
                    self._send()
                self._news()
        except ProtocolError as error:
            fault = f"its player sent what is no frame ({error})"
        except (OSError, ValueError) as error:
            fault = str(error)
        self._end(fault)

    def _take(self, message: Message) -> None:
        match message:
            case Scene():
                self._played.clear()
                self.seen = replace(self.seen, scene=message, played=())
            case Frame():
                self.seen = replace(self.seen, frame=message)
            case Played():
                self._played.append(message)
                self.seen = replace(self.seen, played=tuple(self._played))
            case Progress(frames):
                self.seen = replace(self.seen, progress=frames)
            case Fault(text):
                self.seen = replace(self.seen, fault=text)

    def _end(self, fault: str) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        if fault:
            self._process.terminate()
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:  # it has said all it had to say
            self._process.kill()
            self._process.wait()
            code = 0
        self._errors.join(PATIENCE_S)
        self._process.stdout.close()  # type: ignore[union-attr]
        fault = self.seen.fault or fault
        if not fault and code and not self._closed:
            lines = self._tail.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
            fault = f"its player ended: {clean(lines[-1])[:300]}"
        self.seen = replace(self.seen, fault="" if self._closed else fault, over=True)
        self._news()

    def _drain(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while data := os.read(stream.fileno(), 1 << 14):
                self._tail = (self._tail + data)[-TAIL:]


def start(folder: Path, wish: Wish, cores: Iterable[int], news: Callable[[], None] = lambda: None) -> Player:
    """Begin to play the run of a directory. cores: it stays on these, on all if there are none."""
    pinned = ",".join(map(str, cores))
    command = [sys.executable, "-m", PLAYER, str(folder), *([pinned] if pinned else [])]
    return Player(command, wish, news)


def record(
    folder: Path,
    target: Path,
    *,
    checkpoint: str,
    episodes: int,
    cores: Iterable[int],
    news: Callable[[], None] = lambda: None,
) -> Player:
    """Begin to write a film of a run's episodes."""
    pinned = ",".join(map(str, cores))
    command = [sys.executable, "-m", RECORDER, str(folder), str(target), str(episodes), pinned]
    return Player(command, Wish(checkpoint=checkpoint), news)
