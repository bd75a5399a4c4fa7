"""What runs of several seeds say: sums by experiment, and verdicts against baselines."""

from collections.abc import Callable, Collection, Iterable, Sequence

from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.model import Group, Score, Verdict


def verdicts(records: Iterable[Record], baseline: str | None = None, score: Score = "score") -> list[Verdict]:
    """Judge each experiment against its baseline, or all against one; sorted by name.

    Pass the runs of all experiments, also of those that are not shown: the comparisons with one baseline are
    corrected for being many, and a filter must not change a verdict. The same runs give the same numbers;
    what was seen before costs almost nothing.
    """
    from deeprl_tui.verdicts import judge

    return judge.verdicts(records, baseline, score)


def summaries(
    records: Iterable[Record], by: str | Callable[[Record], str] = "experiment", score: Score = "score"
) -> list[Group]:
    """Sum runs up by experiment, env, algo, state or a setting; sorted by its value."""
    from deeprl_tui.verdicts import groups

    return groups.summaries(records, by, score)


def compare(
    records: Sequence[Record], chosen: Collection[str], against: str | None = None, score: Score = "score"
) -> list[Verdict]:
    """Judge the chosen experiments against `against`, or each against its baseline.

    Against baselines all experiments among the records are judged and corrected together, as on the
    dashboard; against another one the chosen are. Two that are chosen alone, neither of them the other's
    baseline, are judged against each other too: the first against the second.
    """
    if against is not None:
        named = {*chosen, against}
        asked = verdicts([record for record in records if record.id.experiment in named], against, score)
        return [one for one in asked if one.experiment in chosen and one.experiment != against]
    found = {one.experiment: one for one in verdicts(records, score=score) if one.experiment in chosen}
    known = list(found.values())
    if len(chosen) == 2:
        first, second = chosen
        if second != found[first].baseline and first != found[second].baseline:
            known += compare(records, [first], second, score)
    return known
