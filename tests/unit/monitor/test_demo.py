"""The recording that `deeprl-tui --demo` plays."""

import pytest
from support import WALL

from deeprl_tui import config
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.monitor import demo
from deeprl_tui.monitor.demo import DemoFeed
from deeprl_tui.monitor.fleet import Fleet


class Clock:
    """A wall clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = WALL

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def played() -> tuple[Clock, Fleet, DemoFeed]:
    """The demo at its beginning."""
    clock, fleet = Clock(), Fleet()
    feed = DemoFeed(fleet, clock)
    feed.prepare()
    return clock, fleet, feed


def words(fleet: Fleet) -> set[str]:
    return {state.word(view.state) for view in fleet.snapshot().runs.values()}


def test_it_begins_in_the_middle(played: tuple[Clock, Fleet, DemoFeed]) -> None:
    """Something is finished, something trains on every core, something waits."""
    _, fleet, _ = played
    views = fleet.snapshot().runs.values()
    assert {"finished", "running", "queued"} <= words(fleet)
    assert sorted(core for view in views if isinstance(view.state, state.Running) for core in view.cores) == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert all(view.bad_lines == 0 for view in views)


def test_it_goes_on(played: tuple[Clock, Fleet, DemoFeed]) -> None:
    """A second later there are more steps, with a time to go."""
    clock, fleet, feed = played
    before = sum(view.step for view in fleet.snapshot().runs.values())
    clock.now += 5
    feed.play()
    views = fleet.snapshot().runs.values()
    assert sum(view.step for view in views) > before
    assert any(view.eta is not None for view in views if isinstance(view.state, state.Running))


def test_events_in_words_are_those_so_far(played: tuple[Clock, Fleet, DemoFeed]) -> None:
    """The times are those of the demo."""
    clock, fleet, feed = played
    view = next(view for view in fleet.snapshot().runs.values() if isinstance(view.state, state.Running))
    told = feed.told(view)
    assert [one.kind for one in told[:3]] == ["queued", "started", "computes"]
    assert clock.now - 3600 < told[-1].at <= clock.now


def test_it_ends_with_every_state_of_an_end() -> None:
    """Finished, stopped, failed; and then it stays as it is."""
    clock, fleet = Clock(), Fleet()
    feed = DemoFeed(fleet, clock)
    feed.prepare()
    clock.now += 3600
    feed.play()
    assert words(fleet) == {"finished", "stopped", "failed"}
    assert not fleet.snapshot().hosts[0].held


def test_its_file_is_sound() -> None:
    """The recorded runs are of its experiments, with the same settings."""
    project = config.load(demo.FILE)
    for run in demo.load(demo.DATA.read_bytes()):
        view = project.experiments[run.id.experiment]
        assert view.specs([run.id.seed])[0].digest == RunSpec.from_json(run.spec).digest


def test_it_is_small() -> None:
    """It is in every wheel."""
    assert demo.DATA.stat().st_size < 1 << 20
