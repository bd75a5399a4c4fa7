"""Which run goes to which host. Pure.

Rule: the largest work first, each run to the host that will be done with it first; of equal ones to the one
with the most of its cores free, where fewer neighbors share its memory. What is unknown counts as much as
the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deeprl_tui.core.spec import RunId


@dataclass(frozen=True, slots=True)
class Room:
    """What a host has to offer."""

    cores: int  # that workers may use
    busy: int = 0  # runs that train or wait there
    speed: float = 1.0  # against other hosts
    memory: int = 0  # bytes that are free; 0: nobody knows
    price: float | None = None  # of an hour; None: nobody says


def spread(work: Mapping[RunId, float | None], rooms: Mapping[str, Room]) -> dict[str, list[RunId]]:
    """Assign runs to hosts; those of a host in the order in which they should start.

    work: seconds that each run is expected to take on a host of speed 1; None: unknown. rooms: at least one
    with a core. Raises ValueError without any.
    """
    open_rooms = {name: room for name, room in rooms.items() if room.cores > 0}
    if not open_rooms:
        raise ValueError("no host has a core to give")
    known = [seconds for seconds in work.values() if seconds is not None]
    usual = sum(known) / len(known) if known else 1.0
    ends = {name: _ends(room, usual) for name, room in open_rooms.items()}
    found: dict[str, list[RunId]] = {name: [] for name in open_rooms}
    for run in sorted(work, key=lambda run: (-(work[run] or usual), run)):
        seconds = work[run] or usual
        name = min(
            ends,
            key=lambda name: (
                min(ends[name]) + seconds / open_rooms[name].speed,
                sum(end > 0 for end in ends[name]) / len(ends[name]),
                name,
            ),
        )
        core = ends[name].index(min(ends[name]))
        ends[name][core] += seconds / open_rooms[name].speed
        found[name].append(run)
    return found


def _ends(room: Room, usual: float) -> list[float]:
    """When each core becomes free, if what is there takes as long as the usual run."""
    ends = [0.0] * room.cores
    for number in range(room.busy):
        ends[number % room.cores] += usual / room.speed
    return ends
