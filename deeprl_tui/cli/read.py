"""`deeprl ls`, `tail` and `logs`: reading runs. Needs no experiments.toml."""

import json
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, LongFile, Runs, find_runs_folder, misused
from deeprl_tui.cli.table import Cell, Column, Value
from deeprl_tui.cli.told import EventText
from deeprl_tui.core import events, state
from deeprl_tui.core.events import Line, encode
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.log import LineReader, read_bytes
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import uncolored
from deeprl_tui.runs import stats

POLL_S = 0.25

Patterns = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="[RUN]...", help="experiment, experiment/seed or pattern.", autocompletion=complete_runs
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="experiment, experiment/seed or pattern.", autocompletion=complete_runs
    ),
]

FIELDS = (
    "run", "state", "progress", "step", "total_steps", "episodes", "total_episodes", "return_mean",
    "steps_per_second", "cpu", "eta_s", "host", "cores", "attempt", "reason",
)  # fmt: skip
"""The fields of `ls` in a pipe, in their order. New ones come last."""

COLUMNS = (
    Column("  run", cut=True, least=26),
    Column("progress", rank=5),
    Column("done", right=True),
    Column("return", right=True),
    Column("eval", right=True, rank=7),
    Column("steps/s", right=True, rank=4),
    Column("cpu", right=True, rank=6),
    Column("eta", right=True, rank=2),
    Column("core", right=True, rank=8),
    Column("", cut=True, rank=1, least=20),
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(name="ls")(list_runs)
    app.command()(tail)
    app.command()(logs)


def list_runs(
    patterns: Patterns = None,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--state", metavar="STATE", help="Only runs in this state; may be repeated."),
    ] = None,
    where: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", metavar="FILTER", help="For example: 'env:Lunar net_arch:64 return>100'."),
    ] = None,
    header: Annotated[bool, typer.Option("--header", help="Name the fields in a pipe.")] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """List runs.

    A table on a terminal; in a pipe one line for each, tab-separated.
    """
    output = Output()
    words = [state.word(kind) for kind in state.STATES]
    for word in only or ():
        if word not in words:
            raise misused("--state", f'no state "{word}"', f"there are {', '.join(words)}")
    root = find_runs_folder(file, runs)
    views, damaged = ops.list_runs(root, patterns or (), where or "")
    for error in damaged:
        output.say(f"deeprl: {error}")
    views = [view for view in views if not only or state.word(view.state) in only]
    if as_json:
        for view in views:
            output.json(stats.row(view, ops.clock_of(view)))
    elif not output.terminal:
        if header:
            output.record(FIELDS)
        for view in views:
            row = stats.row(view)
            output.record(row[field] for field in FIELDS)
    elif views:
        output.table(COLUMNS, [table_row(view, 12) for view in views])
    if not views and not patterns and not only and not where:
        output.say("no runs yet; deeprl run NAME starts some")
    return 0


def tail(
    names: Names,
    count: Annotated[
        int, typer.Option("-n", "--lines", min=0, help="Events of the past to begin with.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until the runs are over.")
    ] = True,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Show the events of runs as they happen."""
    output = Output()
    found = ops.find_runs(find_runs_folder(file, runs), names)
    tails = [Tail(run, paths) for run, paths in found]
    wide = max(len(str(run)) for run, _ in found)
    for one in tails:
        for attempt, line, text in deque(one.read(), maxlen=count):
            _event(output, one.run, attempt, line, text, wide, as_json)
    while follow:
        for one in tails:
            for attempt, line, text in one.read():
                _event(output, one.run, attempt, line, text, wide, as_json)
        if all(one.over for one in tails):
            break
        time.sleep(POLL_S)
    return 0


def logs(
    name: Annotated[str, typer.Argument(metavar="RUN", autocompletion=complete_runs)],
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines of the past.")] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False,
    file: LongFile = None,
    runs: Runs = None,
) -> int:
    """Show what the workers of a run printed."""
    output = Output()
    found = ops.find_runs(find_runs_folder(file, runs), [name])
    if len(found) > 1:
        raise misused(
            name, f"is {len(found)} runs", f"name one of them: {', '.join(str(run) for run, _ in found[:4])}"
        )
    run, paths = found[0]
    offset = paths.worker_log.stat().st_size if paths.worker_log.exists() else 0
    past = ops.worker_log(paths, count) if count else []
    for line in past:
        output.line(uncolored(line))
    if not past and not follow:
        output.say(f"{run} has printed nothing")
    told = Tail(run, paths)
    while follow:
        deque(told.read(), maxlen=0)  # before the log: what was printed before the end is shown
        data = read_bytes(paths.worker_log, offset)
        offset += len(data)
        for line in data.decode(errors="replace").splitlines():
            output.line(uncolored(line))
        if told.over and not data:
            break
        time.sleep(POLL_S)
    return 0


class Tail:
    """One run's events from where the reader stopped."""

    def __init__(self, run: RunId, paths: RunPaths) -> None:
        self.run = run
        self._paths = paths
        self._offsets: dict[int, int] = {}
        self._readers: dict[int, LineReader] = {}
        self._texts = EventText()
        self.over = False  # nothing more will come

    def read(self) -> Iterator[tuple[int, Line, str]]:
        """What is new: attempt, event, and the event in words."""
        try:
            attempts = self._paths.attempts()
        except FileNotFoundError:  # archived
            attempts, self.over = [], True
        for attempt in attempts:
            reader = self._readers.setdefault(attempt, LineReader())
            while data := read_bytes(self._paths.events(attempt), self._offsets.get(attempt, 0)):
                self._offsets[attempt] = self._offsets.get(attempt, 0) + len(data)
                for line in reader.feed(data):
                    match line.event:
                        case events.End(outcome=outcome):
                            self.over = outcome != "interrupted"
                        case events.Queued() | events.Start():
                            self.over = False
                    yield attempt, line, self._texts.tell(line)


def _event(output: Output, run: RunId, attempt: int, line: Line, text: str, wide: int, as_json: bool) -> None:
    if as_json:
        body: dict[str, Json] = json.loads(encode(line)) if line.event.kind else {"n": line.n, "t": line.t}
        body.pop("c", None)
        output.json({"run": str(run), "attempt": attempt, **body})
    else:
        clock, _, words = text.partition(" ")
        output.line(Cell(clock, "dim"), "  ", f"{run!s:<{wide}}", "  ", words)


def table_row(view: RunView, width: int) -> tuple[Value, ...]:
    cores = ",".join(map(str, view.cores))
    live = isinstance(view.state, state.Running | state.Stopping)
    return (
        look.name(view),
        look.bar(view, width),
        look.done(view),
        look.number(view.return_mean),
        look.number(view.evals[-1].mean) if view.evals else "",
        look.count(view.steps_per_second) if view.steps_per_second else "",
        look.share(view.cpu) if live else "",
        look.span(view.eta) if view.eta else "",
        cores if live else "",
        Cell(remark(view), _tone(view)),
    )


def _tone(view: RunView) -> str:
    if isinstance(view.state, state.Failed | state.Lost):
        return "red"
    return "yellow" if look.trouble(view, ops.clock_of(view)) else "dim"


def remark(view: RunView) -> str:
    """Why a run is as it is, where that is worth a word."""
    if isinstance(view.state, state.Running | state.Finished):
        return look.trouble(view, ops.clock_of(view))
    word = state.word(view.state)
    reason = stats.reason(view)
    if isinstance(view.state, state.Queued):
        return "" if reason in (None, "launched") else f"{word}: {reason}"
    return f"{word}: {reason}" if reason else word
