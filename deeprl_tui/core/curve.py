"""A learning curve: points in the order of env steps, kept as plain arrays of doubles.

Only appended to, or cut back when a run resumes from an older checkpoint. `generation` changes with each
cut, so a reader that remembers (generation, length) knows whether it may read on or must start again.
"""

from array import array
from bisect import bisect_right


class Curve:
    """Values over env steps; x never decreases."""

    __slots__ = ("generation", "x", "y")

    def __init__(self) -> None:
        self.x = array("d")
        self.y = array("d")
        self.generation = 0

    def __len__(self) -> int:
        return len(self.x)

    def append(self, x: float, y: float) -> None:
        """Add a point. A point that would go back in x is dropped: a damaged log must not fold a curve."""
        if not self.x or x >= self.x[-1]:
            self.y.append(y)
            self.x.append(x)

    def rewind(self, x: float) -> None:
        """Drop all points after x."""
        keep = bisect_right(self.x, x)
        if keep < len(self.x):
            self.generation += 1
            del self.x[keep:]
            del self.y[keep:]
