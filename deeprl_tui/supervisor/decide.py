"""What a supervisor does next. Pure: facts in, actions out.

A death without a last word is retried RETRIES times without progress in between, each time later. A worker
that heard a request and did not act on it is terminated, then killed. Nothing here knows of files or
processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId

RETRIES = 3
BACKOFF_S = (1.0, 5.0, 30.0)
STOP_S = 10.0
"""A worker that was asked has this long to reach a safe point, and again as long after SIGTERM."""
STALL_S = 300.0
"""A worker whose log has not grown for this long is ended and started again; it beats once a second."""
CORE_TAKEN = 76
"""Exit code of a worker that found its core held by somebody else."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a supervisor knows of a run that is not over."""

    id: RunId
    state: state.RunState
    held: bool  # somebody holds its lock
    attempt: int  # number of the next attempt
    deaths: int
    request: str = ""  # stop, pause or nothing
    request_age: float = 0.0  # seconds
    quiet: float = 0.0  # seconds since its log grew
    dead_for: float = 0.0  # seconds since it was first seen dead
    starting: bool = False  # a worker was started and holds no lock yet
    exit_code: int | None = None  # of its last worker, if that was ours and it ended in disorder
    out_of_memory: bool = False
    signaled: float | None = None  # seconds since we sent SIGTERM


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker on a core."""

    run: RunId
    attempt: int
    core: int


@dataclass(frozen=True, slots=True)
class Requeue:
    """Put a dead run back into the queue."""

    run: RunId
    why: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Write the last word for a run that will not be tried again."""

    run: RunId
    reason: str


@dataclass(frozen=True, slots=True)
class Obey:
    """End a run that nobody works on, as was asked."""

    run: RunId
    ask: str


@dataclass(frozen=True, slots=True)
class Signal:
    """Send SIGTERM, or SIGKILL if force."""

    run: RunId
    force: bool
    why: str


Action: TypeAlias = Start | Requeue | Fail | Obey | Signal


def decide(runs: Sequence[RunFacts], free: Sequence[int]) -> list[Action]:
    """Say what to do now; free: cores that nobody holds."""
    actions: list[Action] = []
    waiting: list[tuple[float, RunId, RunFacts]] = []
    for run in runs:
        if run.held:
            actions += _living(run)
        elif run.starting:
            continue
        elif run.request:
            actions.append(Obey(run.id, run.request))
        elif isinstance(run.state, state.Queued):
            if run.exit_code not in (None, CORE_TAKEN):
                actions.append(
                    Fail(run.id, f"the worker did not start: {cause(run)}; see deeprl logs {run.id}")
                )
            else:
                waiting.append((run.state.since, run.id, run))
        elif not state.is_over(run.state):
            actions += _dead(run)
    waiting.sort(key=lambda item: item[:2])
    actions += [Start(run.id, run.attempt, core) for (_, _, run), core in zip(waiting, free, strict=False)]
    return actions


def cause(run: RunFacts) -> str:
    """Why a worker died, in words."""
    code = run.exit_code
    if run.out_of_memory:
        return "killed by the kernel: out of memory"
    if code is None:
        return "the worker died"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _living(run: RunFacts) -> list[Action]:
    if run.signaled is not None:
        return [Signal(run.id, True, "did not stop")] if run.signaled > STOP_S else []
    if run.request and run.request_age > STOP_S:
        return [Signal(run.id, False, f"did not {run.request} when asked")]
    if run.quiet > STALL_S:
        return [Signal(run.id, False, f"no sign of life for {run.quiet:.0f} s")]
    return []


def _dead(run: RunFacts) -> list[Action]:
    retries = 1 if run.out_of_memory else RETRIES
    if run.deaths > retries:
        return [Fail(run.id, f"{cause(run)}, {run.deaths} times without progress; see deeprl logs {run.id}")]
    if run.dead_for < BACKOFF_S[max(0, run.deaths - 1)]:
        return []
    return [Requeue(run.id, f"{cause(run)}; retry {run.deaths} of {retries}")]
