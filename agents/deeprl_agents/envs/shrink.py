"""Rendered frames to small gray images, in one pass over the frame where the kernel is built.

A small pixel is the mean of the gray (299 R + 587 G + 114 B) / 1000 over its box, rounded half up. Rule: sums
are integers, so kernel and numpy give the same image, to the bit.
"""

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts, library

GRAY = (299, 587, 114)
LARGEST = 16_000
"""Pixels of a side: beyond, sums of 32 bits could overflow."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """How one side is made smaller: the first pixel of each box and its weights, `total` in sum."""

    first: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...]
    total: int

    def matrix(self, size: int) -> NDArray[np.float64]:
        """Give the same as boxes x size weights."""
        found = np.zeros((len(self.first), size))
        for row, first, weights in zip(found, self.first, self.weights, strict=True):
            row[first : first + len(weights)] = weights
        return found


def squares(size: int, pool: int) -> Boxes:
    """Boxes of `pool` pixels; the last pixel stands in for those missing at the border: 400 by 6 make 67."""
    starts = range(0, size, pool)
    weights = [[1] * min(pool, size - start) for start in starts]
    weights[-1][-1] += pool - len(weights[-1])
    return Boxes(tuple(starts), tuple(map(tuple, weights)), pool)


def area(size: int, count: int) -> Boxes:
    """Make `count` equal boxes of a side; a pixel counts by the share of it that lies in a box."""
    common = math.gcd(size, count)
    pixel, box = count // common, size // common  # lengths in the unit in which both are whole
    first, weights = [], []
    for low in range(0, count * box, box):
        start, end = low // pixel, -(-(low + box) // pixel)
        overlaps = (min(low + box, (i + 1) * pixel) - max(low, i * pixel) for i in range(start, end))
        first.append(start)
        weights.append(tuple(overlaps))
    return Boxes(tuple(first), tuple(weights), box)


class Shrink:
    """Turns frames of one shape, height x width x 3 of uint8, into images of rows x columns."""

    def __init__(self, rows: Boxes, columns: Boxes, shape: tuple[int, ...]) -> None:
        height, width, channels = shape
        assert channels == 3, "red, green and blue"
        assert max(height, width) <= LARGEST
        self.shape = (height, width, 3)
        self.size = (len(rows.first), len(columns.first))
        self._across = columns.matrix(width).T
        self._down = rows.matrix(height).astype(np.float32)
        self._twice = 2.0 * sum(GRAY) * rows.total * columns.total
        boxes = (_flat(rows), _flat(columns))
        scratch = np.zeros(5 * width, np.uint32)
        address = layouts.address
        self._plan = layouts.Shrink(
            width=width,
            rows=self.size[0],
            columns=self.size[1],
            row_boxes=address(boxes[0][0]),
            column_boxes=address(boxes[1][0]),
            row_weights=address(boxes[0][1]),
            column_weights=address(boxes[1][1]),
            row_total=rows.total,
            column_total=columns.total,
            sums=address(scratch),
            gray=address(scratch[4 * width :]),
        )
        self._alive = (boxes, scratch)
        loaded = library.load()
        self._kernel: Any = loaded and loaded.image_shrink

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give the small image. Raises ValueError on a frame of another shape or type."""
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise ValueError(f"rendered {frame.dtype} {frame.shape}, before it was uint8 {self.shape}")
        return self.by_numpy(frame) if self._kernel is None else self.by_kernel(frame)

    def by_kernel(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Read the frame where it lies; one of unusual strides is copied first."""
        row, pixel, channel = frame.strides
        if row < 0 or pixel not in (3, 4) or channel not in (-1, 1):
            frame = np.ascontiguousarray(frame)
            row, pixel, channel = frame.strides
        target = np.empty(self.size, np.uint8)
        self._kernel(
            ctypes.byref(self._plan),
            frame.ctypes.data - (2 if channel < 0 else 0),
            row,
            pixel,
            channel > 0,
            target.ctypes.data,
        )
        return target

    def by_numpy(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Do the same sums as products of matrices: whole numbers below 2^24 and 2^53, so they are exact."""
        height, width, _ = self.shape
        down = self._down @ frame.astype(np.float32, order="C").reshape(height, 3 * width)
        gray = down.reshape(-1, width, 3).astype(np.float64) @ np.array(GRAY, dtype=np.float64)
        small = (2 * (gray @ self._across) + self._twice / 2) / self._twice
        return small.astype(np.uint8)


def _flat(boxes: Boxes) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Lay boxes out as kernel.h has them: first, count and start of the weights; all weights."""
    counts = [len(weights) for weights in boxes.weights]
    starts = np.cumsum([0, *counts[:-1]])
    table = np.column_stack([boxes.first, counts, starts]).astype(np.int64)
    weights = np.array([weight for one in boxes.weights for weight in one], dtype=np.int32)
    return np.ascontiguousarray(table), weights
