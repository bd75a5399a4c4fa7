"""Events -> view."""

from support import WALL, spec, start, training

from deeprl_tui.core import state
from deeprl_tui.core.events import Checkpoint, End, Episode, Event, Line, Queued, Resume, StopAsked
from deeprl_tui.core.fold import fold
from deeprl_tui.core.state import RunView


def view(*attempts: list[tuple[float, Event]], held: bool = False, solved: float | None = None) -> RunView:
    """Fold attempts given as timed events."""
    lines = {
        number: [Line(n, t, event) for n, (t, event) in enumerate(timed, start=1)]
        for number, timed in enumerate(attempts, start=1)
    }
    return fold(spec(solved=solved), lines, held=held)


History = list[tuple[float, Event]]
QUEUED: tuple[float, Event] = (0.0, Queued(WALL, "launched"))


def test_a_new_run_is_queued() -> None:
    """Nothing but the first event."""
    assert view([QUEUED]).state == state.Queued(WALL, "launched")


def test_a_started_run_is_running_while_its_lock_is_held_and_lost_after() -> None:
    """State is events plus the lock, nothing else."""
    history: History = [QUEUED, (0.0, start()), *training(3)]
    assert isinstance(view(history, held=True).state, state.Running)
    assert isinstance(view(history, held=False).state, state.Lost)


def test_a_worker_that_heard_a_request_is_stopping() -> None:
    """The word shown says what was asked."""
    history: History = [QUEUED, (0.0, start()), (1.0, StopAsked("pause"))]
    current = view(history, held=True).state
    assert isinstance(current, state.Stopping)
    assert current.ask == "pause"


def test_each_outcome_has_its_state() -> None:
    """The last word decides, also while the worker still exits."""
    words = {}
    for outcome in ("finished", "stopped", "paused", "failed", "interrupted"):
        ended = view([QUEUED, (0.0, start()), (1.0, End(WALL, outcome, 10, "why"))], held=True)
        words[outcome] = state.word(ended.state)
    assert words == {
        "finished": "finished",
        "stopped": "stopped",
        "paused": "paused",
        "failed": "failed",
        "interrupted": "queued",
    }


def test_means_are_over_the_last_hundred_episodes() -> None:
    """As in the study's tables."""
    seen = view([QUEUED, (0.0, start()), *training(150)], held=True)
    assert seen.return_mean == sum(range(51, 151)) / 100
    assert seen.episodes == 150
    assert seen.step == 1500


def test_a_resume_drops_what_came_after_its_checkpoint() -> None:
    """An episode that is trained again counts once."""
    first: History = [
        QUEUED,
        (0.0, start()),
        *training(5),
        (5.0, Checkpoint(30, 3)),
        *training(2, first=6, step=50),
    ]
    second: History = [(3.0, start(2)), (3.0, Resume(30, 3)), *training(2, first=4, step=30)]
    resumed = view(first, second, held=True)
    assert list(resumed.curves["return"].buckets.step) == [10, 20, 30, 40, 50]
    assert resumed.episodes == 5
    assert resumed.attempt == 2


def test_a_replaced_attempt_that_still_writes_is_ignored() -> None:
    """Two workers of one run cannot mix their episodes."""
    lines = {2: [Line(1, 0.0, start(2)), Line(2, 0.0, Resume(0, 0))]}
    from deeprl_tui.core.fold import RunFold

    run = RunFold(spec())
    run.apply(1, Line(1, 0.0, start(1)))
    for line in lines[2]:
        run.apply(2, line)
    run.apply(1, Line(2, 1.0, Episode(1, 10, 1.0, 10)))
    assert run.view(held=True).episodes == 0


def test_deaths_without_progress_are_counted_and_progress_starts_anew() -> None:
    """A supervisor gives up only on a run that does not get further."""
    death: History = [(0.0, start(1)), *training(1)]
    assert view(death).deaths == 1
    assert view(death, [(0.0, start(2)), (0.0, Resume(0, 0))]).deaths == 2
    progress: History = [(0.0, start(2)), (0.0, Resume(0, 0)), (1.0, Checkpoint(500, 9))]
    assert view(death, progress).deaths == 1


def test_solved_is_the_first_time_the_mean_reaches_the_threshold() -> None:
    """Returns 1, 2, 3 ... have a 100-episode mean of 60.5 at episode 110."""
    assert view([(0.0, start()), *training(150)], held=True, solved=60.5).solved_at == 1100


def test_cpu_is_the_share_of_a_core_between_beats() -> None:
    """The worker's own CPU seconds over its own clock."""
    cpu = view([(0.0, start()), *training(5)], held=True).cpu
    assert cpu is not None
    assert abs(cpu - 0.9) < 1e-6


def test_an_attempt_that_only_waits_keeps_its_number() -> None:
    """The next worker takes the queued attempt; after a start it takes a new one."""
    assert view([QUEUED]).next_attempt == 1
    assert view([QUEUED, (0.0, start())]).next_attempt == 2
    assert view([QUEUED, (0.0, start())], [(0.0, Queued(WALL, "retry"))]).next_attempt == 2
