"""How fast bytes come, over the last seconds."""

from collections import deque
from collections.abc import Callable
from typing import Final

SECONDS: Final = 5.0


class Pace:
    """Remembers how far something was."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._marks: deque[tuple[float, int]] = deque()

    def __call__(self, done: int) -> float:
        """Bytes a second, now that so many are done; 0 as long as too little is known. Fewer: a new begin."""
        now = self._monotonic()
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        while len(self._marks) > 1 and self._marks[1][0] <= now - SECONDS:
            self._marks.popleft()
        if not self._marks or now - self._marks[-1][0] >= SECONDS / 50:
            self._marks.append((now, done))
        at, before = self._marks[0]
        return (done - before) / (now - at) if now - at >= 0.5 else 0.0
