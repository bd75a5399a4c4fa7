"""What a launch over hosts would do: which runs where, until when, in how much memory, for how much money."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.config.predict import memory_bytes
from deeprl_tui.core import eta as etas
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import FleetSnapshot
from deeprl_tui.ops import launching, sending
from deeprl_tui.ops.project import Request
from deeprl_tui.runs import stats
from deeprl_tui.runs.plan import Plan, Share, share
from deeprl_tui.runs.spread import Room


@dataclass(frozen=True, slots=True)
class Spread:
    """A plan over hosts; its plan counts all of their cores, and memory not at all."""

    plan: Plan
    shares: Mapping[str, Share]  # of each host that may be used

    @property
    def cost(self) -> Eta | None:
        """Dollars that the new runs cost, as far as hosts have a price; None without any."""
        costs = [share.cost for share in self.shares.values() if share.cost is not None]
        return etas.total(costs) if costs else None


def plan_on(
    request: Request,
    root: Path,
    snapshot: FleetSnapshot,
    offered: Mapping[str, Room],
    views: Mapping[RunId, RunView] | None = None,
) -> Spread:
    """Say what a launch on hosts would do.

    offered: the hosts that may be used, as `rooms` says. views: runs that count as there; by default all.
    Raises DeeprlError without any room, and RefusedError for code that is not trusted.
    """
    views = snapshot.runs if views is None else views
    plan = launching.plan(request, root, views, offered.values())
    specs = {spec.id: spec for spec in launching.specs(request, root)}
    each = {part.experiment.name: part.each for part in plan.parts}
    measured = {**launching.speeds(root), **stats.throughput(views.values())}
    placed = sending.place(list(specs.values()), root, offered)
    shares = {}
    for host in dict.fromkeys([*offered, *placed]):
        new = [specs[run] for run in placed.get(host, ()) if run not in views]
        if host not in offered and not new:
            continue  # what lives there stays there
        own = [view for run, view in views.items() if snapshot.homes.get(run, LOCAL) == host]
        shares[host] = share(
            offered.get(host, Room(0)),
            [(each[spec.id.experiment], memory_bytes(spec)) for spec in new],
            [stats.rest(view, measured) for view in own if isinstance(view.state, _TRAINS)],
            [stats.rest(view, measured) for view in own if isinstance(view.state, _WAITS)],
        )
    busy = [one for one in shares.values() if one.runs]
    hours = [one.hours for one in busy if one.hours is not None]
    known = bool(busy) and len(hours) == len(busy)
    finish = etas.last([one.finish for one in busy]) if known else None
    plan = replace(plan, memory_peak=None, memory_available=0, finish=finish)
    return Spread(replace(plan, core_hours=etas.total(hours) if known else None), shares)


_TRAINS = state.Running | state.Stopping
_WAITS = state.Queued | state.Lost
