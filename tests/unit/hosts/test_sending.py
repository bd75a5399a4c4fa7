"""Where the runs of a launch go."""

from pathlib import Path

import pytest
from support import WALL, spec

from deeprl_tui import config, ops
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot, HostView
from deeprl_tui.monitor.frames import Alive, Described, Hello
from deeprl_tui.runs.spread import Room

PROJECT = """
[experiments.base]
env = "CartPole-v1"
baseline = true
total_timesteps = 4000
"""


def test_only_hosts_that_speak_have_room(tmp_path: Path) -> None:
    """One that was not asked for, cannot be reached or has not spoken yet has none."""
    views = (
        HostView(LOCAL, (0, 1), held=frozenset({RunId("a", 0)})),
        HostView("down", (0, 1), fault="no answer"),
        HostView("new"),
        HostView("other", (0,)),
    )
    offered = ops.rooms(FleetSnapshot(hosts=views), [LOCAL, "down", "new"], tmp_path)
    assert offered == {LOCAL: Room(2, 1)}


def test_what_waits_on_a_host_counts(tmp_path: Path) -> None:
    """A run in its queue takes a core before a new one does; its price and free memory are known."""
    fleet = Fleet()
    fleet.apply("vm", Hello(1, "0", "vm", "boot", (0, 1)))
    fleet.apply("vm", Alive(WALL, (0.0, 0.0), 2**30, 2**32, 2**36, frozenset(), True))
    fleet.costs("vm", 0.25, 0.0, by_age=False)
    waiting = spec(seed=0)
    fleet.apply(LOCAL, Described(waiting.id, waiting.to_json().encode()))
    homes = {waiting.id: "vm"}
    fleet.apply(LOCAL, Alive(WALL, (), 0, 0, 2**36, frozenset(), True, homes=homes))
    assert ops.rooms(fleet.snapshot(), ["vm"], tmp_path) == {
        "vm": Room(2, 1, memory=2**32 - 2**30, price=0.25)
    }


def test_too_little_memory_there_is_refused(tmp_path: Path) -> None:
    """By the name of the host, before anything is made; also for this machine's part of a launch."""
    file = tmp_path / config.FILE
    file.write_text(PROJECT)
    project, root = config.load(file), tmp_path / ops.RUNS
    request = ops.choose(project, ["base"], "2", ())
    links = ops.hosts_of(root, project)
    for host, place in (("vm", "vm: base"), (LOCAL, "base")):
        with pytest.raises(RefusedError, match=f"^{place}: a run needs"):
            ops.launch_on(request, root, {host: Room(2, memory=2**20)}, links)
    assert not root.exists()


def test_runs_stay_where_they_live(tmp_path: Path) -> None:
    """A run that is there is no work to spread, also if its host is not offered."""
    Mirror(tmp_path, "vm").describe(spec(seed=0).id, spec(seed=0).to_json().encode())
    ops.launch_specs([spec(seed=1)], tmp_path)
    found = ops.place([spec(seed=seed) for seed in range(4)], tmp_path, {"lab": Room(8)})
    assert {host: {run.seed for run in runs} for host, runs in found.items()} == {
        "vm": {0},
        LOCAL: {1},
        "lab": {2, 3},
    }


def test_without_a_host_nothing_is_placed(tmp_path: Path) -> None:
    """The error says what tells more."""
    with pytest.raises(DeeprlError, match="no host answers"):
        ops.place([spec()], tmp_path, {})


def test_runs_of_this_machine_are_queued_here(tmp_path: Path) -> None:
    """They are made, somebody is asked to start them, and a second launch changes nothing."""
    file, asked = tmp_path / config.FILE, list[Path]()
    file.write_text(PROJECT)
    project, root = config.load(file), tmp_path / ops.RUNS
    request = ops.choose(project, ["base"], "2", ())
    links = ops.hosts_of(root, project)
    sent = ops.launch_on(request, root, {LOCAL: Room(4)}, links, start=asked.append)
    again = ops.launch_on(request, root, {LOCAL: Room(4)}, links, start=asked.append)
    assert (sent.many("created"), again.many("already"), asked) == (2, 2, [root, root])
    assert {state.word(view.state) for view in ops.views_of(root).values()} == {"queued"}
