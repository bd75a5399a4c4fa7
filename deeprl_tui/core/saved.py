"""What a checkpoint says of the replay log beside it, for who copies both and does not train.

Rule: the header is read, and the whole is compared with its checksum; what the arrays say is the learner's.
Nothing in it is trusted: it may come from elsewhere.
"""

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.files import open_regular

MAGIC: Final = b"DEEPRLC2"
MAX_HEADER: Final = 1 << 26
MOST_LENGTH: Final = 1 << 36
MOST_PARTS: Final = 1 << 20
"""Lists, objects and values of a header: what reading it takes of memory."""
PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Committed:
    """The part of a replay log that belongs to a checkpoint."""

    generation: int
    length: int  # bytes from its beginning
    step: int = 0  # of the checkpoint


def committed(path: Path) -> Committed:
    """Read which part of the replay log a checkpoint needs. Raises ValueError for none, and OSError."""
    fd = open_regular(path)
    try:
        head = os.pread(fd, 16, 0)
        size = int.from_bytes(head[8:16], "little")
        if head[:8] != MAGIC or not 0 < size <= MAX_HEADER:
            raise ValueError("not a checkpoint of this version")
        header = os.pread(fd, size, 16)
        if sum(map(header.count, (b"[", b"{", b","))) > MOST_PARTS:
            raise ValueError("its header has too many parts")
        values = json.loads(header)["values"]
        said, step = values["buffer"], values.get("num_timesteps")
        generation, length = said["generation"], said["length"]
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its header says nothing of a replay log") from None
    finally:
        os.close(fd)
    if type(generation) is not int or type(length) is not int:
        raise ValueError("its header is damaged")
    if not 0 <= generation < 10**9 or not 0 <= length <= MOST_LENGTH:
        raise ValueError("its header is damaged")
    return Committed(generation, length, step if type(step) is int else 0)


def check(path: Path) -> Committed:
    """Read it as `committed` does, and compare the whole with its checksum."""
    found = committed(path)
    fd = open_regular(path)
    try:
        size, crc, offset = os.fstat(fd).st_size - 4, 0, 0
        while offset < size and (data := os.pread(fd, min(PIECE, size - offset), offset)):
            crc, offset = zlib.crc32(data, crc), offset + len(data)
        if os.pread(fd, 4, offset) != crc.to_bytes(4, "little"):
            raise ValueError("its checksum is wrong")
    finally:
        os.close(fd)
    return found
