"""What both ends of a link compare: how much of a log the other one has, and whether it is the same log.

Rule: nothing heavy is imported here: a host answers as soon as this and little more is loaded.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.core.files import open_regular
from deeprl_tui.core.spec import RunId

UNKNOWN = "not here"
"""Why a host that does not have a run resets it."""
TAIL = 4096
"""Bytes at the end of a log that tell whether it is the one we know."""


@dataclass(frozen=True, slots=True)
class Have:
    """How much of a log is here."""

    run: RunId
    attempt: int
    size: int
    crc: int  # CRC-32 of its last TAIL bytes


def tail_crc(path: Path, size: int) -> int:
    """CRC-32 of the last TAIL bytes before `size`. Raises OSError."""
    fd = open_regular(path)
    try:
        start = max(0, size - TAIL)
        return zlib.crc32(os.pread(fd, size - start, start))
    finally:
        os.close(fd)
