"""Watching a runs folder of thousands: runs that may change are followed, runs at rest come as records.

Rule: a run at rest costs nothing until something was done to it. Whoever does touches the folder above it
(`runs.store`), which is seen at the next look; besides, all have their turn, a few at each look.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RunPaths, name_in, spec_file
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.log import read_bytes
from deeprl_tui.core.spec import MAX_SPEC, RunId
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.monitor.follow import Follower
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Frame, Reset, Rested
from deeprl_tui.runs import index as indexing
from deeprl_tui.runs.folders import Folders
from deeprl_tui.runs.homes import is_alive
from deeprl_tui.runs.index import Entry, Index, Stamp

ROUND: Final = 20
"""Full looks, so seconds, in which each run at rest is looked at once, touched or not."""
LEAST, MOST = 50, 200
"""So many at a look all the same: ten thousand then take fifty seconds, and a look 3 ms."""
SLICE_S: Final = 0.15
"""Reading what is not in the index stops after this long, and what lives is looked at."""
PIECE: Final = 1 << 17
"""Bytes of a log that are folded at once: 5 ms in which nobody else looks at the fleet."""
COMPLETE: Final = -1

_NOBODY: Final[Mapping[RunId, int]] = MappingProxyType({})


class Watcher:
    """A follower for what may change, and an index for the rest."""

    def __init__(
        self,
        root: Path,
        cores: tuple[int, ...],
        wall: Callable[[], float],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        elsewhere: Callable[[], frozenset[RunId]] = frozenset,
    ) -> None:
        """Begin. elsewhere: runs mirrored here that have a living worker on their host."""
        self._index = Index(root)
        self._folders = Folders(root)
        self._follower = Follower(
            root,
            cores,
            wall,
            folders=lambda: list(self._live.values()),
            piece=PIECE,
            written=elsewhere,
            glimpses=True,
            slice_s=SLICE_S,
            monotonic=monotonic,
        )
        self._monotonic = monotonic
        self._elsewhere = elsewhere
        self._runs: dict[RunId, str] = {}  # folder of each run
        self._live: dict[str, RunPaths] = {}  # followed
        self._rest: dict[str, Stamp] = {}
        self._unread: list[str] = []  # to be read next: the last first
        self._early: set[str] = set()  # folders whose run.json has not come yet
        self._broken: set[str] = set()
        self._looked: dict[str, Stamp] = {}  # of those that are followed and not held, when they were read
        self._held: frozenset[RunId] = frozenset()
        self._turn: Iterator[str] = iter(())
        self._sent: dict[RunId, int] = {}  # logs of runs at rest that were sent, for which wish
        self._more = False  # wanted logs wait
        self._everything = True

    @property
    def behind(self) -> bool:
        """Whether there is something to read at once."""
        return bool(self._unread or self._more or self._follower.behind)

    def hurry(self) -> None:
        """Let the next poll look at everything."""
        self._everything = True
        self._follower.hurry()

    def poll(self, wanted: Mapping[RunId, int] = _NOBODY) -> Iterator[Frame]:
        """Yield what is new; every fourth call looks at folders and ends with Alive.

        wanted: runs whose logs are needed even at rest, with a number that is another once it was forgotten.
        """
        full = self._follower.full
        if full:
            yield from self._look()
        yield from self._read_some()
        for frame in self._follower.poll():
            if isinstance(frame, Alive):
                self._held = frame.held | self._elsewhere()
                yield from self._settle()
                unread = len(self._unread) + self._follower.behind
                yield replace(frame, found=len(self._runs), unread=unread)
            else:
                yield frame
        yield from self._send(wanted)
        if full:
            self._index.save()

    def catch_up(self) -> Iterator[Frame]:
        """Yield what was appended to the logs that the last poll looked at, and nothing else."""
        return self._follower.catch_up(again=True)

    # -- which runs there are ----------------------------------------------------------------------------

    def _look(self) -> Iterator[Frame]:
        changes = self._folders.look(everything=self._everything)
        for folder in changes.gone:
            yield from self._leave(folder)
        due = list(self._rest) if self._everything else changes.touched + self._next()
        self._everything = False
        fresh = [*changes.appeared, *self._early]
        self._early.clear()
        for folder in fresh:
            yield from self._appear(folder)
        if len(fresh) > 1:
            self._unread.sort(key=_changed)
        for folder in due:
            yield from self._check(folder)

    def _next(self) -> list[str]:
        """The runs at rest whose turn it is."""
        many = min(MOST, max(LEAST, len(self._rest) // ROUND))
        found = list(islice(self._turn, many))
        if len(found) < many:
            self._turn = iter(list(self._rest))
        return found

    def _appear(self, folder: str) -> Iterator[Frame]:
        try:
            entry = self._index.entry(folder)
            run = entry.record.id if entry is not None else name_in(folder)
            if self._runs.get(run, folder) != folder:
                raise ValueError(f"is {run} like {self._runs[run]}, which is shown")
            if entry is None and not os.path.exists(spec_file(folder)):  # noqa: PTH110  the hot path
                self._early.add(folder)
                return
            self._runs[run] = folder
            if entry is not None:
                self._rest[folder] = entry.stamp
                yield Rested(entry.record)
            elif is_held(RunPaths(Path(folder)).lock) or run in self._elsewhere():
                self._live[folder] = RunPaths(Path(folder))
            else:
                self._unread.append(folder)
        except (ValueError, OSError) as error:
            yield from self._damaged(folder, error)

    def _leave(self, folder: str) -> Iterator[Frame]:
        self._early.discard(folder)
        self._broken.discard(folder)
        self._index.drop(folder)
        if folder in self._unread:
            self._unread.remove(folder)
        self._looked.pop(folder, None)
        at_rest = self._rest.pop(folder, None) is not None
        self._live.pop(folder, None)  # the follower says so
        try:
            run = name_in(folder)
        except ValueError:
            return
        if self._runs.get(run) == folder:
            del self._runs[run]
            self._sent.pop(run, None)
            if at_rest:
                yield Reset(run, "archived")

    def _check(self, folder: str) -> Iterator[Frame]:
        """Look whether a run at rest still is."""
        known = self._rest.get(folder)
        if known is None:
            return
        try:
            if indexing.stamp(folder, known) == known:
                return
        except OSError:
            return  # archived: the next look at the folder above says so
        del self._rest[folder]
        self._sent.pop(name_in(folder), None)
        yield from self._appear(folder)

    def _damaged(self, folder: str, error: Exception) -> Iterator[Frame]:
        if folder not in self._broken:
            self._broken.add(folder)
            yield Damaged(folder, str(error))

    # -- reading -----------------------------------------------------------------------------------------

    def _read_some(self) -> Iterator[Frame]:
        """Read runs that are not in the index, the newest first, for a while."""
        until = self._monotonic() + SLICE_S
        while self._unread:
            folder = self._unread.pop()
            yield from self._read(folder)
            if self._monotonic() >= until:
                break

    def _read(self, folder: str) -> Iterator[Frame]:
        try:
            held = is_alive(RunPaths(Path(folder)))
            before = indexing.stamp(folder)
            found = indexing.read(folder, held=held)
        except (RunDirectoryError, OSError) as error:
            yield from self._damaged(folder, error)
            return
        if isinstance(found, Entry):
            self._live.pop(folder, None)
            self._looked.pop(folder, None)
            self._follower.forget(found.record.id)
            self._rest[folder] = found.stamp
            yield Rested(self._index.put(folder, found))
            return
        if not held:
            self._looked[folder] = before  # it is not over: not read again as long as it stays as it is
        if folder not in self._live:
            self._live[folder] = RunPaths(Path(folder))

    def _settle(self) -> Iterator[Frame]:
        """Take runs out of the following that are over and let go of."""
        for folder in list(self._live):
            run = name_in(folder)
            if run in self._held:
                self._looked.pop(folder, None)
                continue
            try:
                now = indexing.stamp(folder, self._looked.get(folder))
            except OSError:
                continue
            if now != self._looked.get(folder):
                self._looked[folder] = now
                yield from self._read(folder)
                if folder in self._rest:
                    self._sent[run] = COMPLETE

    def _send(self, wanted: Mapping[RunId, int]) -> Iterator[Frame]:
        """Send the logs of runs at rest that somebody looks at, the newest wish first."""
        until, self._more = self._monotonic() + SLICE_S, False
        for run, wish in reversed(list(wanted.items())):
            folder = self._runs.get(run)
            if folder not in self._rest or self._sent.get(run) == wish:
                continue
            if self._monotonic() > until:
                self._more = True  # something else may be wanted by now
                return
            known, self._sent[run] = self._sent.get(run), wish
            if known == COMPLETE:
                continue
            paths = RunPaths(Path(folder))
            try:
                yield Described(run, read_small(paths.spec, MAX_SPEC), rest=True)
                for attempt in paths.attempts():
                    offset = 0
                    while data := read_bytes(paths.events(attempt), offset, PIECE):
                        yield Data(run, attempt, offset, data)
                        offset += len(data)
            except OSError:
                continue  # gone: the next look says so


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0
