"""Appending to and reading from a run's event log.

Writers hold the run's lock and write each line with one call on an O_APPEND descriptor, so a reader never
sees half of somebody else's line. Readers trust nothing after the last newline and skip what is damaged.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.core.bulk import Samples, decode_all
from deeprl_tui.core.events import MAX_LINE, BadLineError, Event, Line, Warn, decode, encode
from deeprl_tui.core.files import open_regular

CHUNK = 1 << 20
SYNC_S = 1.0
"""fsync at most once in this many seconds: one costs 0.13 ms, its worst hundredth 20 ms."""


class RunClock:
    """Seconds of training: monotonic, and carried over resumes."""

    def __init__(self, monotonic: Callable[[], float], carried: float = 0.0) -> None:
        self._monotonic = monotonic
        self._zero = monotonic() - carried

    def __call__(self) -> float:
        return self._monotonic() - self._zero


class EventLog:
    """The log of one attempt, open for appending. The caller holds the run's lock."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lines, self._size = self._repair()
        self._synced_at = -SYNC_S

    def append(self, event: Event, *, sync: bool = False) -> None:
        """Write one event. Raises OSError with the log as it was when there is no space."""
        line = encode(Line(self._lines + 1, self._clock(), event))
        if len(line) > MAX_LINE:
            raise ValueError(f"an event of {len(line)} bytes is too long")
        try:
            written = os.write(self._fd, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._lines += 1
        self._size += len(line)
        now = self._clock()
        if sync or now - self._synced_at >= SYNC_S:
            os.fsync(self._fd)
            self._synced_at = now

    def warn(self, text: str) -> None:
        """Write a warning."""
        self.append(Warn(text[:4000]))

    def close(self) -> None:
        """Make all lines durable and close."""
        os.fsync(self._fd)
        os.close(self._fd)

    def _repair(self) -> tuple[int, int]:
        """Cut a torn last line; return the number of whole lines and their bytes."""
        lines = whole = offset = 0
        while chunk := os.pread(self._fd, CHUNK, offset):
            if count := chunk.count(b"\n"):
                lines += count
                whole = offset + chunk.rindex(b"\n") + 1
            offset += len(chunk)
        if offset > whole:
            os.ftruncate(self._fd, whole)
        return lines, whole


@dataclass(slots=True)
class LineReader:
    """Turns bytes of a log into lines, whatever the cuts between them."""

    bad: int = 0  # lines skipped so far
    _rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[Line]:
        """Yield the lines that are complete now; keep the rest for the next call."""
        for raw in self._whole(data):
            try:
                yield decode(raw)
            except BadLineError:
                self.bad += 1

    def take(self, data: bytes) -> list[Line | Samples]:
        """The same at once, with episodes and beats as rows: for whoever folds them."""
        found, bad = decode_all(self._whole(data))
        self.bad += bad
        return found

    def _whole(self, data: bytes) -> list[bytes]:
        *whole, rest = (self._rest + data).split(b"\n")
        if len(rest) > MAX_LINE:
            # A line without end is not ours: keep only enough to go on counting it as bad.
            rest = rest[: MAX_LINE + 1]
        self._rest = rest
        return whole


def read_bytes(path: Path, offset: int, limit: int = CHUNK) -> bytes:
    """Read up to limit bytes from offset, cut after the last newline. Empty if there is no whole line yet."""
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return b""
    try:
        data = os.pread(fd, limit, offset)
    finally:
        os.close(fd)
    if len(data) == limit and b"\n" not in data:
        return data  # longer than any line of ours: let the reader count it
    return data[: data.rfind(b"\n") + 1]


def read_lines(path: Path) -> tuple[list[Line], int]:
    """Read a whole log: its good lines, and how many were bad."""
    lines: list[Line] = []
    reader, offset = LineReader(), 0
    while data := read_bytes(path, offset):
        lines.extend(reader.feed(data))
        offset += len(data)
    return lines, reader.bad
