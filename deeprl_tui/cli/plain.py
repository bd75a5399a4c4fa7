"""A batch as plain lines, for logs: each change of a state at once, each training run every ten seconds."""

import time
from collections.abc import Callable

from deeprl_tui.cli import look
from deeprl_tui.cli.watch import HERE, Scene
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.runs import stats

EVERY_S = 10.0


class PlainScreen:
    """Writes lines: time, run, state, numbers."""

    def __init__(
        self, write: Callable[[str], None], wall: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._write = write
        self._wall = wall
        self._monotonic = monotonic
        self._seen: dict[RunId, tuple[str, int, str]] = {}
        self._told_at = monotonic()

    def show(self, scene: Scene) -> None:
        """Write what changed, and every ten seconds how far the runs are."""
        for view in scene.runs:
            key = (state.word(view.state), view.attempt, view.waiting)
            if self._seen.get(view.id) != key:
                self._seen[view.id] = key
                self._say(f"{view.id} {changed(view, scene.homes.get(view.id, HERE))}")
        now = self._monotonic()
        if now - self._told_at >= EVERY_S:
            self._told_at = now
            for view in scene.runs:
                if isinstance(view.state, state.Running | state.Stopping):
                    self._say(f"{view.id} {numbers(view)}")
            counts = ", ".join(f"{number} {word}" for word, number in scene.counts())
            left = f", all done in {look.span(scene.left)}" if scene.left else ""
            self._say(f"batch {counts}{left}")
            for files in scene.files:
                self._say(f"files {files}")

    def close(self, scene: Scene | None) -> None:
        """Nothing to put in order."""

    def _say(self, text: str) -> None:
        self._write(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(self._wall()))} {text}")


def changed(view: RunView, home: str = HERE) -> str:
    """A run's new state."""
    word = state.word(view.state)
    reason = stats.reason(view)
    match view.state:
        case state.Running() if view.waiting:
            return f"waits: {view.waiting}"
        case state.Running():
            cores = ",".join(map(str, view.cores))
            at = f" from step {view.step}" if view.attempt > 1 and view.step else ""
            where = f"{home} core {cores}" if home else f"core {cores}"
            return f"running attempt {view.attempt} on {where} pid {view.pid}{at}"
        case state.Finished():
            return (
                f"finished step {view.step} episodes {view.episodes} "
                f"return {look.number(view.return_mean)} in {look.duration(view.clock)}"
            )
        case state.Stopped(step=step) | state.Paused(step=step):
            return f"{word} at step {step}"
        case _:
            return f"{word}: {reason}" if reason else word


def numbers(view: RunView) -> str:
    """How far a run is."""
    eta = f" eta {look.span(view.eta)}" if view.eta else ""
    speed = f" {look.count(view.steps_per_second)} steps/s" if view.steps_per_second else ""
    total = view.total_steps or view.total_episodes or 0
    at = view.step if view.total_steps else view.episodes
    unit = "step" if view.total_steps else "episode"
    return (
        f"{state.word(view.state)} {look.share(view.progress)} {unit} {at}/{total} "
        f"return {look.number(view.return_mean)}{speed}{eta}"
    )
