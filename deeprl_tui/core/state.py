"""What may be known of a run: its state as a union of small classes, and the view that screens show.

Rule: each state holds exactly what exists in it; impossible states cannot be written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from deeprl_tui.core.curve import Curve
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.tally import NOTHING, Returns


@dataclass(frozen=True, slots=True)
class Queued:
    """Waits for a core."""

    since: float  # wall clock of the run's host, seconds since 1970, as in all states
    why: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A worker trains it."""

    since: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """The worker saw a request and ends at the next safe point."""

    since: float
    ask: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Off its core by request; goes on from its checkpoint when asked to."""

    at: float
    step: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Its budget is used up."""

    at: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """Ended by request at a checkpoint."""

    at: float
    step: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended by an error."""

    at: float
    error: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died without a last word; a supervisor will start it again or say why not."""

    last_seen: float


RunState: TypeAlias = Queued | Running | Stopping | Paused | Finished | Stopped | Failed | Lost

STATES: tuple[type[RunState], ...] = (Running, Stopping, Queued, Paused, Finished, Stopped, Failed, Lost)


def word(state: RunState | type[RunState]) -> str:
    """The word that users see."""
    kind = state if isinstance(state, type) else type(state)
    return kind.__name__.lower()


def is_over(state: RunState) -> bool:
    """Whether nothing more will happen unless somebody asks for it."""
    return isinstance(state, Finished | Stopped | Failed | Paused)


@dataclass(frozen=True, slots=True)
class EvalPoint:
    """One evaluation."""

    step: int
    mean: float
    returns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the activity list."""

    at: float  # wall clock of the run's host
    run: RunId
    kind: str  # queued started solved collapsed warned resumed stopped paused finished failed lost
    text: str


METRICS = ("return", "length", "loss", "epsilon", "steps/s", "eval")
"""Names of a run's curves."""


@dataclass(frozen=True, slots=True)
class RunView:
    """What a screen may show of one run; made only by the fold."""

    spec: RunSpec
    state: RunState
    attempt: int
    next_attempt: int  # the number that the next worker gets
    pid: int
    host: str
    cores: tuple[int, ...]
    backend: str
    step: int
    total_steps: int | None
    episodes: int
    total_episodes: int | None
    return_mean: float | None  # of the last 100 episodes
    length_mean: float | None
    loss: float | None
    epsilon: float | None
    steps_per_second: float | None
    cpu: float | None  # share of one core, 1.0 = all of it
    rss: int | None  # bytes
    eta: Eta | None
    curves: Mapping[str, Curve]  # by METRICS; live: they grow while the view is held
    evals: tuple[EvalPoint, ...]
    solved_at: int | None  # step at which the 100-episode mean first reached spec.solved
    checkpoint_step: int | None
    deaths: int  # attempts in a row that died without progress
    waiting: str  # what a living worker waits for ("disk full since ..."); empty if it trains
    inexact: str  # why the run does not continue to the bit; empty if it does
    notes: tuple[Note, ...]
    clock: float  # seconds of training
    last_seen: float  # wall clock of the newest line
    bad_lines: int
    best_mean: float | None = None  # highest mean return of 100 episodes; None before there are as many
    collapsed: int | None = None  # step since which it has lost what it learned: see core.collapse
    progressed: float = 0.0  # wall clock of the newest line that was more than a sign of life
    returns: Returns = NOTHING  # what all its returns say
    solved_episode: int | None = None  # the episode of solved_at
    began: float | None = None  # wall clock of its first start
    cpu_seconds: float | None = None  # of all attempts
    trend: tuple[float, ...] = ()  # a few means over its episodes; only of a run at rest
    rest: bool = False  # made from a record: its curves and evaluations were not read

    @property
    def id(self) -> RunId:
        """The run's name."""
        return self.spec.id

    @property
    def progress(self) -> float:
        """Share of the budget that is used, 0 to 1."""
        if isinstance(self.state, Finished):
            return 1.0
        shares = [
            done / total
            for done, total in ((self.step, self.total_steps), (self.episodes, self.total_episodes))
            if total
        ]
        return min(1.0, max(shares, default=0.0))


STALLED_S = 120.0
"""Seconds without a step after which a run that trains counts as stalled: longer than evaluations take."""


def stalled(view: RunView, now: float) -> float | None:
    """Seconds since a run got on, if they are too many: its worker lives, but takes no step.

    now: wall clock of the run's host. None for a run that gets on, does not train, or says what it waits for.
    """
    if not isinstance(view.state, Running) or view.waiting:
        return None
    still = now - max(view.progressed, view.state.since)
    return still if still >= STALLED_S else None
