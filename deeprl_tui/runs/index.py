"""The index: what is known of all runs at rest, so that ten thousand of them open without being read.

One file of JSON lines in the runs folder, each with a CRC; the newest line about a run counts. Appending
needs no lock, several processes may do it, and any damage costs single lines, which a database file cannot
say; it is written anew (temporary file, rename) once half of it is out of date.
Rule: it is never the truth. A line counts only as long as the stamp of its run directory is the same, and
whatever is wrong with the file, the runs are simply read again.
"""

import gc
import json
import os
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from deeprl_tui.core import state
from deeprl_tui.core.files import open_regular
from deeprl_tui.core.layout import RootPaths, RunPaths, events_file, name_in, spec_file
from deeprl_tui.core.state import RunView
from deeprl_tui.runs.homes import is_alive
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.record import OWN, SHARED, Record, make, record_of, shared

FORMAT: Final = 1
"""Of the file; a change of the rows' meaning counts it up. Other fields are another format by themselves."""
MOST_BYTES: Final = 1 << 29
FLUSH: Final = 1 << 20
SLACK: Final = 1000
"""So many lines may be out of date before the file is written anew."""
STALE_S: Final = 3600.0
"""A temporary file this old was left by a process that was killed."""


class Stamp(NamedTuple):
    """Tells whether a run directory is what it was. Any resume makes a file in it or appends to its log."""

    inode: int
    changed: int  # ns, of the folder: a file was made, removed or replaced
    spec_changed: int
    spec_size: int
    attempt: int  # the newest that has a log
    log_size: int
    log_changed: int


def stamp(folder: str, known: Stamp | None = None) -> Stamp:
    """Look at a run directory. Raises OSError if it is none (any more).

    known: the stamp before; as long as the folder has not changed its newest attempt is the same.
    """
    here = os.stat(folder)  # noqa: PTH116  the hot path
    spec = os.stat(spec_file(folder))  # noqa: PTH116
    if known is not None and (here.st_ino, here.st_mtime_ns) == (known.inode, known.changed):
        attempt = known.attempt
    else:
        attempt = max(RunPaths(Path(folder)).attempts(), default=0)
    size = changed = 0
    if attempt:
        log = os.stat(events_file(folder, attempt))  # noqa: PTH116
        size, changed = log.st_size, log.st_mtime_ns
    return Stamp(here.st_ino, here.st_mtime_ns, spec.st_mtime_ns, spec.st_size, attempt, size, changed)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run at rest, and the stamp that its directory had when it was read."""

    stamp: Stamp
    record: Record


def read(folder: str, *, held: bool | None = None) -> Entry | RunView:
    """Read a run: an entry if it is at rest (over, its lock free, the same after as before), else its view.

    Raises RunDirectoryError without a good run.json, OSError if it is gone.
    """
    paths = RunPaths(Path(folder))
    before = stamp(folder)
    if held is None:
        held = is_alive(paths)
    view = load_view(paths, held=held, whole=not held)
    if held or not state.is_over(view.state) or stamp(folder, before) != before:
        return view
    return Entry(before, record_of(view))


class Index:
    """The entries of one runs folder, by the folder of the run below it."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._path = RootPaths(root).index
        self._entries: dict[str, Entry] = {}
        self._pending: dict[str, Entry] = {}
        self._shared: dict[str, tuple[Any, ...]] = {}  # values of SHARED by key: one object for all seeds
        self._keys: dict[str, str] = {}  # of each entry
        self._told: set[str] = set()  # keys that stand in the file
        self._lines = 0  # rows in the file
        self._renew = True  # the file is of no use to append to
        with _no_collection():
            self._load()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, folder: str) -> Record | None:
        """What is known of a run, if its directory is what it was. Raises OSError if there is none."""
        entry = self.entry(folder)
        return entry.record if entry is not None else None

    def entry(self, folder: str) -> Entry | None:
        """The same with its stamp."""
        entry = self._entries.get(self._name(folder))
        return entry if entry is not None and stamp(folder, entry.stamp) == entry.stamp else None

    def put(self, folder: str, entry: Entry) -> Record:
        """Take in what was read; `save` writes it. Returns the record, which shares what its seeds share."""
        name, record = self._name(folder), entry.record
        same: list[Any] = [getattr(record, part) for part in SHARED]
        key = sha256(_dump(same)).hexdigest()[:16]
        known = self._shared.setdefault(key, tuple(same))
        record = replace(record, **dict(zip(SHARED, known, strict=True)))
        self._entries[name] = self._pending[name] = Entry(entry.stamp, record)
        self._keys[name] = key
        return record

    def drop(self, folder: str) -> None:
        """Forget a run."""
        self._entries.pop(self._name(folder), None)
        self._pending.pop(self._name(folder), None)

    def save(self) -> None:
        """Write what is new. A folder that cannot be written to is no error: it is read again next time."""
        try:
            if self._renew or self._lines > 2 * len(self._entries) + SLACK:
                self._rewrite()
            elif self._pending:
                self._append()
            self._pending.clear()
        except OSError:
            self._renew = True

    def _name(self, folder: str) -> str:
        return folder[len(self._root) + 1 :]

    # -- reading -----------------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            data = _contents(self._path)
        except OSError:
            return
        decoder = json.JSONDecoder()
        lines = iter(data.split(b"\n"))
        if next(lines, b"") != _header():
            return
        bad = 0
        for line in lines:
            if line:
                try:
                    self._take(decoder.decode(_checked(line)))
                except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                    bad += 1
        self._renew = bad > 0

    def _take(self, row: Any) -> None:
        match row:
            case [str(key), [*values]]:
                self._shared[key] = shared(values)
                self._told.add(key)
            case [str(name), str(key), [*looks], [*values]]:
                self._lines += 1
                if len(looks) != len(Stamp._fields) or not all(type(look) is int for look in looks):
                    raise ValueError("no stamp")
                record = make(name_in(f"{self._root}/{name}"), self._shared[key], values)
                if record.state not in _OVER:
                    raise ValueError("not at rest")
                self._entries[name] = Entry(Stamp(*looks), record)
                self._keys[name] = key
            case _:
                raise ValueError("no row")

    # -- writing -----------------------------------------------------------------------------------------

    def _append(self) -> None:
        """Add lines; a line that another process left half written is ended first."""
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return
            for block in _blocks(self._rows(self._pending)):
                os.write(fd, b"\n" + block)
        finally:
            os.close(fd)
        self._lines += len(self._pending)

    def _rewrite(self) -> None:
        if not self._entries and not self._path.exists():
            return
        self._sweep()
        for name in list(self._entries):
            if not os.path.exists(f"{self._root}/{name}"):  # noqa: PTH110  archived
                del self._entries[name]
        self._told.clear()
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with open(fresh, "wb") as file:
            file.write(_header() + b"\n")
            for block in _blocks(self._rows(self._entries)):
                file.write(block)
        fresh.replace(self._path)
        self._lines, self._renew = len(self._entries), False

    def _rows(self, entries: dict[str, Entry]) -> Iterator[bytes]:
        for name, entry in entries.items():
            key = self._keys[name]
            if key not in self._told:
                self._told.add(key)
                yield _line([key, self._shared[key]])
            yield _line([name, key, entry.stamp, [getattr(entry.record, part) for part in OWN]])

    def _sweep(self) -> None:
        """Remove what killed processes left."""
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_S:
                    path.unlink()


_OVER: Final = frozenset(
    state.word(kind) for kind in (state.Finished, state.Stopped, state.Failed, state.Paused)
)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Make many objects that all stay, and never look for garbage among them: a fifth of an open."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def _line(row: list[Any]) -> bytes:
    text = _dump(row)
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def _checked(line: bytes) -> str:
    text, _, crc = line.rpartition(b"\t")
    if crc != b"%08x" % zlib.crc32(text):
        raise ValueError("checksum")
    return text.decode()


def _header() -> bytes:
    return _line([{"index": FORMAT, "shared": SHARED, "own": OWN}]).rstrip()


def _blocks(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, about FLUSH bytes at once: one call writes them next to what another process writes."""
    block: list[bytes] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= FLUSH:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def _contents(path: Path) -> bytes:
    fd = open_regular(path)
    with open(fd, "rb") as file:
        return file.read(MOST_BYTES)
