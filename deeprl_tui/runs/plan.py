"""What would run: pure arithmetic over experiments, cores and measured throughput."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deeprl_tui.config import Experiment
from deeprl_tui.config.predict import SHARED, memory_bytes
from deeprl_tui.core import eta as etas
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.errors import RefusedError
from deeprl_tui.runs.spread import Room
from deeprl_tui.runs.stats import Throughput, expected, kind

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PlannedExperiment:
    """One experiment of a plan."""

    experiment: Experiment
    seeds: tuple[int, ...]
    new: int  # runs that are not there yet
    memory: int | None  # bytes of one run, predicted; None: unknown env
    each: Eta | None  # duration of one run; None: nothing was measured


@dataclass(frozen=True, slots=True)
class Plan:
    """What a launch would do."""

    parts: tuple[PlannedExperiment, ...]
    cores: tuple[int, ...]
    busy: int  # cores that other runs hold
    memory_peak: int | None  # bytes, with as many of the largest runs as fit at once
    memory_available: int
    core_hours: Eta | None
    finish: Eta | None  # seconds from now
    unmeasured: tuple[str, ...]  # kinds of work without a measurement

    @property
    def runs(self) -> int:
        """Runs that would be made."""
        return sum(part.new for part in self.parts)


def plan(
    experiments: Sequence[tuple[Experiment, tuple[int, ...]]],
    *,
    there: frozenset[RunId],
    cores: tuple[int, ...],
    busy: int,
    memory_available: int,
    measured: Mapping[str, Throughput],
    ahead: Sequence[Eta | None] = (),
) -> Plan:
    """Lay the runs of experiments, with their seeds, over the cores.

    there: runs that exist and are not made again; ahead: what the runs that go on or wait still need.
    """
    parts = []
    for experiment, seeds in experiments:
        specs = experiment.specs(seeds)
        parts.append(
            PlannedExperiment(
                experiment,
                seeds,
                sum(spec.id not in there for spec in specs),
                memory_bytes(specs[0]) if specs else None,
                expected(experiment.settings, measured.get(kind(experiment.env, experiment.settings))),
            )
        )
    work = [part.each for part in parts for _ in range(part.new)]
    known = [each for each in work if each is not None]
    complete = len(known) == len(work)
    sizes = sorted((part.memory or 0 for part in parts for _ in range(part.new)), reverse=True)
    known_memory = all(part.memory is not None for part in parts if part.new)
    return Plan(
        parts=tuple(parts),
        cores=cores,
        busy=busy,
        memory_peak=SHARED + sum(sizes[: len(cores)]) if known_memory and sizes else None,
        memory_available=memory_available,
        core_hours=etas.total(known).times(1 / HOUR) if complete and known else None,
        finish=etas.batch(ahead[:busy], [*ahead[busy:], *work], len(cores)) if complete and known else None,
        unmeasured=tuple(
            sorted(
                {
                    kind(part.experiment.env, part.experiment.settings)
                    for part in parts
                    if part.new and part.each is None
                }
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """What a host would get of a launch, and what that means there."""

    room: Room
    runs: int = 0  # new ones
    memory: int | None = None  # bytes that the new ones need at once; None: unknown, or there are none
    hours: Eta | None = None  # core hours of the new ones; None: unknown, or there are none
    finish: Eta | None = None  # seconds until nothing runs or waits there any more
    cost: Eta | None = None  # dollars for the time that it works longer; None: unknown

    @property
    def crowded(self) -> bool:
        """Whether the new runs need more memory than is free."""
        return self.memory is not None and 0 < self.room.memory < self.memory


def share(
    room: Room,
    new: Sequence[tuple[Eta | None, int | None]],
    running: Sequence[Eta | None] = (),
    waiting: Sequence[Eta | None] = (),
) -> Share:
    """Lay new runs over the cores of one host, behind what runs and waits there.

    new: how long each takes on a host of speed 1, and its bytes, in the order in which they start.
    """
    if not new:
        return Share(room, finish=etas.batch(running, waiting, room.cores))
    work = [each.times(1 / room.speed) if each is not None else None for each, _ in new]
    known = [each for each in work if each is not None]
    sizes = [size for _, size in new if size is not None]
    most = sorted(sizes, reverse=True)[: max(1, room.cores - len(running))]
    before = etas.batch(running, waiting, room.cores) or Eta(0.0, 0.0, 0.0)
    after = etas.batch(running, [*waiting, *work], room.cores)
    cost = None
    if room.price is not None and after is not None:
        longer = (after.low - before.low, after.mid - before.mid, after.high - before.high)
        cost = Eta(*(room.price * max(0.0, seconds) / HOUR for seconds in longer))
    return Share(
        room,
        len(new),
        SHARED + sum(most) if len(sizes) == len(new) else None,
        etas.total(known).times(1 / HOUR) if len(known) == len(new) else None,
        after,
        cost,
    )


def check_memory(specs: Iterable[RunSpec], available: int, host: str = "") -> None:
    """Raise RefusedError on a run that alone does not fit: hours later the kernel would kill its worker.

    available: bytes; 0 if nobody knows. host: whose they are; empty: this machine's.
    """
    for spec in specs:
        need = memory_bytes(spec)
        if need is not None and 0 < available < need + SHARED:
            raise RefusedError(
                f"a run needs {(need + SHARED) / 1e9:.1f} GB and {available / 1e9:.1f} GB are free",
                place=f"{host}: {spec.id.experiment}" if host else spec.id.experiment,
                remedy="lower buffer_size, or wait until other runs are over",
            )
