"""All hosts and runs that a dashboard knows: frames in, one frozen snapshot out.

One thread per host applies frames; the screen takes a snapshot when the version changed. Nothing is queued
between them, so a slow terminal skips versions instead of falling behind.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.log import LineReader
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Frame, Hello, Reset


@dataclass(frozen=True, slots=True)
class HostView:
    """What a screen may show of a host."""

    name: str
    cores: tuple[int, ...] = ()
    busy: tuple[float, ...] = ()  # share of each core, 0 to 1
    memory_used: int = 0  # bytes
    memory_total: int = 0
    disk_free: int = 0
    now: float = 0.0  # its wall clock
    supervisor: bool = False
    reading: bool = True  # its logs have not been read once yet
    fault: str = ""  # why nothing arrives; empty while it does
    machine: str = ""  # what it calls itself
    version: str = ""  # of deeprl-tui there
    held: frozenset[RunId] = frozenset()  # runs with a living worker there
    heard: float = 0.0  # when the newest frame came, by the clock of the dashboard; 0: not known
    fault_since: float = 0.0  # by the same clock
    spend: float | None = None  # what it has cost so far, in dollars; None: nobody says


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """The whole picture at one version."""

    version: int = 0
    hosts: tuple[HostView, ...] = ()
    runs: Mapping[RunId, RunView] = field(default_factory=dict)  # in the order of their names
    damaged: tuple[str, ...] = ()  # folders that cannot be read, with the reason


@dataclass(slots=True)
class _Run:
    fold: RunFold
    readers: dict[int, LineReader] = field(default_factory=dict)
    view: RunView | None = None  # None: to be made anew


@dataclass(slots=True)
class _Host:
    view: HostView
    runs: dict[RunId, _Run] = field(default_factory=dict)
    held: frozenset[RunId] = frozenset()
    waiting: Mapping[RunId, str] = field(default_factory=dict)


class Fleet:
    """Applies frames and makes snapshots; safe to use from several threads."""

    def __init__(self, wall: Callable[[], float] | None = None) -> None:
        self._wall = wall or (lambda: 0.0)
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._damaged: dict[str, str] = {}
        self._version = 0
        self._snapshot = FleetSnapshot()

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
                case Described(run, spec):
                    try:
                        at.runs[run] = _Run(RunFold(RunSpec.from_json(spec, place=str(run))))
                    except RunDirectoryError as error:
                        self._damaged[str(run)] = str(error)
                case Data(run, attempt, _, data):
                    if (known := at.runs.get(run)) is not None:
                        _feed(known, attempt, data)
                case Alive():
                    self._on_alive(at, frame)
                case Reset(run, _):
                    at.runs.pop(run, None)
                case Damaged(place, why):
                    self._damaged[place] = why

    def fault(self, host: str, why: str) -> None:
        """Say that nothing arrives from a host, and why."""
        with self._lock:
            self._version += 1
            at = self._hosts.setdefault(host, _Host(HostView(host)))
            since = at.view.fault_since if at.view.fault else self._wall()
            at.view = replace(at.view, fault=why, reading=False, fault_since=since)

    def snapshot(self) -> FleetSnapshot:
        """The picture now. The same object as long as nothing changed."""
        with self._lock:
            if self._snapshot.version == self._version:
                return self._snapshot
            runs: dict[RunId, RunView] = {}
            for at in self._hosts.values():
                for run, known in at.runs.items():
                    if known.view is None:
                        known.view = known.fold.view(held=run in at.held, waiting=at.waiting.get(run, ""))
                    runs[run] = known.view
            self._snapshot = FleetSnapshot(
                version=self._version,
                hosts=tuple(at.view for at in self._hosts.values()),
                runs=dict(sorted(runs.items())),
                damaged=tuple(f"{place}: {why}" for place, why in self._damaged.items()),
            )
            return self._snapshot

    def _on_alive(self, at: _Host, frame: Alive) -> None:
        for run in (at.held ^ frame.held) | at.waiting.keys() | frame.waiting.keys():
            if run in at.runs:
                at.runs[run].view = None
        at.held = frame.held
        at.waiting = frame.waiting
        at.view = replace(
            at.view,
            busy=frame.busy,
            memory_used=frame.memory_used,
            memory_total=frame.memory_total,
            disk_free=frame.disk_free,
            now=frame.now,
            supervisor=frame.supervisor,
            reading=False,
            fault="",
            held=frame.held,
            heard=self._wall(),
        )


def _feed(known: _Run, attempt: int, data: bytes) -> None:
    reader = known.readers.setdefault(attempt, LineReader())
    bad = reader.bad
    for line in reader.feed(data):
        known.fold.apply(attempt, line)
    known.fold.bad_lines += reader.bad - bad
    known.view = None
