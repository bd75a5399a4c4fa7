"""`deeprl plan --on`: what a launch over hosts would do, asked of the hosts themselves."""

import time
from pathlib import Path

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.hosts import heard, named, say_left_out
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.table import Cell, Column, Value
from deeprl_tui.config import Project
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import Json
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.ops import Request, Spread
from deeprl_tui.runs.plan import Share

READ_S = 20.0
"""The runs that are here are read after so long, or the plan does without the rest."""
COLUMNS = (
    Column("host"),
    Column("cores", right=True),
    Column("busy", right=True),
    Column("new runs", right=True),
    Column("memory", right=True, rank=2),
    Column("done in", right=True),
    Column("cost", right=True, rank=1),
)


def look_there(output: Output, project: Project, root: Path, on: str) -> tuple[FleetSnapshot, list[str]]:
    """Ask hosts how they stand; what they said, and which did. on: as in `--on`."""
    fleet = Fleet(ops.clock)
    links = ops.hosts_of(root, project, fleet)
    names = named(links, on)
    links.attach([name for name in names if name != LOCAL])
    feed = ops.watch(root, fleet)
    try:
        views = heard(fleet, [*names, LOCAL], time.monotonic, time.sleep)
        deadline = time.monotonic() + READ_S
        while any(host.reading for host in fleet.snapshot().hosts) and time.monotonic() < deadline:
            time.sleep(0.05)
        say_left_out(output, views, names)
        return fleet.snapshot(), [name for name in names if name in views and not views[name].fault]
    finally:
        links.close()
        feed.close()


def spread_on(output: Output, project: Project, request: Request, root: Path, on: str) -> Spread:
    """The plan over these hosts. Raises DeeprlError if none of them answers."""
    snapshot, there = look_there(output, project, root, on)
    return ops.plan_on(request, root, snapshot, ops.rooms(snapshot, there, root))


def tell_hosts(output: Output, spread: Spread) -> None:
    """A line for each host."""
    if output.terminal:
        output.table(COLUMNS, [_row(name, share) for name, share in spread.shares.items()])
        output.line("")
    else:
        for name, share in spread.shares.items():
            output.record([name, *_fields(share)])


def money(spread: Spread) -> list[tuple[str, str]]:
    """The sum under the tables; nothing where no host has a price."""
    if spread.cost is None:
        return []
    return [("cost", f"{_dollars(spread.cost)}: price times the hours that hosts work longer")]


def crowded(spread: Spread) -> list[str]:
    """Hosts without the memory for their part."""
    return [
        f"memory: {name} needs {look.size(share.memory)} at once and has {look.size(share.room.memory)} free"
        for name, share in spread.shares.items()
        if share.crowded
    ]


def host_records(spread: Spread) -> dict[str, Json]:
    """The hosts of a plan for programs."""
    return {
        name: {
            "cores": share.room.cores,
            "busy": share.room.busy,
            "new": share.runs,
            "speed": round(share.room.speed, 3),
            "memory": share.memory,
            "memory_available": share.room.memory,
            "finish_s": [share.finish.low, share.finish.mid, share.finish.high] if share.finish else None,
            "cost": [share.cost.low, share.cost.mid, share.cost.high] if share.cost else None,
        }
        for name, share in spread.shares.items()
    }


def _row(name: str, share: Share) -> tuple[Value, ...]:
    memory = Cell(look.size(share.memory), "yellow") if share.crowded else look.size(share.memory)
    return (
        name,
        str(share.room.cores),
        str(min(share.room.busy, share.room.cores)),
        str(share.runs),
        memory if share.runs else "",
        look.span(share.finish) if share.runs else "",
        _dollars(share.cost) if share.cost else "",
    )


def _fields(share: Share) -> list[Json]:
    finish = share.finish if share.runs else None
    return [
        share.room.cores,
        share.room.busy,
        share.runs,
        share.memory,
        round(finish.low) if finish else None,
        round(finish.high) if finish else None,
        round(share.cost.high, 4) if share.cost else None,
    ]


def _dollars(cost: Eta) -> str:
    low, high = f"{cost.low:.2f}", f"{cost.high:.2f}"
    return f"${low}" if low == high else f"${low} to {high}"
