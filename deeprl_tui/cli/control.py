"""`deeprl stop`, `pause` and `resume`: requests to runs. They may be repeated."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, misused
from deeprl_tui.core import state
from deeprl_tui.errors import ExitCode
from deeprl_tui.ops import Answer

Patterns = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="RUN...", help="experiment, experiment/seed or pattern.", autocompletion=complete_runs
    ),
]
All = Annotated[bool, typer.Option("--all", help="All runs that train or wait.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(stop)
    app.command()(pause)
    app.command()(resume)


def stop(
    patterns: Patterns = None,
    all_runs: All = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Stop runs at their next checkpoint.

    `deeprl resume` goes on from there.
    """
    root = find_runs_folder(file, runs)
    names = _names(root, patterns, all_runs, "stop")
    return _tell(ops.ask(root, names, "stop"), as_json)


def pause(
    patterns: Patterns = None,
    all_runs: All = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Take runs off their cores at their next checkpoint."""
    root = find_runs_folder(file, runs)
    names = _names(root, patterns, all_runs, "pause")
    return _tell(ops.ask(root, names, "pause"), as_json)


def resume(patterns: Patterns = None, file: File = None, runs: Runs = None, as_json: AsJson = False) -> int:
    """Queue paused, stopped, failed and lost runs again."""
    root = find_runs_folder(file, runs)
    return _tell(ops.resume(root, _names(root, patterns, False, "resume")), as_json)


def _names(root: Path, patterns: list[str] | None, all_runs: bool, verb: str) -> list[str]:
    if all_runs and not patterns:
        return [str(view.id) for view in ops.views_of(root).values() if not state.is_over(view.state)]
    if patterns and not all_runs:
        return patterns
    fault = "--all stands beside names" if all_runs else "names no run"
    remedy = "deeprl ls shows them" if verb == "resume" else "write names, patterns or --all"
    raise misused(verb, fault, remedy)


def _tell(answers: list[Answer], as_json: bool) -> int:
    output = Output()
    if not answers:
        output.say("nothing to do: no run trains or waits")
    for answer in answers:
        if as_json:
            output.json({"run": str(answer.run), "done": answer.done, "text": answer.text})
        elif output.terminal:
            output.line(f"{answer.run}  {answer.text}")
        else:
            output.record([str(answer.run), "done" if answer.done else "not done", answer.text])
    return ExitCode.OK if all(answer.done for answer in answers) else ExitCode.REFUSED
