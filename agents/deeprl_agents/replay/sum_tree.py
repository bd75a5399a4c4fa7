"""A sum tree and a min tree over the same leaves, in the arrays that the kernel walks too, for whole batches.

Each node has four children, and what is known of four nodes is one block, a cache line: their sums and
their least leaves. Parents are rebuilt from their children, never by adding differences: no root drifts.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LINE = 64
"""Bytes of a cache line."""


def aligned(shape: tuple[int, ...], value: float, dtype: Any = np.float64) -> NDArray[Any]:
    """Make an array that begins with a cache line."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(count + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    array: NDArray[Any] = raw[start : start + count].view(dtype).reshape(shape)
    if value:
        array[:] = value
    return array


def first_blocks(capacity: int) -> list[int]:
    """Where the blocks of each level begin, nearest to the leaves first; last, how many blocks there are."""
    first, nodes = [0], -(-capacity // 4)
    while True:
        nodes = -(-nodes // 4)
        first.append(first[-1] + nodes)
        if nodes == 1:
            return first


class SumTree:
    """Leaves with values > 0, or 0 where there is none; sum, least value, and search by prefix sum.

    written: slots, uint8; 1 if the leaf was set since somebody cleared it.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.written = np.zeros(capacity, np.uint8)
        self._leaves = aligned((-(-capacity // 4) * 4,), 0.0)
        self._first = first_blocks(capacity)
        self._blocks = aligned((self._first[-1], 2, 4), 0.0)
        self._blocks[:, 1] = np.inf

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(_sums(self._blocks[-1:, 0])[0])

    @property
    def least(self) -> float:
        """The least leaf that has a value; infinity if there is none."""
        return float(self._blocks[-1, 1].min())

    @property
    def values(self) -> Floats:
        """The leaves. A view: call `rebuild` after it was written."""
        return self._leaves[: self.capacity]

    def struct(self) -> layouts.SumTree:
        """Give the kernel the addresses; this object keeps the arrays."""
        levels = len(self._first) - 1
        address = layouts.address
        tree = layouts.SumTree(
            leaves=address(self._leaves),
            blocks=address(self._blocks),
            written=address(self.written),
            levels=levels,
        )
        tree.first[:levels] = self._first[:-1]
        return tree

    def set(self, slots: Ints, values: Floats) -> None:
        """Set leaves; of a slot that comes twice, the last value counts."""
        self._leaves[slots] = values
        self.written[slots] = 1
        nodes = np.asarray(slots, dtype=np.int64) >> 2
        below = self._leaves.reshape(-1, 4)[nodes]
        sums, least = _sums(below), _least_leaves(below)
        for first in self._first[:-1]:
            blocks, places = first + (nodes >> 2), nodes & 3
            self._blocks[blocks, 0, places] = sums
            self._blocks[blocks, 1, places] = least
            nodes >>= 2
            if len(nodes) > 64:
                nodes = np.unique(nodes)
            below = self._blocks[first + nodes]
            sums, least = _sums(below[:, 0]), below[:, 1].min(axis=1)

    def find(self, masses: Floats, size: int) -> Ints:
        """Give for each mass in [0, total] the slot in whose share it falls; the first `size` slots have one.

        Rounding may lead a mass beyond them: then it falls into the last one.
        """
        rest = np.array(masses, dtype=np.float64)
        nodes = np.zeros(len(rest), dtype=np.int64)
        for level in range(len(self._first) - 2, -1, -1):
            nodes = 4 * nodes + _turn(self._blocks[self._first[level] + nodes, 0], rest)
            last = (size - 1) >> 2 * level + 2
            rest[nodes > last] = np.inf  # stays at the last one from here on
            nodes = np.minimum(nodes, last)
        slots = 4 * nodes + _turn(self._leaves.reshape(-1, 4)[nodes], rest)
        found: Ints = np.minimum(slots, size - 1)
        return found

    def rebuild(self) -> None:
        """Make all parents anew from the leaves."""
        below = self._leaves.reshape(-1, 4)
        self._blocks[:, 0], self._blocks[:, 1] = 0.0, np.inf
        sums, least = _sums(below), _least_leaves(below)
        for first, end in zip(self._first, self._first[1:], strict=False):
            flat = np.zeros((2, 4 * (end - first)))
            flat[1] = np.inf
            flat[0, : len(sums)], flat[1, : len(least)] = sums, least
            self._blocks[first:end] = flat.reshape(2, -1, 4).swapaxes(0, 1)
            sums, least = _sums(self._blocks[first:end, 0]), self._blocks[first:end, 1].min(axis=1)

    def check_valid(self) -> None:
        """Raise ValueError if a parent does not match its children, or a leaf is not a finite value >= 0."""
        leaves = self._leaves
        if not np.isfinite(leaves).all() or (leaves < 0).any() or leaves[self.capacity :].any():
            raise ValueError("sum tree: a leaf is negative, not finite or beyond the capacity")
        right = SumTree(self.capacity)
        right.values[:] = self.values
        right.rebuild()
        if not np.array_equal(right._blocks, self._blocks):
            raise ValueError("sum tree: a parent does not match its children")

    def __getstate__(self) -> dict[str, Any]:
        """Keep the leaves; the rest is made from them."""
        return {"leaves": self.values.copy(), "written": self.written.copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the tree of these leaves."""
        self.__init__(len(state["leaves"]))  # type: ignore[misc]
        self.values[:], self.written[:] = state["leaves"], state["written"]
        self.rebuild()


def _sums(fours: Floats) -> Floats:
    found: Floats = (fours[:, 0] + fours[:, 1]) + (fours[:, 2] + fours[:, 3])
    return found


def _least_leaves(fours: Floats) -> Floats:
    found: Floats = np.where(fours > 0, fours, np.inf).min(axis=1)
    return found


def _turn(fours: Floats, rest: Floats) -> Ints:
    """Which of four nodes each mass falls into; takes away the mass before it."""
    one, two, three, _ = fours.T
    front = one + two
    right = rest >= front
    rest -= np.where(right, front, 0.0)
    head = np.where(right, three, one)
    second = rest >= head
    rest -= np.where(second, head, 0.0)
    found: Ints = 2 * right + second
    return found
