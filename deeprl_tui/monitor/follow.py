"""Following a runs folder: files in, frames out, from where the reader stopped.

Polling: 64 tails cost 0.3 ms and it works on every file system, so there is no inotify. Runs that nobody
writes are looked at once a second, the others four times. Long logs come a piece of each in turn, so that all
curves grow together.
"""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.log import CHUNK, read_bytes
from deeprl_tui.core.spec import MAX_SPEC, RunId
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Frame, Glimpse, Reset
from deeprl_tui.monitor.machine import CoreLoad, disk_free, memory
from deeprl_tui.runs.homes import home_of, read_status

LONG = 1 << 18
"""Of a log with more that is new than this, in bytes, a glimpse comes first."""
SPOTS = 32
SPOT = 1536
NEWEST = 1 << 14
"""A glimpse is lines of this many bytes at so many places, and of so many at its end."""
POLL_S = 0.25
POLLS_PER_SCAN = 4


@dataclass(slots=True)
class _Tail:
    paths: RunPaths
    identity: tuple[int, int]  # device and inode of the folder
    changed: int = -1  # folder's mtime when its attempts were listed
    offsets: dict[int, int] = field(default_factory=dict)  # by attempt
    held: bool = False
    home: str = ""  # the host that it lives on; empty: this machine


class Follower:
    """Remembers how far each log was read.

    folders: names the run directories to follow, at every full look; by default all of the runs folder.
    start: where to begin to read a run's log, by its attempt; by default at its beginning.
    piece: bytes of a log in one frame, at most.
    written: runs that somebody writes though their lock is free here: mirrors of runs that live elsewhere.
    glimpses: of long logs show first what they look like.
    slice_s: seconds of reading after which a poll leaves the rest for the next one.
    """

    def __init__(
        self,
        root: Path,
        cores: tuple[int, ...],
        wall: Callable[[], float],
        *,
        folders: Callable[[], Iterable[RunPaths]] | None = None,
        start: Mapping[tuple[RunId, int], int] = MappingProxyType({}),
        piece: int = CHUNK,
        written: Callable[[], Collection[RunId]] = frozenset,
        glimpses: bool = False,
        slice_s: float = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = RootPaths(root)
        self._folders = folders or self._root.runs
        self._wall = wall
        self._load = CoreLoad(cores)
        self._tails: dict[RunId, _Tail] = {}
        self._damaged: set[Path] = set()
        self._start = dict(start)
        self._piece = piece
        self._written = written
        self._glimpses = glimpses
        self._slice_s = slice_s
        self._monotonic = monotonic
        self._waiting: deque[RunId] = deque()  # not read to the end: whose turn is next
        self._polls = 0

    @property
    def full(self) -> bool:
        """Whether the next poll looks at all folders."""
        return self._polls % POLLS_PER_SCAN == 0

    @property
    def behind(self) -> int:
        """Runs of which there may be more to read at once."""
        return len(self._waiting)

    def hurry(self) -> None:
        """Let the next poll look at all folders."""
        self._polls = 0

    def forget(self, run: RunId) -> None:
        """Follow a run no longer, without a word; if its folder is named again, it begins anew."""
        self._tails.pop(run, None)

    def poll(self) -> Iterator[Frame]:
        """Yield what is new; every fourth call looks at all folders and ends with Alive."""
        full = self.full
        self._polls += 1
        if full:
            yield from self._scan()
        self._line_up(all_of_them=full)
        yield from self.catch_up()
        if full:
            yield self._alive()

    def catch_up(self, *, again: bool = False) -> Iterator[Frame]:
        """Yield more of what the last poll left. again: look once more at all logs that somebody writes."""
        if again:
            self._line_up()
        until = self._monotonic() + self._slice_s
        while self._waiting:
            run = self._waiting.popleft()
            tail = self._tails.get(run)
            if tail is not None and (yield from self._read(run, tail)):
                self._waiting.append(run)
            if self._monotonic() >= until:
                break

    def _line_up(self, *, all_of_them: bool = False) -> None:
        written = self._written()
        due = [run for run, tail in self._tails.items() if all_of_them or tail.held or run in written]
        self._waiting = deque(dict.fromkeys([*self._waiting, *due]))

    def _scan(self) -> Iterator[Frame]:
        seen = set()
        for paths in self._folders():
            try:
                run = name_of(paths)
                stat = paths.folder.stat()
                identity = (stat.st_dev, stat.st_ino)
                tail = self._tails.get(run)
                if tail is None or tail.identity != identity:
                    if tail is not None:
                        yield Reset(run, "replaced")
                    spec = read_small(paths.spec, MAX_SPEC)
                    tail = self._tails[run] = _Tail(paths, identity)
                    yield Described(run, spec)
                seen.add(run)
                if stat.st_mtime_ns != tail.changed:
                    tail.changed = stat.st_mtime_ns
                    tail.home = home_of(paths)
                    for attempt in paths.attempts():
                        if attempt not in tail.offsets:
                            tail.offsets[attempt] = start = self._start.pop((run, attempt), 0)
                            if self._glimpses:
                                yield from _glimpse(run, attempt, paths.events(attempt), start)
                tail.held = is_held(paths.lock)
            except (ValueError, OSError) as error:
                if paths.folder not in self._damaged:
                    self._damaged.add(paths.folder)
                    yield Damaged(str(paths.folder), str(error))
        for run in self._tails.keys() - seen:
            del self._tails[run]
            yield Reset(run, "archived")

    def _read(self, run: RunId, tail: _Tail) -> Generator[Frame, None, bool]:
        """Yield the next piece of a run's logs; returns whether there is more of them."""
        for attempt in sorted(tail.offsets):
            path, offset = tail.paths.events(attempt), tail.offsets[attempt]
            try:
                size = os.stat(path).st_size  # noqa: PTH116  the hot path: a Path.stat costs twice as much
                data = b"" if size <= offset else read_bytes(path, offset, self._piece)
            except OSError:
                continue  # gone or not readable now: the next scan says so
            if data:
                tail.offsets[attempt] = offset = offset + len(data)
                yield Data(run, attempt, offset - len(data), data)
                if offset < size:
                    return True
        return False

    def _alive(self) -> Alive:
        used, total = memory()
        return Alive(
            now=self._wall(),
            busy=self._load.look(),
            memory_used=used,
            memory_total=total,
            disk_free=disk_free(self._root.root if self._root.root.exists() else self._root.root.parent),
            held=frozenset(run for run, tail in self._tails.items() if tail.held),
            supervisor=is_held(self._root.supervisor_lock),
            waiting={
                run: status
                for run, tail in self._tails.items()
                if tail.held and (status := read_status(tail.paths))
            },
            homes={run: tail.home for run, tail in self._tails.items() if tail.home},
        )


def _glimpse(run: RunId, attempt: int, path: Path, start: int) -> Iterator[Glimpse]:
    """Lines of a log from `start` on, if it is long. Raises OSError."""
    size = path.stat().st_size
    if size - start <= LONG:
        return
    places = [start + (size - NEWEST - start) * at // SPOTS for at in range(SPOTS)]
    lines = [_whole(read_small(path, SPOT, place), place == start) for place in places]
    lines.append(_whole(read_small(path, NEWEST, size - NEWEST), False))
    yield Glimpse(run, attempt, b"".join(lines))


def _whole(data: bytes, from_its_begin: bool) -> bytes:
    return data[0 if from_its_begin else data.find(b"\n") + 1 : data.rfind(b"\n") + 1]
