"""What a checkpoint says of the replay log beside it, for who copies both and does not train.

Rule: the header only is read, and checked; the arrays are the learner's.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.files import open_regular

MAGIC: Final = b"DEEPRLC2"
MAX_HEADER: Final = 1 << 26
MOST_LENGTH: Final = 1 << 36


@dataclass(frozen=True, slots=True)
class Committed:
    """The part of a replay log that belongs to a checkpoint."""

    generation: int
    length: int  # bytes from its beginning


def committed(path: Path) -> Committed:
    """Read which part of the replay log a checkpoint needs. Raises ValueError for none, and OSError."""
    fd = open_regular(path)
    try:
        head = os.pread(fd, 16, 0)
        size = int.from_bytes(head[8:16], "little")
        if head[:8] != MAGIC or not 0 < size <= MAX_HEADER:
            raise ValueError("not a checkpoint of this version")
        said = json.loads(os.pread(fd, size, 16))["values"]["buffer"]
        generation, length = said["generation"], said["length"]
    except (KeyError, TypeError, RecursionError):
        raise ValueError("its header says nothing of a replay log") from None
    finally:
        os.close(fd)
    if type(generation) is not int or type(length) is not int:
        raise ValueError("its header is damaged")
    if not 0 <= generation < 10**9 or not 0 <= length <= MOST_LENGTH:
        raise ValueError("its header is damaged")
    return Committed(generation, length)
