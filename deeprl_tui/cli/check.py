"""`deeprl init`, `deeprl check` and `deeprl schema`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, find_file
from deeprl_tui.config import Checked
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import ExitCode, Problem


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(init)
    app.command()(check)
    app.command()(schema)


def init() -> int:
    """Write a commented experiments.toml to start from."""
    output = Output()
    file = ops.make_project(Path())
    output.line(str(file))
    output.say("edit it, then: deeprl run CP_basic, or deeprl-tui")
    return ExitCode.OK


def check(
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="[FILE]", help="The file or its folder; default: the nearest one above."),
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> int:
    """Report every problem of experiments.toml, with its line."""
    output = Output()
    place = find_file(path or file)
    checked = ops.check(place)
    if as_json:
        output.json(_record(place, checked))
    else:
        for problem in checked.errors:
            output.line(str(problem))
        for problem in checked.warnings:
            output.line(str(replace(problem, reason=f"warning: {problem.reason}")))
        output.line(_summary(place, checked))
    return ExitCode.USAGE if checked.errors else ExitCode.OK


def schema() -> None:
    """Write the JSON Schema of experiments.toml, for editors."""
    from deeprl_tui.config.schema import schema as make

    Output().json(make(), indent=2)


def _summary(place: Path, checked: Checked) -> str:
    warnings = f", {_count(len(checked.warnings), 'warning')}" if checked.warnings else ""
    if checked.project is None:
        return f"{place}: {_count(len(checked.errors), 'error')}{warnings}"
    experiments = checked.project.experiments.values()
    envs = len({experiment.env for experiment in experiments})
    runs = sum(len(experiment.seeds) for experiment in experiments)
    return (
        f"{place}: ok, {_count(len(experiments), 'experiment')}, {_count(envs, 'environment')}, "
        f"{_count(runs, 'run')}{warnings}"
    )


def _record(place: Path, checked: Checked) -> dict[str, Json]:
    project = checked.project
    return {
        "file": str(place),
        "ok": project is not None,
        "experiments": list(project.experiments) if project else [],
        "errors": [_problem(problem) for problem in checked.errors],
        "warnings": [_problem(problem) for problem in checked.warnings],
    }


def _problem(problem: Problem) -> dict[str, Json]:
    return asdict(problem)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
