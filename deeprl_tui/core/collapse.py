"""Has a run forgotten what it had learned? Judged by the mean return of the last 100 episodes.

Rule: pure, and the same after a resume as without one: a copy is kept at each checkpoint.
"""

from collections import deque
from collections.abc import Sequence
from math import inf, isfinite, nan, sqrt

WINDOW = 100
"""Episodes of a mean, as everywhere."""
PATIENCE = 200
"""Episodes in a row that the mean has to be low."""


class Collapse:
    """Follows the returns of one run.

    A run has collapsed when its mean return of 100 episodes has been, for 200 episodes in a row, under half
    of the way from its first mean (untrained) to its best mean. Where returns begin near zero that is half of
    the best; where they are negative, "half" alone would have no sense: half of -100 is better than -100.
    A best that is less than one standard deviation of its 100 returns above the first mean is chance, and
    nothing can be lost then. Returns that are not finite are left out.
    """

    __slots__ = ("_below", "_first", "_from", "_spread", "_squares", "_sum", "_window", "_zero", "best")

    def __init__(self) -> None:
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._zero = 0.0  # sums are of differences to the first return, so that they stay exact enough
        self._sum = 0.0
        self._squares = 0.0
        self._first = nan  # the first mean
        self._spread = 0.0  # standard deviation of the returns of the best mean
        self._below = 0  # episodes in a row
        self._from = 0  # step at which they began
        self.best: float | None = None
        """The highest mean of 100 episodes; None before there are as many."""

    @property
    def since(self) -> int | None:
        """The step from which on the mean was too low; None while the run has not collapsed."""
        return self._from if self._below >= PATIENCE else None

    def add(self, step: int, value: float) -> None:
        """Take the return of an episode that ended at an env step."""
        self.extend((step,), (value,))

    def extend(self, steps: Sequence[int], values: Sequence[float]) -> list[tuple[int, int]]:
        """Take the returns of some episodes.

        Returns where among them a collapse became sure, and the step from which on the mean was too low.
        """
        window, many, found = self._window, WINDOW, []
        zero, total, squares = self._zero, self._sum, self._squares
        best, below, low = self.best, self._below, self._low()
        full = len(window) == many
        for at, value in enumerate(values):
            if not isfinite(value):
                continue
            if full:
                old = window[0] - zero
                total -= old
                squares -= old * old
            elif not window:
                zero = self._zero = value
            new = value - zero
            window.append(value)
            total += new
            squares += new * new
            full = full or len(window) == many
            if not full:
                continue
            mean = total / many
            level = mean + zero
            if best is None or level > best:
                self._first = level if best is None else self._first
                best = self.best = level
                self._spread = sqrt(max(0.0, squares / many - mean * mean))
                below, low = 0, self._low()
            elif level < low:
                below += 1
                if below == 1:
                    self._from = steps[at]
                if below == PATIENCE:
                    found.append((at, self._from))
            else:
                below = 0
        self._sum, self._squares, self._below = total, squares, below
        return found

    def _low(self) -> float:
        """Under this mean it has lost what it had learned."""
        if self.best is None or self.best - self._first <= self._spread:
            return -inf
        return (self._first + self.best) / 2

    def copy(self) -> "Collapse":
        """The same, to go back to when a run resumes from here."""
        twin = Collapse()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._window = self._window.copy()
        return twin
