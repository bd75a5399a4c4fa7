"""The checkpoint file and the replay log beside it.

Format: magic, length of the header, header (JSON; name, dtype and shape of each array), raw arrays, CRC-32.
Transitions are appended to the replay log in frames; the checkpoint names the log's generation and committed
length, so a torn frame does not exist. A log of twice a buffer's size is written anew as the next generation.
Rule: no pickle; sizes are checked before memory is taken; at every moment one complete state is on disk.
"""

import json
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.durable import replace, write_all
from deeprl_tui.core.layout import RunPaths

MAGIC = b"DEEPRLC1"
MAX_HEADER = 1 << 26
FRAME = struct.Struct("<QQI")  # number of the first transition, count, CRC-32 of the records
FRAME_BYTES = 1 << 24
SLACK = 1 << 20
FIELDS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")

Arrays = dict[str, NDArray[Any]]


class DamagedError(ValueError):
    """A checkpoint or replay log that is not what was written."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A state: values that JSON can hold, and arrays."""

    values: dict[str, Any]
    arrays: Arrays


def write_checkpoint(paths: RunPaths, saved: Saved) -> int:
    """Replace the checkpoint, keeping the one before. Returns its bytes."""
    arrays = {name: np.ascontiguousarray(array) for name, array in saved.arrays.items()}
    index = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = json.dumps({"values": saved.values, "arrays": index}, separators=(",", ":")).encode()
    parts = [MAGIC + len(header).to_bytes(8, "little"), header, *(a.tobytes() for a in arrays.values())]
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return replace(paths.checkpoint, [*parts, crc.to_bytes(4, "little")], keep=previous(paths))


def read_checkpoint(path: Path) -> Saved | None:
    """Read a checkpoint; None if there is none. Raises DamagedError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    crc = zlib.crc32(data[:-4]).to_bytes(4, "little")
    if len(data) < 20 or not data.startswith(MAGIC) or crc != data[-4:]:
        raise DamagedError("checksum")
    size = int.from_bytes(data[8:16], "little")
    if size > min(MAX_HEADER, len(data) - 20):
        raise DamagedError("header")
    try:
        header = json.loads(data[16 : 16 + size])
        arrays: Arrays = {}
        offset = 16 + size
        for name, code, shape in header["arrays"]:
            dtype = np.dtype(code)
            count = math.prod(shape)
            if dtype.hasobject or offset + count * dtype.itemsize > len(data) - 4:
                raise DamagedError(f"array {name}")
            arrays[name] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            offset += count * dtype.itemsize
        return Saved(dict(header["values"]), arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DamagedError(str(error)) from None


def previous(paths: RunPaths) -> Path:
    """Where the checkpoint before the newest one is."""
    return paths.checkpoint.with_name(f"{paths.checkpoint.name}.prev")


class ReplayLog:
    """The transitions of a ring buffer on disk. Number n of a run lies in slot n modulo the capacity."""

    def __init__(self, paths: RunPaths, buffer: Any) -> None:
        self._paths = paths
        self._buffer = buffer
        self._record = np.dtype(
            [(f, getattr(buffer, f).dtype.newbyteorder("<"), getattr(buffer, f).shape[1:]) for f in FIELDS]
        )
        self._capacity = int(buffer.buffer_size)
        self._generation = self._length = self._total = 0

    def append(self, total: int) -> dict[str, Any]:
        """Write the transitions up to number `total` durably; what the checkpoint must say of the log.

        Nothing counts before `commit`; a failed append may be repeated.
        """
        fresh = total - max(self._total, total - self._capacity)
        full = min(total, self._capacity) * self._record.itemsize
        compact = self._length + fresh * self._record.itemsize > 2 * full + SLACK
        generation = self._generation + compact
        offset, first = (0, 0) if compact else (self._length, self._total)
        first = max(first, total - self._capacity)
        fd = os.open(self._path(generation), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(fd, offset)
            os.lseek(fd, offset, os.SEEK_SET)
            for part in self._frames(first, total):
                write_all(fd, part)
                offset += len(part)
            os.fsync(fd)
        finally:
            os.close(fd)
        return {
            "generation": generation,
            "length": offset,
            "total": total,
            "capacity": self._capacity,
            "record": str(self._record.descr),
        }

    def commit(self, said: Mapping[str, Any]) -> None:
        """The checkpoint with these words is durable: go on from here."""
        self._generation, self._length, self._total = said["generation"], said["length"], said["total"]
        for generation in range(max(0, self._generation - 3), self._generation - 1):
            self._path(generation).unlink(missing_ok=True)  # the previous checkpoint may need one more

    def load(self, said: Mapping[str, Any]) -> None:
        """Fill the buffer with what a checkpoint names. Raises DamagedError."""
        if said["record"] != str(self._record.descr) or said["capacity"] != self._capacity:
            raise DamagedError("the replay log belongs to another buffer")
        try:
            with open(self._path(said["generation"]), "rb") as file:
                position = 0
                while position < said["length"]:
                    first, count, crc = FRAME.unpack(file.read(FRAME.size))
                    if count > self._capacity:
                        raise DamagedError("a frame of the replay log is too long")
                    data = file.read(count * self._record.itemsize)
                    if zlib.crc32(data) != crc:
                        raise DamagedError("a frame of the replay log is damaged")
                    records = np.frombuffer(data, self._record)
                    slots = np.arange(first, first + count) % self._capacity
                    for name in FIELDS:
                        getattr(self._buffer, name)[slots] = records[name]
                    position += FRAME.size + len(data)
        except (OSError, struct.error, ValueError) as error:
            raise DamagedError(f"replay log: {error}") from None
        total = said["total"]
        self._buffer.pos, self._buffer.full = total % self._capacity, total >= self._capacity
        self.commit(said)

    def _frames(self, first: int, total: int) -> Iterator[bytes]:
        at_once = max(1, FRAME_BYTES // self._record.itemsize)
        for start in range(first, total, at_once):
            slots = np.arange(start, min(start + at_once, total)) % self._capacity
            records = np.empty(len(slots), self._record)
            for name in FIELDS:
                records[name] = getattr(self._buffer, name)[slots]
            data = records.tobytes()
            yield FRAME.pack(start, len(slots), zlib.crc32(data)) + data

    def _path(self, generation: int) -> Path:
        log = self._paths.buffer_log
        return log if generation == 0 else log.with_name(f"{log.stem}-{generation}{log.suffix}")
