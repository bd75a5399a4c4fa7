"""Experiments against their baselines, in words.

Rules: returns of different envs, time limits or wrappers are never compared. Only runs that are over count:
what ends first is no fair sample of what will end, so the words name the runs that are left out. A run that
failed or was stopped counts with the score that it got. The comparisons with one baseline are corrected
together, so pass all experiments, also those that are not looked at. Decided is what both the corrected test
and the interval decide: no sentence contradicts itself.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deeprl_tui.config.keys import BUDGETS
from deeprl_tui.core.spec import LATER, Json, canonical
from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts import pairs, power
from deeprl_tui.verdicts.model import (
    ALPHA,
    ENDED,
    POWER,
    SEEDS_FOR_INTERVAL,
    Comparison,
    Outcome,
    Score,
    Verdict,
)
from deeprl_tui.verdicts.resample import generator

MEASURED_WITH = ("max_episode_steps", "wrappers")
"""Settings that change what a return means, beside the env itself."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One experiment's runs."""

    name: str
    records: tuple[Record, ...]
    scores: Mapping[int, float]  # of runs that are over, by seed
    remarks: tuple[str, ...]


def verdicts(records: Iterable[Record], baseline: str | None = None, score: Score = "score") -> list[Verdict]:
    """Judge each experiment among the runs, sorted by name; see `Verdict.outcome` for those not judged.

    records: all runs of all experiments, that of the baselines too.
    baseline: an experiment to compare all others with; None: each with its own.
    """
    sides = {name: _side(name, runs, score) for name, runs in by_experiment(records).items()}
    against = {
        name: (baseline if name != baseline else None) if baseline else side.records[0].baseline
        for name, side in sides.items()
    }
    compared = {
        name: _compare(tuple(sides[name].scores.items()), tuple(sides[other].scores.items()))
        for name, other in against.items()
        if other in sides and _outcome(sides[name], sides[other]) is None
    }
    corrected: dict[str, float] = {}
    families = {other: [name for name in compared if against[name] == other] for other in against.values()}
    for family in families.values():
        values = pairs.holm([compared[name].p_value for name in family])
        corrected |= dict(zip(family, values, strict=True))
    return [
        _decided(sides[name], sides[other], compared[name], corrected, families[other])
        if name in compared and other is not None
        else _undecidable(side, sides.get(other or ""), other, baseline == name or name in against.values())
        for (name, side), other in zip(sides.items(), against.values(), strict=True)
    ]


def by_experiment(records: Iterable[Record]) -> dict[str, tuple[Record, ...]]:
    """Group runs by experiment; both sorted, so that the order in which they were read does not matter."""
    found: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.id):
        found.setdefault(record.id.experiment, []).append(record)
    return {name: tuple(runs) for name, runs in found.items()}


def has(score: float | None) -> bool:
    """Whether a run has a score."""
    return score is not None and math.isfinite(score)


def _side(name: str, records: tuple[Record, ...], score: Score) -> _Side:
    values = {record.id.seed: getattr(record, score) for record in records if record.state in ENDED}
    scores = {seed: float(value) for seed, value in values.items() if has(value)}
    remarks, of = [], len(records)
    for word in ("failed", "stopped"):
        number = sum(record.state == word for record in records)
        if number:
            remarks.append(f"{number} of {name}'s {of} runs {word}")
    silent = ",".join(str(seed) for seed in values if seed not in scores)
    if silent:
        remarks.append(f"{name}/{silent} left out, without a score")
    if len(values) < of:
        remarks.append(f"{of - len(values)} of {name}'s {of} runs left out, not over")
    return _Side(name, records, scores, tuple(remarks))


def _outcome(side: _Side, other: _Side) -> Outcome | None:
    """Why these two cannot be judged; None if they can."""
    if _apart(side, other):
        return "apart"
    if min(len(side.scores), len(other.scores)) < SEEDS_FOR_INTERVAL:
        return "few"
    return None


def _apart(side: _Side, other: _Side) -> str:
    ours, theirs = side.records[0], other.records[0]
    if ours.env != theirs.env:
        return f"{ours.env} and {theirs.env} are different games"
    return _differ(ours.settings, theirs.settings, MEASURED_WITH)


def _differ(ours: Mapping[str, Json], theirs: Mapping[str, Json], keys: Iterable[str]) -> str:
    both = [(key, ours.get(key, LATER.get(key)), theirs.get(key, LATER.get(key))) for key in keys]
    return ", ".join(
        f"{key} is {_said(one)} and {_said(other)}"
        for key, one, other in both
        if canonical(one) != canonical(other)
    )


def _said(value: Json) -> str:
    return "none" if value is None else value if isinstance(value, str) else canonical(value)


def _undecidable(side: _Side, other: _Side | None, name: str | None, is_baseline: bool) -> Verdict:
    outcome: Outcome
    if name is None:
        outcome = "baseline" if is_baseline else "none"
        words = f"{side.name} is the baseline" if is_baseline else f"{side.name} has no baseline"
    elif other is None:
        outcome, words = "missing", f"{side.name}: its baseline {name} has no runs"
    elif difference := _apart(side, other):
        outcome, words = "apart", f"{side.name} is not compared with {name}: {difference}"
    else:
        outcome, counts = "few", f"{len(side.scores)} and {len(other.scores)}"
        words = f"{side.name} against {name}: too few seeds, {counts}, each needs {SEEDS_FOR_INTERVAL}"
    remarks = side.remarks + (other.remarks if other is not None and outcome == "few" else ())
    return Verdict(side.name, name, outcome, None, None, 0, None, words, remarks)


def _decided(
    side: _Side, other: _Side, found: Comparison, corrected: Mapping[str, float], family: Sequence[str]
) -> Verdict:
    p_value = corrected[side.name]
    remarks = [*side.remarks, *other.remarks]
    budgets = _differ(side.records[0].settings, other.records[0].settings, BUDGETS)
    if budgets:
        remarks.append(f"other budgets: {budgets}")
    evidence = f"P = {found.p:.2f}{_bounds(found, other.name)}, {found.seeds}{', rough' * found.rough}"
    more, outcome = None, _direction(found, p_value)
    match outcome:
        case "better":
            headline = f"{side.name} beats {other.name}: {evidence}"
        case "worse":
            headline = f"{side.name} loses to {other.name}: {evidence}"
        case _:
            left = max(1, sum(corrected[name] > ALPHA for name in family))  # as Holm's next step counts
            more = power.more_seeds(found.p, found.n, found.m, ALPHA / left)
            headline = f"{side.name} against {other.name} not decided: {evidence}; {_needed(more)}"
            if found.p_value <= ALPHA < p_value:
                remarks.insert(0, f"p = {found.p_value:.2g} would do alone, not as one of {len(family)}")
    return Verdict(
        side.name, other.name, outcome, found, p_value, len(family), more, headline, tuple(remarks)
    )


def _direction(found: Comparison, p_value: float) -> Outcome:
    if p_value > ALPHA or (
        found.low is not None and found.high is not None and found.low <= 0.5 <= found.high
    ):
        return "undecided"
    return "better" if found.p > 0.5 else "worse"


def _bounds(found: Comparison, other: str) -> str:
    if found.separate:
        return f" (every seed {'above' if found.p > 0.5 else 'below'} every one of {other})"
    return f" [{found.low:.2f}, {found.high:.2f}]"


def _needed(more: int | None) -> str:
    if more is None:
        return f"an effect this small would take over {power.MOST} more seeds of each"
    seeds = "1 more seed" if more == 1 else f"{more} more seeds"
    return f"{seeds} of each would decide an effect of this size with power {POWER:g}"


@lru_cache(maxsize=4096)
def _compare(x: tuple[tuple[int, float], ...], y: tuple[tuple[int, float], ...]) -> Comparison:
    rng = generator([value for _, value in x], [value for _, value in y])
    return pairs.compare(dict(x), dict(y), rng)
