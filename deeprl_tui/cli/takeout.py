"""`deeprl export`, `plot`, `report` and `card`: taking results out. Needs no experiments.toml.

Rule: stdout names the files that were written, one on a line; no file is replaced without --force.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import File, Runs, find_runs_folder, misused, try_project
from deeprl_tui.cli.read import Names, Patterns
from deeprl_tui.errors import RunDirectoryError, UnknownNameError
from deeprl_tui.runs.record import Record

Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Where = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--where", metavar="QUERY", help="Only runs that this is true of: 'env:Lunar gamma>0.9'."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(export)
    app.command()(plot)
    app.command()(report)
    app.command()(card)


def export(
    patterns: Patterns = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="PATH", help="A folder, or a file for one table.")
    ] = Path("export"),
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, json, parquet or tensorboard; default: the file's, or csv.",
        ),
    ] = None,
    what: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--what",
            metavar="TABLE",
            help="runs, episodes, evaluations or settings; may be repeated. Default: all; runs for a file.",
        ),
    ] = None,
    where: Where = None,
    force: Force = False,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Write runs, episodes, evaluations and settings for other tools.

    One row for each, read from the logs, so nothing is thinned.
    """
    output = Output()
    chosen = _choose(output, file, runs, patterns or (), where)
    written = ops.export(chosen.root, chosen.records, to, what=what, form=form, force=force)
    _tell(output, written)
    return 0


def plot(
    patterns: Names,
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .png, .svg or .pdf file.")],
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="return, length, eval, loss, epsilon or steps/s.")
    ] = "return",
    axis: Annotated[
        str, typer.Option("--x", metavar="NAME", help="steps, episodes, seconds or updates.")
    ] = "steps",
    band: Annotated[str, typer.Option("--band", metavar="NAME", help="sd, minmax, ci95 or none.")] = "sd",
    smooth: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--smooth",
            min=1,
            metavar="N",
            help="Each point of a run is the mean of so many; default: 100 episodes for return and length.",
        ),
    ] = None,
    where: Where = None,
    force: Force = False,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Draw learning curves: the mean of each experiment with a band, and every run."""
    output = Output()
    chosen = _choose(output, file, runs, patterns, where)
    written = ops.plot(
        chosen.root, chosen.records, to, metric=metric, axis=axis, band=band, smooth=smooth, force=force
    )
    _tell(output, [written])
    return 0


def report(
    patterns: Patterns = None,
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The page.")] = Path(
        "report.html"
    ),
    title: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--title", help="Its title; default: the project's name."),
    ] = None,
    where: Where = None,
    force: Force = False,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Write one HTML page with verdicts, curves, scores, settings and machines.

    It needs nothing else: no network, no script, every picture inside.
    """
    output = Output()
    chosen = _choose(output, file, runs, patterns or (), where)
    if title is None and runs is None:
        project = try_project(file)
        title = project.name if project else None
    written = ops.report(
        chosen.root,
        chosen.records,
        to,
        title=title,
        everything=ops.read_records(chosen.root)[0],
        unreadable=[str(one) for one in chosen.damaged],
        force=force,
    )
    _tell(output, [written])
    return 0


def card(
    name: Annotated[str, typer.Argument(metavar="RUN", autocompletion=complete_runs)],
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The card.")] = Path("README.md"),
    force: Force = False,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Write a model card for a run's policy, as Hugging Face reads it."""
    output = Output()
    chosen = _choose(output, file, runs, [name], None)
    if len(chosen.records) > 1:
        names = ", ".join(str(record.id) for record in chosen.records[:4])
        raise misused(name, f"is {len(chosen.records)} runs", f"name one of them: {names}")
    written = ops.card(chosen.root, chosen.records[0], to, force=force)
    _tell(output, [written])
    return 0


@dataclass(frozen=True, slots=True)
class _Chosen:
    root: Path
    records: list[Record]
    damaged: list[RunDirectoryError]


def _choose(
    output: Output, file: Path | None, runs: Path | None, patterns: Iterable[str], where: str | None
) -> _Chosen:
    """The runs that are meant; what cannot be read is told. Raises UnknownNameError if there are none."""
    root = find_runs_folder(file, runs)
    records, damaged = ops.read_records(root, tuple(patterns), where or "")
    for error in damaged:
        output.say(f"deeprl: {error}")
    if not records:
        fault = f'no run matches "{where}"' if where else "no runs yet"
        raise UnknownNameError(fault, place=str(root), remedy="deeprl ls names all runs")
    return _Chosen(root, records, damaged)


def _tell(output: Output, written: Iterable[Path]) -> None:
    for path in written:
        output.line(str(path))
