"""`deeprl trust`: the code that experiments import, and the only place where it becomes trusted.

Rule: what is recorded is what was listed, byte for byte; nothing is recorded unasked.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, load_project
from deeprl_tui.cli.table import Cell, Column
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import ExitCode, UnknownNameError
from deeprl_tui.ops import CodeFile

DIGITS = 12
_LOOKS = {"trusted": "green", "changed": "red", "new": "yellow"}
COLUMNS = (
    Column("trust"),
    Column("file", cut=True, least=16),
    Column("sha256"),
    Column("used as", cut=True, rank=1, least=12),
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(trust)


def trust(
    modules: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[MODULE...]", help="Trust these and what they import, without asking."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Trust all of it, without asking.")] = False,
    file: File = None,
    as_json: AsJson = False,
) -> int:
    """Show the project's own code that experiments import, and trust it.

    Its workers import these files and no others, and only with these very bytes: a changed one is asked about
    again.
    """
    output = Output()
    listed = ops.code_files(load_project(file))
    chosen = _chosen(listed, modules) if modules else listed
    fresh = [one for one in chosen if one.trust != "trusted"]
    _show(output, listed, as_json)
    if not listed:
        output.say("no experiment uses code of this project")
    elif not fresh:
        output.say("all of this is trusted")
    elif not (modules or yes) and not _asked(output, fresh):
        output.say(f"not trusted: {_names(fresh)}; read it, then answer y, or: deeprl trust --yes")
        return ExitCode.REFUSED
    else:
        ops.trust(fresh)
        output.say(f"trusted: {_names(fresh)}")
    return ExitCode.OK


def _chosen(listed: Sequence[CodeFile], names: Sequence[str]) -> list[CodeFile]:
    """Find the files of modules, named as `module`, `module:Name` or by file. Raises UnknownNameError."""
    chosen: dict[str, CodeFile] = {}
    for name in names:
        module = name.partition(":")[0].removeprefix("./").removesuffix(".py").replace("/", ".")
        found = [one for one in listed if module in one.modules or name.removeprefix("./") == one.file]
        if not found:
            known = ", ".join(dict.fromkeys(module for one in listed for module in one.modules))
            raise UnknownNameError(
                "no experiment uses this module",
                place=name,
                remedy=f"they use {known}" if known else "they use none of this project",
            )
        chosen |= {one.file: one for one in found}
    return list(chosen.values())


def _show(output: Output, listed: Sequence[CodeFile], as_json: bool) -> None:
    if as_json:
        for one in listed:
            output.json(_record(one))
    elif output.terminal and listed:
        rows = [
            (Cell(one.trust, _LOOKS[one.trust]), one.file, one.sha256[:DIGITS], ", ".join(one.uses))
            for one in listed
        ]
        output.table(COLUMNS, rows)
    else:
        for one in listed:
            output.record([one.trust, one.file, one.sha256, ", ".join(one.uses)])


def _record(one: CodeFile) -> dict[str, Json]:
    return {
        "file": str(one.path),
        "sha256": one.sha256,
        "trust": one.trust,
        "uses": list(one.uses),
        "modules": list(one.modules),
    }


def _asked(output: Output, fresh: Sequence[CodeFile]) -> bool:
    """Ask a person; nobody else is asked."""
    if not sys.stdin.isatty():
        return False
    output.say("their code runs with all your rights, in the workers:")
    for line in _told(fresh):
        output.say(line)
    return typer.confirm(f"trust {_names(fresh)}?", default=False, err=True)


def _told(fresh: Sequence[CodeFile]) -> Iterator[str]:
    for one in fresh:
        change = ", changed since you trusted it" if one.trust == "changed" else ""
        yield f"  {one.path}  sha256 {one.sha256[:DIGITS]}{change}"


def _names(files: Sequence[CodeFile]) -> str:
    return ", ".join(one.file for one in files)
