"""`deeprl show`: all that is known of one run, or of one experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from deeprl_tui import config, ops
from deeprl_tui.cli import look, read
from deeprl_tui.cli.complete import experiments as complete_experiments
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, try_project
from deeprl_tui.cli.plan import finish_time
from deeprl_tui.cli.table import Cell, Column, Value
from deeprl_tui.cli.told import clock
from deeprl_tui.config import Experiment, Project
from deeprl_tui.config.keys import defaults
from deeprl_tui.config.text import setting
from deeprl_tui.core import state
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import Json
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import ConfigError, UnknownNameError
from deeprl_tui.runs import stats
from deeprl_tui.runs.store import RunStore

NOTES = 8

SETTINGS = (Column("setting"), Column("value", cut=True), Column("baseline", rank=1), Column("from", rank=2))
EVALS = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(show)


def _complete(incomplete: str) -> list[str]:
    return list(dict.fromkeys([*complete_runs(incomplete), *complete_experiments(incomplete)]))


def show(
    name: Annotated[str, typer.Argument(metavar="RUN|EXPERIMENT", autocompletion=_complete)],
    everything: Annotated[
        bool, typer.Option("--all", help="Show the settings that are defaults too.")
    ] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Show one run, or an experiment with its runs."""
    output = Output()
    project = try_project(file)
    root = find_runs_folder(file, runs, make=project is not None)
    views = _views(output, root, name, project)
    experiment = _experiment(project, name.partition("/")[0])
    if as_json:
        if "/" in name:
            output.json(_record(views[0], RunStore(root).find(views[0].id), experiment))
        else:
            output.json(_experiment_record(name, views, experiment))
    elif "/" in name and len(views) == 1:
        _show_run(output, views[0], RunStore(root).find(views[0].id), experiment, everything)
    else:
        _show_experiment(output, name, views, experiment, everything)
    return 0


def _views(output: Output, root: Path, name: str, project: Project | None) -> list[RunView]:
    try:
        views, damaged = ops.read_runs(root, [name])
    except UnknownNameError:
        if project is None or _experiment(project, name) is None:
            raise
        return []
    if damaged and not views:
        raise damaged[0]
    for error in damaged:
        output.say(f"deeprl: {error}")
    return views


def _experiment(project: Project | None, name: str) -> Experiment | None:
    try:
        found = config.select(project, [name]) if project else []
    except (UnknownNameError, ConfigError):
        return None
    return found[0] if len(found) == 1 and found[0].name == name else None


def _show_run(
    output: Output, view: RunView, paths: RunPaths | None, experiment: Experiment | None, everything: bool
) -> None:
    word = state.word(view.state)
    reason = stats.reason(view)
    output.line(
        look.glyph(word),
        " ",
        Cell(str(view.id), "bold"),
        f"  {view.spec.env}  ",
        Cell(word, look.STATES[word][1]),
    )
    if reason:
        output.line(f"  {reason}")
    if experiment is not None and experiment.notes:
        output.line(Cell(f"  {experiment.notes}", "dim"))
    output.line("")
    _facts(output, _progress(view))
    returns = view.curves["return"].means()
    if len(returns):
        width = max(10, min(60, output.width - 30))
        line = look.sparkline(returns, width)
        _facts(output, [("return", f"{line}  {look.number(returns[0])} → {look.number(view.return_mean)}")])
    output.line("")
    _settings(output, view, experiment, everything)
    if view.notes:
        output.line("")
        for note in view.notes[-NOTES:]:
            output.line(Cell(f"{clock(note.at)}  ", "dim"), note.text)
    if paths is not None:
        output.line("")
        _facts(output, _files(view, paths))


def _show_experiment(
    output: Output, name: str, views: list[RunView], experiment: Experiment | None, everything: bool
) -> None:
    if experiment is not None:
        output.line(Cell(name, "bold"), f"  {experiment.env}")
        if experiment.notes:
            output.line(Cell(f"  {experiment.notes}", "dim"))
        output.line("")
    if views:
        output.table(read.COLUMNS, [read.table_row(view, 12) for view in views])
        output.line("")
        if len({view.id.experiment for view in views}) == 1:
            _settings(output, views[0], experiment, everything)
    elif experiment is not None:
        output.line(f"no runs yet; deeprl run {name} starts {len(experiment.seeds)}")
        output.line("")
        _table(output, experiment.settings, experiment.changes, experiment.origin, everything)


def _progress(view: RunView) -> list[tuple[str, str]]:
    found = [
        ("progress", f"{look.share(view.progress)}  {look.done(view)}  episode {look.count(view.episodes)}")
    ]
    live = isinstance(view.state, state.Running | state.Stopping)
    if view.steps_per_second:
        cpu = f"  cpu {look.share(view.cpu)}" if live else ""
        found.append(("speed", f"{look.count(view.steps_per_second)} steps/s{cpu}  {look.size(view.rss)}"))
    if view.eta is not None:
        when = f", {finish_time(view.eta, ops.clock())}" if live else " once it runs"
        found.append(("left", f"{look.span(view.eta)}{when}"))
    if view.pid:
        cores = ",".join(map(str, view.cores))
        place = f"{view.host}  core {cores}  pid {view.pid}" if live else view.host
        found.append(("attempt", f"{view.attempt}  {place}  {view.backend}"))
    if view.evals:
        last = "  ".join(f"{look.count(one.step)}: {look.number(one.mean)}" for one in view.evals[-EVALS:])
        best = max(view.evals, key=lambda one: one.mean)
        found.append(("evaluations", f"{last}  best {look.number(best.mean)} at {look.count(best.step)}"))
    if view.solved_at is not None:
        found.append(("solved", f"at {look.count(view.solved_at)} steps"))
    if look.trouble(view, ops.clock_of(view)):
        found.append(("trouble", look.trouble(view, ops.clock_of(view))))
    if view.checkpoint_step is not None:
        found.append(("checkpoint", f"step {look.count(view.checkpoint_step)}"))
    if view.inexact:
        found.append(("not exact", view.inexact))
    if view.bad_lines:
        found.append(("bad lines", f"{view.bad_lines} in the log were damaged and are left out"))
    return found


def _files(view: RunView, paths: RunPaths) -> list[tuple[str, str]]:
    files = [("folder", str(paths.folder))]
    models = [("best model", paths.best_model), ("last model", paths.last_model(view.spec.env))]
    return files + [(label, path.name) for label, path in models if path.exists()]


def _facts(output: Output, facts: list[tuple[str, str]]) -> None:
    for label, text in facts:
        output.line(Cell(f"  {label:<12}", "dim"), text)


def _settings(output: Output, view: RunView, experiment: Experiment | None, everything: bool) -> None:
    spec = view.spec
    same = experiment is not None and experiment.settings == spec.settings
    _table(output, spec.settings, spec.changes, experiment.origin if experiment and same else {}, everything)
    if experiment is not None and not same:
        output.say("experiments.toml says other settings now; run --fresh archives these runs")


def _table(
    output: Output,
    settings: Mapping[str, Json],
    changes: Mapping[str, tuple[Json, Json]],
    origin: Mapping[str, str],
    everything: bool,
) -> None:
    usual = defaults()
    shown = [
        key
        for key in settings
        if everything or key in changes or key not in usual or settings[key] != usual[key]
    ]
    rows: list[tuple[Value, ...]] = []
    for key in sorted(shown, key=lambda key: key not in changes):
        changed = key in changes
        before = setting(changes[key][0]) if changed else ""
        rows.append(
            (
                key,
                Cell(setting(settings[key]), "cyan" if changed else ""),
                Cell(before, "dim"),
                Cell(origin.get(key, ""), "dim"),
            )
        )
    if rows:
        output.table(SETTINGS, rows)
    rest = len(settings) - len(shown)
    if rest:
        output.line(Cell(f"{rest} other settings are the defaults; --all shows them", "dim"))


def _record(view: RunView, paths: RunPaths | None, experiment: Experiment | None) -> dict[str, Json]:
    spec = view.spec
    same = experiment is not None and experiment.settings == spec.settings
    return {
        **stats.row(view, ops.clock_of(view)),
        "notes": experiment.notes if experiment else "",
        "baseline": spec.baseline,
        "changes": {key: list(pair) for key, pair in spec.changes.items()},
        "settings": dict(spec.settings),
        "origin": dict(experiment.origin) if experiment and same else None,
        "evals": [{"step": one.step, "mean": one.mean, "returns": list(one.returns)} for one in view.evals],
        "activity": [{"at": note.at, "kind": note.kind, "text": note.text} for note in view.notes],
        "inexact": view.inexact or None,
        "folder": str(paths.folder) if paths else None,
    }


def _experiment_record(name: str, views: list[RunView], experiment: Experiment | None) -> dict[str, Json]:
    settings = experiment.settings if experiment else views[0].spec.settings
    changes = experiment.changes if experiment else views[0].spec.changes
    return {
        "experiment": name,
        "env": experiment.env if experiment else views[0].spec.env,
        "notes": experiment.notes if experiment else "",
        "seeds": list(experiment.seeds) if experiment else [view.id.seed for view in views],
        "baseline": experiment.baseline if experiment else views[0].spec.baseline,
        "changes": {key: list(pair) for key, pair in changes.items()},
        "settings": dict(settings),
        "origin": dict(experiment.origin) if experiment else None,
        "runs": [stats.row(view, ops.clock_of(view)) for view in views],
    }
