"""Who may write, and who lives: kernel locks on files. The kernel drops them on any death.

Rule: a lock is opened close-on-exec and never inherited, or a stray child would keep a dead run alive.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from deeprl_tui.core.files import open_regular, read_small
from deeprl_tui.errors import LockHeldError


class FileLock:
    """An exclusive flock, with a note in the file that says who holds it."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def acquire(
        cls,
        path: Path,
        note: str,
        *,
        wait_s: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> "FileLock":
        """Take the lock, waiting up to wait_s. Raises LockHeldError with the holder's note.

        Waiting a little is right even for a lock that nobody owns: `is_held` takes it for microseconds.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        deadline = monotonic() + max(wait_s, 0.05)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() >= deadline:
                    holder = os.pread(fd, 200, 0).decode(errors="replace").strip()
                    os.close(fd)
                    raise LockHeldError(f"held by {holder or 'somebody'}", place=str(path)) from None
                sleep(0.005)
        os.ftruncate(fd, 0)
        os.pwrite(fd, note.encode()[:200], 0)
        return cls(path, fd)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two holders in."""
        os.close(self._fd)

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def holder(path: Path) -> str:
    """The note of the last holder; empty if there never was one."""
    try:
        return read_small(path, 200).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
