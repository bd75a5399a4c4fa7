"""A replay buffer that knows nothing of checkpoints: a user's subclass of Stable-Baselines3's.

Its arrays with one row for each slot are one table; what changed is found by checksums of blocks of rows, so
a checkpoint reads the whole buffer. Numbers, words and numpy's random generators are kept too.
Rule: what cannot be kept is named, and the resume is then marked inexact. A buffer with `tables`, `state` and
`set_state` of its own needs none of this.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.replay.table import Table

BLOCK_BYTES = 1 << 16
BLOCK_ROWS = 256
SETTLED = frozenset(
    ("observation_space", "action_space", "obs_shape", "action_dim", "buffer_size", "device", "n_envs")
)
"""Attributes of any SB3 buffer that never change."""


class Foreign:
    """Tables and state of any SB3 buffer. Make it before the first transition comes."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer
        slots = int(buffer.buffer_size)
        self._columns: dict[str, NDArray[Any]] = {
            name: value
            for name, value in sorted(vars(buffer).items())
            if isinstance(value, np.ndarray) and value.shape[:1] == (slots,) and not value.dtype.hasobject
        }
        row = sum(column[:1].nbytes for column in self._columns.values())
        self._rows = max(1, min(BLOCK_ROWS, BLOCK_BYTES // max(1, row)))
        self._written = np.zeros(slots, np.uint8)
        self._sums = self._checksums()

    def tables(self) -> list[Table]:
        """All arrays with a row for each slot."""
        sums = self._checksums()
        changed = np.repeat(sums != self._sums, self._rows)[: len(self._written)]
        self._written[changed] = 1
        self._sums = sums
        return [Table("arrays", self._columns, self._written, ((0, len(self._written)),))]

    def state(self) -> dict[str, Any]:
        """Numbers, words and random generators."""
        kept = {name: _plain(value) for name, value in self._others().items()}
        return {name: value for name, value in kept.items() if value is not NotImplemented}

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        others = self._others()
        for name, value in values.items():
            if isinstance(others.get(name), np.random.Generator):
                others[name].bit_generator.state = value
            else:
                setattr(self._buffer, name, value)

    def cut(self) -> None:
        """Let nothing follow the newest transition, as after a time limit: its episode was lost."""
        if self._buffer.size():
            self._buffer.timeouts[self._buffer.pos - 1] = 1

    def unknown(self) -> list[str]:
        """Name the attributes that cannot be kept."""
        return [name for name, value in self._others().items() if _plain(value) is NotImplemented]

    def _others(self) -> dict[str, Any]:
        skipped = SETTLED.union(self._columns)
        return {name: value for name, value in sorted(vars(self._buffer).items()) if name not in skipped}

    def _checksums(self) -> NDArray[np.int64]:
        """One for each block of rows, of all columns."""
        sums = np.zeros(-(-len(self._written) // self._rows), np.int64)
        for column in self._columns.values():
            for block in range(len(sums)):
                rows = np.ascontiguousarray(column[block * self._rows : (block + 1) * self._rows])
                sums[block] = zlib.crc32(rows.tobytes(), int(sums[block]))
        return sums


def _plain(value: Any) -> Any:
    """A value that JSON can hold, or NotImplemented."""
    if isinstance(value, np.random.Generator):
        value = value.bit_generator.state
        try:
            json.dumps(value)
        except TypeError:
            return NotImplemented
        return value
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, bool | int | float | str) else NotImplemented
