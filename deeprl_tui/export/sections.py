"""The parts of a report that are words and tables. Pure: records and answers in, markup out."""

from collections.abc import Iterator, Mapping, Sequence

from deeprl_tui.config.text import setting
from deeprl_tui.core.course import MEAN_OF
from deeprl_tui.core.spec import Json
from deeprl_tui.export.html import Child, Html, joined, table, tag
from deeprl_tui.export.origin import Place
from deeprl_tui.export.words import NOTHING, count, duration, number, times
from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.model import Group, Summary, Verdict

MEANINGS = (
    ("Return", "The undiscounted sum of the rewards of one training episode, with exploration."),
    (
        "Score",
        f"The mean return of a run's last {MEAN_OF} episodes, fewer if it has fewer. Runs that failed or were"
        " stopped keep the score they had, and stay in the count.",
    ),
    (
        "Average and interval",
        "From 4 runs on the interquartile mean, the mean of the middle half; below, the plain mean. The"
        " interval is a 95 % bootstrap percentile interval over runs. Under 5 runs there is none, and under"
        " 10 it is called rough, for such intervals are too narrow.",
    ),
    (
        "Verdict",
        "P is the probability that a run of the experiment scores higher than a run of its baseline, a tie"
        " counting one half; runs are paired by seed where both have the same seeds. A difference is decided"
        " if the two-sided Mann-Whitney test, corrected by Holm's method over all comparisons with the same"
        " baseline, gives p below 0.05.",
    ),
    (
        "Curves",
        f"A run's line is the mean of its last {MEAN_OF} episodes at each step. The thick line is the mean of"
        " the runs that have a value there, fainter where some have ended. The shade is one standard"
        " deviation (n - 1) over runs.",
    ),
    (
        "Solved",
        f"The first step at which the mean of {MEAN_OF} episodes is at or above the threshold that is known"
        " for the environment; the median is over all runs, and one that never got there counts as last.",
    ),
    (
        "Evaluation",
        "Greedy episodes on fixed seeds, the same for all runs of an environment, between training steps.",
    ),
)
OPEN_ROWS = 12
"""A table of single runs with more rows is folded: each run's score stands above it anyway."""


def verdicts(found: Sequence[Verdict]) -> Html | None:
    """What was decided, one line for each experiment that has a baseline."""
    if not found:
        return None
    return tag(
        "ul",
        *(
            tag(
                "li",
                one.headline,
                tag("br") if one.remarks else None,
                tag("span", "; ".join(one.remarks), class_="soft small") if one.remarks else None,
                class_=one.outcome,
            )
            for one in found
        ),
        class_="said",
    )


def summary(groups: Sequence[Group], colors: Mapping[str, int]) -> Html:
    """One row for each experiment, with the score of every seed."""
    rows = [
        (
            tag("span", _dot(colors[group.key]), group.key),
            _counts(group),
            _average(group.score),
            _interval(group.score),
            number(group.auc.value),
            _reached(group),
            _seeds(group),
        )
        for group in groups
    ]
    return joined(
        [
            tag("h3", "Scores"),
            _note(
                f"Score: mean return of a run's last {MEAN_OF} episodes, also of failed and stopped runs."
                " Area: mean return over all of training."
            ),
            table(
                ("experiment", "runs", "score", "95 % interval", "area", "solved", "score of every seed"),
                rows,
                numbers=(2, 3, 4),
            ),
        ]
    )


def study(groups: Sequence[Group]) -> Html | None:
    """The numbers of the 2017 study, where runs are long enough for them."""
    told = [group for group in groups if group.study.n]
    if not told:
        return None
    rows = [
        (
            group.key,
            f"{group.study.n} of {group.study.of}",
            number(group.study.mean),
            number(group.study.variance),
            _share(group.study.p_solved),
            _share(group.study.p_solved_90),
            _share(group.study.p_catastrophic),
        )
        for group in told
    ]
    return joined(
        [
            tag("h3", "After exploration"),
            _note(
                "Of the returns from episode 150 on, each the mean over runs. Solved: share of episodes at or"
                " above the threshold, and at or above 90 % of it. Catastrophic: share below half the run's"
                " mean."
            ),
            table(
                ("experiment", "runs", "mean", "variance", "solved", "90 % solved", "catastrophic"),
                rows,
                numbers=range(1, 7),
            ),
        ]
    )


def each_run(records: Sequence[Record]) -> Html:
    """All runs, one row for each."""
    rows = [
        (
            str(record.id),
            tag("span", record.state, class_=record.state),
            f"{record.step:,}",
            f"{record.episodes:,}",
            number(record.score),
            number(record.best),
            _at(record.best_eval, record.best_step),
            f"{record.solved_at:,}" if record.solved_at is not None else NOTHING,
            duration(record.seconds),
            count(record.steps_per_second),
        )
        for record in records
    ]
    made = table(
        (
            "run",
            "state",
            "steps",
            "episodes",
            "score",
            "best 100",
            "best evaluation",
            "solved at step",
            "took",
            "steps/s",
        ),
        rows,
        numbers=range(2, 10),
    )
    if len(rows) <= OPEN_ROWS:
        return joined([tag("h3", "Every run"), made])
    return joined(
        [tag("h3", "Every run"), tag("details", tag("summary", f"All {len(rows):,} runs, one by one"), made)]
    )


def settings(records: Sequence[Record]) -> Html:
    """What differs between experiments, and all settings of the baseline."""
    first = {record.id.experiment: record for record in reversed(records)}
    known = sorted(first.values(), key=lambda record: (bool(record.changes), record.id.experiment))
    baselines = {record.baseline for record in known}
    rows = [
        (
            record.id.experiment,
            record.baseline or NOTHING,
            "is the baseline" if record.id.experiment in baselines else _changes(record),
        )
        for record in known
    ]
    base = next((record for record in known if record.id.experiment in baselines), known[0])
    every = table(
        ("setting", "value"),
        ((tag("code", key), tag("code", setting(value))) for key, value in sorted(base.settings.items())),
    )
    return joined(
        [
            tag("h3", "Settings"),
            table(("experiment", "baseline", "differs in"), rows),
            tag(
                "details", tag("summary", f"All {len(base.settings)} settings of {base.id.experiment}"), every
            ),
        ]
    )


def trouble(records: Sequence[Record], unreadable: Sequence[str]) -> Html | None:
    """What did not finish, what does not continue to the bit, what could not be read."""
    rows: list[Sequence[Child]] = []
    alike: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.state != "finished":
            alike.setdefault((record.id.experiment, record.state, record.reason), []).append(record)
    for (experiment, state, reason), those in alike.items():
        steps = sorted(record.step for record in those)
        span = f"{steps[0]:,}" if steps[0] == steps[-1] else f"{steps[0]:,} to {steps[-1]:,}"
        rows.append((_names(experiment, those), tag("span", state, class_=state), span, reason or NOTHING))
    for record in records:
        if not record.exact:
            rows.append(
                (
                    str(record.id),
                    "not exact",
                    f"{record.step:,}",
                    "it was resumed on another machine or version",
                )
            )
        if record.bad_lines:
            words = f"{times(record.bad_lines, 'line')} of its log were damaged and are left out"
            rows.append((str(record.id), "damaged", f"{record.step:,}", words))
    rows += [(NOTHING, "unreadable", NOTHING, text) for text in unreadable]
    if not rows:
        return None
    return tag(
        "section",
        tag("h2", "What failed, stopped or is not over"),
        table(("runs", "state", "at step", "reason"), rows, numbers=(2,)),
        tag(
            "p", "These runs are part of every number above, with what they had reached.", class_="soft small"
        ),
    )


def machines(places: Sequence[Place]) -> Html | None:
    """Where the runs were trained, and with which versions."""
    if not places:
        return None
    rows = [
        (
            place.host or NOTHING,
            str(place.runs),
            ", ".join(f"{name} {value}" for name, value in place.machine) or NOTHING,
            ", ".join(place.backends) or NOTHING,
            ", ".join(f"{name} {value}" for name, value in place.versions) or NOTHING,
        )
        for place in places
    ]
    return tag(
        "section",
        tag("h2", "Machines and versions"),
        table(("host", "runs", "machine", "updates by", "versions"), rows, numbers=(1,)),
    )


def how_made() -> Html:
    """What each number means."""
    return tag(
        "section",
        tag("h2", "How the numbers are made"),
        tag("dl", *(one for name, text in MEANINGS for one in (tag("dt", name), tag("dd", text)))),
    )


def _note(text: str) -> Html:
    return tag("p", text, class_="soft small")


def _dot(color: int) -> Html:
    return tag("span", class_="dot", style=f"background:var(--c{color % 8})")


def _counts(group: Group) -> str:
    of = sum(group.counts.values())
    others = [f"{many} {state}" for state, many in group.counts.items() if state != "finished" and many]
    return f"{of} ({', '.join(others)})" if others else str(of)


def _average(summary: Summary) -> str:
    return NOTHING if summary.value is None else f"{number(summary.value)} {summary.kind}"


def _interval(summary: Summary) -> str:
    if summary.low is None or summary.high is None:
        return NOTHING
    return f"{number(summary.low)} to {number(summary.high)}{' rough' if summary.rough else ''}"


def _reached(group: Group) -> str:
    reached = group.reached
    if reached is None:
        return NOTHING
    at = f", median {count(reached.steps)} steps" if reached.steps is not None else ""
    return f"{reached.solved} of {reached.of}{at}"


def _seeds(group: Group) -> Html:
    return tag(
        "span",
        *(
            tag(
                "span",
                number(seed.value),
                class_=None if seed.state == "finished" else seed.state,
                title=f"seed {seed.run.seed}, {seed.state}",
            )
            for seed in group.seeds
        ),
        class_="seeds",
    )


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


def _at(value: float | None, step: int | None) -> str:
    if value is None:
        return NOTHING
    return f"{number(value)} at {count(step)}" if step is not None else number(value)


def _changes(record: Record) -> Html:
    if not record.changes:
        return Html("nothing")
    return joined(_with_commas(record.changes))


def _with_commas(changes: Mapping[str, tuple[Json, Json]]) -> Iterator[Child]:
    for place, (key, (before, ours)) in enumerate(sorted(changes.items())):
        yield ", " if place else None
        yield tag("code", key)
        yield f" {setting(ours)} (baseline {setting(before)})"


def _names(experiment: str, records: Sequence[Record]) -> str:
    """Runs in short: experiment/0,2,5."""
    return (
        f"{experiment}/{','.join(str(record.id.seed) for record in sorted(records, key=lambda one: one.id))}"
    )
