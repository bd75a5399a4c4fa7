"""`deeprl plan`: what would run, before anything starts."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.complete import experiments as complete_experiments
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, load_project
from deeprl_tui.cli.table import Cell, Column, Value
from deeprl_tui.config.text import setting
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.ops import Request
from deeprl_tui.runs.plan import Plan, PlannedExperiment

MEASURE_S = 5.0

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...", help="Experiments, sweeps or patterns.", autocompletion=complete_experiments
    ),
]
Seeds = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--seeds", metavar="N|LIST", help="A count as 5, or a list as 0,3,7 or 0-4."),
]
Sets = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Another setting, under a name that says so. May be repeated."
    ),
]

COLUMNS = (
    Column("experiment", cut=True, least=16),
    Column("runs", right=True),
    Column("seeds", rank=2, cut=True, least=5),
    Column("memory", right=True),
    Column("each", right=True),
    Column("differs from the baseline", cut=True, rank=1, least=18),
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(plan)


def plan(
    names: Names,
    seeds: Seeds = None,
    sets: Sets = None,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Train unknown environments for a few seconds.")
    ] = True,
    on: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--on", metavar="HOST,...", help="Plan for these hosts, 'vm-*' too; local is this machine."
        ),
    ] = None,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Show what would run: cores, memory, core-hours, finish time.

    Starts no run. An environment of unknown speed is trained for a few seconds.
    """
    output, project = Output(), load_project(file)
    request = ops.choose(project, names, seeds, sets or ())
    root = find_runs_folder(file, runs, make=True)
    views = ops.views_of(root)
    planned = ops.plan(request, root, views)
    if planned.unmeasured and measure:
        _measure(output, request, planned, root)
        planned = ops.plan(request, root, views)
    for name in derived(request):
        output.say(f"filed as {name}")
    spread = None
    if on is not None:
        from deeprl_tui.cli import plan_on

        spread = plan_on.spread_on(output, project, request, root, on)
        planned = spread.plan
    if as_json:
        hosts: dict[str, Json] = {"hosts": plan_on.host_records(spread)} if spread is not None else {}
        output.json({**record(planned), **hosts})
        return 0
    rows = [_row(part) for part in planned.parts]
    if output.terminal:
        output.table(COLUMNS, rows)
        output.line("")
    else:
        for part in planned.parts:
            output.record(_fields(part))
    sums = totals(planned, ops.clock())
    if spread is not None:
        plan_on.tell_hosts(output, spread)
        sums = [pair for pair in sums if pair[0] != "memory"] + plan_on.money(spread)
    for label, text in sums:
        if output.terminal:
            output.line(Cell(f"{label:<12}", "dim"), text)
        else:
            output.record([label, text])
    for warning in [*warnings(planned), *(plan_on.crowded(spread) if spread is not None else ())]:
        output.say(f"deeprl: warning: {warning}")
    if planned.unmeasured:
        output.say(f"no times for {', '.join(planned.unmeasured)}: nothing was measured here yet")
    return 0


def derived(request: Request) -> list[str]:
    """The names that `--set` makes."""
    return [experiment.name for experiment, _ in request.parts if experiment.parent is not None]


def warnings(planned: Plan) -> list[str]:
    """What would go wrong."""
    peak, free = planned.memory_peak, planned.memory_available
    if peak is None or not free or peak <= free:
        return []
    need = f"the runs need {look.size(peak)} at once and {look.size(free)} are free"
    return [f"memory: {need}; lower buffer_size, or run fewer at once with --cores"]


def totals(planned: Plan, now: float) -> list[tuple[str, str]]:
    """The sums under the table, each with its label."""
    there = sum(len(part.seeds) - part.new for part in planned.parts)
    waves = math.ceil(planned.runs / max(1, len(planned.cores)))
    cores = f"{len(planned.cores)} usable" + (f", {planned.busy} busy" if planned.busy else "")
    if waves > 1:
        cores += f", so {waves} waves"
    free = f"{look.size(planned.memory_available)} free"
    peak = f"{look.size(planned.memory_peak)} at most at once, " if planned.memory_peak is not None else ""
    found = [
        ("runs", f"{planned.runs} new" + (f", {there} there already" if there else "")),
        ("cores", cores),
        ("memory", peak + free),
    ]
    if planned.core_hours is not None:
        found.append(("core-hours", _hours(planned.core_hours)))
    if planned.finish is not None:
        found.append(("finish", f"in {look.span(planned.finish)}, {finish_time(planned.finish, now)}"))
    return found


def finish_time(left: Eta, now: float) -> str:
    """When that is on the clock, as a range: between 14:05 and 15:30, with the day if it is another one."""
    today = _local(now).date()
    words = []
    for seconds in (left.low, left.high):
        try:
            at = _local(now + seconds)
        except (OverflowError, ValueError, OSError):
            return "beyond the calendar"
        days = (at.date() - today).days
        words.append(at.strftime("%H:%M" if not days else "%a %H:%M" if days < 7 else "%Y-%m-%d"))
    return f"at {words[0]}" if words[0] == words[1] else f"between {words[0]} and {words[1]}"


def record(planned: Plan) -> dict[str, Json]:
    """A plan for programs."""
    return {
        "experiments": [
            {
                "experiment": part.experiment.name,
                "env": part.experiment.env,
                "seeds": list(part.seeds),
                "new": part.new,
                "memory": part.memory,
                "each_s": _range(part.each),
                "baseline": part.experiment.baseline,
                "changes": {key: list(pair) for key, pair in part.experiment.changes.items()},
            }
            for part in planned.parts
        ],
        "runs": planned.runs,
        "cores": len(planned.cores),
        "busy": planned.busy,
        "waves": math.ceil(planned.runs / max(1, len(planned.cores))),
        "memory_peak": planned.memory_peak,
        "memory_available": planned.memory_available,
        "core_hours": _range(planned.core_hours),
        "finish_s": _range(planned.finish),
        "unmeasured": list(planned.unmeasured),
        "warnings": list(warnings(planned)),
    }


def changes(part: PlannedExperiment) -> str:
    """What differs from the baseline, in short."""
    experiment = part.experiment
    if experiment.baseline is None:
        return "is the baseline" if experiment.baseline_of_env else "no baseline"
    shown = [
        f"{key} {setting(before)} → {setting(after)}" for key, (before, after) in experiment.changes.items()
    ]
    return ", ".join(shown) or "nothing"


def _measure(output: Output, request: Request, planned: Plan, root: Path) -> None:
    """Measure each kind of work that nothing is known of; a failure leaves the plan without times."""
    first = {ops.kind(experiment): experiment for experiment, _ in reversed(request.parts)}
    for number, work in enumerate(planned.unmeasured, start=1):
        text = f"measuring {number}/{len(planned.unmeasured)}: {work}, about {MEASURE_S + 4:.0f} s, once"
        if not output.progress(text):
            output.say(text)
        try:
            ops.measure(first[work], root, seconds=MEASURE_S)
        except DeeprlError as error:
            output.progress("")
            output.error(error)
        output.progress("")


def _row(part: PlannedExperiment) -> tuple[Value, ...]:
    total = len(part.seeds)
    return (
        part.experiment.name,
        str(total) if part.new == total else f"{part.new} of {total}",
        look.seeds(part.seeds),
        look.size(part.memory),
        look.span(part.each),
        Cell(changes(part), "dim" if part.experiment.baseline is None else ""),
    )


def _fields(part: PlannedExperiment) -> list[Json]:
    each = part.each
    return [
        part.experiment.name,
        part.new,
        list(part.seeds),
        part.memory,
        round(each.low) if each else None,
        round(each.high) if each else None,
        changes(part),
    ]


def _range(eta: Eta | None) -> Json:
    return [round(eta.low, 3), round(eta.mid, 3), round(eta.high, 3)] if eta else None


def _hours(hours: Eta) -> str:
    if hours.high < 0.1:
        return "less than 0.1"
    low, high = (f"{value:.2g}" if value < 10 else f"{value:,.0f}" for value in (hours.low, hours.high))
    return low if low == high else f"{low} to {high}"


def _local(when: float) -> datetime:
    return datetime.fromtimestamp(when, tz=UTC).astimezone()
