"""What is news: two pictures of runs and hosts -> what happened between them that somebody should hear of.

Rule: pure. What an old picture shows already is no news, and neither is anything while logs are read for the
first time: whoever opens a dashboard is told nothing about the past.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from deeprl_tui.core import state
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.monitor.hostview import SHORT_S

Kind = Literal["finished", "solved", "failed", "stalled", "collapsed", "lost", "back", "done"]
"""`lost` and `back` are about hosts, `done` about the whole batch, the others about one run."""

TROUBLE: tuple[Kind, ...] = ("failed", "stalled", "collapsed", "lost")
"""What somebody has to look at."""
NOTIFY: Mapping[str, frozenset[Kind]] = {
    "trouble": frozenset(TROUBLE),
    "ends": frozenset((*TROUBLE, "done")),
    "all": frozenset(get_args(Kind)),
}
"""What is told beside the screen, by what the user prefers (`config.prefs`, notify_on)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news."""

    kind: Kind
    at: float  # wall clock of the host that it is about
    text: str  # what happened, without saying to whom
    run: RunId | None = None
    host: str = ""

    @property
    def who(self) -> str:
        """Whom it is about; empty for the batch."""
        return str(self.run) if self.run else self.host


def news(before: FleetSnapshot, after: FleetSnapshot) -> list[Notice]:
    """What happened between two snapshots of one fleet."""
    if before.version == after.version or not before.hosts or any(host.reading for host in before.hosts):
        return []
    told = list(host_news(before.hosts, after.hosts))
    ahead = {run: host.ahead for host in after.hosts for run in host.held if host.ahead}
    return told + run_news(before.runs, after.runs, _clock(before.hosts), _clock(after.hosts), ahead)


def run_news(
    before: Mapping[RunId, RunView],
    after: Mapping[RunId, RunView],
    then: float,
    now: float,
    ahead: Mapping[RunId, float] = MappingProxyType({}),
) -> list[Notice]:
    """What happened to runs between two looks.

    then, now: the wall clock at these. ahead: by how much that of a run's host is ahead of it.
    """
    told: list[Notice] = []
    for run, view in after.items():
        old = before.get(run)
        if old is not view or isinstance(view.state, state.Running):
            told += _about(old, view, then + ahead.get(run, 0.0), now + ahead.get(run, 0.0))
    if told and any(not state.is_over(view.state) for view in before.values()):
        left = [view for view in after.values() if not state.is_over(view.state)]
        if not left:
            told.append(Notice("done", now, _tally(after.values())))
    return told


def _about(old: RunView | None, view: RunView, then: float, now: float) -> Iterator[Notice]:
    run = view.id
    if old is None and getattr(view.state, "at", now) < then:
        return  # it was over before the old picture, and is only seen now
    match view.state:
        case state.Finished(at=at) if old is None or not isinstance(old.state, state.Finished):
            mean = "" if view.return_mean is None else f", return {view.return_mean:.4g}"
            yield Notice("finished", at, f"finished{mean}", run)
        case state.Failed(at=at, error=error) if old is None or not isinstance(old.state, state.Failed):
            where = f" at step {view.step}" if view.step else ""
            yield Notice("failed", at, f"failed{where}: {error}", run)
        case _:
            pass
    if view.solved_at is not None and (old is None or old.solved_at is None):
        yield Notice("solved", view.last_seen, f"solved at {view.solved_at} steps", run)
    if view.collapsed is not None and (old is None or old.collapsed is None):
        fell = (
            f"return {view.return_mean:.4g}, was {view.best_mean:.4g}" if view.best_mean is not None else ""
        )
        yield Notice("collapsed", view.last_seen, f"collapsed: {fell}", run)
    if view.waiting and (old is None or not old.waiting):
        yield Notice("stalled", now, f"waits: {view.waiting}", run)
    still = state.stalled(view, now)
    if still is not None and (old is None or state.stalled(old, then) is None):
        yield Notice("stalled", now, f"stalled: no step for {still / 60:.0f} minutes", run)


def host_news(before: Sequence[HostView], after: Sequence[HostView]) -> Iterator[Notice]:
    """What happened to hosts between two looks. A short cut is no news."""
    known = {host.name: host for host in before}
    then, now = (max((host.heard for host in hosts), default=0.0) for hosts in (before, after))
    for host in after:
        old = known.get(host.name)
        if old is None or old.is_lost(then) == host.is_lost(now):
            continue
        if host.is_lost(now):
            since = now - host.fault_since
            word = f"no answer for {since:.0f} s" if since >= SHORT_S else "is lost"
            yield Notice("lost", old.now, f"{word}: {host.fault}", host=host.name)
        else:
            yield Notice("back", host.now, "is back", host=host.name)


def _tally(views: Iterable[RunView]) -> str:
    seen: dict[str, int] = {}
    for view in views:
        word = state.word(view.state)
        seen[word] = seen.get(word, 0) + 1
    return "nothing runs any more: " + ", ".join(f"{many} {word}" for word, many in seen.items())


def _clock(hosts: Sequence[HostView]) -> float:
    return max((host.now - host.ahead for host in hosts), default=0.0)


def message(notice: Notice, project: str) -> dict[str, Json]:
    """A notice as programs get it. `text` and `content` are what chat services show."""
    words = " ".join(part for part in (f"{project}:", notice.who, notice.text) if part)
    return {
        "text": words,
        "content": words,
        "kind": notice.kind,
        "run": str(notice.run) if notice.run else None,
        "host": notice.host or None,
        "project": project,
        "at": notice.at,
    }
