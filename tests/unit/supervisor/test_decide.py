"""What a supervisor does next."""

from dataclasses import replace

import pytest

from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.supervisor.decide import (
    CORE_TAKEN,
    Fail,
    Obey,
    Requeue,
    RunFacts,
    Signal,
    Start,
    decide,
)


def queued(name: str = "a", seed: int = 0, since: float = 0.0) -> RunFacts:
    """A run that waits."""
    return RunFacts(RunId(name, seed), state.Queued(since), held=False, attempt=1, deaths=0)


def lost(deaths: int, dead_for: float, **facts: object) -> RunFacts:
    """A run whose worker died."""
    one = RunFacts(
        RunId("a", 0), state.Lost(0.0), held=False, attempt=2, deaths=deaths, dead_for=dead_for, exit_code=-9
    )
    return replace(one, **facts)  # type: ignore[arg-type]


LIVING = RunFacts(RunId("a", 0), state.Running(0.0), held=True, attempt=2, deaths=0)


def test_no_more_workers_than_free_cores_and_each_on_its_own() -> None:
    """Oldest first, then by name and seed."""
    runs = [queued("b", 0), queued("a", 1), queued("a", 0), queued("c", 0, since=-1.0)]
    assert decide(runs, [4, 6]) == [Start(RunId("c", 0), 1, 4), Start(RunId("a", 0), 1, 6)]


def test_a_living_run_of_somebody_else_is_left_alone() -> None:
    """A supervisor that starts after a kill -9 sees held locks and does nothing."""
    assert decide([LIVING], [0, 1]) == []


def test_a_starting_worker_is_not_started_again() -> None:
    """Between the fork and its lock a run still looks queued."""
    assert decide([replace(queued(), starting=True)], [0]) == []


@pytest.mark.parametrize(
    ("deaths", "dead_for", "retried"), [(1, 0.5, False), (1, 1.1, True), (2, 4.0, False), (3, 31.0, True)]
)
def test_a_death_is_retried_later_each_time(deaths: int, dead_for: float, retried: bool) -> None:
    """1, 5 and 30 seconds."""
    actions = decide([lost(deaths, dead_for)], [0])
    assert [type(action) for action in actions] == ([Requeue] if retried else [])


def test_the_fourth_death_without_progress_is_the_last() -> None:
    """And the reason says what happened."""
    (action,) = decide([lost(4, 100.0)], [0])
    assert isinstance(action, Fail)
    assert "killed by signal 9, 4 times without progress" in action.reason


def test_out_of_memory_is_said_and_retried_once() -> None:
    """Trying three times would only take the machine down thrice."""
    (first,) = decide([lost(1, 2.0, out_of_memory=True)], [0])
    (second,) = decide([lost(2, 2.0, out_of_memory=True)], [0])
    assert isinstance(first, Requeue)
    assert isinstance(second, Fail)
    assert "out of memory" in second.reason


def test_a_worker_that_never_started_is_not_started_for_ever() -> None:
    """A broken installation fails at once; a core that was taken is only bad luck."""
    (action,) = decide([replace(queued(), exit_code=1)], [0])
    assert isinstance(action, Fail)
    assert decide([replace(queued(), exit_code=CORE_TAKEN)], [0]) == [Start(RunId("a", 0), 1, 0)]


def test_a_request_to_a_run_that_nobody_works_on_is_obeyed() -> None:
    """Also when its worker died while it was asked."""
    assert decide([replace(queued(), request="pause")], [0]) == [Obey(RunId("a", 0), "pause")]
    assert decide([lost(1, 9.0, request="stop")], [0]) == [Obey(RunId("a", 0), "stop")]


def test_who_does_not_stop_is_terminated_then_killed() -> None:
    """Ten seconds each."""
    asked = replace(LIVING, request="stop", request_age=9.0)
    assert decide([asked], []) == []
    (term,) = decide([replace(asked, request_age=11.0)], [])
    assert isinstance(term, Signal)
    assert not term.force
    assert decide([replace(asked, request_age=15.0, signaled=4.0)], []) == []
    (kill,) = decide([replace(asked, request_age=22.0, signaled=11.0)], [])
    assert isinstance(kill, Signal)
    assert kill.force


def test_a_silent_worker_is_ended() -> None:
    """It beats once a second; five minutes of silence is a hang."""
    assert decide([replace(LIVING, quiet=299.0)], []) == []
    (action,) = decide([replace(LIVING, quiet=301.0)], [])
    assert isinstance(action, Signal)
