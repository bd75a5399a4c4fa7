"""`deeprl pull` and `deeprl move`: files of runs come home, runs go on on other hosts."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.control import Patterns
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, misused, try_project
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import ExitCode
from deeprl_tui.hosts.artefacts import Progress
from deeprl_tui.hosts.pace import Pace
from deeprl_tui.ops import Hosts
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.moves import is_home

EVERY_S = 5.0
"""Progress is told so often, at most, where it cannot be drawn."""
SHOW_S = 0.2


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(pull)
    app.command()(move)


def pull(
    patterns: Patterns = None,
    all_runs: Annotated[bool, typer.Option("--all", help="All runs that live on other hosts.")] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Bring checkpoints, models and the rest of runs from their hosts, now.

    Exits 5 if not all came. What came stays; the next pull goes on at the byte.
    """
    if bool(patterns) == all_runs:
        raise misused("pull", "names no run" if not patterns else "--all stands beside names", "RUN or --all")
    output, root = Output(), find_runs_folder(file, runs)
    links = ops.hosts_of(root, try_project(file))
    try:
        found = ops.find_runs(root, patterns or ["*"])
        return bring_home(output, links, root, found, as_json)
    finally:
        links.close()


def move(
    patterns: Patterns = None,
    to: Annotated[str, typer.Option("--to", metavar="HOST", help="A host, or local: this machine.")] = "",
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Let runs go on on another host, from their newest checkpoint.

    A host that does not answer is left behind; it is told to give the runs up when it is back.
    """
    if not patterns or not to:
        raise misused("move", "names no run" if not patterns else "says not where to", "RUN --to HOST")
    output, root = Output(), find_runs_folder(file, runs)
    links = ops.hosts_of(root, try_project(file))
    try:
        tools = ops.Tools(say=telling(output, time.monotonic))
        answers = ops.move(links, root, patterns, to, tools=tools)
    finally:
        output.progress("")
        links.close()
    for answer in answers:
        if as_json:
            output.json({"run": str(answer.run), "done": answer.done, "text": answer.text})
        else:
            output.record([str(answer.run), "done" if answer.done else "not done", answer.text])
    return ExitCode.OK if all(answer.done for answer in answers) else ExitCode.REFUSED


def bring_home(
    output: Output, links: Hosts, root: Path, found: Sequence[tuple[RunId, RunPaths]], as_json: bool = False
) -> int:
    """Pull runs from their hosts with progress on stderr; the exit code."""
    by_host: dict[str, list[tuple[RunId, RunPaths]]] = {}
    for run, paths in found:
        if (home := home_of(paths)) and not is_home(paths):
            by_host.setdefault(home, []).append((run, paths))
    failed = count = size = 0
    for host, some in by_host.items():
        line = links.line(host)
        if is_held(RootPaths(root).pull_lock(host)):
            output.say(f"{host}: another program brings its files; waiting for it")
        try:
            for one in ops.pull(root, host, line, some, say=telling(output, time.monotonic)):
                output.progress("")
                failed += bool(one.why)
                if one.why:
                    output.say(f"deeprl: {one.run}: {one.why}")
                if one.pulled is not None:
                    count, size = count + one.pulled.files, size + one.pulled.bytes
                if as_json:
                    output.json(_record(one))
        finally:
            output.progress("")
            line.hang_up()
    output.say(f"{count} files came, {look.size(size)}" if by_host else "all results are home")
    return ExitCode.REFUSED if failed else ExitCode.OK


def _record(one: ops.Brought) -> dict[str, bool | int | str | None]:
    done = one.pulled
    return {
        "run": str(one.run),
        "host": one.host,
        "files": done.files if done else 0,
        "bytes": done.bytes if done else 0,
        "home": bool(done and done.home),
        "why": one.why or None,
    }


def telling(output: Output, monotonic: Callable[[], float]) -> Callable[[Progress], None]:
    """Say on stderr how far files are: a passing line with a bar on a terminal, else a line now and then."""
    pace, shown, said = Pace(monotonic), -EVERY_S, monotonic()

    def say(at: Progress) -> None:
        nonlocal shown, said
        now, rate = monotonic(), pace(at.done)
        if now - shown < SHOW_S:
            return
        shown = now
        words = look.transfer(str(at.run), at.file, at.done, at.total, rate)
        if not output.progress(words) and now - said >= EVERY_S:
            said = now
            output.say(words)

    return say
