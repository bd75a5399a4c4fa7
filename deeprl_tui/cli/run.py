"""`deeprl run`: launch, see that somebody starts the runs, and watch them until they are over.

Without --headless the supervisor is on its own and ctrl+c only stops looking. With it the supervisor is our
child: a signal that ends us brings the workers to their checkpoints first.
"""

import signal
import time
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, load_project, misused
from deeprl_tui.cli.plan import Names, Seeds, Sets, derived, warnings
from deeprl_tui.cli.screens import Manner, Notify
from deeprl_tui.cli.watch import Interrupt, Keeper, Scene, held_back, scene, verdict, watch
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import ExitCode
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.ops import Launched
from deeprl_tui.runs import stats
from deeprl_tui.runs.store import Already

HELD_BACK = (state.Stopped, state.Paused, state.Failed)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(run)


def run(
    names: Names,
    seeds: Seeds = None,
    sets: Sets = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="For scripts: plain lines, and a signal ends the workers too.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Archive the older runs of these experiments.")
    ] = False,
    cores: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--cores", min=1, metavar="N", help="Use at most so many cores."),
    ] = None,
    notify: Notify = None,
    on: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--on", metavar="HOST,...", help="Train on these hosts, 'vm-*' too; local is this machine."
        ),
    ] = None,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Train experiments, one core for each run.

    Watches until all are over. Exits 0 only if all finished.
    """
    output, manner = Output(), Manner(headless, as_json, notify)
    manner.check()
    project = load_project(file)
    request = ops.choose(project, names, seeds, sets or ())
    root = find_runs_folder(file, runs, make=True)
    for name in derived(request) if sets else ():
        output.say(f"filed as {name}")
    if on is not None:
        from deeprl_tui.cli.attach import run_on

        if fresh:
            raise misused("--fresh", "archives runs of this machine alone", "leave --on out")
        if cores is not None:
            raise misused("--cores", "is for this machine alone", "write cores into [hosts.NAME]")
        return run_on(output, project, request, root, on, manner)
    for warning in warnings(ops.plan(request, root, views={})):
        output.say(f"deeprl: warning: {warning}")
    launched = ops.launch(request, root, fresh=fresh)
    tell(output, launched)
    last, code = follow(output, root, launched, cores=cores, manner=manner)
    if last is not None and as_json:
        for view in last.runs:
            output.json(stats.row(view))
    return code


def tell(output: Output, launched: Launched) -> None:
    """Say what the launch made and what was there."""
    for folder in launched.archived:
        output.say(f"archived the older runs in {folder}")
    if launched.created:
        output.say(f"{_runs(launched.created)} queued")
    for line in held_back([there.view for there in launched.already]):
        output.say(line)
    words: dict[str, list[Already]] = {}
    for there in launched.already:
        words.setdefault(state.word(there.view.state), []).append(there)
    for word, those in words.items():
        if not isinstance(those[0].view.state, HELD_BACK):
            output.say(f"{those[0].id if len(those) == 1 else _runs(len(those))} already {word}")


def follow(
    output: Output,
    root: Path,
    launched: Launched,
    *,
    cores: int | None,
    manner: Manner,
) -> tuple[Scene | None, int]:
    """Watch the launched runs; the last picture and the exit code."""
    headless = manner.headless
    keeper = Keeper(lambda: ops.supervise(root, cores=cores, child=headless), time.monotonic)
    fleet, speeds = Fleet(), ops.speeds(root)
    with Interrupt() as interrupt:
        if _waits(launched):
            keeper.begin()
            if keeper.process is None and cores is not None:
                output.say("a supervisor works here already: --cores changes nothing")
        feed = ops.watch(root, fleet)
        try:
            last = watch(
                lambda: scene(fleet.snapshot(), launched.ids, cores=cores, speeds=speeds),
                manner.screen(output, root.resolve().parent.name),
                keeper,
                interrupt.wait,
            )
        finally:
            feed.close()
        if interrupt.number is not None:
            _leave(output, keeper, interrupt.number, launched.ids, headless=headless)
            return last, interrupt.exit_code
    if last is None:
        return None, ExitCode.FAILED
    for line in verdict(last):
        output.say(line)
    return last, ExitCode.OK if last.finished else ExitCode.FAILED


def _waits(launched: Launched) -> bool:
    waiting = state.Queued | state.Lost
    return launched.created > 0 or any(isinstance(one.view.state, waiting) for one in launched.already)


def _leave(
    output: Output, keeper: Keeper, number: signal.Signals, ids: tuple[RunId, ...], *, headless: bool
) -> None:
    names = " ".join(dict.fromkeys(run.experiment for run in ids))
    if headless and keeper.process is not None:
        output.say(f"{number.name}: the workers go to their checkpoints; the same command goes on from there")
        if not keeper.end():
            output.say(f"its supervisor, pid {keeper.process.pid}, is still at it; deeprl ls shows the runs")
        return
    output.say(f"the runs go on; deeprl stop {names} stops them, deeprl ls shows them")


def _runs(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
