"""Getting runs going: what a launch would do, doing it, and seeing that somebody starts them."""

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deeprl_tui.config import Experiment
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock, is_held
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError, LockHeldError
from deeprl_tui.launch import local
from deeprl_tui.monitor.machine import disk_free, memory
from deeprl_tui.ops.project import Request
from deeprl_tui.ops.reading import cores, views_of
from deeprl_tui.runs import code, stats
from deeprl_tui.runs import measured as measurements
from deeprl_tui.runs.plan import Plan, check_memory
from deeprl_tui.runs.plan import plan as make_plan
from deeprl_tui.runs.spread import Room
from deeprl_tui.runs.stats import Throughput
from deeprl_tui.runs.store import Already, Created, Made, RunStore
from deeprl_tui.supervisor.slots import core_lock, core_locks, free_cores


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


def plan(
    request: Request,
    root: Path,
    views: Mapping[RunId, RunView] | None = None,
    rooms: Collection[Room] = (),
) -> Plan:
    """Say what a launch would do, before it does. rooms: the hosts it is for; this machine by default."""
    if views is None:
        views = views_of(root)
    alive = [view for view in views.values() if isinstance(view.state, state.Running | state.Stopping)]
    waiting = [view for view in views.values() if isinstance(view.state, state.Queued | state.Lost)]
    measured = {**speeds(root), **stats.throughput(views.values())}
    used, total = memory()
    return make_plan(
        request.parts,
        there=frozenset(views),
        cores=tuple(range(sum(room.cores for room in rooms))) if rooms else cores(),
        busy=sum(room.busy for room in rooms) if rooms else len(alive),
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
    wanted = specs(request, root)
    used, total = memory()
    check_memory((one for one in wanted if fresh or not store.paths.run(one).spec.exists()), total - used)
    archived = []
    if fresh:
        for experiment, _ in request.parts:
            gone = store.archive(experiment.name)
            if gone is not None:
                archived.append(gone)
    return Launched(launch_specs(wanted, root).made, tuple(archived))


def specs(request: Request, root: Path) -> list[RunSpec]:
    """Describe the runs of a request. Raises RefusedError for code that is not trusted."""
    return [spec for part, seeds in request.parts for spec in code.specs(part, seeds, root.parent)]


def launch_specs(wanted: Sequence[RunSpec], root: Path) -> Launched:
    """Make the run directories of these runs. Raises RefusedError as `launch` does."""
    store = RunStore(root)
    for spec in wanted:
        store.check(spec)
    return Launched(tuple(store.create(spec) for spec in wanted), ())


def conflicts(request: Request, root: Path, *, fresh: bool = False) -> list[DeeprlError]:
    """What a launch would be refused for: one error for each experiment. fresh: older runs do not count."""
    store, found = RunStore(root), []
    for experiment, seeds in request.parts:
        try:
            for spec in code.specs(experiment, seeds[:1], root.parent):
                if not fresh:
                    store.check(spec)
        except DeeprlError as error:
            found.append(error)
    return found


def disk(
    request: Request, root: Path, views: Mapping[RunId, RunView], *, there: frozenset[RunId]
) -> tuple[int | None, int]:
    """Bytes that the runs of a launch will write, judged by finished runs of their kind, and bytes free.

    there: runs that are not made again. None where nothing of a kind was finished yet.
    """
    free = disk_free(root if root.exists() else root.parent)
    sizes: dict[str, list[int]] = {}
    paths, total = RootPaths(root), 0
    for experiment, seeds in request.parts:
        new = sum(RunId(experiment.name, seed) not in there for seed in seeds)
        work = kind(experiment)
        if work not in sizes:
            done = (
                view
                for view in views.values()
                if isinstance(view.state, state.Finished)
                and view.spec.env == experiment.env
                and stats.kind(view.spec.env, view.spec.settings) == work
            )
            sizes[work] = [_size(paths.run(view.spec).folder) for view in islice(done, 3)]
        if new and not sizes[work]:
            return None, free
        total += new * max(sizes[work], default=0)
    return total, free


def _size(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())


def supervise(root: Path, *, cores: int | None = None, child: bool = False) -> subprocess.Popen[bytes] | None:
    """See that somebody starts the queued runs; None if a supervisor is there already.

    child: keep it in our session, to be ended with us.
    """
    return local.ensure_supervisor(root, cores=cores, detached=not child)


def supervised(root: Path) -> bool:
    """Whether a supervisor works on a runs folder."""
    return is_held(RootPaths(root).supervisor_lock)
