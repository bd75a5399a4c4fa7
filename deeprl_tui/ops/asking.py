"""What can be asked of runs that are there: stop, pause, resume."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deeprl_tui.core import state
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.ops.launching import supervise
from deeprl_tui.ops.reading import views_of
from deeprl_tui.runs import load
from deeprl_tui.runs.find import find_runs
from deeprl_tui.runs.store import Ask, RunStore


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request to one run."""

    run: RunId
    done: bool
    text: str


def ask(root: Path, patterns: Sequence[str], what: Ask) -> list[Answer]:
    """Ask runs to stop or to pause at their next checkpoint."""
    store = RunStore(root)
    return [_each(run, partial(_ask, store, paths, what)) for run, paths in find_runs(root, patterns)]


def resume(
    root: Path, patterns: Sequence[str], *, start: Callable[[Path], object] | None = None
) -> list[Answer]:
    """Put paused, stopped, failed and lost runs back into the queue, and see that somebody starts them.

    start: who sees to that; `supervise` by default.
    """
    store = RunStore(root)
    answers = [_each(run, partial(_resume, store, paths)) for run, paths in find_runs(root, patterns)]
    if any(isinstance(view.state, state.Queued | state.Lost) for view in views_of(root).values()):
        (start or supervise)(root)
    return answers


def _ask(store: RunStore, paths: RunPaths, what: Ask) -> tuple[bool, str]:
    before = load.load_view(paths)
    if state.is_over(before.state) and not (what == "stop" and isinstance(before.state, state.Paused)):
        return False, f"is {state.word(before.state)} already"
    store.ask(paths, what)
    after = load.load_view(paths)
    if state.is_over(after.state):
        return True, state.word(after.state)
    return True, "stops at its next checkpoint" if what == "stop" else "pauses at its next checkpoint"


def _resume(store: RunStore, paths: RunPaths) -> tuple[bool, str]:
    view = load.load_view(paths)
    if store.requeue(paths, "resumed by request"):
        at = view.checkpoint_step
        return True, f"queued, goes on from step {at}" if at else "queued"
    return False, f"is {state.word(view.state)}"


def _each(run: RunId, act: Callable[[], tuple[bool, str]]) -> Answer:
    try:
        return Answer(run, *act())
    except (OSError, DeeprlError) as error:
        return Answer(run, False, str(error))
