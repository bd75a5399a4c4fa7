"""Files of runs come home from their hosts, in the background or because somebody asks.

Rule: one thread for each host, with a connection of its own, so frames never wait. Runs that are over come
at once, checkpoints of the others now and then; a run that goes to a host is sent by the same thread. What
breaks is tried again: nothing that came is lost.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError, LockHeldError
from deeprl_tui.hosts.artefacts import Progress, Pull, Pulled
from deeprl_tui.hosts.delivery import deliver
from deeprl_tui.hosts.fetch import KEEP_FREE, Asked
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.hosts.pace import Pace
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.monitor.fleet import Coming
from deeprl_tui.monitor.line import Line
from deeprl_tui.runs.homes import heard_of
from deeprl_tui.runs.moves import arrived, bound_for, is_home, newest_log

EVERY_S: Final = 300.0
"""How old the newest checkpoint here of a run that trains gets, about."""
AGAIN_S: Final = 30.0
"""After a fault it is tried again so much later, or when the host speaks again."""
WAITING_S: Final = 60.0
"""How often to look at a run without a worker that is not home and says nothing new, and for the first
checkpoint of one that trains: without any it would begin anew elsewhere."""
WAIT_S: Final = 3600.0
"""How long a pull by hand waits for one in the background."""
LOOK_S: Final = 0.1
TELL_S: Final = 0.2
"""How often it is told how far files are."""
AT_ONCE: Final = 64
"""Runs whose files are asked for with one round trip."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of one run."""

    run: RunId
    host: str
    pulled: Pulled | None  # None: why says it
    why: str = ""  # also: which files do not come


def pull(
    root: Path,
    host: str,
    line: Line,
    runs: Sequence[tuple[RunId, RunPaths]],
    *,
    say: Callable[[Progress], None] = lambda progress: None,
    keep_free: int = KEEP_FREE,
    wait_s: float = WAIT_S,
) -> Iterator[Brought]:
    """Bring what is new of some runs of a host. Ends early, with the reason, when the host is lost.

    wait_s: how long to wait for somebody else who brings files of this host. Raises LockHeldError then.
    """
    with _alone(root, host, wait_s):
        mirror = Mirror(root, host)
        known = dict(mirror.runs())
        mine = [run for run, _ in runs if run in known]
        for start in range(0, len(mine), AT_ONCE):
            some = mine[start : start + AT_ONCE]
            try:
                told = list(line.ask_all(Asked("files", {"run": str(run)}) for run in some))
            except HostError as error:
                yield Brought(some[0], host, None, error.fault)
                return
            for run, listed in zip(some, told, strict=True):
                try:
                    if isinstance(listed, DeeprlError):
                        raise listed
                    bring = Pull(mirror, run, known[run], line, say=say, keep_free=keep_free, listed=listed)
                    pulled = bring()
                    yield Brought(run, host, pulled, "; ".join(pulled.missing))
                except HostError as error:
                    yield Brought(run, host, None, error.fault)
                    return
                except (DeeprlError, OSError) as error:
                    yield Brought(run, host, None, str(error))


def send(
    root: Path,
    host: str,
    line: Line,
    *,
    say: Callable[[Progress], None] = lambda progress: None,
    wait_s: float = WAIT_S,
) -> Iterator[Brought]:
    """Send the runs that go to a host and are not there yet. Waits as `pull` does."""
    with _alone(root, host, wait_s):
        for run, paths in list(bound_for(root, host)):
            try:
                deliver(paths, line, "moved here", say=say)
                arrived(paths)
                mirror = Mirror(root, host)
                with contextlib.suppress(DeeprlError, OSError):  # what it says already, so it shows as queued
                    Pull(mirror, run, dict(mirror.runs())[run], line).logs()
                yield Brought(run, host, Pulled(0, 0, False))
            except HostError as error:
                yield Brought(run, host, None, error.fault)
                return
            except (DeeprlError, OSError) as error:
                yield Brought(run, host, None, str(error))


@contextlib.contextmanager
def _alone(root: Path, host: str, wait_s: float) -> Iterator[None]:
    """Be the only one who brings files of a host here."""
    lock = RootPaths(root).pull_lock(host)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock.acquire(lock, f"pulling from {host}", wait_s=wait_s, sleep=lambda _: time.sleep(LOOK_S)):
        yield


class Background:
    """The thread of one host."""

    def __init__(
        self,
        root: Path,
        host: str,
        line: Line,
        told: Callable[[Coming], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
        keep_free: int = KEEP_FREE,
    ) -> None:
        self._root, self._host, self._line, self._told = root, host, line, told
        self._monotonic, self._every_s, self._keep_free = monotonic, every_s, keep_free
        self._pulled: dict[RunId, float] = {}  # when
        self._waits: dict[RunId, tuple[int, int]] = {}  # newest log of runs without a worker, when looked at
        self._missing = ""  # files that do not come as long as they are what they are
        self._kicked = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pull-{host}", daemon=True)

    def kick(self) -> None:
        """Look now: the host speaks, or a run ended there."""
        if not self._thread.is_alive() and not self._stop.is_set():
            with contextlib.suppress(RuntimeError):  # started at this moment by another thread
                self._thread.start()
        self._kicked.set()

    def close(self) -> None:
        """End. What was begun goes on with the next one."""
        self._stop.set()
        self._line.close()
        self._kicked.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stop.is_set():
            fault = self._round()
            self._kicked.wait(AGAIN_S if fault else min(AGAIN_S, self._every_s))
            self._kicked.clear()
        self._line.hang_up()

    def _round(self) -> str:
        """Bring and send what is due; why not all of it."""
        fault = self._missing = ""
        try:
            bound, due = bool(list(bound_for(self._root, self._host))), self._due()
            self._told(Coming(len(due)))
            if bound:
                sent = send(self._root, self._host, self._line, say=self._say(len(due)), wait_s=0)
                fault = self._drain(sent)
            if due and not self._stop.is_set():
                left = pull(
                    self._root,
                    self._host,
                    self._line,
                    due,
                    say=self._say(len(due)),
                    keep_free=self._keep_free,
                    wait_s=0,
                )
                fault = self._drain(left) or fault
            if not due and not bound:
                self._line.hang_up()  # nothing to do for a while
        except LockHeldError:
            pass  # another dashboard brings them
        except (DeeprlError, OSError) as error:
            fault = str(error)
        self._told(Coming(why=fault or self._missing))
        return fault

    def _drain(self, brought: Iterator[Brought]) -> str:
        fault = ""
        for one in brought:
            if one.pulled is None:
                fault = f"{one.run}: {one.why}"
                self._waits.clear()
            else:
                self._pulled[one.run] = self._monotonic()
                if one.why:
                    self._missing = f"{one.run}: {one.why}"
            if self._stop.is_set():
                break
        return fault

    def _say(self, runs: int) -> Callable[[Progress], None]:
        pace, last = Pace(self._monotonic), -math.inf

        def say(at: Progress) -> None:
            nonlocal last
            rate = pace(at.done)
            if self._monotonic() - last >= TELL_S or at.done == at.total:
                last = self._monotonic()
                self._told(Coming(runs, str(at.run), at.file, at.done, at.total, rate))

        return say

    def _due(self) -> list[tuple[RunId, RunPaths]]:
        """Runs that are over and not home, and those whose checkpoint here is old; the newest ends first."""
        held, over, old = heard_of(RootPaths(self._root), self._host).held, [], []
        for run, paths in Mirror(self._root, self._host).runs():
            if not paths.attempts() or is_home(paths):
                continue
            age = self._monotonic() - self._pulled[run] if run in self._pulled else math.inf
            if run in held:
                self._waits.pop(run, None)
                if age >= (self._every_s if paths.checkpoint.exists() else min(WAITING_S, self._every_s)):
                    old.append((run, paths))
            elif age >= WAITING_S or self._waits.get(run) != newest_log(paths):
                self._waits[run] = newest_log(paths)  # one that waits for a core says nothing for long
                over.append((run, paths))
        return over + old
