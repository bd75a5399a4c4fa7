"""Runs of a lost host: given to free cores of others, once, and never taken from where they already went."""

from pathlib import Path

import pytest
import support

from deeprl_tui.core.events import End
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import FORMAT, RunId
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.frames import Hello
from deeprl_tui.ops.requeueing import requeue
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.moves import assign, read_moves


class Lab:
    """A project with runs on three hosts; `one` is lost."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fleet = Fleet(lambda: support.WALL)
        self.fleet.fault("one", "is silent")

    def answers(self, name: str, cores: int) -> None:
        """A host is there with so many cores."""
        self.fleet.apply(name, Hello(FORMAT, "1", name, "boot", tuple(range(cores))))

    def run(self, host: str, seed: int, *, over: bool = False) -> RunPaths:
        """A run that lives on a host."""
        end = [(9.0, End(at=support.WALL, outcome="finished", step=100))] if over else []
        timed = [(0.0, support.start()), *support.training(3), *end]
        paths = support.make_run(self.root, support.spec(seed=seed), timed)
        paths.host.write_text(host)
        return paths

    def requeue(self) -> dict[RunId, str]:
        """Give away what `one` had."""
        return requeue(self.root, ("one", "two", "three"), "one", self.fleet.snapshot())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Nobody answers yet."""
    return Lab(tmp_path)


def test_to_a_free_core(lab: Lab) -> None:
    """An open run goes to a host with a free core, as the attempt after its last; one that is over stays."""
    paths, over = lab.run("one", 1), lab.run("one", 2, over=True)
    lab.run("two", 3)
    lab.answers("two", 2)
    assert lab.requeue() == {RunId("CP_basic", 1): "two"}
    assert read_moves(paths).left == {"one": 2}
    assert home_of(over) == "one"
    assert not lab.requeue()


def test_no_room(lab: Lab) -> None:
    """Where all cores have their runs, or nobody answers, it waits for its own host."""
    paths = lab.run("one", 1)
    assert not lab.requeue()
    lab.run("two", 2)
    lab.answers("two", 1)
    assert not lab.requeue()
    assert home_of(paths) == "one"


def test_as_many_as_have_room(lab: Lab) -> None:
    """Each free core gets one run; the rest waits."""
    for seed in range(5):
        lab.run("one", seed)
    lab.answers("two", 2)
    lab.answers("three", 1)
    assert sorted(lab.requeue().values()) == ["three", "two", "two"]


def test_what_never_began(lab: Lab) -> None:
    """A run that was made for the lost host and never reached it goes elsewhere, too."""
    paths = lab.run("one", 1)
    paths.events(1).unlink()
    lab.answers("two", 1)
    assert lab.requeue() == {RunId("CP_basic", 1): "two"}


def test_somebody_else_moved_it(lab: Lab) -> None:
    """Of two who requeue a run at a time, the second does nothing."""
    paths = lab.run("one", 1)
    assert assign(paths, "two", 2, leaving="one")
    assert not assign(paths, "three", 2, leaving="one")
    assert home_of(paths) == "two"
