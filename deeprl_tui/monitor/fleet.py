"""All hosts and runs that a dashboard knows: frames in, one frozen snapshot out.

One thread per host applies frames; the screen takes a snapshot when the version changed. Nothing is queued
between them, so a slow terminal skips versions instead of falling behind.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Frame, Glimpse, Hello, Reset, Rested
from deeprl_tui.monitor.hostview import Coming as Coming
from deeprl_tui.monitor.hostview import HostView as HostView
from deeprl_tui.monitor.watched import Watched
from deeprl_tui.runs.record import Record, record_of, view_of

MOST_WANTED = 64
"""Runs at rest whose curves are kept, beside those that were wanted last."""
MOST_EARLY = 1 << 25
"""Bytes of glimpses that are kept until the mirrors of their runs are seen."""
CLOCK_S = 2.0
"""Clocks that differ by less are taken for equal: so long a frame may be on its way."""


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """The whole picture at one version."""

    version: int = 0
    hosts: tuple[HostView, ...] = ()
    runs: Mapping[RunId, RunView] = field(default_factory=dict)  # in the order of their names
    damaged: tuple[str, ...] = ()  # folders that cannot be read, with the reason
    at_rest: Mapping[RunId, Record] = field(default_factory=dict)
    homes: Mapping[RunId, str] = field(default_factory=dict)  # hosts of open runs that live elsewhere
    _records: list[Record] = field(default_factory=list, repr=False, compare=False)  # once somebody asked

    def clock_of(self, run: RunId, now: float) -> float:
        """The wall clock of the host that trains a run, when it is `now` here."""
        return now + next((host.ahead for host in self.hosts if run in host.held), 0.0)

    def records(self) -> Sequence[Record]:
        """All runs as records, in the order of `runs`. The same object as long as no run changed."""
        if len(self._records) != len(self.runs):
            known = self.at_rest
            self._records[:] = [known.get(run) or record_of(view) for run, view in self.runs.items()]
        return self._records


@dataclass(slots=True)
class _Host:
    view: HostView
    runs: dict[RunId, Watched] = field(default_factory=dict)
    held: frozenset[RunId] = frozenset()
    leaving: frozenset[RunId] = frozenset()  # held a moment ago: their last words may be on their way
    waiting: Mapping[RunId, str] = field(default_factory=dict)


class Fleet:
    """Applies frames and makes snapshots; safe to use from several threads."""

    def __init__(self, wall: Callable[[], float] | None = None) -> None:
        self._wall = wall or (lambda: 0.0)
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._presumed: dict[str, frozenset[RunId]] = {}  # held by hosts that have not spoken yet
        self._early: dict[RunId, list[Glimpse]] = {}  # of runs whose mirror was just made
        self._damaged: dict[str, str] = {}
        self._wanted: dict[RunId, int] = {}  # the least recently wanted first, with the number of its wish
        self._wishes = 0
        self._changed: set[RunId] = set()  # since the last snapshot
        self._others = False  # runs came or went since then
        self._version = 0
        self._snapshot = FleetSnapshot()
        self._homes: Mapping[RunId, str] = {}
        self.on_want: Callable[[], None] = lambda: None

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    def apply(self, host: str, frame: Frame) -> None:
        """Take one frame from a host."""
        with self._lock:
            self._version += 1
            at = self._hosts.setdefault(host, _Host(HostView(host)))
            match frame:
                case Hello():
                    at.view = replace(
                        at.view,
                        cores=frame.cores,
                        fault="",
                        machine=frame.host,
                        version=frame.version,
                        heard=self._wall(),
                    )
                case Described():
                    self._describe(at, frame)
                case Rested(record):
                    self._rest(at, record)
                case Data(run, attempt, _, data):
                    if (known := at.runs.get(run)) is not None and known.feed(attempt, data):
                        self._changed.add(run)
                case Glimpse():
                    self._glimpse(frame)
                case Alive():
                    self._on_alive(host, at, frame)
                case Reset(run, _):
                    at.runs.pop(run, None)
                    self._early.pop(run, None)
                    self._others = True
                case Damaged(place, why):
                    self._damaged[place] = why

    def presume(self, host: str, held: frozenset[RunId]) -> None:
        """Say which runs a host held when it was last heard: it counts until the host speaks."""
        with self._lock:
            self._presumed[host] = held

    def fault(self, host: str, why: str, *, passing: bool = False) -> None:
        """Say that nothing arrives from a host, and why. passing: such a fault often passes by itself."""
        with self._lock:
            before = self._hosts[host].view if host in self._hosts else HostView(host)
            since = before.fault_since if before.fault else self._wall()
            self._change(host, fault=why, reading=False, fault_since=since, passing=passing)

    def warn(self, host: str, what: str) -> None:
        """Say what is wrong with a host that does speak; empty: nothing is."""
        with self._lock:
            self._change(host, warning=what)

    def costs(self, host: str, price: float, spend: float, *, by_age: bool) -> None:
        """Say what a host costs in an hour, and has cost so far."""
        with self._lock:
            self._change(host, price=price, spend=spend, by_age=by_age)

    def comes(self, host: str, coming: Coming) -> None:
        """Say how far the files of a host's runs are."""
        with self._lock:
            self._change(host, coming=coming)

    def _change(self, host: str, **what: Any) -> None:
        self._version += 1
        at = self._hosts.setdefault(host, _Host(HostView(host)))
        at.view = replace(at.view, **what)

    def snapshot(self) -> FleetSnapshot:
        """The picture now. The same object as long as nothing changed."""
        with self._lock:
            if self._snapshot.version == self._version:
                return self._snapshot
            before = self._snapshot
            self._snapshot = replace(
                before,
                version=self._version,
                hosts=tuple(sorted((at.view for at in self._hosts.values()), key=lambda view: view.order)),
                damaged=tuple(f"{place}: {why}" for place, why in self._damaged.items()),
                homes=self._homes,
            )
            if self._others or self._changed:
                self._renew(before)
            return self._snapshot

    def want(self, runs: Collection[RunId]) -> None:
        """Say that the curves of these runs are needed: they fill by themselves and stay for a while."""
        with self._lock:
            before = self._wishes
            for run in runs:
                self._wish(run)
            new = self._wishes != before
            while len(self._wanted) > max(MOST_WANTED, len(runs)):
                run = next(iter(self._wanted))
                del self._wanted[run]
                self._shed(run)
        if new:
            self.on_want()

    def wanted(self) -> Mapping[RunId, int]:
        """Runs whose curves are needed, each with a number that is another once it had been forgotten."""
        with self._lock:
            return dict(self._wanted)

    def _wish(self, run: RunId) -> None:
        wish = self._wanted.pop(run, None)
        if wish is None:
            self._wishes += 1
            wish = self._wishes
        self._wanted[run] = wish

    def _shed(self, run: RunId) -> None:
        """Forget the curves of a run at rest."""
        for at in self._hosts.values():
            known = at.runs.get(run)
            if known is not None and known.record is not None and known.fold is not None:
                at.runs[run] = Watched(None, record=known.record, rested=known.rested)
                self._changed.add(run)
                self._version += 1

    def _describe(self, at: _Host, frame: Described) -> None:
        known = at.runs.get(frame.run)
        try:
            fold = RunFold(RunSpec.from_json(frame.spec, place=str(frame.run)))
        except RunDirectoryError as error:
            self._damaged[str(frame.run)] = str(error)
            return
        if not frame.rest:
            at.runs[frame.run] = known = Watched(fold)
            self._others = True
            for glimpse in self._early.pop(frame.run, ()):
                known.glimpse(glimpse.attempt, glimpse.data)
        elif known is not None and known.record is not None and frame.run in self._wanted:
            at.runs[frame.run] = Watched(fold, record=known.record, rested=known.rested)
            self._changed.add(frame.run)

    def _glimpse(self, frame: Glimpse) -> None:
        keepers = [at.runs[frame.run] for at in self._hosts.values() if frame.run in at.runs]
        early = sum(len(one.data) for kept in self._early.values() for one in kept)
        if not keepers and early + len(frame.data) <= MOST_EARLY:
            self._early.setdefault(frame.run, []).append(frame)
        for known in keepers:  # a run that lives on a host is mirrored here
            if known.glimpse(frame.attempt, frame.data):
                self._changed.add(frame.run)

    def _rest(self, at: _Host, record: Record) -> None:
        known = at.runs.get(record.id)
        rested = view_of(record)
        if known is None:
            at.runs[record.id] = Watched(None, record=record, rested=rested)
            self._others = True
            return
        known.record, known.rested, known.view = record, rested, None
        self._changed.add(record.id)
        if known.fold is not None:  # it was watched until its end
            self._wish(record.id)

    def _renew(self, before: FleetSnapshot) -> None:
        """Put what changed into the snapshot; everything only if runs came or went."""
        runs: dict[RunId, RunView] = {} if self._others else dict(before.runs)
        at_rest: dict[RunId, Record] = {} if self._others else dict(before.at_rest)
        for at in self._hosts.values():
            for run in at.runs if self._others else self._changed & at.runs.keys():
                known = at.runs[run]
                if known.view is None:
                    known.view = known.look(held=self._is_held(run), waiting=self._waits_for(run))
                runs[run] = known.view
                if known.record is not None:
                    at_rest[run] = known.record
                else:
                    at_rest.pop(run, None)
        if self._others:
            runs = dict(sorted(runs.items()))
        self._others = False
        self._changed.clear()
        self._snapshot = replace(self._snapshot, runs=runs, at_rest=at_rest, _records=[])

    def held_elsewhere(self, host: str) -> frozenset[RunId]:
        """Runs with a living worker on other hosts than this one."""
        with self._lock:
            others = [at.held for name, at in self._hosts.items() if name != host]
            return frozenset().union(*others, *self._presumed.values())

    def _is_held(self, run: RunId) -> bool:
        held = (*(at.held | at.leaving for at in self._hosts.values()), *self._presumed.values())
        return any(run in runs for runs in held)

    def _waits_for(self, run: RunId) -> str:
        return next((at.waiting[run] for at in self._hosts.values() if run in at.waiting), "")

    def _on_alive(self, host: str, at: _Host, frame: Alive) -> None:
        # A run that lives on another host is mirrored here, so it may be among the runs of this one.
        before = at.held | self._presumed.pop(at.view.name, frozenset())
        for run in (before ^ frame.held) | at.leaving | at.waiting.keys() | frame.waiting.keys():
            for keeper in self._hosts.values():
                if run in keeper.runs:
                    keeper.runs[run].view = None
                    self._changed.add(run)
        if host == LOCAL:
            self._homes = frame.homes
        at.leaving = frozenset() if host == LOCAL else at.held - frame.held
        at.held = frame.held
        at.waiting = frame.waiting
        heard = self._wall()
        ahead = frame.now - heard if heard else 0.0
        at.view = replace(
            at.view,
            busy=frame.busy,
            memory_used=frame.memory_used,
            memory_total=frame.memory_total,
            disk_free=frame.disk_free,
            now=frame.now,
            ahead=ahead if abs(ahead) > CLOCK_S else 0.0,
            supervisor=frame.supervisor,
            reading=frame.unread > 0,
            found=frame.found,
            unread=frame.unread,
            fault="",
            held=frame.held,
            heard=heard,
        )
