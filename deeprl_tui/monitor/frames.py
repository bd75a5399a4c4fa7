"""The units of the monitoring stream. Whatever arrives at a dashboard arrives as one of these.

Rule: a frame carries what stands in files, not conclusions; the fold draws those, in one place. Only of a run
at rest its record comes, which a fold has made before: thousands of logs are not sent to show a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from deeprl_tui.core.spec import RunId

if TYPE_CHECKING:  # a host that is watched sends none
    from deeprl_tui.runs.record import Record


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame: who speaks."""

    format: int
    version: str
    host: str
    boot: str
    cores: tuple[int, ...]  # those that workers may use


@dataclass(frozen=True, slots=True)
class Described:
    """A run directory appeared, or its log comes from the beginning: its run.json."""

    run: RunId
    spec: bytes
    rest: bool = False  # its log is only wanted for its curves: what its record says goes on to count


@dataclass(frozen=True, slots=True)
class Rested:
    """A run is over and nobody writes it: all that is known of it but its curves. As JSON: Record.to_json."""

    record: Record


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of an attempt's log, always ending with a whole line."""

    run: RunId
    attempt: int
    offset: int  # of the first byte
    data: bytes


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Lines out of a long piece of a log that comes later in full: what a run looks like until it is here."""

    run: RunId
    attempt: int
    data: bytes  # whole lines, in order, ending with the newest


@dataclass(frozen=True, slots=True)
class Alive:
    """Once a second: the state of the host, and which runs have a living writer."""

    now: float  # the host's wall clock
    busy: tuple[float, ...]  # share of each core of Hello.cores, 0 to 1
    memory_used: int  # bytes
    memory_total: int
    disk_free: int
    held: frozenset[RunId]
    supervisor: bool  # somebody starts queued runs
    waiting: Mapping[RunId, str] = field(default_factory=dict)  # living workers that cannot go on, and why
    found: int = 0  # run directories there are
    unread: int = 0  # those of them that have not been read yet
    homes: Mapping[RunId, str] = field(default_factory=dict)  # hosts of runs that are only mirrored here


@dataclass(frozen=True, slots=True)
class Reset:
    """A run directory went away or was replaced: forget what was known."""

    run: RunId
    why: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that looks like a run and cannot be read."""

    place: str
    why: str


Frame: TypeAlias = Hello | Described | Rested | Data | Glimpse | Alive | Reset | Damaged
