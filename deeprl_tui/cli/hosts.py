"""`deeprl hosts`, `push` and `attach`: other machines that hold runs."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, load_project, misused, try_project
from deeprl_tui.cli.table import Cell, Column
from deeprl_tui.cli.tidy import tidy
from deeprl_tui.cli.told import clock
from deeprl_tui.config import Host
from deeprl_tui.config.hosts import Engine
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError, ExitCode
from deeprl_tui.hosts import book, ssh
from deeprl_tui.monitor.fleet import Fleet, HostView

COLUMNS = (
    Column("", least=1),
    Column("host"),
    Column("address", cut=True, rank=3),
    Column("cores", right=True),
    Column("runs", right=True),
    Column("memory", right=True, rank=2),
    Column("disk free", right=True, rank=2),
    Column("heard", cut=True, least=16),
)
AT_ONCE = 4
"""Hosts that are made ready at a time: they share the way out of here."""
ANSWER_S = 20.0
"""A host that has not spoken after so long is said to be silent."""

Names = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(metavar="[HOST...]", help="Default: all hosts of the project."),
]

app = typer.Typer(no_args_is_help=False)


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    main.add_typer(app, name="hosts", help="Other machines that hold runs: list, add, test, tidy, remove.")
    main.command()(push)
    app.command()(tidy)


@app.callback(invoke_without_command=True)
def hosts(context: typer.Context, file: File = None, runs: Runs = None, as_json: AsJson = False) -> None:
    """List the hosts and how they stand, each asked over ssh."""
    if context.invoked_subcommand is None:
        _list((), file, runs, as_json)


@app.command("test")
def ask_them(names: Names = None, file: File = None, runs: Runs = None, as_json: AsJson = False) -> int:
    """Ask hosts how they stand; exits 4 if one does not answer."""
    return _list(names or (), file, runs, as_json)


@app.command()
def add(
    address: Annotated[str, typer.Argument(help="user@host, or a name of ~/.ssh/config.")],
    name: Annotated[Optional[str], typer.Option("--name", help="What to call it.")] = None,  # noqa: UP045
    root: Annotated[str, typer.Option("--root", help="Folder there for its runs.")] = "~/deeprl",
    cores: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--cores", min=1, help="Use at most so many of its cores."),
    ] = None,
    python: Annotated[str, typer.Option("--python", help="Its Python, 3.11 or newer.")] = "python3",
    price: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--price", min=0, help="What an hour of it costs."),
    ] = None,
    image: Annotated[
        str, typer.Option("--image", help="Container image to use there; no Python is needed then.")
    ] = "",
    engine: Annotated[
        Engine, typer.Option("--engine", help="What runs the image: docker or podman.")
    ] = "docker",
    file: File = None,
    runs: Runs = None,
) -> int:
    """Add a host. ssh shows an unknown key and asks about it; a changed one is refused."""
    output, project = Output(), try_project(file)
    root_here = find_runs_folder(file, runs, make=True)
    known = book.known_hosts(root_here, project.hosts if project else {})
    called = name or book.name_for(address, known)
    host = Host(called, address, root, cores, python, price, image=image, engine=engine)
    try:
        words = ssh.command(address, "exit 0", ask=sys.stdin.isatty())
    except ValueError as error:
        raise misused("hosts add", str(error), "see deeprl hosts add --help") from None
    done = subprocess.run(words, stderr=None if sys.stdin.isatty() else subprocess.PIPE, check=False)
    if done.returncode:
        said = (done.stderr or b"").decode(errors="replace")
        raise ssh.explain(called, done.returncode, said, address)
    book.add(root_here, host)
    output.say(f"{called} added; deeprl push {called} makes it ready")
    return ExitCode.OK


@app.command()
def rm(
    name: Annotated[str, typer.Argument(help="A host that was added.")], file: File = None, runs: Runs = None
) -> int:
    """Forget a host. Its results stay here; its runs go on there."""
    project = try_project(file)
    book.remove(find_runs_folder(file, runs), name, project.hosts if project else {})
    Output().say(f"{name} forgotten; what came from it stays")
    return ExitCode.OK


def push(
    names: Annotated[
        list[str], typer.Argument(metavar="HOST...", help="Hosts to make ready; 'vm-*' for all of that name.")
    ],
    wheels: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--wheels", metavar="FOLDER", help="Send these wheels: the host reaches no index."),
    ] = None,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Bring hosts to this version: environment, experiments.toml, plug-ins. Quick when nothing changed."""
    from concurrent.futures import ThreadPoolExecutor

    from deeprl_tui.hosts.parcel import Piece
    from deeprl_tui.ops.pushing import push as push_to

    output, project = Output(), load_project(file)
    links = ops.hosts_of(find_runs_folder(file, runs, make=True), project)
    packed = (
        [Piece(wheel.name, wheel.read_bytes()) for wheel in sorted(wheels.glob("*.whl"))] if wheels else []
    )
    if wheels and not packed:
        raise misused("push", f"no wheels in {wheels}", "pip download puts some there")

    def one(name: str) -> int:
        try:
            done = push_to(links, project, name, wheels=packed, say=output.say)
        except DeeprlError as error:
            output.error(error)
            return error.exit_code
        what = "installed" if done.installed else "nothing new"
        output.line(f"{name}  ready  {what}  {done.env}  {done.seconds:.1f} s")
        return ExitCode.OK

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            codes = list(pool.map(one, links.chosen(names)))
        return next(filter(None, codes), ExitCode.OK)
    finally:
        links.close()


def _list(names: Sequence[str], file: Path | None, runs: Path | None, as_json: bool) -> int:
    output, project = Output(), try_project(file)
    fleet = Fleet(ops.clock)
    root = find_runs_folder(file, runs, make=True)
    links = ops.hosts_of(root, project, fleet)
    if not links.hosts:
        output.say("no hosts: deeprl hosts add user@host, or a table [hosts.NAME] in experiments.toml")
        return ExitCode.OK
    asked = links.chosen(names or links.hosts)
    try:
        links.attach(asked)
        found = heard(fleet, asked, time.monotonic, time.sleep)
    finally:
        links.close()
    rows = []
    for name in asked:
        view = found.get(name) or HostView(name, fault="did not answer in time")
        if as_json:
            output.json(_record(links.hosts[name], view))
        rows.append(_row(links.hosts[name], view))
    if not as_json:
        output.table(COLUMNS, rows)
        for name in asked:
            if left := len(ops.left_on(root, name)):
                many = "1 run" if left == 1 else f"{left} runs"
                output.say(f"{name} need not keep {many} that it holds: deeprl hosts tidy {name}")
    bad = any(name not in found or found[name].fault for name in asked)
    return ExitCode.UNREACHABLE if bad else ExitCode.OK


def named(links: ops.Hosts, on: str) -> list[str]:
    """The hosts of `--on`: names and patterns between commas. Raises UnknownNameError, ConfigError."""
    names = links.chosen(filter(None, on.split(",")), here=True)
    if not names:
        raise misused("--on", "names no host", "vm-1,vm-2 or 'vm-*'; local is this machine")
    return names


def heard(
    fleet: Fleet, names: Sequence[str], monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> dict[str, HostView]:
    """Wait until each host spoke or failed, for a while; those that did."""
    deadline = monotonic() + ANSWER_S
    while True:
        views = {view.name: view for view in fleet.snapshot().hosts}
        done = {name: view for name, view in views.items() if view.fault or view.memory_total}
        if all(name in done for name in names) or monotonic() > deadline:
            return done
        sleep(0.05)


def say_left_out(output: Output, views: Mapping[str, HostView], names: Sequence[str]) -> None:
    """Say which hosts did not answer, and what is wrong with those that did."""
    for name in names:
        view = views.get(name)
        if view is None or view.fault:
            output.say(f"deeprl: {name} left out: {view.fault if view else 'did not answer in time'}")
        elif view.warning:
            output.say(f"deeprl: {name}: {view.warning}")


def _row(host: Host, view: HostView) -> tuple[Cell | str, ...]:
    if view.fault:
        return (Cell("✗", "red"), host.name, host.address, "", "", "", "", Cell(view.fault, "red"))
    heard = f"{clock(view.heard)}  {view.machine}  {view.version}"
    return (
        Cell("●", "yellow" if view.warning else "green"),
        host.name,
        host.address,
        str(len(view.cores)),
        str(len(view.held)),
        look.size(view.memory_total),
        look.size(view.disk_free),
        Cell(view.warning, "yellow") if view.warning else heard,
    )


def _record(host: Host, view: HostView) -> dict[str, Json]:
    return {
        "host": host.name,
        "address": host.address,
        "fault": view.fault or None,
        "warning": view.warning or None,
        "cores": len(view.cores),
        "runs": sorted(map(str, view.held)),
        "memory": view.memory_total,
        "disk_free": view.disk_free,
        "version": view.version,
        "machine": view.machine,
        "price": host.price,
    }
