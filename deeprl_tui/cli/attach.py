"""`deeprl attach` and `deeprl run --on`: runs on other machines, watched as if they were here."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.hosts import heard
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, try_project
from deeprl_tui.cli.run import screen_for
from deeprl_tui.cli.watch import Interrupt, Keeper, Scene, scene, verdict, watch
from deeprl_tui.config import Project
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError, ExitCode, UnknownNameError
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.ops import Hosts, Request
from deeprl_tui.runs import stats
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.spread import Room, spread
from deeprl_tui.runs.store import RunStore

HERE = "local"
APPEAR_S = 10.0
"""A run that was made here is seen by the feed after so long at most."""


class _NoKeeper(Keeper):
    """Runs elsewhere are started by the supervisors of their hosts."""

    def __init__(self) -> None:
        super().__init__(lambda: None, time.monotonic)

    def look(self, scene: Scene) -> None:
        """Leave it to them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a launch on hosts did."""

    ids: tuple[RunId, ...]
    by_host: Mapping[str, Sequence[RunId]]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(attach)


def attach(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[HOST...]", help="Default: all hosts of the project."),
    ] = None,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Watch the runs of other hosts until they are over; what they write comes home.

    ctrl+c stops looking, not the runs.
    """
    output, project = Output(), try_project(file)
    root = find_runs_folder(file, runs, make=True)
    fleet = Fleet(ops.clock)
    links = ops.hosts_of(root, project, fleet)
    asked = list(names or links.hosts)
    if not asked:
        raise UnknownNameError("no hosts", place=str(root), remedy="deeprl hosts add user@host")
    links.attach(asked)
    feed = ops.watch(root, fleet)
    try:
        _say_faults(output, fleet, asked)
        return _follow(output, fleet, lambda snapshot: _runs_of(snapshot, root, asked), as_json)
    finally:
        links.close()
        feed.close()


def run_on(
    output: Output, project: Project, request: Request, root: Path, names: Sequence[str], as_json: bool
) -> int:
    """Send runs to hosts, the largest first, each to the one that is done with it first; then watch."""
    fleet = Fleet(ops.clock)
    links = ops.hosts_of(root, project, fleet)
    others = [name for name in names if name != HERE]
    feed = ops.watch(root, fleet)
    try:
        links.attach(others)
        sent = _send(output, links, fleet, request, root, names)
        return _follow(output, fleet, lambda _: sent.ids, as_json)
    finally:
        links.close()
        feed.close()


def _send(
    output: Output, links: Hosts, fleet: Fleet, request: Request, root: Path, names: Sequence[str]
) -> Sent:
    views = heard(fleet, list(names), time.monotonic, time.sleep)
    rooms: dict[str, Room] = {}
    for name in names:
        view = views.get(name)
        if view is None or view.fault:
            output.say(f"deeprl: {name} left out: {view.fault if view else 'did not answer in time'}")
            continue
        if view.warning:
            output.say(f"deeprl: {name}: {view.warning}")
        rooms[name] = Room(len(view.cores), len(view.held))
    if not rooms:
        raise DeeprlError("no host answers", place=", ".join(names), remedy="deeprl hosts tells more")
    specs = {spec.id: spec for spec in ops.specs(request, root)}
    speeds, store = ops.speeds(root), RunStore(root)
    placed = {run: home_of(paths) or HERE for run in specs if (paths := store.find(run)) is not None}
    work = {}
    for run, spec in specs.items():
        if run not in placed:
            eta = stats.expected(spec.settings, speeds.get(stats.kind(spec.env, spec.settings)))
            work[run] = eta.mid if eta else None
    where = spread(work, rooms)
    for run, home in placed.items():
        where.setdefault(home, []).append(run)
    for name, ids in where.items():
        if not ids:
            continue
        if name == HERE:
            ops.launch_specs([specs[run] for run in ids], root)
            ops.supervise(root)
            output.say(f"{_many(len(ids))} queued here")
            continue
        told = links.launch(name, [specs[run] for run in ids])
        made = sum(what == "created" for what in told.values())
        there = sum(what == "already" for what in told.values())
        output.say(f"{_many(made)} queued on {name}" + (f", {there} there already" if there else ""))
        for run, what in told.items():
            if what not in ("created", "already"):
                output.say(f"deeprl: {name}: {run}: {what}")
    return Sent(tuple(specs), where)


def _runs_of(snapshot: FleetSnapshot, root: Path, names: Sequence[str]) -> tuple[RunId, ...]:
    store = RunStore(root)
    return tuple(
        run for run in snapshot.runs if (paths := store.find(run)) is not None and home_of(paths) in names
    )


def _follow(
    output: Output, fleet: Fleet, ids: Callable[[FleetSnapshot], Sequence[RunId]], as_json: bool
) -> int:
    deadline = time.monotonic() + APPEAR_S

    def picture() -> Scene | None:
        snapshot = fleet.snapshot()
        wanted = ids(snapshot)
        if any(run not in snapshot.runs for run in wanted) and time.monotonic() < deadline:
            return None  # what was made just now is not read yet
        return scene(snapshot, wanted)

    with Interrupt() as interrupt:
        last = watch(
            picture,
            screen_for(output, headless=False, as_json=as_json),
            _NoKeeper(),
            interrupt.wait,
        )
    if interrupt.number is not None:
        output.say("the runs go on; deeprl attach looks again")
        return interrupt.exit_code
    if last is None:
        return ExitCode.FAILED
    if as_json:
        for view in last.runs:
            output.json(stats.row(view))
    for line in verdict(last):
        output.say(line)
    return ExitCode.OK if last.finished else ExitCode.FAILED


def _say_faults(output: Output, fleet: Fleet, names: Sequence[str]) -> None:
    views = heard(fleet, names, time.monotonic, time.sleep)
    for name in names:
        view = views.get(name)
        told = (view.fault or view.warning) if view else "did not answer in time"
        if told:
            output.say(f"deeprl: {name}: {told}")


def _many(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
