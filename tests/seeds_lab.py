"""Records of several seeds of an experiment, with the scores that a test is about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from support import spec

from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.spec import RunId
from deeprl_tui.runs.record import Record, record_of

_PLAIN = record_of(RunFold(spec(solved=200.0)).view(held=False))


def record(name: str, seed: int = 0, **values: Any) -> Record:
    """One finished run; `settings` are added to those that all have."""
    settings = {**_PLAIN.settings, **values.pop("settings", {})}
    plain = {"env": "LunarLander-v3", "state": "finished", "settings": settings}
    return replace(_PLAIN, id=RunId(name, seed), **{**plain, **values})


def seeds(name: str, scores: Sequence[float | None], first: int = 0, **values: Any) -> list[Record]:
    """Finished runs of an experiment by seed, with these scores."""
    return [record(name, first + seed, score=score, **values) for seed, score in enumerate(scores)]


def with_state(records: Iterable[Record], seed: int, state: str, **values: Any) -> list[Record]:
    """The same with one run in another state."""
    return [replace(one, state=state, **values) if one.id.seed == seed else one for one in records]
