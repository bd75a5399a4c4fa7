"""The rest of the logs of a run, for who cannot wait until its link has brought it.

Rule: they are appended as the link appends, whole lines only, and only to what is the same log.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import EVENTS
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import fetch
from deeprl_tui.hosts.fetch import Asked, Asker, PullError, There
from deeprl_tui.hosts.mirror import Mirror

KNOWN: Final = 4096
"""Bytes at the end of what is here that come again, to be compared."""
MOST_LINE: Final = 1 << 20
"""Bytes of a log without a line's end, at most."""


@dataclass(slots=True)
class _Behind:
    there: There
    here: int  # bytes

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Offset and length of each; the first begins with what is known, to compare."""
        start, first = max(0, self.here - KNOWN), min(KNOWN, self.here)
        second = min(start + first + fetch.PIECE, self.there.size)
        rest = range(second, self.there.size, fetch.PIECE)
        more = [(offset, min(fetch.PIECE, self.there.size - offset)) for offset in rest]
        return [(start, second - start), *more]


def bring_logs(
    mirror: Mirror, run: RunId, listed: Iterable[There], asker: Asker, came: Callable[[str, int], None]
) -> PullError | None:
    """Bring what is missing of all logs; why not all. Raises OSError, and what the connection raises."""
    behind = []
    for there in listed:
        if EVENTS.fullmatch(there.name):
            here = there.known.path.stat().st_size if there.known.path.exists() else 0
            if here < there.size:
                behind.append(_Behind(there, here))
    answers = asker.ask_all(_requests(run, behind))
    fault: PullError | None = None
    for one in behind:
        fault = _append(mirror, run, one, answers, came) or fault
    return fault


def _requests(run: RunId, behind: Iterable[_Behind]) -> Iterator[Asked]:
    for one in behind:
        for offset, limit in one.pieces:
            yield fetch.get(run, one.there, offset, limit)


def _append(
    mirror: Mirror,
    run: RunId,
    one: _Behind,
    answers: Iterator[Json | DeeprlError],
    came: Callable[[str, int], None],
) -> PullError | None:
    match = EVENTS.fullmatch(one.there.name)
    assert match is not None
    fault: PullError | None = None
    rest = b""
    for offset, limit in one.pieces:
        answer = next(answers)
        if fault is not None:
            continue
        try:
            data = fetch.piece(run, one.there, answer, limit)
            if offset < one.here:
                _compare(run, one, data, offset)
            start, rest = offset - len(rest), rest + data
            whole = rest.rfind(b"\n") + 1
            mirror.append(run, int(match[1]), start, rest[:whole])
            rest = rest[whole:]
            if len(rest) > MOST_LINE:
                raise PullError(f"{one.there.name} is no log", place=str(run))
            came(one.there.name, limit)
        except PullError as error:
            fault = error
    return fault


def _compare(run: RunId, one: _Behind, data: bytes, offset: int) -> None:
    known = read_small(one.there.known.path, one.here - offset, offset)
    if data[: len(known)] != known:
        raise PullError("another run has its name there", place=str(run), remedy="attach anew")
