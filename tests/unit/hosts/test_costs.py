"""What hosts have cost so far."""

from pathlib import Path

from support import WALL, spec, start, training, write

from deeprl_tui.config import Host
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.ops.costs import EVERY_S, Costs

HOSTS = {
    "free": Host("free", "free"),
    "own": Host("own", "own", price=0.6),
    "vm": Host("vm", "vm", price=0.2, gce="lab", made=WALL - 7200),
}


def test_own_machines_cost_while_they_work_and_those_of_the_cloud_always(tmp_path: Path) -> None:
    """Half an hour of training, two hours of being there, and a machine without a price."""
    Mirror(tmp_path, "own").describe(spec().id, spec().to_json().encode())
    (paths,) = [paths for _, paths in Mirror(tmp_path, "own").runs()]
    write(paths, 1, [(0.0, start()), (1800.0, training(1)[0][1])])
    fleet = Fleet(lambda: WALL)
    costs = Costs(tmp_path, HOSTS, fleet.costs, wall=lambda: WALL, monotonic=lambda: 0.0)
    for name in HOSTS:
        costs.look(name)
    told = {host.name: (host.spend, host.by_age) for host in fleet.snapshot().hosts}
    assert told == {"own": (0.3, False), "vm": (0.4, True)}


def test_it_is_worked_out_now_and_then(tmp_path: Path) -> None:
    """A host speaks once a second; its logs are looked at more seldom."""
    now, told = [0.0], list[float]()

    def note(host: str, price: float, spend: float, *, by_age: bool) -> None:
        told.append(now[0])

    costs = Costs(tmp_path, HOSTS, note, wall=lambda: WALL, monotonic=lambda: now[0])
    for now[0] in (0.0, 1.0, EVERY_S, EVERY_S + 1):
        costs.look("vm")
    assert told == [0.0, EVERY_S]
