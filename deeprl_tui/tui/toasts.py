"""The messages in the corner: which there are, which are to be seen, and what they say.

Rule: pure. At most three are shown. News of one kind within 10 s is one message; what went wrong stays until
it was seen, everything else goes after some seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from deeprl_tui.core.spec import RunId
from deeprl_tui.core.text import clean
from deeprl_tui.monitor.news import TROUBLE, Kind, Notice
from deeprl_tui.tui.theme import SOLVED, STATES
from deeprl_tui.tui.words import plural

MOST: Final = 3
TOGETHER_S: Final = 10.0
STAYS_S: Final = 6.0
UNDO_S: Final = 10.0
"""A message that offers to undo something stays as long as it is offered."""

_GLYPHS: Final[dict[Kind, str]] = {
    "finished": STATES["finished"].glyph,
    "failed": STATES["failed"].glyph,
    "lost": STATES["failed"].glyph,
    "solved": SOLVED,
    "stalled": "!",
    "collapsed": "!",
    "back": STATES["finished"].glyph,
    "done": STATES["finished"].glyph,
}


@dataclass(frozen=True, slots=True)
class Toast:
    """One message."""

    number: int
    kind: Kind | Literal["told", "error"]
    text: str  # lines
    born: float
    stays_s: float | None = STAYS_S  # None: until it was seen
    notices: tuple[Notice, ...] = ()

    @property
    def run(self) -> RunId | None:
        """The run it leads to: the last one it is about."""
        return next((notice.run for notice in reversed(self.notices) if notice.run is not None), None)

    @property
    def bad(self) -> bool:
        """Whether it is about something that went wrong."""
        return self.kind == "error" or self.kind in TROUBLE


class Shelf:
    """The messages there are, oldest first."""

    def __init__(self) -> None:
        self._toasts: list[Toast] = []
        self._number = 0

    @property
    def toasts(self) -> Sequence[Toast]:
        """All of them, also those that wait for room."""
        return self._toasts

    def shown(self) -> list[Toast]:
        """The newest three; the first of them says how many wait behind."""
        found = self._toasts[-MOST:]
        behind = len(self._toasts) - len(found)
        if behind:
            more = (
                f"{found[0].text}\n{plural(behind, 'older message waits', 'older messages wait')}: esc clears"
            )
            found = [replace(found[0], text=more), *found[1:]]
        return found

    def tell(self, text: str, now: float, *, error: bool = False, stays_s: float = STAYS_S) -> None:
        """Say something that is no news: the answer to a key, or an error."""
        lines = "\n".join(clean(line) for line in text.splitlines()[:6])
        self._put(Toast(0, "error" if error else "told", lines, now, None if error else stays_s))

    def add(self, notices: Iterable[Notice], now: float) -> None:
        """Say what is new; several of a kind become one message, also with one that came just before."""
        for notice in notices:
            same = [one for one in self._toasts if one.kind == notice.kind and now - one.born <= TOGETHER_S]
            if same:
                old = same[-1]
                self._toasts.remove(old)
                together = (*old.notices, notice)
                self._put(replace(old, notices=together, text=words(together)), born=old.born)
            else:
                stays = None if notice.kind in TROUBLE else STAYS_S
                self._put(Toast(0, notice.kind, words((notice,)), now, stays, (notice,)))

    def _put(self, toast: Toast, born: float | None = None) -> None:
        self._number += 1
        self._toasts.append(replace(toast, number=self._number, born=toast.born if born is None else born))
        while len(self._toasts) > MOST:
            passing = next((one for one in self._toasts[:-1] if one.stays_s is not None), None)
            if passing is None:
                break
            self._toasts.remove(passing)

    def expire(self, now: float) -> None:
        """Take away what was there long enough."""
        self._toasts = [one for one in self._toasts if one.stays_s is None or now - one.born < one.stays_s]

    def close(self, number: int) -> Toast | None:
        """Take one away; what it was."""
        found = next((one for one in self._toasts if one.number == number), None)
        if found is not None:
            self._toasts.remove(found)
        return found

    def seen(self, run: RunId) -> None:
        """The user looks at a run: messages about it alone were seen."""
        self._toasts = [one for one in self._toasts if {n.run for n in one.notices} != {run}]

    def clear(self) -> None:
        """Take all away."""
        self._toasts = []


def words(notices: Sequence[Notice]) -> str:
    """What one message says about notices of one kind: `✓ 4 runs of LL_gc10 finished`."""
    first = notices[-1]
    glyph = _GLYPHS[first.kind]
    if len(notices) == 1:
        text = clean(" ".join(part for part in (glyph, first.who, first.text) if part))
        return text + "\n  ! shows it" if first.run is not None and first.kind in TROUBLE else text
    runs = [notice.run for notice in notices if notice.run is not None]
    verb = "is" if first.kind == "back" else "are lost" if first.kind == "lost" else first.kind
    if not runs:
        hosts = ", ".join(dict.fromkeys(notice.host for notice in notices if notice.host))
        return clean(f"{glyph} {hosts}: {'back' if first.kind == 'back' else verb}" if hosts else first.text)
    names = list(dict.fromkeys(run.experiment for run in runs))
    of = names[0] if len(names) == 1 else plural(len(names), "experiment")
    text = clean(f"{glyph} {plural(len(set(runs)), 'run')} of {of} {verb}")
    if first.kind in TROUBLE:
        text += "\n" + clean(f"{first.who} {first.text}")
    return text
