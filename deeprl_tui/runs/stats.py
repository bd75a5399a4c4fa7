"""Numbers about runs: the row that programs read, what a run of an env costs, and when a batch is done."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deeprl_tui.core import eta as etas
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta, Rate
from deeprl_tui.core.plugin import used
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView

SPREAD = 1.3
"""A run that has not begun is taken to be this much faster or slower than those it is judged by."""
ELSEWHERE = 3.0
"""A run of an env that was never seen may be this much faster or slower than those of other envs."""
UNKNOWN_LIMIT = 1000.0
"""Steps of the longest episode where the env's own limit is not in the settings."""


LEARNED = 5.0
"""Episodes of a trained policy are up to this much longer or shorter than those of a random one."""

TOLD = 300
"""Episodes after which their length says something about the rest of a run."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was measured of one kind of work."""

    steps_per_second: float
    length: float | None  # mean steps of an episode
    runs: int  # whose episodes it was taken from; 0: the first episodes of a policy that knows nothing yet


def row(view: RunView, now: float | None = None) -> dict[str, Json]:
    """One run as a flat record: the object of `deeprl ls --json`. Keys are only added.

    now: wall clock of its host, for `stalled_s`.
    """
    return {
        "run": str(view.id),
        "experiment": view.id.experiment,
        "seed": view.id.seed,
        "env": view.spec.env,
        "state": state.word(view.state),
        "reason": reason(view),
        "step": view.step,
        "total_steps": view.total_steps,
        "episodes": view.episodes,
        "total_episodes": view.total_episodes,
        "progress": round(view.progress, 4),
        "return_mean": view.return_mean,
        "length_mean": view.length_mean,
        "eval_mean": view.evals[-1].mean if view.evals else None,
        "loss": view.loss,
        "epsilon": view.epsilon,
        "steps_per_second": view.steps_per_second,
        "cpu": view.cpu,
        "rss": view.rss,
        "eta_s": view.eta.mid if view.eta else None,
        "eta_low_s": view.eta.low if view.eta else None,
        "eta_high_s": view.eta.high if view.eta else None,
        "host": view.host or None,
        "cores": list(view.cores),
        "pid": view.pid or None,
        "attempt": view.attempt,
        "backend": view.backend or None,
        "solved_at": view.solved_at,
        "checkpoint_step": view.checkpoint_step,
        "exact": not view.inexact,
        "bad_lines": view.bad_lines,
        "best_mean": view.best_mean,
        "collapsed_at": view.collapsed,
        "stalled_s": None if now is None else state.stalled(view, now),
    }


def reason(view: RunView) -> str | None:
    """Why a run is in its state, where that needs a word."""
    match view.state:
        case state.Failed(error=error):
            return error
        case state.Queued(why=why) if why:
            return why
        case state.Running() if view.waiting:
            return view.waiting
        case state.Lost():
            return "its worker died; a supervisor starts it again: deeprl resume"
        case _:
            return None


def kind(env: str, settings: Mapping[str, Json]) -> str:
    """Name work that costs about the same for each env step: env, images, updates a step, size of the net.

    Between the study's experiments of one env these make a factor of more than 100.
    """
    parts = [env, *(path for key, path in used(env, settings) if key != "env")]
    if settings.get("pixels"):
        parts.append("pixels")
    updates, every = settings.get("gradient_steps"), settings.get("train_freq")
    if isinstance(updates, int) and isinstance(every, int) and every and updates != every:
        parts.append(f"{updates / every:g} updates a step")
    arch = settings.get("net_arch")
    if isinstance(arch, Sequence):
        widths = [width for width in arch if isinstance(width, int)]
        weights = sum(one * next_one for one, next_one in zip([8, *widths], [*widths, 4], strict=True))
        # Powers of four: 1k is [32] to [128], 4k is [64, 64], 65k is [256, 256].
        parts.append(f"about {4 ** round(math.log(max(weights, 4), 4))} weights")
    return ", ".join(parts)


def throughput(views: Iterable[RunView]) -> dict[str, Throughput]:
    """Speed and episode length by kind of work, from runs that have trained."""
    speeds: dict[str, list[float]] = {}
    early: dict[str, list[float]] = {}
    lengths: dict[str, list[float]] = {}
    kinds: dict[int, str] = {}  # by settings, which all seeds of an experiment at rest share
    for view in views:
        speed = view.steps_per_second
        # A minute of training or a finished run: less says little.
        if speed and (view.clock >= 20 or isinstance(view.state, state.Finished)):
            settings = view.spec.settings
            work = kinds.get(id(settings)) or kinds.setdefault(id(settings), kind(view.spec.env, settings))
            speeds.setdefault(work, []).append(speed)
            length = etas.episode_length(view.curves["length"])
            middle = length.mid if length is not None else view.length_mean
            if middle is not None:
                told = lengths if view.episodes >= TOLD else early
                told.setdefault(work, []).append(middle)
    return {
        work: Throughput(
            _median(found),
            _median(lengths.get(work) or early[work]) if work in lengths or work in early else None,
            len(lengths.get(work, ())),
        )
        for work, found in speeds.items()
    }


def expected(settings: Mapping[str, Json], speed: Throughput | None) -> Eta | None:
    """How long a run with these settings will take from its start; None while nothing was measured."""
    if speed is None:
        return None
    steps, episodes = settings.get("total_timesteps"), settings.get("total_episodes")
    return etas.remaining(
        step=0,
        total_steps=steps if isinstance(steps, int) else None,
        episodes=0,
        total_episodes=episodes if isinstance(episodes, int) else None,
        rate=_around(speed.steps_per_second),
        length=_length(settings, speed),
    )


def ends(
    views: Iterable[RunView],
    cores: int | Mapping[str, int],
    known: Mapping[str, Throughput] = MappingProxyType({}),
    homes: Mapping[RunId, str] = MappingProxyType({}),
) -> tuple[dict[RunId, Eta | None], Eta | None]:
    """Seconds until each run ends when waiting ones take the cores that become free, and until all have.

    Runs that are over are left out; None where too little is known.
    cores: how many train at once, here or on each host. known: speeds by kind of work for runs that these
    views say nothing about. homes: the hosts of those runs that do not live here; a run waits for a core of
    its own host, and is judged by what ran there first.
    """
    views = list(views)
    places = {"": cores} if isinstance(cores, int) else cores
    measured = dict(known)
    unsure = any(view.eta is None and not state.is_over(view.state) for view in views)
    if unsure:  # else each is judged by itself
        measured |= throughput(views)
    there_are: dict[str, list[RunView]] = {}
    for view in views:
        there_are.setdefault(homes.get(view.id, ""), []).append(view)
    found: dict[RunId, Eta | None] = {}
    for place, there in there_are.items():
        own = measured | throughput(there) if unsure and homes else measured
        found |= _ends(there, places.get(place, 0), own)
    return found, etas.last(list(found.values()))


def _ends(
    views: Sequence[RunView], cores: int, measured: Mapping[str, Throughput]
) -> dict[RunId, Eta | None]:
    living = [view for view in views if isinstance(view.state, state.Running | state.Stopping)]
    waiting = [view for view in views if isinstance(view.state, state.Queued | state.Lost)]
    waiting.sort(key=lambda view: getattr(view.state, "since", 0.0))
    running = [rest(view, measured) for view in living]
    queued = [rest(view, measured) if cores else None for view in waiting]
    after = etas.schedule(running, queued, cores)
    return dict(zip([view.id for view in (*living, *waiting)], (*running, *after), strict=True))


def rest(view: RunView, measured: Mapping[str, Throughput]) -> Eta | None:
    """How long a run will still take, judged by itself, by runs of its kind, or widely by others.

    None while nothing at all was measured.
    """
    if view.eta is not None:
        return view.eta
    settings, left = view.spec.settings, 1.0 - view.progress
    whole = expected(settings, measured.get(kind(view.spec.env, settings)))
    if whole is None and measured:
        near_kin = [one for work, one in measured.items() if work.split(",")[0] == view.spec.env]
        speed = _median([one.steps_per_second for one in near_kin or measured.values()])
        limit = settings.get("max_episode_steps")
        longest = float(limit) if isinstance(limit, int) else UNKNOWN_LIMIT
        near = expected(settings, Throughput(speed, longest / ELSEWHERE, 1))
        whole = Eta(near.low / ELSEWHERE, near.mid, near.high * ELSEWHERE) if near else None
    return whole.times(left) if whole else None


def _length(settings: Mapping[str, Json], speed: Throughput) -> Rate | None:
    if speed.length is None:
        return None
    if speed.runs:
        return _around(speed.length)
    # A policy that learns makes episodes longer or shorter by up to this factor, within the time limit.
    limit = settings.get("max_episode_steps")
    high = float(limit) if isinstance(limit, int) else speed.length * LEARNED
    low = min(speed.length, high / LEARNED)
    return Rate(low, math.sqrt(low * high), high)


def _around(value: float) -> Rate:
    return Rate(value / SPREAD, value, value * SPREAD)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
