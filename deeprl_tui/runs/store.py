"""The run directories of one runs folder: make, find, ask, requeue, archive.

Rules: a run directory gets its name only when it is complete (temporary folder, fsync, rename), so nobody
sees half of one. All runs of one experiment share one digest. Every request may be repeated.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from deeprl_tui.core import events, state
from deeprl_tui.core.files import sync_folder
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.log import EventLog
from deeprl_tui.core.spec import RunId, RunSpec, differing
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import LockHeldError, RefusedError, RunDirectoryError
from deeprl_tui.runs.load import load_spec, load_view

Ask: TypeAlias = Literal["stop", "pause"]


@dataclass(frozen=True, slots=True)
class Created:
    """A new run waits for a core."""

    id: RunId


@dataclass(frozen=True, slots=True)
class Already:
    """The run was there with the same settings; nothing was changed."""

    id: RunId
    view: RunView


Made: TypeAlias = Created | Already


class RunStore:
    """The run directories of one runs folder."""

    def __init__(self, root: Path, *, wall: Callable[[], float] = time.time) -> None:
        self.paths = RootPaths(root)
        self._wall = wall

    def find(self, run: RunId) -> RunPaths | None:
        """Find a run's directory by its name."""
        for paths in self.paths.runs_of(run.experiment, run.seed):
            if _name(paths) == run:
                return paths
        return None

    def create(self, spec: RunSpec) -> Made:
        """Make a run directory, or say that it is there.

        Raises RefusedError with the differing keys if the experiment was run with other settings.
        """
        self.check(spec)
        target = self.paths.run(spec)
        if target.spec.exists():
            return Already(spec.id, load_view(target))
        target.folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = RunPaths(_temporary(target.folder))
        fresh.folder.mkdir()
        try:
            _write_durably(fresh.spec, spec.to_json().encode())
            self._queue(fresh, 1, "launched")
            fresh.folder.rename(target.folder)
        except OSError as error:
            _remove(fresh)
            if target.spec.exists():  # somebody else was first: that is the same as "already"
                self._check_settings(target, spec)
                return Already(spec.id, load_view(target))
            raise RunDirectoryError(
                f"cannot make the run ({error.strerror})",
                place=str(target.folder),
                remedy="free space or rights there",
            ) from None
        sync_folder(target.folder.parent)
        return Created(spec.id)

    def check(self, spec: RunSpec) -> None:
        """Raise RefusedError if the experiment was run with other settings."""
        for paths in self.paths.runs_of(spec.id.experiment):
            self._check_settings(paths, spec)

    def ask(self, paths: RunPaths, ask: Ask) -> None:
        """Ask a run to stop or pause: a living worker does at its next safe point, a waiting run at once."""
        view = load_view(paths)
        if state.is_over(view.state) and not (isinstance(view.state, state.Paused) and ask == "stop"):
            return
        _replace(paths.request, ask.encode())
        try:
            lock = FileLock.acquire(paths.lock, "stopping")
        except LockHeldError:
            return  # its worker looks at the request once a second
        with lock:
            view = load_view(paths, held=False)
            if state.is_over(view.state) and not isinstance(view.state, state.Paused):
                return
            log = EventLog(paths.events(max(1, view.attempt)), lambda: view.clock)
            outcome: events.Outcome = "stopped" if ask == "stop" else "paused"
            log.append(events.StopAsked(ask))
            log.append(
                events.End(
                    at=self._wall(),
                    outcome=outcome,
                    step=view.checkpoint_step or 0,
                    reason=f"{outcome} by request",
                ),
                sync=True,
            )
            log.close()
            _ring(paths)

    def requeue(self, paths: RunPaths, why: str) -> bool:
        """Put a run that is not alive back into the queue. False if it lives, waits or is finished."""
        try:
            lock = FileLock.acquire(paths.lock, "requeueing")
        except LockHeldError:
            return False
        with lock:
            view = load_view(paths, held=False)
            if isinstance(view.state, state.Queued | state.Finished):
                return False
            paths.request.unlink(missing_ok=True)
            self._queue(paths, view.next_attempt, why, clock=view.clock)
            _ring(paths)
            return True

    def fail(self, paths: RunPaths, reason: str) -> bool:
        """Write the last word for a run whose worker died without one. False if it lives or has one."""
        try:
            lock = FileLock.acquire(paths.lock, "recording a death")
        except LockHeldError:
            return False
        with lock:
            view = load_view(paths, held=False)
            if state.is_over(view.state):
                return False
            log = EventLog(paths.events(max(1, view.attempt)), lambda: view.clock)
            log.append(
                events.End(at=self._wall(), outcome="failed", step=view.step, reason=reason[:2000]), sync=True
            )
            log.close()
            return True

    def archive(self, experiment: str) -> Path | None:
        """Move all runs of an experiment out of the way. Raises RefusedError if one of them lives.

        Returns where they went; None if there were none.
        """
        folder = self.paths.experiment(experiment)
        if not folder.exists():
            return None
        locks = []
        try:
            for paths in self.paths.runs_of(experiment):
                try:
                    locks.append(FileLock.acquire(paths.lock, "archiving"))
                except LockHeldError:
                    raise RefusedError(
                        f"{_name(paths)} is running",
                        place=experiment,
                        remedy=f"stop it first: deeprl stop {experiment}",
                    ) from None
            stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._wall()))
            self.paths.archive.mkdir(exist_ok=True)
            for number in range(1000):
                target = self.paths.archive / f"{experiment}-{stamp}{f'-{number}' if number else ''}"
                if not target.exists():
                    folder.rename(target)
                    return target
            raise RunDirectoryError("no free name for the archive", place=str(self.paths.archive))
        finally:
            for lock in locks:
                lock.release()

    def _check_settings(self, paths: RunPaths, spec: RunSpec) -> None:
        there = load_spec(paths)
        if there.digest == spec.digest:
            return
        old, new = (
            {"algo": one.algo, "env": one.env, **one.settings, **{f: sha[:8] for f, sha in one.code.items()}}
            for one in (there, spec)
        )
        changes = ", ".join(
            f"{key} {json.dumps(before)} → {json.dumps(after)}"
            for key, (before, after) in differing(old, new).items()
        )
        raise RefusedError(
            f"was already run with other settings ({changes})",
            place=spec.id.experiment,
            remedy="rename the experiment, or use --fresh to archive the old runs",
        )

    def _queue(self, paths: RunPaths, attempt: int, why: str, *, clock: float = 0.0) -> None:
        log = EventLog(paths.events(attempt), lambda: clock)
        log.append(events.Queued(at=self._wall(), why=why), sync=True)
        log.close()


def write_attempt(paths: RunPaths, attempt: int, host: str, boot: str) -> None:
    """Name the newest attempt, before its worker starts: any older worker that still lives must stop."""
    _replace(paths.attempt, json.dumps({"attempt": attempt, "host": host, "boot": boot}).encode())


def _name(paths: RunPaths) -> RunId | None:
    try:
        return name_of(paths)
    except ValueError:
        return None


def _ring(paths: RunPaths) -> None:
    """Touch the folder above: who watches thousands of runs at rest looks there."""
    with suppress(OSError):  # a read-only mirror; then it is seen a little later
        os.utime(paths.folder.parent)


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")


def _replace(path: Path, data: bytes) -> None:
    fresh = _temporary(path)
    _write_durably(fresh, data)
    fresh.replace(path)


def _remove(paths: RunPaths) -> None:
    for entry in paths.folder.iterdir():
        entry.unlink()
    paths.folder.rmdir()
