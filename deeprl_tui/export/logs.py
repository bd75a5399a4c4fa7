"""The logs of one run as rows: every episode, evaluation and beat that counts, nothing thinned.

Rule: what counts is what the fold counts: a resume at a step voids what was written after that step.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from deeprl_tui.core import events
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.runs.load import load_spec

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Episode:
    """One training episode. What is known from the newest beat before its end is None without one."""

    episode: int  # from 1, over all attempts
    step: int  # env steps of the run at its end
    seconds: float  # of training, over all attempts
    score: float  # return: undiscounted sum of rewards
    length: int
    updates: int | None
    loss: float | None
    epsilon: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Greedy episodes on fixed seeds."""

    step: int
    episode: int  # training episodes before it
    seconds: float
    updates: int | None
    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    best: bool  # the best so far


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life, once a second."""

    step: int
    episode: int  # training episodes before it
    seconds: float
    updates: int
    loss: float | None
    epsilon: float | None
    steps_per_second: float


@dataclass(slots=True)
class Log:
    """What the logs of a run say."""

    spec: RunSpec
    episodes: list[Episode] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    starts: list[events.Start] = field(default_factory=list)  # of all attempts
    backends: list[str] = field(default_factory=list)
    bad_lines: int = 0

    @property
    def began(self) -> float | None:
        """Wall clock of its host when the first attempt began."""
        return self.starts[0].at if self.starts else None


def read_log(paths: RunPaths) -> Log:
    """Read all attempts of a run. Raises RunDirectoryError if it has no good run.json."""
    log = Log(load_spec(paths))
    for attempt in paths.attempts():
        lines, bad = read_lines(paths.events(attempt))
        log.bad_lines += bad
        for line in lines:
            _take(log, line.t, line.event)
    return log


def _take(log: Log, seconds: float, event: events.Event) -> None:
    match event:
        case events.Start():
            log.starts.append(event)
        case events.Backend():
            log.backends.append(f"{event.name} ({event.why})" if event.why else event.name)
        case events.Resume(step=step, episode=episode):
            _cut(log.episodes, episode, lambda row: row.episode)
            _cut(log.evaluations, step, lambda row: row.step)
            _cut(log.beats, step, lambda row: row.step)
        case events.Episode():
            beat = log.beats[-1] if log.beats else None
            if event.episode > _episodes(log):
                log.episodes.append(
                    Episode(
                        event.episode,
                        event.step,
                        seconds,
                        event.r,
                        event.l,
                        beat.updates if beat else None,
                        beat.loss if beat else None,
                        beat.epsilon if beat else None,
                    )
                )
        case events.Beat():
            log.beats.append(
                Beat(
                    event.step,
                    _episodes(log),
                    seconds,
                    event.updates,
                    _finite(event.loss) if event.updates else None,
                    _finite(event.epsilon),
                    event.sps,
                )
            )
        case events.Eval() if event.returns:
            updates = log.beats[-1].updates if log.beats else None
            log.evaluations.append(
                Evaluation(
                    event.step, _episodes(log), seconds, updates, event.returns, event.lengths, event.best
                )
            )
        case _:
            pass


def _episodes(log: Log) -> int:
    return log.episodes[-1].episode if log.episodes else 0


def _cut(rows: list[Row], until: int, key: Callable[[Row], int]) -> None:
    del rows[bisect_right(rows, until, key=key) :]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
