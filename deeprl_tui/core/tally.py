"""Numbers that need every return of a run: the study's summary and the area under the curve.

Rule: constant memory while a run lives, and a resume takes back exactly what older attempts wrote after its
checkpoint: sums are kept at the last checkpoints, and the episodes since then one by one.
"""

import math
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from statistics import fmean

EXPLORED = 150
"""From this episode on a run counts as trained: the study's summary begins here."""
MARKS = 3
"""Checkpoints that are remembered: a run goes on from its newest or the one before."""
TREND = 24
"""Values of a small line."""


@dataclass(frozen=True, slots=True)
class Returns:
    """What all returns of a run say. From episode EXPLORED on: mean, variance and the shares."""

    auc: float | None = None  # mean over env steps: each episode's return stands for its own steps
    mean: float | None = None
    variance: float | None = None  # of the episodes there are, as numpy.var
    p_solved: float | None = None  # share of episodes at or above the threshold
    p_solved_90: float | None = None  # at or above the threshold less a tenth of its size
    p_catastrophic: float | None = None  # below the mean less half its size; known when the run is over


NOTHING = Returns()
"""Of a run without episodes."""


class _Sums:
    """Running sums after some episodes."""

    __slots__ = ("area", "count", "episode", "m2", "mean", "near", "solved", "step")

    def __init__(self) -> None:
        self.episode = 0
        self.step = 0
        self.area = 0.0
        self.count = 0  # episodes from EXPLORED on
        self.mean = 0.0
        self.m2 = 0.0  # sum of squared distances from the mean (Welford)
        self.solved = 0
        self.near = 0

    def copy(self) -> "_Sums":
        other = _Sums()
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other


class Tally:
    """Takes a run's episodes in order.

    whole: keep all returns, 24 bytes each, so that p_catastrophic is known and any resume can be taken back.
    """

    def __init__(self, solved: float | None, *, whole: bool = False) -> None:
        self._solved = solved
        self._near = None if solved is None else solved - abs(solved) / 10
        self._whole = whole
        self._sums = _Sums()
        self._marks: deque[tuple[int, _Sums]] = deque([(0, _Sums())])
        self._episodes, self._steps, self._returns = (
            array("q"),
            array("q"),
            array("d"),
        )  # since the first mark
        self._broken = False

    def add(self, episode: int, step: int, r: float) -> None:
        """Take an episode that ended at an env step. One whose return is not a number is left out."""
        self.extend((episode,), (step,), (r,))

    def extend(self, episodes: Sequence[int], steps: Sequence[int], returns: Sequence[float]) -> None:
        """Take some of them."""
        good = list(map(math.isfinite, returns))
        if not all(good):
            episodes, steps = list(compress(episodes, good)), list(compress(steps, good))
            returns = list(compress(returns, good))
        self._episodes.extend(episodes)
        self._steps.extend(steps)
        self._returns.extend(returns)
        self._add(episodes, steps, returns)

    def mark(self, step: int) -> None:
        """A checkpoint was made at an env step: the run may go on from there."""
        if self._whole:
            return
        self._marks.append((step, self._sums.copy()))
        if len(self._marks) > MARKS:
            self._marks.popleft()
            keep = bisect_right(self._episodes, self._marks[0][1].episode)
            del self._episodes[:keep], self._steps[:keep], self._returns[:keep]

    def rewind(self, step: int) -> None:
        """Take back all episodes that ended after an env step."""
        while len(self._marks) > 1 and self._marks[-1][0] > step:
            self._marks.pop()
        at, sums = self._marks[-1]
        if at > step:
            self._broken = True  # from before all that is remembered: nothing said is better than wrong
        kept = [one for one in self._kept() if one[1] <= step]
        self._episodes = array("q", (one[0] for one in kept))
        self._steps = array("q", (one[1] for one in kept))
        self._returns = array("d", (one[2] for one in kept))
        self._sums = current = sums.copy()
        for episode, when, r in kept:
            if episode > current.episode:
                self._add((episode,), (when,), (r,))

    def numbers(self) -> Returns:
        """What they say so far."""
        sums = self._sums
        if self._broken:
            return NOTHING
        auc = sums.area / sums.step if sums.step > 0 else None
        if not sums.count:
            return Returns(auc)
        judged = self._solved is not None
        return Returns(
            auc,
            sums.mean,
            sums.m2 / sums.count,
            sums.solved / sums.count if judged else None,
            sums.near / sums.count if judged else None,
            self._catastrophic() if self._whole else None,
        )

    def trend(self, points: int = TREND) -> tuple[float, ...]:
        """Means of equally many episodes each, for a small line; empty if too few are remembered."""
        if not self._whole or len(self._returns) < points:
            return ()
        edges = [len(self._returns) * at // points for at in range(points + 1)]
        return tuple(fmean(self._returns[a:b]) for a, b in pairwise(edges))

    def _kept(self) -> Iterator[tuple[int, int, float]]:
        return zip(self._episodes, self._steps, self._returns, strict=True)

    def _add(self, episodes: Sequence[int], steps: Sequence[int], returns: Sequence[float]) -> None:
        sums, solved, near = self._sums, self._solved, self._near
        for episode, step, r in zip(episodes, steps, returns, strict=True):
            sums.episode = episode
            if step > sums.step:
                sums.area += r * (step - sums.step)
                sums.step = step
            if episode < EXPLORED:
                continue
            sums.count += 1
            away = r - sums.mean
            sums.mean += away / sums.count
            sums.m2 += away * (r - sums.mean)
            if solved is not None and near is not None:
                sums.solved += r >= solved
                sums.near += r >= near

    def _catastrophic(self) -> float:
        least = self._sums.mean - abs(self._sums.mean) / 2
        below = sum(r < least for episode, _, r in self._kept() if episode >= EXPLORED)
        return below / self._sums.count
