"""`deeprl hosts tidy`: hosts drop what is here and what was left behind, so that their disks stay free."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, try_project
from deeprl_tui.cli.table import Cell, Column
from deeprl_tui.errors import DeeprlError, ExitCode, RefusedError

COLUMNS = (
    Column("host"),
    Column("run", cut=True),
    Column("size", right=True),
    Column("", cut=True, least=16),
)


def tidy(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[HOST...]", help="Default: all hosts of the project."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Free the disks of hosts: runs that are over and home go there, and what runs left behind that moved.

    Digests are compared on both sides first; what is not here stays. The runs are runs of this machine then.
    Another computer that watches these hosts gets no more of them than it has.
    """
    output, root = Output(), find_runs_folder(file, runs)
    links = ops.hosts_of(root, try_project(file))
    code: int = ExitCode.OK
    try:
        chosen = links.chosen(names or links.hosts)
        for name in chosen:
            try:
                done = _tidy(output, root, links, name, yes, dry_run, as_json)
            except DeeprlError as error:
                if len(chosen) == 1:
                    raise
                output.error(error)
                done = error.exit_code
            code = done or code
    finally:
        links.close()
    return code


def _tidy(
    output: Output, root: Path, links: ops.Hosts, name: str, yes: bool, dry_run: bool, as_json: bool
) -> int:
    links.host(name)
    left = ops.left_on(root, name)
    if not left:
        output.say(f"{name}: nothing to tidy")
        return ExitCode.OK
    line = links.line(name)
    try:
        found = list(ops.look(line, left))
        _show(output, name, found, as_json)
        goes = [holding for holding in found if not holding.stays]
        if not goes or dry_run:
            return ExitCode.OK
        size = look.size(sum(holding.bytes for holding in goes))
        if not yes and not _agreed(f"let {name} drop {_many(len(goes))} ({size})?"):
            raise RefusedError("not confirmed", place="hosts tidy", remedy="say yes, or --yes")
        failed = 0
        for holding in goes:
            try:
                ops.tidy(root, name, line, holding)
            except DeeprlError as error:
                failed += 1
                output.error(error)
        output.say(f"{name} dropped {_many(len(goes) - failed)}")
        return ExitCode.REFUSED if failed else ExitCode.OK
    finally:
        line.hang_up()


def _show(output: Output, name: str, found: Sequence[ops.Holding], as_json: bool) -> None:
    rows = []
    for holding in found:
        run, moved = str(holding.left.run), holding.left.moved is not None
        why = "went on elsewhere" if moved else "is home"
        if as_json:
            output.json(
                {
                    "host": name,
                    "run": run,
                    "bytes": holding.bytes,
                    "moved": moved,
                    "stays": holding.stays or None,
                }
            )
        told = Cell(f"stays: {holding.stays}", "yellow") if holding.stays else why
        rows.append((name, run, look.size(holding.bytes), told))
    if rows and not as_json:
        output.table(COLUMNS, rows)


def _agreed(words: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(words, default=False, err=True)


def _many(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
