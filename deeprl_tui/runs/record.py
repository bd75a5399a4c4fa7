"""What is known of one run without its curves: a row of the results, and what the index keeps.

Rule: a record is made from a view and from nothing else. Read back it is checked like anything from a disk:
a wrong type is an error, never a value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from deeprl_tui.core import state
from deeprl_tui.core.curve import Curve
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.state import METRICS, EvalPoint, Note, RunState, RunView
from deeprl_tui.core.tally import Returns
from deeprl_tui.runs import stats


@dataclass(frozen=True, slots=True)
class Record:
    """One run without its curves. Fields are only added."""

    id: RunId
    # What it is: equal for all seeds of an experiment.
    env: str
    algo: str
    baseline: str | None  # the experiment that this one is compared with
    solved: float | None  # return at which the env counts as solved
    settings: Mapping[str, Json]
    changes: Mapping[str, tuple[Json, Json]]  # key: (baseline's, ours)
    code: Mapping[str, str]
    digest: str  # of the settings
    # How it stands.
    state: str  # word of core.state
    reason: str  # why, where that needs a word
    began: float | None  # wall clock of its host
    ended: float | None
    step: int
    total_steps: int | None
    episodes: int
    total_episodes: int | None
    progress: float  # share of its budget, 0 to 1
    # What it reached.
    score: float | None  # mean return of its last 100 episodes, or fewer: what verdicts compare
    best: float | None  # highest mean return of 100 episodes
    best_eval: float | None  # highest mean of an evaluation
    best_step: int | None  # of that evaluation
    last_eval: float | None
    evals: int
    solved_at: int | None  # step at which the 100-episode mean first reached the threshold
    solved_episode: int | None
    auc: float | None  # area under the return curve over env steps, divided by the steps: a mean return
    mean: float | None  # these five: the study's, from episode 150 on, see core.tally.Returns
    variance: float | None
    p_solved: float | None
    p_solved_90: float | None
    p_catastrophic: float | None  # None while the run lives
    collapsed: int | None  # step since which it has lost what it learned
    length: float | None  # mean steps of its last 100 episodes
    loss: float | None
    epsilon: float | None
    trend: tuple[float, ...]  # a few means of its returns, in order; empty while the run lives
    # What it cost.
    steps_per_second: float | None
    seconds: float  # of training
    cpu_seconds: float | None  # of all attempts
    rss: int | None  # bytes
    host: str
    pid: int
    cores: tuple[int, ...]
    backend: str
    attempts: int
    exact: bool  # every resume went on to the bit
    bad_lines: int
    checkpoint_step: int | None

    def to_json(self) -> dict[str, Json]:
        """As plain values; `run` is its name."""
        body: dict[str, Json] = {"run": str(self.id)}
        for name in SHARED:
            body[name] = plain_changes(self.changes) if name == "changes" else getattr(self, name)
        for name in OWN:
            body[name] = getattr(self, name)
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Record":
        """Read what `to_json` wrote. Raises ValueError on anything else."""
        try:
            return make(body["run"], shared([body[name] for name in SHARED]), [body[name] for name in OWN])
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"not a record ({error})") from None


SHARED: Final = ("env", "algo", "baseline", "solved", "settings", "changes", "code", "digest")
"""Fields that all seeds of an experiment share: the index keeps them once."""
OWN: Final = tuple(field.name for field in fields(Record) if field.name not in (*SHARED, "id"))
"""All others but the name, in order."""

_WORDS: Final = frozenset(state.word(kind) for kind in state.STATES)
_KINDS: Final[
    dict[object, tuple[frozenset[type], bool]]
] = {  # by annotation: types, and whether it is finite
    str: (frozenset({str}), False),
    bool: (frozenset({bool}), False),
    int: (frozenset({int}), False),
    int | None: (frozenset({int, type(None)}), False),
    float: (frozenset({float, int}), True),
    float | None: (frozenset({float, int, type(None)}), True),
    tuple[int, ...]: (frozenset({list, tuple}), False),
    tuple[float, ...]: (frozenset({list, tuple}), False),
}
_ALLOWED: Final = tuple(_KINDS[field.type][0] for field in fields(Record) if field.name in OWN)
_FINITE: Final = tuple(
    at for at, field in enumerate(f for f in fields(Record) if f.name in OWN) if _KINDS[field.type][1]
)
_STATE, _TREND, _CORES = OWN.index("state"), OWN.index("trend"), OWN.index("cores")


def plain_changes(changes: Mapping[str, tuple[Json, Json]]) -> dict[str, Json]:
    """Changes as JSON has them."""
    return {key: list(pair) for key, pair in changes.items()}


def shared(values: Sequence[Any]) -> tuple[Any, ...]:
    """Check the values of SHARED. Raises ValueError."""
    env, algo, baseline, solved, settings, changes, code, digest = values
    texts = (env, algo, digest, *([] if baseline is None else [baseline]))
    if not all(type(text) is str for text in texts):
        raise ValueError("a name is no text")
    if solved is not None and not (type(solved) in (int, float) and math.isfinite(solved)):
        raise ValueError("the threshold is no number")
    if not all(type(table) is dict for table in (settings, changes, code)):
        raise ValueError("settings, changes or code are no table")
    pairs = {key: (pair[0], pair[1]) for key, pair in changes.items()}
    return env, algo, baseline, solved, settings, pairs, code, digest


def make(run: str | RunId, same: tuple[Any, ...], own: Sequence[Any]) -> Record:
    """Put a record together from what `shared` returned and the values of OWN. Raises ValueError."""
    if len(own) != len(OWN):
        raise ValueError(f"{len(own)} values instead of {len(OWN)}")
    values = list(own)
    for at, value in enumerate(values):
        if type(value) not in _ALLOWED[at]:
            raise ValueError(f"{OWN[at]} is {value!r}")
    for at in _FINITE:
        if values[at] is not None and not math.isfinite(values[at]):
            raise ValueError(f"{OWN[at]} is not finite")
    if values[_STATE] not in _WORDS:
        raise ValueError(f"no state {values[_STATE]!r}")
    values[_TREND], values[_CORES] = tuple(map(float, values[_TREND])), tuple(map(int, values[_CORES]))
    return Record(RunId.parse(run) if isinstance(run, str) else run, *same, *values)


def record_of(view: RunView) -> Record:
    """What is known of a run, from its view."""
    spec, returns = view.spec, view.returns
    best = max(view.evals, key=lambda point: point.mean, default=None)
    return Record(
        id=spec.id,
        env=spec.env,
        algo=spec.algo,
        baseline=spec.baseline,
        solved=_finite(spec.solved),
        settings=spec.settings,
        changes=spec.changes,
        code=spec.code,
        digest=spec.digest,
        state=state.word(view.state),
        reason=stats.reason(view) or "",
        began=_finite(view.began),
        ended=_finite(getattr(view.state, "at", None)),
        step=view.step,
        total_steps=view.total_steps,
        episodes=view.episodes,
        total_episodes=view.total_episodes,
        progress=view.progress,
        score=_finite(view.return_mean),
        best=_finite(view.best_mean),
        best_eval=_finite(best.mean) if best else None,
        best_step=best.step if best else None,
        last_eval=_finite(view.evals[-1].mean) if view.evals else None,
        evals=len(view.evals),
        solved_at=view.solved_at,
        solved_episode=view.solved_episode,
        auc=_finite(returns.auc),
        mean=_finite(returns.mean),
        variance=_finite(returns.variance),
        p_solved=returns.p_solved,
        p_solved_90=returns.p_solved_90,
        p_catastrophic=returns.p_catastrophic,
        collapsed=view.collapsed,
        length=_finite(view.length_mean),
        loss=_finite(view.loss),
        epsilon=_finite(view.epsilon),
        trend=view.trend,
        steps_per_second=_finite(view.steps_per_second),
        seconds=_finite(view.clock) or 0.0,
        cpu_seconds=_finite(view.cpu_seconds),
        rss=view.rss,
        host=view.host,
        pid=view.pid,
        cores=view.cores,
        backend=view.backend,
        attempts=view.attempt,
        exact=not view.inexact,
        bad_lines=view.bad_lines,
        checkpoint_step=view.checkpoint_step,
    )


_NO_CURVES: Final = MappingProxyType({name: Curve() for name in METRICS})


def view_of(record: Record) -> RunView:
    """A view of a run at rest: curves are empty, evaluations are only the best and the last.

    Raises ValueError for a run that is not over: its view comes from its events.
    """
    current, ended = _state(record), record.ended or 0.0
    evals = []
    if record.best_eval is not None and record.last_eval is not None:
        if record.evals > 1:
            evals.append(EvalPoint(record.best_step or 0, record.best_eval, (record.best_eval,)))
        evals.append(EvalPoint(record.step, record.last_eval, (record.last_eval,)))
    return RunView(
        spec=RunSpec(
            id=record.id,
            env=record.env,
            settings=record.settings,
            algo=record.algo,
            baseline=record.baseline,
            changes=record.changes,
            solved=record.solved,
            code=record.code,
        ),
        state=current,
        attempt=record.attempts,
        next_attempt=record.attempts + 1,
        pid=record.pid,
        host=record.host,
        cores=record.cores,
        backend=record.backend,
        step=record.step,
        total_steps=record.total_steps,
        episodes=record.episodes,
        total_episodes=record.total_episodes,
        return_mean=record.score,
        length_mean=record.length,
        loss=record.loss,
        epsilon=record.epsilon,
        steps_per_second=record.steps_per_second,
        cpu=None,
        rss=record.rss,
        eta=None,
        curves=_NO_CURVES,
        evals=tuple(evals),
        solved_at=record.solved_at,
        checkpoint_step=record.checkpoint_step,
        deaths=0,
        waiting="",
        inexact="" if record.exact else "resumed inexactly",
        notes=_notes(record, ended),
        clock=record.seconds,
        last_seen=ended,
        bad_lines=record.bad_lines,
        best_mean=record.best,
        collapsed=record.collapsed,
        progressed=ended,
        returns=Returns(
            record.auc,
            record.mean,
            record.variance,
            record.p_solved,
            record.p_solved_90,
            record.p_catastrophic,
        ),
        solved_episode=record.solved_episode,
        began=record.began,
        cpu_seconds=record.cpu_seconds,
        trend=record.trend,
        rest=True,
    )


def _state(record: Record) -> RunState:
    at, step = record.ended or 0.0, record.checkpoint_step or record.step
    match record.state:
        case "finished":
            return state.Finished(at)
        case "stopped":
            return state.Stopped(at, step)
        case "paused":
            return state.Paused(at, step)
        case "failed":
            return state.Failed(at, record.reason)
        case word:
            raise ValueError(f"{record.id} is {word}, so it is not at rest")


def _notes(record: Record, ended: float) -> tuple[Note, ...]:
    last = Note(ended, record.id, record.state, record.reason or record.state)
    if record.began is None:
        return (last,)
    return Note(record.began, record.id, "started", f"started on {record.host}"), last


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
