"""The checkpoint file and the replay log beside it.

Format: magic, length of the header, header (JSON; name, dtype and shape of each array), raw arrays, CRC-32.
The log gets a frame with the rows of each table that changed since the last checkpoint; the checkpoint names
the log's generation and committed length, so a torn frame does not exist. A log of twice what a whole buffer
takes is written anew as the next generation.
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
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.durable import replace, write_all
from deeprl_agents.replay.table import Table
from deeprl_tui.core.files import sync_folder
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.saved import MAGIC, MAX_HEADER

OLDER = (b"DEEPRLC1",)
MAX_STATE = 1 << 33
MAX_SLOTS = 1 << 32
FRAME = struct.Struct("<III")  # number of the table, rows, CRC-32 of these two and the rows
FRAME_BYTES = 1 << 22
SLACK = 1 << 20
SLOT = "slot"

Arrays = dict[str, NDArray[Any]]


class DamagedError(ValueError):
    """A checkpoint or replay log that is not what was written."""


class Recorded(Protocol):
    """A replay buffer that a checkpoint can keep."""

    def tables(self) -> list[Table]:
        """What is kept row by row."""

    def state(self) -> dict[str, Any]:
        """What is kept beyond the tables; values that JSON can hold."""

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Take back what `state` gave; the tables are filled already."""

    def cut(self) -> None:
        """Let nothing follow the newest transition: its episode was lost."""


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
        if path.stat().st_size > MAX_STATE:
            raise DamagedError("too large")
        data = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    if bytes(data[:8]) in OLDER:
        raise DamagedError("of an older layout")
    if len(data) < 20 or bytes(data[:8]) != MAGIC or zlib.crc32(data[:-4]).to_bytes(4, "little") != data[-4:]:
        raise DamagedError("checksum")
    size = int.from_bytes(data[8:16], "little")
    if size > min(MAX_HEADER, len(data) - 20):
        raise DamagedError("header")
    try:
        header = json.loads(bytes(data[16 : 16 + size]))
        arrays: Arrays = {}
        offset = 16 + size
        for name, code, shape in header["arrays"]:
            dtype, count = np.dtype(str(code)), math.prod(shape)
            fits = dtype.kind in "biuf" and all(isinstance(side, int) and side >= 0 for side in shape)
            if not fits or offset + count * dtype.itemsize > len(data) - 4:
                raise DamagedError(f"array {name}")
            arrays[name] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            offset += count * dtype.itemsize
        return Saved(dict(header["values"]), arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DamagedError(str(error)) from None


def previous(paths: RunPaths) -> Path:
    """Where the checkpoint before the newest one is."""
    return paths.checkpoint_before


def candidates(paths: RunPaths) -> tuple[list[tuple[Path, Saved]], list[str]]:
    """Read the checkpoints that are whole, newest first; and what is wrong with the others."""
    found, damage = [], []
    for path in (paths.checkpoint, previous(paths)):
        try:
            saved = read_checkpoint(path)
        except DamagedError as error:
            damage.append(f"{path.name}: {error}")
            continue
        if saved is not None:
            found.append((path, saved))
    return found, damage


def adopt(paths: RunPaths, path: Path) -> None:
    """Make a candidate the newest checkpoint: else the next one would put a damaged one in its place."""
    if path != paths.checkpoint:
        path.replace(paths.checkpoint)
        sync_folder(path.parent)


class ReplayLog:
    """The tables of a replay buffer on disk; a later row of a slot counts."""

    def __init__(self, paths: RunPaths, buffer: Recorded) -> None:
        self._paths = paths
        self.buffer = buffer
        self._generation = self._length = 0
        self._pending: list[tuple[Table, NDArray[Any]]] = []

    def append(self) -> dict[str, Any]:
        """Write the rows that changed durably; what the checkpoint must say of the log.

        Nothing counts before `commit`; a failed append may be repeated.
        """
        tables = self.buffer.tables()
        changed = [np.flatnonzero(table.written.view(np.bool_)) for table in tables]
        sizes = [_record(table).itemsize for table in tables]
        fresh = sum(len(slots) * size for slots, size in zip(changed, sizes, strict=True))
        whole = sum(
            (stop - start) * size
            for table, size in zip(tables, sizes, strict=True)
            for start, stop in table.ranges
        )
        offset, generation, rows = self._length, self._generation, changed
        if offset + fresh > 2 * whole + SLACK:
            offset, generation, rows = 0, generation + 1, [_filled(table) for table in tables]
        fd = os.open(self._path(generation), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(fd, offset)
            os.lseek(fd, offset, os.SEEK_SET)
            for number, (table, slots) in enumerate(zip(tables, rows, strict=True)):
                for part in _frames(number, table, slots):
                    write_all(fd, part)
                    offset += len(part)
            os.fsync(fd)
        finally:
            os.close(fd)
        if generation != self._generation:
            sync_folder(self._paths.folder)
        self._pending = list(zip(tables, changed, strict=True))
        return {"generation": generation, "length": offset, "tables": _layout(tables)}

    def commit(self, said: Mapping[str, Any]) -> None:
        """The checkpoint with these words is durable: go on from here."""
        for table, slots in self._pending:
            table.written[slots] = 0
        self._pending = []
        before = self._generation  # the checkpoint before may need this one
        self._generation, self._length = int(said["generation"]), int(said["length"])
        for generation in range(max(0, before - 3), before):
            self._path(generation).unlink(missing_ok=True)

    def load(self, said: Mapping[str, Any]) -> None:
        """Fill the tables with what a checkpoint names. Raises DamagedError, and nothing is changed then."""
        tables = self.buffer.tables()
        try:
            if said["tables"] != _layout(tables):
                raise DamagedError("the replay log belongs to another buffer")
            generation, length = int(said["generation"]), int(said["length"])
            for _ in self._read(tables, generation, length):
                pass
        except (OSError, KeyError, TypeError, struct.error, ValueError) as error:
            raise DamagedError(f"replay log: {error}") from None
        for number, records in self._read(tables, generation, length):
            for name, column in tables[number].columns.items():
                column[records[SLOT]] = records[name]
        for table in self.buffer.tables():
            table.written[:] = 0
        self._pending = []
        self._generation, self._length = generation, length

    def _read(self, tables: list[Table], generation: int, length: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give the frames up to a length: number of the table, rows. Memory: one frame."""
        with open(self._path(generation), "rb") as file:
            position = 0
            while position < length:
                head = file.read(FRAME.size)
                number, count, crc = FRAME.unpack(head)
                if number >= len(tables) or count > _at_once(record := _record(tables[number])):
                    raise DamagedError("a frame is too long")
                data = file.read(count * record.itemsize)
                if zlib.crc32(data, zlib.crc32(head[:8])) != crc:
                    raise DamagedError("a frame is damaged")
                records = np.frombuffer(data, record)
                if count and records[SLOT].max() >= len(tables[number].written):
                    raise DamagedError("a slot does not exist")
                position += len(head) + len(data)
                yield number, records
            if position > length:
                raise DamagedError("a frame goes beyond the end")

    def _path(self, generation: int) -> Path:
        return self._paths.buffer(generation)


def _record(table: Table) -> np.dtype[Any]:
    columns = [(name, a.dtype.newbyteorder("<"), a.shape[1:]) for name, a in table.columns.items()]
    return np.dtype([(SLOT, "<u4"), *columns])


def _layout(tables: list[Table]) -> list[list[Any]]:
    """Say which tables these are; two that differ cannot share a log."""
    return [[table.name, len(table.written), str(_record(table).descr)] for table in tables]


def _filled(table: Table) -> NDArray[Any]:
    return np.concatenate([np.arange(start, stop) for start, stop in table.ranges] or [np.arange(0)])


def _at_once(record: np.dtype[Any]) -> int:
    """Rows of a frame."""
    return max(1, FRAME_BYTES // record.itemsize)


def _frames(number: int, table: Table, slots: NDArray[Any]) -> Iterator[bytes]:
    record = _record(table)
    assert len(table.written) <= MAX_SLOTS
    at_once = _at_once(record)
    for start in range(0, len(slots), at_once):
        some = slots[start : start + at_once]
        records = np.empty(len(some), record)
        records[SLOT] = some
        for name, column in table.columns.items():
            records[name] = column[some]
        data = records.tobytes()
        head = struct.pack("<II", number, len(some))
        yield head + zlib.crc32(data, zlib.crc32(head)).to_bytes(4, "little") + data
