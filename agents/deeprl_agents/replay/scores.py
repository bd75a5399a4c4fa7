"""Off-policy scores (de Bruin et al. 2016), and the search for the lowest one.

The score of a transition is ||a - pi(s)||^2, pi being the policy of now. For discrete actions a is one-hot,
and a greedy pi would give most transitions the same score, so by default pi is graded.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts
from deeprl_agents.replay.power import exp2
from deeprl_agents.replay.sum_tree import Floats, Ints, aligned, first_blocks

LAST = np.iinfo(np.int64).max


def off_policy(kind: str, values: NDArray[np.float32], actions: Ints) -> Floats:
    """Score actions (n) by Q(s, .) (n x number of actions); the same bits as the kernel's.

    softmax: pi = softmax(Q / tau), tau the standard deviation of Q(s, .); uniform where that is 0. In [0, 2].
    greedy: pi is the first action of largest value. 0 or 2.
    q_gap: (max Q - Q(s, a)) / tau.
    """
    columns = [values[:, action].astype(np.float64) for action in range(values.shape[1])]
    best, total = columns[0].copy(), columns[0].copy()
    greedy = np.zeros(len(values), np.int64)
    for action, column in enumerate(columns[1:], start=1):
        greedy[column > best] = action
        best = np.maximum(best, column)
        total += column
    mean, squares = total / len(columns), np.zeros(len(values))
    for column in columns:
        squares += (column - mean) * (column - mean)
    scale = np.sqrt(squares / len(columns))
    taken = values[np.arange(len(values)), actions].astype(np.float64)
    if kind == "greedy":
        return np.where(greedy == actions, 0.0, 2.0)
    if kind == "q_gap":
        gap: Floats = (best - taken) / np.where(scale == 0, 1.0, scale)
        return gap
    scale = np.where(scale == 0, 0.0, 1.4426950408889634 / np.where(scale == 0, 1.0, scale))  # 1 / ln 2
    total, squares = np.zeros(len(values)), np.zeros(len(values))
    for column in columns:
        share = exp2((column - best) * scale)
        total += share
        squares += share * share
    found: Floats = 1.0 - 2.0 * (exp2((taken - best) * scale) / total) + squares / (total * total)
    return found


class Scores:
    """The scores of slots, infinity where it is not known yet, and when their transitions entered.

    written: slots, uint8; 1 if a row was set since somebody cleared it. The kernel's blocks over them are
    made when it asks for them.
    """

    def __init__(self, capacity: int) -> None:
        padded = -(-capacity // 4) * 4
        self.capacity = capacity
        self._scores = aligned((padded,), np.inf)
        self._entered = aligned((padded,), LAST, np.int64)
        self.written = np.zeros(capacity, np.uint8)
        self._first = first_blocks(capacity)
        self._blocks: NDArray[Any] | None = None

    @property
    def scores(self) -> Floats:
        """The scores. A view: call `rebuild` after it was written."""
        return self._scores[: self.capacity]

    @property
    def entered(self) -> Ints:
        """Numbers of the transitions. A view: call `rebuild` after it was written."""
        return self._entered[: self.capacity]

    def set(self, slots: Any, scores: Any) -> None:
        """Set scores; of a slot that comes twice, the last one counts. Not for slots that the kernel has."""
        self._scores[slots] = scores
        self.written[slots] = 1

    def lowest(self) -> int:
        """Give the slot of the lowest score; of equal ones, the oldest."""
        lowest = np.flatnonzero(self._scores == self._scores.min())
        return int(lowest[self._entered[lowest].argmin()])

    def struct(self) -> layouts.ScoreTree:
        """Give the kernel the addresses; this object keeps the arrays."""
        if self._blocks is None:
            self._blocks = aligned((self._first[-1], 2, 4), 0.0)
            self.rebuild()
        levels = len(self._first) - 1
        address = layouts.address
        tree = layouts.ScoreTree(
            scores=address(self._scores),
            entered=address(self._entered),
            blocks=address(self._blocks),
            written=address(self.written),
            levels=levels,
        )
        tree.first[:levels] = self._first[:-1]
        return tree

    def rebuild(self) -> None:
        """Make the kernel's blocks anew."""
        if self._blocks is not None:
            self._blocks[:] = self._right_blocks()

    def check_valid(self) -> None:
        """Raise ValueError if a block does not match what is below, or a score is no number."""
        if np.isnan(self._scores).any() or np.isneginf(self._scores).any():
            raise ValueError("retention: a score is no number")
        if self._blocks is not None:
            same = self._blocks.view(np.int64) == self._right_blocks().view(np.int64)
            if not same.all():
                raise ValueError("retention: the tree of scores does not match the scores")

    def _right_blocks(self) -> Floats:
        blocks = np.zeros((self._first[-1], 2, 4))
        scores, entered = self._scores, self._entered
        for first, end in zip(self._first, self._first[1:], strict=False):
            fours, when = scores.reshape(-1, 4), entered.reshape(-1, 4)
            ties = fours == fours.min(axis=1, keepdims=True)
            best = np.where(ties, when, LAST).argmin(axis=1)
            rows = np.arange(len(fours))
            scores, entered = np.full(4 * (end - first), np.inf), np.full(4 * (end - first), LAST)
            scores[: len(fours)], entered[: len(fours)] = fours[rows, best], when[rows, best]
            blocks[first:end, 0] = scores.reshape(-1, 4)
            blocks[first:end, 1] = entered.view(np.float64).reshape(-1, 4)
        return blocks

    def __getstate__(self) -> dict[str, Any]:
        """Keep the columns; the rest is made from them."""
        columns = (self.scores.copy(), self.entered.copy(), self.written.copy())
        return dict(zip(("scores", "entered", "written"), columns, strict=True))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take these columns."""
        self.__init__(len(state["scores"]))  # type: ignore[misc]
        self.scores[:], self.entered[:] = state["scores"], state["entered"]
        self.written[:] = state["written"]
