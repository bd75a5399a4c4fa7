"""The answers: averages with intervals, comparisons, verdicts. Standard library only: screens may hold them.

Rule: what cannot be said is None, with the reason beside it, and never a number that looks like one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from deeprl_tui.core.spec import RunId

SEEDS_FOR_IQM = 4
"""From so many seeds on the interquartile mean is taken: below, a quarter is no whole run."""
SEEDS_FOR_INTERVAL = 5
"""A bootstrap of fewer seeds has too few different resamples to say anything."""
SEEDS_NOT_ROUGH = 10
"""Below, a 95 % percentile interval covers markedly less than 95 % (benchmarks/coverage.py)."""
ENDED = frozenset({"finished", "stopped", "failed"})
"""States of runs that will not change unless somebody asks; a paused or lost one is to go on."""
LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8

Score: TypeAlias = Literal["score", "best", "last_eval", "auc"]
SCORES: Mapping[str, str] = {
    "score": "mean return of the last 100 episodes",
    "best": "highest mean return of 100 episodes",
    "last_eval": "mean return of the last evaluation",
    "auc": "area under the return curve, divided by the steps",
}
"""What runs can be compared by, and in words; all are returns, and more is better."""

Average: TypeAlias = Literal["IQM", "mean"]
Outcome: TypeAlias = Literal["better", "worse", "undecided", "few", "apart", "missing", "none", "baseline"]
"""few: too few seeds; apart: another env or time limit; missing: the baseline has no runs; none: there is no
baseline; baseline: it is one itself."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The average of several runs with its 95 % interval."""

    kind: Average
    value: float | None  # None: no run has a score
    low: float | None  # None: no interval, too few seeds
    high: float | None
    n: int  # runs with a score
    of: int  # runs that there are, also failed and stopped ones
    rough: bool  # fewer than 10 seeds


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether one side's returns are higher than another's."""

    p: float  # P(X > Y), ties half
    low: float | None  # 95 % interval; None: under 5 seeds, or `separate`
    high: float | None
    n: int  # seeds of x
    m: int  # seeds of y
    paired: bool  # both sides have the same seeds, and these were resampled together
    separate: bool  # every x is above every y or below: resamples are all alike and bound nothing
    p_value: float  # two-sided Mann-Whitney test, exact for up to 50 runs together; not corrected
    rough: bool  # fewer than 10 seeds on a side

    @property
    def seeds(self) -> str:
        """How many seeds it rests on, in words."""
        if self.paired:
            return f"{self.n} paired seeds"
        return f"{self.n} and {self.m} seeds"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an experiment against its baseline."""

    experiment: str
    baseline: str | None
    outcome: Outcome
    comparison: Comparison | None
    p_corrected: float | None  # Holm, over `family` comparisons with the same baseline
    family: int
    more: int | None  # seeds that each side would need on top; None: decided, or more than MOST
    headline: str  # "LL_512 beats LL_basic: P = 0.97 [0.91, 1.00], 10 paired seeds"
    remarks: tuple[str, ...]  # what a reader must know beside it: failed runs, other budgets

    @property
    def words(self) -> str:
        """All of it in one line."""
        return "; ".join((self.headline, *self.remarks))


@dataclass(frozen=True, slots=True)
class Seed:
    """One run's share of a summary; every one is shown."""

    run: RunId
    state: str  # word of core.state
    value: float | None


@dataclass(frozen=True, slots=True)
class Reached:
    """Time to the solved threshold over runs; one that never got there counts as infinite."""

    solved: int
    of: int
    steps: float | None  # median in environment steps; None: half of the runs or more never got there
    episodes: float | None


@dataclass(frozen=True, slots=True)
class Study:
    """The study's numbers, each the mean over runs; returns are those from episode 150 on."""

    n: int  # runs that got past exploration
    of: int
    mean: float | None
    variance: float | None
    p_solved: float | None  # share of episodes at or above the threshold; a run that ended before counts as 0
    p_solved_90: float | None  # the same at 90 % of it
    p_catastrophic: float | None  # share below half the run's own mean; over the n runs


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that are summed up together, by default those of one experiment."""

    key: str
    experiments: tuple[str, ...]
    envs: tuple[str, ...]
    seeds: tuple[Seed, ...]  # by run
    counts: Mapping[str, int]  # runs by state
    open: int  # runs that may still change: all but finished, stopped and failed
    score: Summary
    auc: Summary
    reached: Reached | None  # None: no threshold is known
    study: Study
