"""`deeprl gce`: machines of Google Compute Engine as hosts, from nothing and back to nothing.

Rule: nothing is deleted unasked, and nothing that is not home without force. Commands that would be called
can be seen first, and copied.
"""

import shlex
import sys
from collections.abc import Sequence
from typing import Annotated, Optional

import typer

from deeprl_tui.cli import look
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, misused, try_project
from deeprl_tui.cli.table import Cell, Column
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import ExitCode, RefusedError
from deeprl_tui.hosts.gce import prices
from deeprl_tui.hosts.gce.vm import PAID, STOPPED, Wanted
from deeprl_tui.ops.cloud import Cloud, Machine

COLUMNS = (
    Column("", least=1),
    Column("machine"),
    Column("state"),
    Column("zone", rank=2),
    Column("type", cut=True, rank=3),
    Column("$/h", right=True),
    Column("$ spent", right=True),
    Column("age", right=True, rank=1),
    Column("not home", cut=True, least=8),
)

app = typer.Typer(no_args_is_help=True)

CloudProject = Annotated[
    str,
    typer.Option(
        "--project",
        metavar="ID",
        help="Project of Google Cloud; default: where machines are, else gcloud's own.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands, for you to copy; do nothing.")]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    main.add_typer(app, name="gce", help="Machines of Google Compute Engine: up, ls, down.")


@app.command()
def up(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="How many there shall be.")
    ] = 1,
    machine: Annotated[
        str, typer.Option("--machine-type", help="t2d: one vCPU is one core, right for pinned runs.")
    ] = "t2d-standard-4",
    zones: Annotated[
        str, typer.Option("--zones", metavar="A,B", help="Spread over these; the next one when one is out.")
    ] = ",".join(Wanted("any", 1).zones),
    spot: Annotated[
        bool, typer.Option("--spot", help="Far cheaper; may be stopped at any time, and goes on later.")
    ] = False,
    gpu: Annotated[
        str, typer.Option("--gpu", metavar="TYPE[:N]", help="GPUs of each, for example nvidia-tesla-t4.")
    ] = "",
    idle: Annotated[
        int,
        typer.Option("--idle-minutes", min=0, help="Off after so long without a run or a shell; 0: never."),
    ] = 30,
    hours: Annotated[
        float,
        typer.Option("--max-hours", min=0, help="Google stops it then, whatever happens; 0: never."),
    ] = 24,
    image: Annotated[str, typer.Option("--image", metavar="[PROJECT/]FAMILY", help="Another image.")] = "",
    disk: Annotated[
        int, typer.Option("--disk", min=0, metavar="GB", help="Size of the disk; 0: one that fits.")
    ] = 0,
    account: Annotated[
        str, typer.Option("--service-account", metavar="EMAIL", help="Default: none, so no rights at all.")
    ] = "",
    tunnel: Annotated[
        bool, typer.Option("--tunnel", help="ssh through Identity-Aware Proxy, past firewalls.")
    ] = False,
    project: CloudProject = "",
    dry_run: DryRun = False,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Make machines, or start those that are off, and know them as hosts. Repeating makes none twice."""
    output = Output()
    cloud = _cloud(output, project, file, runs, tunnel=tunnel)
    kind, _, gpus = gpu.partition(":")
    of, _, family = image.rpartition("/")
    try:
        wanted = Wanted(
            cloud.label,
            count,
            type=machine,
            zones=tuple(zone.strip() for zone in zones.split(",") if zone.strip()),
            spot=spot,
            gpu=kind,
            gpus=int(gpus or 1),
            idle_minutes=idle,
            max_hours=hours,
            image=family,
            image_project=of,
            disk=disk,
            account=account,
        )
    except ValueError as wrong:
        raise misused("gce up", str(wrong), "see deeprl gce up --help") from None
    if dry_run:
        lines, calls = cloud.commands(wanted)
        for line in (*lines, *map(shlex.join, calls)):
            output.line(line)
        output.say("nothing was done")
        return ExitCode.OK
    raised = cloud.raise_(wanted)
    _table(output, cloud.look(raised.vms))
    ready = [name for name in wanted.names if name not in raised.missing]
    if ready:
        output.say(f"next: deeprl push {' '.join(ready)}")
    if not raised.missing:
        return ExitCode.OK
    for error in dict.fromkeys(map(str, raised.faults)):
        output.say(f"deeprl: {error}")
    output.say(f"deeprl: {len(ready)} of {count} are ready; missing: {' '.join(raised.missing)}")
    return ExitCode.REFUSED


@app.command("ls")
def list_machines(
    everything: Annotated[bool, typer.Option("--all", help="Machines of all projects of this tool.")] = False,
    project: CloudProject = "",
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """List the machines: state, price, what was spent, and runs whose results are not here."""
    output = Output()
    machines = _cloud(output, project, file, runs).machines(everything)
    if as_json:
        for machine in machines:
            output.json(_record(machine))
        return ExitCode.OK
    _table(output, machines)
    return ExitCode.OK


@app.command()
def down(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[NAME...]", help="Default: all machines of the project."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also machines with results that are not here.")
    ] = False,
    dry_run: DryRun = False,
    project: CloudProject = "",
    file: File = None,
    runs: Runs = None,
) -> int:
    """Delete machines with their disks. Refuses while results on them are not here."""
    output = Output()
    cloud = _cloud(output, project, file, runs)
    machines = cloud.choose(names or ())
    if not machines:
        cloud.forget_deleted()
        output.say("there are no machines: nothing is left to pay")
        return ExitCode.OK
    if dry_run:
        for words in cloud.deletions(machines):
            output.line(shlex.join(words))
        output.say("nothing was done")
        return ExitCode.OK
    _table(output, machines)
    full = [machine for machine in machines if machine.away]
    if full and not force:
        first = full[0]
        run, why = first.away[0]
        more = sum(len(machine.away) for machine in full) - 1
        raise RefusedError(
            f"{run} is not home ({why})" + (f", and {more} more are not home" if more else ""),
            place=first.vm.name,
            remedy="wait for them, or lose them: --force",
        )
    if not yes and not _agreed(machines):
        raise RefusedError("not confirmed", place="gce down", remedy="say yes, or --yes")
    left, faults = cloud.take_down(machines)
    cloud.forget_deleted()
    for fault in dict.fromkeys(map(str, faults)):
        output.say(f"deeprl: {fault}")
    if left:
        output.say(f"deeprl: not deleted: {' '.join(left)}; repeat the command")
        return ExitCode.REFUSED
    output.say(f"{len(machines)} deleted; nothing of them is left to pay")
    return ExitCode.OK


def _cloud(output: Output, project: str, file: File, runs: Runs, *, tunnel: bool = False) -> Cloud:
    root = find_runs_folder(file, runs, make=True)
    try:
        return Cloud(root, try_project(file), cloud=project, say=output.say, tunnel=tunnel)
    except ValueError as error:
        raise misused("gce", str(error), "gcloud projects list names yours") from None


def _agreed(machines: Sequence[Machine]) -> bool:
    if not sys.stdin.isatty():
        return False
    words = f"delete {', '.join(machine.vm.name for machine in machines)} with their disks?"
    return typer.confirm(words, default=False, err=True)


def _table(output: Output, machines: Sequence[Machine]) -> None:
    if not machines:
        output.say("no machines: deeprl gce up makes some")
        return
    output.table(COLUMNS, [_row(machine) for machine in machines])
    on = [machine for machine in machines if machine.vm.state in PAID]
    hourly = sum(machine.vm.price or 0.0 for machine in on)
    spent = sum(machine.spent or 0.0 for machine in machines)
    more = " and what is unknown" if any(machine.spent is None for machine in machines) else ""
    output.say(
        f"{len(on)} on, ${hourly:.2f} per hour, ${spent:.2f} so far{more}"
        f" (estimate, prices of {prices.date()})"
    )
    if off := [machine for machine in machines if machine.vm.state in STOPPED]:
        output.say(f"{len(off)} off, with a disk to pay: deeprl gce up starts again, deeprl gce down deletes")


def _row(machine: Machine) -> tuple[Cell | str, ...]:
    vm = machine.vm
    off = vm.state in STOPPED
    running = vm.state == "RUNNING"
    price = f"{vm.price:.3f}" if vm.price is not None else "?"
    return (
        Cell("●" if running else "○", "green" if running else "dim" if off else "yellow"),
        vm.name,
        vm.word + (" spot" if vm.spot else ""),
        vm.zone,
        vm.type + (f" + {vm.gpus} {vm.gpu}" if vm.gpu else ""),
        "0" if off else price,
        f"{machine.spent:.2f}" if machine.spent is not None else "?",
        look.duration(machine.age),
        Cell(_away(machine), "yellow" if machine.away else ""),
    )


def _away(machine: Machine) -> str:
    if not machine.away:
        return ""
    return f"{len(machine.away)}: {', '.join(f'{run} {why}' for run, why in machine.away[:3])}"


def _record(machine: Machine) -> dict[str, Json]:
    vm = machine.vm
    return {
        "machine": vm.name,
        "project": vm.project,
        "state": vm.state.lower(),
        "zone": vm.zone,
        "type": vm.type,
        "spot": vm.spot,
        "gpu": vm.gpu or None,
        "gpus": vm.gpus,
        "address": vm.address or None,
        "price": vm.price,
        "spent": machine.spent,
        "age": machine.age,
        "prices_of": prices.date(),
        "not_home": [str(run) for run, _ in machine.away],
    }
