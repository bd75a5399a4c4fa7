"""What a fleet knows of one run: its fold, its record at rest, and a glimpse of what is not read yet.

Rule: a glimpse is a few lines of many, so it shows how far a run is and what its curves look like, and says
nothing for which every line is needed. It is gone as soon as the log itself is as far.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace

from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.log import LineReader
from deeprl_tui.core.state import RunView
from deeprl_tui.runs.record import Record


@dataclass(slots=True)
class Watched:
    """One run as it is known."""

    fold: RunFold | None  # None: at rest, and its log was not read
    readers: dict[int, LineReader] = field(default_factory=dict)
    record: Record | None = None  # at rest
    rested: RunView | None = None  # made from the record
    view: RunView | None = None  # None: to be made anew
    ahead: RunFold | None = None  # the fold with a glimpse of what follows

    def feed(self, attempt: int, data: bytes) -> bool:
        """Take bytes of a log; whether they are wanted."""
        if self.fold is None:
            return False
        reader = self.readers.setdefault(attempt, LineReader())
        bad = reader.bad
        for what in reader.take(data):
            self.fold.take(attempt, what)
        self.fold.bad_lines += reader.bad - bad
        self.view = None
        if self.ahead is not None and self.fold.place >= self.ahead.place:
            self.ahead = None
        return True

    def glimpse(self, attempt: int, data: bytes) -> bool:
        """Take lines out of what follows; whether they are wanted."""
        if self.fold is None or self.record is not None:
            return False
        known = self.ahead or self.fold
        ahead = deepcopy(known)
        for what in LineReader().take(data):
            ahead.take(attempt, what)
        if ahead.place <= known.place:
            return False  # it came late: more is known
        self.ahead, self.view = ahead, None
        return True

    def look(self, *, held: bool, waiting: str) -> RunView:
        """The view now. Of a run at rest its record is true, and its log only adds curves."""
        if self.rested is None:
            assert self.fold is not None
            own = self.fold.view(held=held, waiting=waiting)
            return own if self.ahead is None else _guess(own, self.ahead.view(held=held, waiting=waiting))
        if self.fold is None:
            return self.rested
        own = self.fold.view(held=False)
        return replace(
            self.rested, curves=own.curves, evals=own.evals or self.rested.evals, notes=own.notes, rest=False
        )


def _guess(own: RunView, ahead: RunView) -> RunView:
    """A view with a glimpse of what follows; what needs every line is as it was."""
    return replace(
        ahead,
        notes=own.notes,
        solved_at=own.solved_at,
        solved_episode=own.solved_episode,
        collapsed=own.collapsed,
        best_mean=own.best_mean,
        returns=own.returns,
        trend=own.trend,
        bad_lines=own.bad_lines,
    )
