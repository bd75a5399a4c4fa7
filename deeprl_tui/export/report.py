"""One HTML page of results that needs nothing else: no script, no request, every picture inside.

Rule: it may be read by somebody who trusts neither the runs nor this tool: all text is escaped, every number
says of how many runs it is, and the page says how each was made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from matplotlib.figure import Figure

import deeprl_tui
from deeprl_tui.core.colors import SAFE_DAY, SAFE_NIGHT
from deeprl_tui.core.spec import RunId
from deeprl_tui.export import canvas, dots, draw, panels, series
from deeprl_tui.export import sections as part
from deeprl_tui.export.draw import Looks, Panel
from deeprl_tui.export.html import Html, escaped, tag
from deeprl_tui.export.logs import Log
from deeprl_tui.export.origin import Commit, places
from deeprl_tui.export.words import times, when
from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.model import Group, Verdict

EACH_UP_TO = 3
"""With more experiments the runs are drawn one by one only in their own small panels."""
PANELS_UP_TO = 24

_INK: Mapping[str, str] = {
    canvas.TEXT: "var(--text)",
    canvas.SOFT: "var(--soft)",
    canvas.LINE: "var(--line)",
    canvas.PAPER: "var(--paper)",
    **{color: f"var(--c{place})" for place, color in enumerate(SAFE_DAY)},
}


def _variables(colors: Sequence[str]) -> str:
    return f":root {{ {' '.join(f'--c{place}: {color};' for place, color in enumerate(colors))} }}"


_CURVES = (
    f"{_variables(SAFE_DAY)}\n@media screen and (prefers-color-scheme: dark) {{ {_variables(SAFE_NIGHT)} }}\n"
)


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made of."""

    title: str
    at: float  # wall clock of the report
    records: Sequence[Record]
    logs: Mapping[RunId, Log]
    groups: Sequence[Group]  # one for each experiment
    verdicts: Sequence[Verdict]
    commit: Commit | None = None
    unreadable: Sequence[str] = ()  # run directories that are left out, with the reason


def report(material: Material) -> str:
    """Write the page."""
    body = [
        _head(material),
        *(_env(env, material) for env in dict.fromkeys(record.env for record in material.records)),
        *_ending(material),
    ]
    style = Html(resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8") + _CURVES)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Also a browser that has been fooled would load and run nothing.
        Html(
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
            " style-src 'unsafe-inline'; img-src data:\">"
        ),
        tag("title", material.title),
        tag("style", style),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def _head(material: Material) -> Html:
    records = material.records
    states = {record.state: 0 for record in records}
    for record in records:
        states[record.state] += 1
    facts = [
        (f"{len({record.id.experiment for record in records}):,}", "experiments"),
        (f"{len(records):,}", "runs"),
        *(
            (f"{many:,}", state)
            for state, many in states.items()
            if state != "finished" or many < len(records)
        ),
        (f"{sum(record.step for record in records):,}", "environment steps"),
    ]
    commit = material.commit
    where = None
    if commit is not None:
        where = tag(
            "span", " · commit ", tag("code", commit.sha[:12]), " with changes" if commit.changed else None
        )
    made = f"Made {when(material.at)} by deeprl-tui {deeprl_tui.__version__}"
    return tag(
        "header",
        tag("h1", material.title),
        tag("p", made, where, class_="soft small"),
        tag("div", *(_fact(many, name) for many, name in facts), class_="facts"),
    )


def _fact(many: str, name: str) -> Html:
    return tag("div", tag("b", many), tag("span", name, class_="soft small"))


def _env(env: str, material: Material) -> Html:
    """All that is to say of the runs of one environment."""
    records = [record for record in material.records if record.env == env]
    order = panels.experiments(records)
    groups = sorted(
        (group for group in material.groups if group.key in order), key=lambda group: order.index(group.key)
    )
    verdicts = [one for one in material.verdicts if one.experiment in order and one.outcome != "baseline"]
    colors = {name: place for place, name in enumerate(order)}
    return tag(
        "section",
        tag("h2", env),
        part.verdicts(verdicts),
        *_curves(records, material),
        *_scores(env, groups, colors, next((one.solved for one in records if one.solved is not None), None)),
        part.summary(groups, colors),
        part.study(groups),
        part.each_run(records),
        part.settings(records),
    )


def _curves(records: Sequence[Record], material: Material) -> Iterator[Html]:
    looks = Looks(smooth=series.usual_smoothing("return"))
    drawn = panels.by_env(records, lambda record: material.logs[record.id], looks)
    if not drawn:
        yield tag("p", "No run of this environment has ended an episode yet.", class_="soft")
        return
    (panel,) = drawn
    few = len(panel.groups) <= EACH_UP_TO
    yield _figure(
        draw.curves([panel], replace(looks, each=few), size=(9.2, 4.3)),
        f"Learning curves of {panel.title}",
        "Thick: mean of the runs that go on at this step. Shaded: one standard deviation on either side."
        + (" Thin: every run." if few else " Every run is drawn below."),
    )
    if not few:
        each = [Panel(group.name, [group], panel.solved) for group in panel.groups]
        left = len(each) - PANELS_UP_TO
        more = f" {times(left, 'experiment')} more are in the table only." if left > 0 else ""
        yield _figure(
            draw.curves(each[:PANELS_UP_TO], looks, columns=3, size=(3.05, 2.0)),
            f"Every run of {panel.title}",
            f"Every run, on the same axes.{more}",
        )


def _scores(
    env: str, groups: Sequence[Group], colors: Mapping[str, int], solved: float | None
) -> Iterator[Html]:
    rows = [
        dots.Dots(
            group.key,
            colors[group.key],
            [seed.value for seed in group.seeds if seed.value is not None],
            group.score.value,
            group.score.low,
            group.score.high,
        )
        for group in groups
        if group.score.n
    ]
    if not rows:
        return
    kinds = {"IQM": "interquartile mean", "mean": "mean"}
    words = " or ".join(dict.fromkeys(kinds[group.score.kind] for group in groups))
    yield _figure(
        dots.scores(rows, solved, width=9.2),
        f"Scores of {env}",
        f"Each dot is the score of one run: its mean return over its last 100 episodes. The bar is their"
        f" {words}, the line its 95 % bootstrap interval, from 5 runs on.",
    )


def _figure(figure: Figure, label: str, caption: str) -> Html:
    picture = Html(canvas.inline_svg(figure, escaped(label), _INK))
    return tag("figure", tag("div", picture, class_="picture"), tag("figcaption", caption))


def _ending(material: Material) -> Iterator[Html | None]:
    yield part.trouble(material.records, material.unreadable)
    yield part.machines(places(material.logs.values()))
    yield part.how_made()
    yield tag(
        "footer",
        f"One file, no script, nothing loaded from elsewhere. deeprl-tui {deeprl_tui.__version__}.",
    )
