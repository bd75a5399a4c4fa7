"""Records as the index keeps them, made by hand, and what the browser makes of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deeprl_tui import ops
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.runs.record import Record
from deeprl_tui.tui.results import Line, LineMaker

PLAIN: Mapping[str, Any] = {
    "env": "CartPole-v1", "algo": "dqn", "baseline": None, "solved": 195.0, "settings": {"gamma": 0.99},
    "changes": {}, "code": {}, "digest": "0" * 64, "state": "finished", "reason": "", "began": 0.0,
    "ended": 60.0, "step": 40_000, "total_steps": 40_000, "episodes": 400, "total_episodes": None,
    "progress": 1.0, "score": 100.0, "best": 120.0, "best_eval": None, "best_step": None, "last_eval": None,
    "evals": 0, "solved_at": None, "solved_episode": None, "auc": 80.0, "mean": 90.0, "variance": 16.0,
    "p_solved": 0.5, "p_solved_90": 0.6, "p_catastrophic": 0.1, "collapsed": None, "length": 100.0,
    "loss": None, "epsilon": None, "trend": (), "steps_per_second": 900.0, "seconds": 60.0,
    "cpu_seconds": 55.0, "rss": None, "host": "here", "pid": 1, "cores": (), "backend": "kernel (fastest)",
    "attempts": 1, "exact": True, "bad_lines": 0, "checkpoint_step": 40_000,
}  # fmt: skip


def record(run: str, **more: Any) -> Record:
    """A finished run, but for what is said."""
    return Record(id=RunId.parse(run), **{**PLAIN, **more})


def seeds(name: str, scores: Sequence[float | None], **more: Any) -> list[Record]:
    """The runs of an experiment; one without a score failed."""
    return [
        record(
            f"{name}/{at}",
            score=score,
            **({"state": "failed", "reason": "no"} if score is None else {}),
            **more,
        )
        for at, score in enumerate(scores)
    ]


def varied(base: str, key: str, value: Json, old: Json = 0.99) -> dict[str, Any]:
    """What a variant of a baseline has: its settings and what changed."""
    return {"baseline": base, "settings": {"gamma": 0.99, key: value}, "changes": {key: (old, value)}}


def lab_records() -> list[Record]:
    """Two environments: a baseline with variants that are better, worse, failed in part, and few."""
    basic = seeds("CP_basic", [150.2, 141.0, 162.5, 138.1, 155.9], solved_at=None)
    late = seeds(
        "CP_late",
        [178.0, 171.4, 188.9, 165.9, 185.1],
        **varied("CP_basic", "exploration_steps", 35_000, 10_000),
    )
    small = seeds("CP_small", [58.0, 31.9, None, 66.4, 49.7], **varied("CP_basic", "net_arch", [8], [64]))
    three = seeds("CP_three", [127.0, 99.5, 101.2], **varied("CP_basic", "net_arch", [32, 32], [64]))
    acrobot = {"env": "Acrobot-v1", "solved": -100.0}
    ab = seeds("AB_basic", [-115.0, -139.4, -179.2, -120.3, -131.1], **acrobot)
    fast = seeds(
        "AB_fast", [-90.1 - seed for seed in range(10)], **{**varied("AB_basic", "gamma", 0.9), **acrobot}
    )
    fast = [
        one
        if one.id.seed
        else record(
            "AB_fast/0", **{**varied("AB_basic", "gamma", 0.9), **acrobot}, score=-90.1, solved_at=21_000
        )
        for one in fast
    ]
    return [*ab, *fast, *basic, *late, *small, *three]


def by_key(rows: Sequence[Any], read: Callable[[Any], str] = lambda row: row.key) -> dict[str, Any]:
    """Rows by their keys."""
    return {read(row): row for row in rows}


def learned(maker: LineMaker, asked: Sequence[Line] | None = None) -> None:
    """Let a maker learn what the verdicts say of its lines."""
    lines = maker.lines if asked is None else asked
    found = ops.summaries([record for line in lines for record in line.records])
    maker.learn(lines, {group.key: group for group in found} if len(lines[0].records) > 1 else {})
