"""What a checkpoint keeps of a replay buffer, row by row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with one row for each slot.

    written: slots, uint8; 1 if the row changed since the last checkpoint. ranges: the filled slots.
    """

    name: str
    columns: dict[str, NDArray[Any]]
    written: NDArray[np.uint8]
    ranges: tuple[tuple[int, int], ...]
