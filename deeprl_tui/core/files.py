"""Reading small files that somebody else may have put there.

Rule: no link is followed, nothing but a regular file is read, and never more than expected: a pipe in a run
directory must not hang a dashboard.
"""

import errno
import hashlib
import os
import stat
from pathlib import Path

PIECE = 1 << 20


def open_regular(path: Path) -> int:
    """Open a regular file for reading; the caller closes the descriptor. Raises OSError on anything else."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return fd


def read_small(path: Path, limit: int, offset: int = 0) -> bytes:
    """Read some bytes of a regular file, up to a limit. Raises OSError."""
    fd = open_regular(path)
    try:
        return os.pread(fd, limit, offset)
    finally:
        os.close(fd)


def sha256(fd: int, size: int) -> str:
    """The digest of the first bytes of an open file. Raises OSError."""
    digest, offset = hashlib.sha256(), 0
    while offset < size and (data := os.pread(fd, min(PIECE, size - offset), offset)):
        digest.update(data)
        offset += len(data)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
