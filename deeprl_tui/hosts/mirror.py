"""What is here of the runs of another host: its logs, byte for byte, in this project's own runs folder.

A run directory that mirrors one elsewhere names that host in its file `host`; no supervisor here starts it.
Rule: the length of a mirrored log is the cursor, there is no other. Only what continues it is appended,
under a lock, so a cut, a kill or a second dashboard leaves a shorter log and never a wrong one.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.spec import MAX_SPEC, RunId, RunSpec
from deeprl_tui.core.state import is_over
from deeprl_tui.errors import RefusedError, RunDirectoryError
from deeprl_tui.hosts.known import UNKNOWN, Have, tail_crc
from deeprl_tui.runs import moves
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view


class GapError(Exception):
    """Data that does not continue what is here: attach anew."""


class MovedError(RefusedError):
    """A run that lived on this host and lives on another now."""


class Mirror:
    """The runs of one host, as they are kept here."""

    def __init__(self, root: Path, host: str) -> None:
        self._root = RootPaths(root)
        self._host = host
        self._known: dict[RunId, RunPaths] = {}

    def have(self) -> list[Have]:
        """What is here, for the host to go on from."""
        found = []
        for run, paths in self.runs():
            if moves.read_moves(paths).to == self._host:
                continue  # it goes there and has not arrived
            for attempt in paths.attempts():
                with contextlib.suppress(OSError):
                    size = paths.events(attempt).stat().st_size
                    found.append(Have(run, attempt, size, tail_crc(paths.events(attempt), size)))
        return found

    def runs(self) -> Iterator[tuple[RunId, RunPaths]]:
        """The runs that live on this host."""
        for paths in self._root.runs():
            if home_of(paths) == self._host:
                with contextlib.suppress(ValueError):
                    run = name_of(paths)
                    self._known[run] = paths
                    yield run, paths

    def describe(self, run: RunId, data: bytes) -> None:
        """Make a run's directory, unless it is here.

        Raises RunDirectoryError for a description that is none or of another run, and RefusedError if a run
        of that name lives elsewhere.
        """
        spec = RunSpec.from_json(data, place=f"{self._host}:{run}")
        if spec.id != run or len(data) > MAX_SPEC:
            raise RunDirectoryError("describes another run", place=f"{self._host}:{run}")
        paths = self._root.run(spec)
        if paths.spec.exists():
            self._check_home(run, paths)
        else:
            self._make(paths, data)
        self._known[run] = paths

    def _check_home(self, run: RunId, paths: RunPaths) -> None:
        home = home_of(paths)
        if home != self._host:
            if self._host in moves.read_moves(paths).left:
                raise MovedError(f"lives on {home or 'this machine'} now", place=str(run))
            raise RefusedError(
                f"lives on {home or 'this machine'}, not on {self._host}",
                place=str(run),
                remedy=f"archive one of the two: deeprl run {run.experiment} --fresh",
            )

    def _make(self, paths: RunPaths, data: bytes) -> None:
        temporary = paths.folder.with_name(f".{paths.folder.name}.{os.getpid()}")
        temporary.mkdir(parents=True, exist_ok=True)
        made = RunPaths(temporary)
        made.host.write_text(self._host, encoding="utf-8")
        made.spec.write_bytes(data)
        try:
            temporary.rename(paths.folder)
        except OSError:  # another dashboard made it meanwhile
            made.host.unlink()
            made.spec.unlink()
            temporary.rmdir()

    def append(self, run: RunId, attempt: int, offset: int, data: bytes) -> int:
        """Append what is new of a piece of a log; returns the bytes that were. Raises GapError, OSError.

        What a host still says of a run that has moved away is dropped.
        """
        paths = self._known.get(run)
        if paths is None:
            raise GapError(f"{run} was not described")
        with moves.settled(paths):
            return self._append(paths, run, attempt, offset, data) if self._lives_here(paths) else 0

    def _lives_here(self, paths: RunPaths) -> bool:
        return home_of(paths) == self._host and moves.read_moves(paths).to != self._host

    @staticmethod
    def _append(paths: RunPaths, run: RunId, attempt: int, offset: int, data: bytes) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(paths.events(attempt), flags, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            size = os.fstat(fd).st_size
            if offset > size:
                raise GapError(f"{run}: {offset} does not continue {size}")
            fresh = data[size - offset :]
            if fresh and os.write(fd, fresh) < len(fresh):
                os.ftruncate(fd, size)
                raise OSError(28, "no space", str(paths.events(attempt)))
            return len(fresh)
        finally:
            os.close(fd)

    def reset(self, run: RunId, why: str = "") -> Path | None:
        """Forget what was known of a run that the host has another one of, or none. Nothing is deleted.

        A host that never heard of it was made anew: a run that is over stays here as a run of this machine,
        and any other goes there again. One that was replaced or archived there is put aside here; where it
        went, if it was.
        """
        paths = self._known.pop(run, None)
        if paths is None or not paths.spec.exists() or not self._lives_here(paths):
            return None
        if why == UNKNOWN:
            self._known[run] = paths
            view = load_view(paths, held=False)
            moves.assign(paths, "" if is_over(view.state) else self._host, view.next_attempt)
            return None
        for number in range(1, 10_000):
            aside = self._root.archive / f"{run.experiment}-{self._host}-{number}" / paths.folder.name
            if not aside.parent.exists():
                aside.parent.mkdir(parents=True)
                paths.folder.rename(aside)
                return aside
        return None
