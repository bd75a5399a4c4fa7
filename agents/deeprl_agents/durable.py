"""Writing so that a kill or a full disk loses nothing.

Rule: a file that replaces another is complete and durable before it gets the name. When there is no space,
the state stays in memory, the preallocated status file says so, and the writing is tried until it succeeds.
"""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from deeprl_tui.core.files import sync_folder

STATUS_BYTES = 256
RETRY_S = 5.0
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Result = TypeVar("Result")


class GaveUpError(Exception):
    """Asked to end while there was no space."""


class Patience:
    """Repeats what a full disk prevents; tells about it in the status file."""

    def __init__(
        self,
        status: Path,
        *,
        sleep: Callable[[float], None],
        wall_text: Callable[[], str],
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sleep = sleep
        self._wall_text = wall_text
        self.leaving = leaving
        self._fd = os.open(status, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._say("")
        self.waits = 0  # how often there was no space

    def __call__(self, action: Callable[[], Result]) -> Result:
        """Do it, until there is space. Raises GaveUpError if asked to end meanwhile."""
        try:
            return action()
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
        self.waits += 1
        self._say(f"disk full since {self._wall_text()}: make room there, it goes on by itself")
        while True:
            self._sleep(RETRY_S)
            try:
                result = action()
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                if self.leaving():
                    raise GaveUpError from None
                continue
            self._say("")
            return result

    def close(self) -> None:
        """Close the status file."""
        os.close(self._fd)

    def _say(self, text: str) -> None:
        try:
            os.pwrite(self._fd, text.encode().ljust(STATUS_BYTES), 0)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write everything. Raises OSError."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(fd, view) :]


def replace(path: Path, parts: Iterable[bytes | memoryview], *, keep: Path | None = None) -> int:
    """Write a file durably and give it its name; keep: where the file of that name goes. Returns bytes."""
    fresh = path.with_name(f".{path.name}.tmp")
    size = 0
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        for part in parts:
            write_all(fd, part)
            size += memoryview(part).nbytes
        os.fsync(fd)
    finally:
        os.close(fd)
    if keep is not None and path.exists():
        # A hard link first: at no moment is there neither.
        spare = path.with_name(f".{keep.name}.tmp")
        spare.unlink(missing_ok=True)
        os.link(path, spare)
        spare.replace(keep)
    fresh.replace(path)
    sync_folder(path.parent)
    return size
