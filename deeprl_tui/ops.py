"""One function per thing a user can ask for; both front ends call these and nothing below.

Rule: no printing, no asking, no screen. Every request may be repeated.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from deeprl_tui import config
from deeprl_tui.config import Checked, Experiment, Project
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import FileLock, is_held
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError, LockHeldError, RefusedError, RunDirectoryError, UnknownNameError
from deeprl_tui.launch import local
from deeprl_tui.monitor.feed import LocalFeed
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.machine import memory
from deeprl_tui.runs import code, load, stats
from deeprl_tui.runs import measured as measurements
from deeprl_tui.runs.code import CodeFile as CodeFile
from deeprl_tui.runs.code import trust as trust
from deeprl_tui.runs.find import find_runs as find_runs  # both front ends ask for these as they stand
from deeprl_tui.runs.find import worker_log as worker_log
from deeprl_tui.runs.plan import Plan, check_memory
from deeprl_tui.runs.plan import plan as make_plan
from deeprl_tui.runs.stats import Throughput
from deeprl_tui.runs.store import Already, Ask, Created, Made, RunStore
from deeprl_tui.supervisor.slots import cgroup_quota, core_lock, core_locks, free_cores, usable_cores

RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Request:
    """Experiments with the seeds to run; made by `choose`, taken by `plan` and `launch`."""

    parts: tuple[tuple[Experiment, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch did."""

    made: tuple[Made, ...]
    archived: tuple[Path, ...]

    @property
    def ids(self) -> tuple[RunId, ...]:
        """All runs that were asked for."""
        return tuple(made.id for made in self.made)

    @property
    def created(self) -> int:
        """Runs that are new."""
        return sum(isinstance(made, Created) for made in self.made)

    @property
    def already(self) -> tuple[Already, ...]:
        """Runs that were there."""
        return tuple(made for made in self.made if isinstance(made, Already))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request to one run."""

    run: RunId
    done: bool
    text: str


def find_project(start: Path) -> Path:
    """Find the nearest experiments.toml, from a folder upwards. Raises UnknownNameError if there is none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / config.FILE).is_file():
            return folder / config.FILE
    raise UnknownNameError(
        f"no {config.FILE} here or above",
        place=str(start),
        remedy="go to a project's folder, name its file with --file, or make one: deeprl init",
    )


def runs_root(file: Path) -> Path:
    """The runs folder of a project."""
    return file.resolve().parent / RUNS


def make_project(folder: Path) -> Path:
    """Write an experiments.toml to start from. Raises RefusedError if there is one."""
    file = folder / config.FILE
    text = resources.files(config).joinpath("example.toml").read_text(encoding="utf-8")
    try:
        with open(file, "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise RefusedError(
            "is there already", place=str(file), remedy="edit it, or go to another folder"
        ) from None
    return file


def check(file: Path) -> Checked:
    """Check an experiments.toml and report every problem."""
    return config.check(file)


def check_if_changed(file: Path, stamp: object) -> tuple[object, Checked | None]:
    """Check a file again if it, or code that it names, is not what it was; None if all is.

    Keep the stamp for the next call.
    """
    looked_at = tuple(stamp) if isinstance(stamp, dict) else (file,)
    now = {path: _stamp(path) for path in looked_at}
    if now == stamp:
        return stamp, None
    checked = config.check(file)
    return {file: now[file], **{path: _stamp(path) for path in checked.files}}, checked


def _stamp(file: Path) -> object:
    try:
        stat = file.stat()
    except OSError as error:
        return error.errno
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def code_files(project: Project) -> list[CodeFile]:
    """List the code that a project's experiments use, and whether this user trusts it; see `trust`."""
    return code.files(project.experiments.values(), Path(project.path).parent)


def choose(
    project: Project, names: Iterable[str], seeds: str | None = None, overrides: Iterable[str] = ()
) -> Request:
    """Turn names, `--seeds` and `--set`s into experiments with seeds. Raises on anything unknown."""
    values = dict(config.parse_override(text) for text in overrides)
    parts = []
    for found in config.select(project, names):
        experiment = config.override(found, values) if values else found
        own = experiment.seeds
        parts.append((experiment, own if seeds is None else config.parse_seeds(seeds, own[0] if own else 0)))
    return Request(tuple(parts))


def cores() -> tuple[int, ...]:
    """The cores that workers may be pinned to on this machine."""
    return usable_cores(os.sched_getaffinity(0), cgroup_quota())


def plan(request: Request, root: Path, views: Mapping[RunId, RunView] | None = None) -> Plan:
    """Say what a launch would do, before it does."""
    if views is None:
        views = views_of(root)
    alive = [view for view in views.values() if isinstance(view.state, state.Running | state.Stopping)]
    waiting = [view for view in views.values() if isinstance(view.state, state.Queued | state.Lost)]
    measured = {**speeds(root), **stats.throughput(views.values())}
    used, total = memory()
    return make_plan(
        request.parts,
        there=frozenset(views),
        cores=cores(),
        busy=len(alive),
        memory_available=total - used,
        measured=measured,
        ahead=[view.eta for view in alive] + [stats.rest(view, measured) for view in waiting],
    )


def speeds(root: Path) -> dict[str, Throughput]:
    """What `measure` found on this machine, by kind of work."""
    return measurements.load(root, measurements.machine())


def kind(experiment: Experiment) -> str:
    """What work the runs of an experiment are; runs of one kind are equally fast."""
    return stats.kind(experiment.env, experiment.settings)


def measure(experiment: Experiment, root: Path, *, seconds: float = 5.0) -> Throughput:
    """Train an experiment for some seconds, writing no run, and remember its speed for later plans.

    Raises DeeprlError if that fails, if every core is busy (it would disturb, and be disturbed), or if the
    experiment needs code that is not trusted.
    """
    (spec,) = code.specs(experiment, (0,), root.parent)
    locks = core_locks()
    for core in free_cores(cores(), locks):
        try:
            held = FileLock.acquire(core_lock(locks, core), f"pid {os.getpid()} measuring")
        except LockHeldError:
            continue
        with held:
            speed = local.measure(spec, seconds, core, root.parent)
        measurements.save(root, measurements.machine(), kind(experiment), speed)
        return speed
    raise DeeprlError(
        "all cores are busy", place=f"measuring {experiment.name}", remedy="plan again when one is free"
    )


def launch(request: Request, root: Path, *, fresh: bool = False) -> Launched:
    """Make the run directories, all or none of an experiment. Starts nothing: see `supervise`.

    Raises RefusedError if an experiment was run with other settings or code, needs code that is not trusted,
    with fresh, is running, or if one of its runs alone needs more memory than is free.
    """
    store = RunStore(root)
    specs = [spec for part, seeds in request.parts for spec in code.specs(part, seeds, root.parent)]
    used, total = memory()
    check_memory((one for one in specs if fresh or not store.paths.run(one).spec.exists()), total - used)
    archived = []
    if fresh:
        for experiment, _ in request.parts:
            gone = store.archive(experiment.name)
            if gone is not None:
                archived.append(gone)
    for spec in specs:
        store.check(spec)
    return Launched(tuple(store.create(spec) for spec in specs), tuple(archived))


def conflicts(request: Request, root: Path) -> list[DeeprlError]:
    """What a launch would be refused for: one error for each experiment."""
    store, found = RunStore(root), []
    for experiment, seeds in request.parts:
        try:
            for spec in code.specs(experiment, seeds[:1], root.parent):
                store.check(spec)
        except DeeprlError as error:
            found.append(error)
    return found


def supervise(root: Path, *, cores: int | None = None, child: bool = False) -> subprocess.Popen[bytes] | None:
    """See that somebody starts the queued runs; None if a supervisor is there already.

    child: keep it in our session, to be ended with us.
    """
    return local.ensure_supervisor(root, cores=cores, detached=not child)


def supervised(root: Path) -> bool:
    """Whether a supervisor works on a runs folder."""
    return is_held(RootPaths(root).supervisor_lock)


def watch(root: Path, fleet: Fleet) -> LocalFeed:
    """Begin to follow a runs folder of this machine."""
    feed = LocalFeed(root, fleet, cores())
    feed.start()
    return feed


def views_of(root: Path) -> dict[RunId, RunView]:
    """Read all runs of a folder that can be read."""
    return {view.id: view for _, view in load.load_all(root) if isinstance(view, RunView)}


def read_runs(root: Path, patterns: Sequence[str] = ()) -> tuple[list[RunView], list[RunDirectoryError]]:
    """Read the runs that match, all without a pattern: views, and what cannot be read with the reason.

    Raises UnknownNameError for the first pattern without any run.
    """
    folders = [paths for _, paths in find_runs(root, patterns)] if patterns else RootPaths(root).runs()
    views, errors = [], []
    for _, found in load.load_each(folders):
        if isinstance(found, RunView):
            views.append(found)
        else:
            errors.append(found)
    return sorted(views, key=lambda view: view.id), errors


def ask(root: Path, patterns: Sequence[str], what: Ask) -> list[Answer]:
    """Ask runs to stop or to pause at their next checkpoint."""
    store = RunStore(root)
    return [_each(run, partial(_ask, store, paths, what)) for run, paths in find_runs(root, patterns)]


def resume(
    root: Path, patterns: Sequence[str], *, start: Callable[[Path], object] | None = None
) -> list[Answer]:
    """Put paused, stopped, failed and lost runs back into the queue, and see that somebody starts them.

    start: who sees to that; `supervise` by default.
    """
    store = RunStore(root)
    answers = [_each(run, partial(_resume, store, paths)) for run, paths in find_runs(root, patterns)]
    if any(isinstance(view.state, state.Queued | state.Lost) for view in views_of(root).values()):
        (start or supervise)(root)
    return answers


def run_log(root: Path, run: RunId, lines: int) -> list[str]:
    """The same of a run by its name; nothing if it is gone."""
    paths = RunStore(root).find(run)
    return worker_log(paths, lines) if paths is not None else []


def clock() -> float:
    """Wall clock of this machine."""
    return time.time()


def _ask(store: RunStore, paths: RunPaths, what: Ask) -> tuple[bool, str]:
    before = load.load_view(paths)
    if state.is_over(before.state) and not (what == "stop" and isinstance(before.state, state.Paused)):
        return False, f"is {state.word(before.state)} already"
    store.ask(paths, what)
    after = load.load_view(paths)
    if state.is_over(after.state):
        return True, state.word(after.state)
    return True, "stops at its next checkpoint" if what == "stop" else "pauses at its next checkpoint"


def _resume(store: RunStore, paths: RunPaths) -> tuple[bool, str]:
    view = load.load_view(paths)
    if store.requeue(paths, "resumed by request"):
        at = view.checkpoint_step
        return True, f"queued, goes on from step {at}" if at else "queued"
    return False, f"is {state.word(view.state)}"


def _each(run: RunId, act: Callable[[], tuple[bool, str]]) -> Answer:
    try:
        return Answer(run, *act())
    except (OSError, DeeprlError) as error:
        return Answer(run, False, str(error))
