"""Runs summed up: by experiment, by env, or by any setting.

Rules: every run is listed with its value; every run is in a denominator; returns of different envs are never
averaged.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from statistics import fmean, median

from deeprl_tui.core.spec import canonical
from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.average import aggregate
from deeprl_tui.verdicts.judge import has
from deeprl_tui.verdicts.model import ENDED, Group, Reached, Score, Seed, Study, Summary
from deeprl_tui.verdicts.resample import generator


def summaries(
    records: Iterable[Record], by: str | Callable[[Record], str] = "experiment", score: Score = "score"
) -> list[Group]:
    """Sum runs up, one group for each value of `by`, sorted by it.

    by: "experiment", "env", "algo", "state", a setting, or what makes a group's name from a run.
    """
    name = by if callable(by) else lambda record: key(record, by)
    groups: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.id):
        groups.setdefault(name(record), []).append(record)
    return [group(label, groups[label], score) for label in sorted(groups)]


def key(record: Record, by: str) -> str:
    """Name the group of a run; "none" for a setting that is not there."""
    if by == "experiment":
        return record.id.experiment
    if by in ("env", "algo", "state"):
        return str(getattr(record, by))
    value = record.settings.get(by)
    return "none" if value is None else value if isinstance(value, str) else canonical(value)


def group(label: str, runs: Sequence[Record], score: Score = "score") -> Group:
    """Sum these runs up. With several envs there is no average."""
    return Group(
        key=label,
        experiments=tuple(dict.fromkeys(run.id.experiment for run in runs)),
        envs=tuple(dict.fromkeys(run.env for run in runs)),
        seeds=tuple(Seed(run.id, run.state, getattr(run, score)) for run in runs),
        counts=Counter(run.state for run in runs),
        open=sum(run.state not in ENDED for run in runs),
        score=_average(runs, score),
        auc=_average(runs, "auc"),
        reached=_reached(runs),
        study=_study(runs),
    )


def _average(runs: Sequence[Record], score: Score) -> Summary:
    mixed = len({run.env for run in runs}) > 1
    strata: dict[str, list[float]] = {}
    for run in runs:
        value = getattr(run, score)
        if has(value) and not mixed:
            strata.setdefault(run.id.experiment, []).append(float(value))
    return _aggregated(tuple(tuple(sorted(values)) for values in strata.values()), len(runs))


@lru_cache(maxsize=8192)
def _aggregated(strata: tuple[tuple[float, ...], ...], of: int) -> Summary:
    strata = tuple(sorted(strata))
    values = [value for part in strata for value in part]
    labels = [index for index, part in enumerate(strata) for _ in part]
    return aggregate(values, of, generator(*strata), strata=labels)


def _reached(runs: Sequence[Record]) -> Reached | None:
    if all(run.solved is None for run in runs):
        return None
    steps = [math.inf if run.solved_at is None else float(run.solved_at) for run in runs]
    episodes = [math.inf if run.solved_episode is None else float(run.solved_episode) for run in runs]
    solved = sum(map(math.isfinite, steps))
    return Reached(solved, len(runs), _finite(median(steps)), _finite(median(episodes)))


def _study(runs: Sequence[Record]) -> Study:
    past = [run for run in runs if has(run.mean)]
    rated = [run for run in runs if run.solved is not None and (has(run.p_solved) or run.state in ENDED)]
    return Study(
        n=len(past),
        of=len(runs),
        mean=_mean([run.mean for run in past]) if len({run.env for run in runs}) == 1 else None,
        variance=_mean([run.variance for run in past]) if len({run.env for run in runs}) == 1 else None,
        p_solved=_mean([run.p_solved or 0.0 for run in rated]),
        p_solved_90=_mean([run.p_solved_90 or 0.0 for run in rated]),
        p_catastrophic=_mean([run.p_catastrophic for run in past]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
