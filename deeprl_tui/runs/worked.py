"""How long workers ran on a host, from the logs that are here.

Rule: hours count once, however many workers ran in them: a machine costs the same with one. An attempt ran
from its start to its newest line, by the clock of its host.
"""

from collections.abc import Iterator
from pathlib import Path

from deeprl_tui.core.events import Start
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.log import LineReader, read_bytes
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.moves import read_moves

HEAD = 16_384
TAIL = 16_384
"""Bytes at the two ends of a log that are read."""


class Worked:
    """The hours of hosts; it remembers logs that have not grown."""

    def __init__(self, root: Path) -> None:
        self._root = RootPaths(root)
        self._known: dict[Path, tuple[int, tuple[float, float] | None]] = {}  # log: size, begin and end

    def seconds(self, host: str) -> float:
        """Seconds in which at least one worker ran on a host; empty: on this machine."""
        total, until = 0.0, float("-inf")
        for begin, end in sorted(self._spans(host)):
            total += max(0.0, end - max(begin, until))
            until = max(until, end)
        return total

    def _spans(self, host: str) -> Iterator[tuple[float, float]]:
        for paths in self._root.runs():
            home = home_of(paths)
            left = sorted((number, name) for name, number in read_moves(paths).left.items())
            if host != home and all(host != name for _, name in left):
                continue
            for attempt in paths.attempts():
                # A run that moved left each host before some attempt.
                if next((name for number, name in left if attempt < number), home) == host:
                    span = self._span(paths.events(attempt))
                    if span is not None:
                        yield span

    def _span(self, log: Path) -> tuple[float, float] | None:
        try:
            size = log.stat().st_size
            known = self._known.get(log)
            if known is None or known[0] != size:
                known = self._known[log] = (size, _read(log, size))
        except OSError:
            return None
        return known[1]


def _read(log: Path, size: int) -> tuple[float, float] | None:
    """When an attempt began and said its newest word. Raises OSError."""
    lines = LineReader().feed(read_bytes(log, 0, HEAD))
    begin = next((line for line in lines if isinstance(line.event, Start)), None)
    if begin is None or not isinstance(begin.event, Start):
        return None
    newest = max(
        (line.t for line in LineReader().feed(read_bytes(log, max(0, size - TAIL), TAIL))), default=0.0
    )
    return begin.event.at, begin.event.at + max(0.0, newest - begin.t)
