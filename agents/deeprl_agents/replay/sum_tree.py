"""A sum tree and a min tree over the same leaves, in flat arrays, for whole batches at once.

Parents are rebuilt from their children, never by adding differences, so the root does not drift.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SumTree:
    """Leaves with values > 0, or 0 where there is none; sum, minimum, and search by prefix sum."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._leaves = 1 << max(0, capacity - 1).bit_length()  # node i has the children 2i and 2i + 1
        self._sum = np.zeros(2 * self._leaves)
        self._min = np.full(2 * self._leaves, np.inf)

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._sum[1])

    @property
    def minimum(self) -> float:
        """The least leaf that has a value; infinity if there is none."""
        return float(self._min[1])

    @property
    def values(self) -> Floats:
        """The leaves. A view: not to be written."""
        return self._sum[self._leaves : self._leaves + self.capacity]

    def set(self, slots: Ints, values: Floats) -> None:
        """Set leaves; of a slot that comes twice, the last value counts."""
        nodes = np.asarray(slots, dtype=np.int64) + self._leaves
        self._sum[nodes] = values
        self._min[nodes] = values
        while len(nodes) and nodes[0] > 1:
            nodes = nodes >> 1
            if len(nodes) > 64:
                nodes = np.unique(nodes)
            left = nodes << 1
            self._sum[nodes] = self._sum[left] + self._sum[left + 1]
            self._min[nodes] = np.minimum(self._min[left], self._min[left + 1])

    def find(self, masses: Floats) -> Ints:
        """Give for each mass in [0, total] the slot in whose share it falls."""
        rest = np.array(masses, dtype=np.float64)
        nodes = np.ones(len(rest), dtype=np.int64)
        for _ in range(self._leaves.bit_length() - 1):
            left = nodes << 1
            below = self._sum[left]
            # Rounding may leave a mass beyond the last leaf with a value: never turn into an empty branch.
            right = (rest >= below) & (self._sum[left + 1] > 0)
            rest -= np.where(right, below, 0.0)
            nodes = left + right
        return nodes - self._leaves

    def check_valid(self) -> None:
        """Raise ValueError if a parent does not match its children, or a leaf is not a finite value >= 0."""
        leaves = self._sum[self._leaves :]
        if not np.isfinite(leaves).all() or (leaves < 0).any() or leaves[self.capacity :].any():
            raise ValueError("sum tree: a leaf is negative, not finite or beyond the capacity")
        if not np.array_equal(self._min[self._leaves :], np.where(leaves > 0, leaves, np.inf)):
            raise ValueError("sum tree: the two trees have other leaves")
        inner = np.arange(1, self._leaves)
        sums = self._sum[2 * inner] + self._sum[2 * inner + 1]
        least = np.minimum(self._min[2 * inner], self._min[2 * inner + 1])
        if not (np.array_equal(self._sum[inner], sums) and np.array_equal(self._min[inner], least)):
            raise ValueError("sum tree: a parent does not match its children")
