"""`deeprl compare`: experiments against their baselines, with every seed and the settings that differ."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Optional, TypeAlias, cast

import typer
from rich.cells import cell_len

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, misused
from deeprl_tui.cli.table import Cell, Column, Line, Value
from deeprl_tui.config.text import setting
from deeprl_tui.core.spec import Json, canonical
from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.model import SCORES, Group, Score, Seed, Summary, Verdict

FIELDS = (
    "experiment", "env", "baseline", "outcome", "seeds", "runs", "average", "value", "low", "high", "p",
    "p_low", "p_high", "paired", "p_corrected", "more_seeds", "auc", "solved", "solved_steps", "verdict",
)  # fmt: skip
"""The fields in a pipe, in their order, one line for each verdict. New ones come last."""

COLUMNS = (
    Column("experiment", cut=True, least=14),
    Column("seeds", right=True),
    Column("IQM", right=True),
    Column("95% interval"),
    Column("", rank=1),
    Column("auc", right=True, rank=3),
    Column("solved", right=True, rank=2),
    Column("after", right=True, rank=4),
    Column("past exploration", right=True, rank=6),
    Column("variance", right=True, rank=7),
    Column("p solved", right=True, rank=5),
    Column("90%", right=True, rank=8),
    Column("catastrophic", right=True, rank=9),
)
GAP = 3
"""Cells between pieces."""
_Differs: TypeAlias = Mapping[str, Mapping[str, Json]]
_SIGNS = {"better": Cell("▲ ", "green"), "worse": Cell("▼ ", "red"), "undecided": Cell("? ", "yellow")}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(compare)


def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="EXPERIMENT...", help="Names or patterns.", autocompletion=complete_runs),
    ],
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--against", metavar="EXPERIMENT", help="Compare with this one, not with the baseline."),
    ] = None,
    score: Annotated[
        str, typer.Option("--score", metavar="|".join(SCORES), help="What runs are compared by.")
    ] = "score",
    header: Annotated[bool, typer.Option("--header", help="Name the fields in a pipe.")] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Say which experiments beat their baseline, and how sure that is.

    Each one named is compared with the baseline of its environment, or with --against. Two that are named
    alone, neither of them the baseline, are compared with each other too.

    \b
    average  interquartile mean over seeds, the plain mean under 4; 95% bootstrap interval
             from 5 seeds on, rough under 10. Failed and stopped runs count.
    P        chance that a run is better than one of the baseline; 0.5 is no difference
    beats    a Mann-Whitney test says so, corrected (Holm) for all experiments that the
             runs folder holds against that baseline; with --against, for those named

    \b
    deeprl compare LL_512                      one against its baseline
    deeprl compare 'LL_*' --score auc          all of them, by area under the curve
    deeprl compare LL_512 --against LL_256     two of your choice
    """
    output = Output()
    if score not in SCORES:
        raise misused("--score", f'no score "{score}"', f"there are {', '.join(SCORES)}")
    by = cast("Score", score)
    root = find_runs_folder(file, runs)
    chosen, baseline = _experiments(root, names), _baseline(root, against)
    records, damaged = ops.read_records(root)
    for error in damaged:
        output.say(f"deeprl: {error}")
    if damaged and not {*chosen, baseline or chosen[0]} <= {record.id.experiment for record in records}:
        raise damaged[0]
    verdicts = ops.compare(records, chosen, baseline, by)
    shown = {*chosen, *(one.baseline for one in verdicts)}
    part = [record for record in records if record.id.experiment in shown]
    groups = ops.summaries(part, score=by)
    differs = _differing(part, verdicts)
    if as_json:
        for group in groups:
            mine = [one for one in verdicts if one.experiment == group.key]
            output.json(_record(group, by, mine, differs[group.key]))
    elif output.terminal:
        baselines = {baseline, *(record.baseline for record in part)}
        _show(output, by, groups, baselines, verdicts, differs)
    else:
        if header:
            output.record(FIELDS)
        by_name = {group.key: group for group in groups}
        for verdict in verdicts:
            output.record(_fields(verdict, by_name[verdict.experiment]))
    return 0


def _experiments(root: Path, names: Sequence[str]) -> list[str]:
    for name in names:
        if "/" in name:
            raise misused(name, "is a run", f"compare experiments: {name.partition('/')[0]}")
    return list(dict.fromkeys(run.experiment for name in names for run, _ in ops.find_runs(root, [name])))


def _baseline(root: Path, against: str | None) -> str | None:
    if against is None:
        return None
    found = _experiments(root, [against])
    if len(found) > 1:
        raise misused(
            "--against", f"{against} is {len(found)} experiments", f"name one: {', '.join(found[:4])}"
        )
    return found[0]


def _differing(records: Iterable[Record], verdicts: Iterable[Verdict]) -> _Differs:
    """The same by env, each against its baseline."""
    envs: dict[str, dict[str, Mapping[str, Json]]] = {}
    for record in records:
        envs.setdefault(record.env, {})[record.id.experiment] = record.settings
    baselines = dict.fromkeys(one.baseline for one in verdicts)
    found: dict[str, dict[str, Json]] = {}
    for settings in envs.values():
        found |= differing(settings, next((name for name in baselines if name in settings), None))
    return found


def differing(
    settings: Mapping[str, Mapping[str, Json]], reference: str | None
) -> dict[str, dict[str, Json]]:
    """Tell by experiment what differs: all of that of the reference, of the others what is not as there.

    Without a reference each one tells all of it.
    """
    keys = sorted({key for one in settings.values() for key in one})
    differ = [key for key in keys if len({canonical(one.get(key)) for one in settings.values()}) > 1]
    base = settings.get(reference or "", {})
    return {
        name: {
            key: one.get(key)
            for key in differ
            if reference in (None, name) or canonical(one.get(key)) != canonical(base.get(key))
        }
        for name, one in settings.items()
    }


def _show(
    output: Output,
    score: Score,
    groups: Sequence[Group],
    baselines: Collection[str | None],
    verdicts: Sequence[Verdict],
    differs: _Differs,
) -> None:
    for env in dict.fromkeys(group.envs[0] for group in groups):
        here = [group for group in groups if group.envs[0] == env]
        here.sort(key=lambda group: group.key not in baselines)
        output.line(Cell(env, "bold"), Cell(f"  {SCORES[score]}", "dim"))
        output.table(COLUMNS, [_row(group, group.key in baselines) for group in here])
        output.line("")
        seeds = {group.key: [_seed(seed) for seed in group.seeds] for group in here}
        _block(output, "every seed", seeds, max(_wide(seed) for each in seeds.values() for seed in each))
        changed = {group.key: differs.get(group.key, {}) for group in here}
        if any(changed.values()):
            pieces = {name: [_setting(*pair) for pair in one.items()] for name, one in changed.items() if one}
            _block(output, "settings that differ", pieces)
    for verdict in [one for one in verdicts if one.outcome != "baseline"]:
        first, *rest = wrap(verdict.headline, max(20, output.width - 2))
        output.line(_SIGNS.get(verdict.outcome, Cell("· ", "dim")), first)
        for line in rest:
            output.line(f"  {line}")
        for remark in verdict.remarks:
            output.line(Cell(f"    {remark}", "dim"))
    for baseline, family in {one.baseline: one.family for one in verdicts if one.family > 1}.items():
        output.line(Cell(f"  corrected for {family} comparisons with {baseline}", "dim"))


def _row(group: Group, is_baseline: bool) -> tuple[Value, ...]:
    score, reached, study = group.score, group.reached, group.study
    notes = [
        "mean" * (score.kind == "mean" and score.n > 1),
        "rough" * (score.rough and score.n > 1),
        f"{group.open} not over" * bool(group.open),
    ]
    return (
        (Cell(group.key), Cell(" base" * is_baseline, "dim")),
        str(score.n) if score.n == score.of else f"{score.n} of {score.of}",
        look.number(score.value),
        _interval(score),
        Cell(", ".join(filter(None, notes)), "dim"),
        look.number(group.auc.value),
        f"{reached.solved} of {reached.of}" if reached else "",
        look.count(reached.steps) if reached else "",
        look.number(study.mean) if study.n else "",
        look.count(study.variance) if study.n else "",
        look.share(study.p_solved) if reached else "",
        look.share(study.p_solved_90) if reached else "",
        look.share(study.p_catastrophic) if study.n else "",
    )


def _interval(score: Summary) -> str:
    if score.low is None or score.high is None:
        return look.NOTHING
    return f"[{look.number(score.low)}, {look.number(score.high)}]"


def _seed(seed: Seed) -> Line:
    ended = () if seed.state == "finished" else (Cell(" "), look.glyph(seed.state))
    return Cell(f"{seed.run.seed}: ", "dim"), Cell(look.number(seed.value)), *ended


def _setting(key: str, value: Json) -> Line:
    return Cell(f"{key} ", "dim"), Cell(setting(value))


def _wide(line: Line) -> int:
    return sum(cell_len(cell.text) for cell in line)


def _block(output: Output, title: str, pieces: Mapping[str, Sequence[Line]], least: int = 0) -> None:
    """Write pieces behind their names, over as many lines as they need: none may be cut.

    least: cells that each one takes.
    """
    output.line(Cell(title, "dim"))
    indent = max(map(len, pieces))
    for name, parts in pieces.items():
        line, used = [Cell(f"{name:<{indent}}")], indent
        for part in parts:
            wide = GAP + max(least, _wide(part))
            if used + wide > output.width and len(line) > 1:
                output.line(*line)
                line, used = [Cell(" " * indent)], indent
            line += [Cell(" " * GAP), *part, Cell(" " * (wide - GAP - _wide(part)))]
            used += wide
        output.line(*line)
    output.line("")


def _fields(verdict: Verdict, group: Group) -> list[Json]:
    found, score, reached = verdict.comparison, group.score, group.reached
    return [
        verdict.experiment, group.envs[0], verdict.baseline, verdict.outcome,
        score.n, score.of, score.kind, score.value, score.low, score.high,
        *((found.p, found.low, found.high, found.paired) if found else (None,) * 4),
        verdict.p_corrected, verdict.more, group.auc.value,
        reached.solved if reached else None, reached.steps if reached else None, verdict.words,
    ]  # fmt: skip


def _record(
    group: Group, score: Score, verdicts: Iterable[Verdict], differs: Mapping[str, Json]
) -> dict[str, Json]:
    return {
        "experiment": group.key,
        "env": group.envs[0],
        "compared_by": score,
        "states": dict(group.counts),
        "seeds": [{"seed": one.run.seed, "state": one.state, "value": one.value} for one in group.seeds],
        "score": asdict(group.score),
        "auc": asdict(group.auc),
        "reached": asdict(group.reached) if group.reached else None,
        "study": asdict(group.study),
        "verdicts": [{**asdict(one), "words": one.words} for one in verdicts],
        "differs": dict(differs),
    }
