"""When a run counts as collapsed."""

import math
import random
from dataclasses import replace

import pytest
from support import WALL, spec, start

from deeprl_tui.core.collapse import PATIENCE, WINDOW, Collapse
from deeprl_tui.core.events import Beat, Checkpoint, Episode, Event, Line, Resume
from deeprl_tui.core.fold import fold
from deeprl_tui.core.state import STALLED_S, Finished, RunView, stalled


def after(*parts: tuple[int, float], noise: float = 0.0) -> Collapse:
    """A run whose returns have these lengths and levels."""
    rng, run, step = random.Random(1), Collapse(), 0
    for episodes, level in parts:
        for _ in range(episodes):
            step += 10
            run.add(step, level + rng.gauss(0.0, noise))
    return run


def test_half_of_the_best_lost_for_200_episodes() -> None:
    """Positive returns: the step is where the mean of 100 went under half of the way."""
    run = after((100, 0.0), (300, 200.0), (PATIENCE + WINDOW, 20.0))
    assert run.best == 200.0
    assert run.since is not None
    # After 56 of 100 episodes at 20 the mean is 99.2.
    assert run.since == 10 * (400 + 56)


def test_not_before_200_episodes() -> None:
    """The mean has to be low for all of 200 episodes."""
    low = 56 + PATIENCE - 1
    assert after((100, 0.0), (300, 200.0), (low - 1, 20.0)).since is None
    assert after((100, 0.0), (300, 200.0), (low, 20.0)).since is not None


@pytest.mark.parametrize(("floor", "best", "now"), [(-500.0, -100.0, -400.0), (-180.0, 220.0, 0.0)])
def test_negative_returns_lose_half_of_the_way(floor: float, best: float, now: float) -> None:
    """Half of the way from the untrained level to the best is lost, whatever the sign."""
    assert after((100, floor), (300, best), (500, now)).since is not None


def test_less_than_half_of_the_way_is_no_collapse() -> None:
    """From -500 to -100 and back to -250: less than half is lost."""
    assert after((100, -500.0), (300, -100.0), (500, -250.0)).since is None


@pytest.mark.parametrize("seed_noise", [1.0, 30.0, 100.0])
def test_noise_is_no_collapse(seed_noise: float) -> None:
    """A run that never learned has nothing to lose, however its mean wanders."""
    assert after((5000, -150.0), noise=seed_noise).since is None


def test_a_lucky_episode_is_no_best() -> None:
    """All -500, once -100: the best mean is chance."""
    assert after((100, -500.0), (1, -100.0), (600, -500.0)).since is None


def test_it_recovers() -> None:
    """A mean above half of the way ends it."""
    assert after((100, 0.0), (300, 200.0), (500, 20.0), (100, 190.0)).since is None


def test_returns_that_are_no_numbers_are_left_out() -> None:
    """One NaN does not make every later mean NaN."""
    run = after((100, 0.0), (300, 200.0))
    run.add(9999, math.nan)
    run.add(9999, math.inf)
    assert run.best == 200.0


def test_a_copy_goes_its_own_way() -> None:
    """What is added later is not in the copy."""
    run = after((100, 0.0), (300, 200.0))
    kept = run.copy()
    for episode in range(500):
        run.add(5000 + episode, 0.0)
    assert (run.since is None, kept.since is None) == (False, True)
    for episode in range(500):
        kept.add(5000 + episode, 0.0)
    assert kept.since == run.since


def history(*levels: tuple[int, float]) -> list[tuple[float, Event]]:
    """A checkpoint after each part."""
    out: list[tuple[float, Event]] = [(0.0, start())]
    episode = 0
    for episodes, level in levels:
        for _ in range(episodes):
            episode += 1
            out.append((float(episode), Episode(episode, 10 * episode, level, 10)))
        out.append((float(episode), Checkpoint(10 * episode, episode)))
    return out


def folded(*attempts: list[tuple[float, Event]]) -> RunView:
    """The view of a living run."""
    lines = {
        number: [Line(n, t, event) for n, (t, event) in enumerate(timed, start=1)]
        for number, timed in enumerate(attempts, start=1)
    }
    return fold(spec(), lines, held=True)


def test_the_view_says_it_and_activity_tells_it_once() -> None:
    """A collapsed run has the step, its best mean, and one note."""
    seen = folded(history((100, 0.0), (300, 200.0), (400, 0.0)))
    assert (seen.collapsed, seen.best_mean) == (10 * (400 + 51), 200.0)
    assert [note.kind for note in seen.notes].count("collapsed") == 1


def test_a_resume_forgets_what_came_after_its_checkpoint() -> None:
    """From the second newest checkpoint on, returns that were lost do not count."""
    first = history((100, 0.0), (300, 200.0), (400, 0.0))
    again: list[tuple[float, Event]] = [(400.0, start(2)), (400.0, Resume(4000, 400))]
    seen = folded(first, again)
    assert (seen.collapsed, seen.best_mean) == (None, 200.0)


def test_no_step_for_two_minutes_is_stalled() -> None:
    """Beats alone are no progress; a run that waits for something it names, or is over, is not stalled."""
    beats: list[tuple[float, Event]] = [(float(t), Beat(10, 0, 1.0)) for t in range(1, 200)]
    seen = folded([(0.0, start()), (1.0, Episode(1, 10, 1.0, 10)), *beats])
    assert stalled(seen, WALL + 1 + STALLED_S - 1) is None
    assert stalled(seen, WALL + 1 + STALLED_S) == STALLED_S
    assert stalled(replace(seen, waiting="no space"), WALL + 900) is None
    assert stalled(replace(seen, state=Finished(WALL)), WALL + 900) is None
