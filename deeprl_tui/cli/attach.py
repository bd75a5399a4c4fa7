"""`deeprl attach` and `deeprl run --on`: runs on other machines, watched as if they were here."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.hosts import heard, named, say_left_out
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, try_project
from deeprl_tui.cli.pull import bring_home
from deeprl_tui.cli.screens import Manner, Notify
from deeprl_tui.cli.watch import Interrupt, Scene, scene, verdict, watch
from deeprl_tui.config import Project
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import ExitCode, UnknownNameError
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot, HostView
from deeprl_tui.ops import Hosts, Request, Sent
from deeprl_tui.runs import stats
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.store import RunStore

APPEAR_S = 10.0
"""A run that was made here is seen by the feed after so long at most."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(attach)


def attach(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[HOST...]", help="Default: all hosts of the project."),
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="For scripts: plain lines.")] = False,
    notify: Notify = None,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Watch the runs of other hosts until they are over; what they write comes home.

    ctrl+c stops looking, not the runs.
    """
    output, project, manner = Output(), try_project(file), Manner(headless, as_json, notify)
    manner.check()
    root = find_runs_folder(file, runs, make=True)
    fleet = Fleet(ops.clock)
    links = ops.hosts_of(root, project, fleet)
    asked = links.chosen(names or links.hosts)
    if not asked:
        raise UnknownNameError("no hosts", place=str(root), remedy="deeprl hosts add user@host")
    links.pull_in_background()
    links.attach(asked)
    feed = ops.watch(root, fleet)
    try:
        _say_faults(output, fleet, asked)
        code = _follow(output, fleet, root, lambda snapshot: _runs_of(snapshot, root, asked), manner)
        return _bring_home(output, links, root, _runs_of(fleet.snapshot(), root, asked), code)
    finally:
        links.close()
        feed.close()


def run_on(output: Output, project: Project, request: Request, root: Path, on: str, manner: Manner) -> int:
    """Send runs to hosts, the largest first, each to the one that is done with it first; then watch."""
    fleet = Fleet(ops.clock)
    links = ops.hosts_of(root, project, fleet)
    names = named(links, on)
    others = [name for name in names if name != LOCAL]
    feed = ops.watch(root, fleet)
    try:
        links.pull_in_background()
        links.attach(others)
        sent = _send(output, links, fleet, request, root, names)
        code = _follow(output, fleet, root, lambda _: sent.ids, manner)
        return _bring_home(output, links, root, sent.ids, code)
    finally:
        links.close()
        feed.close()


def _send(
    output: Output, links: Hosts, fleet: Fleet, request: Request, root: Path, names: Sequence[str]
) -> Sent:
    views = heard(fleet, list(names), time.monotonic, time.sleep)
    say_left_out(output, views, names)
    sent = ops.launch_on(request, root, ops.rooms(fleet.snapshot(), names, root), links)
    for name, told in sent.told.items():
        made, there = (sum(what == word for what in told.values()) for word in ("created", "already"))
        where = "here" if name == LOCAL else f"on {name}"
        output.say(f"{_many(made)} queued {where}" + (f", {there} there already" if there else ""))
    for name, run, why in sent.faults:
        output.say(f"deeprl: {name}: {run}: {why}")
    return sent


def _runs_of(snapshot: FleetSnapshot, root: Path, names: Sequence[str]) -> tuple[RunId, ...]:
    store = RunStore(root)
    return tuple(
        run for run in snapshot.runs if (paths := store.find(run)) is not None and home_of(paths) in names
    )


def _follow(
    output: Output,
    fleet: Fleet,
    root: Path,
    ids: Callable[[FleetSnapshot], Sequence[RunId]],
    manner: Manner,
) -> int:
    speeds = ops.speeds(root)
    deadline = time.monotonic() + APPEAR_S

    told: dict[str, str] = {}

    def picture() -> Scene | None:
        snapshot = fleet.snapshot()
        for line in news_of_hosts(snapshot.hosts, told, ops.clock()):
            output.say(f"deeprl: {line}")
        wanted = ids(snapshot)
        if any(run not in snapshot.runs for run in wanted) and time.monotonic() < deadline:
            return None  # what was made just now is not read yet
        return scene(snapshot, wanted, speeds=speeds)

    with Interrupt() as interrupt:
        last = watch(
            picture,
            manner.screen(output, root.resolve().parent.name),
            None,  # hosts are asked for supervisors by their links
            interrupt.wait,
        )
    if interrupt.number is not None:
        output.say("the runs go on; deeprl attach looks again")
        return interrupt.exit_code
    if last is None:
        return ExitCode.FAILED
    if manner.as_json:
        for view in last.runs:
            output.json(stats.row(view))
    for line in verdict(last):
        output.say(line)
    return ExitCode.OK if last.finished else ExitCode.FAILED


def news_of_hosts(hosts: Sequence[HostView], told: dict[str, str], now: float) -> list[str]:
    """What became of hosts since the last call: which are lost, why, and which are back.

    told: what was said of each that is lost, changed here. now: by the clock of the fleet.
    """
    lines = []
    for view in hosts:
        before = told.get(view.name)
        if view.is_lost(now):
            if before is None or (not view.passing and before != view.fault):
                lines.append(f"{view.name}: {view.fault}")
                told[view.name] = view.fault
        elif before is not None and not view.fault:
            lines.append(f"{view.name} answers again")
            del told[view.name]
    return lines


def _bring_home(output: Output, links: Hosts, root: Path, runs: Sequence[RunId], code: int) -> int:
    """After the last run: see that all its files are here too. Not when somebody wants to leave."""
    if code not in (ExitCode.OK, ExitCode.FAILED):
        return code
    links.finish()  # what lives elsewhere now is given up, also where nothing is to be seen
    links.end_pulls()  # what it began goes on here, with its progress told
    store = RunStore(root)
    found = [(run, paths) for run in runs if (paths := store.find(run)) is not None]
    return bring_home(output, links, root, found) or code


def _say_faults(output: Output, fleet: Fleet, names: Sequence[str]) -> None:
    views = heard(fleet, names, time.monotonic, time.sleep)
    for name in names:
        view = views.get(name)
        told = (view.fault or view.warning) if view else "did not answer in time"
        if told:
            output.say(f"deeprl: {name}: {told}")


def _many(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
