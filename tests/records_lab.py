"""Records without runs: for tests that need many, or one with a certain value."""

from typing import Any

from support import WALL, spec

from deeprl_tui.core.fold import fold
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.runs.record import Record, record_of

SETTINGS: dict[str, Json] = {
    "total_timesteps": 100_000,
    "total_episodes": None,
    "gamma": 0.99,
    "double_q": True,
    "net_arch": [64],
    "replay_buffer": "uniform",
    "network": "mlp",
}


def record(name: str = "CP_basic", seed: int = 0, **more: Any) -> Record:
    """A finished run of CartPole with round numbers; more: other values of its fields."""
    start = record_of(fold(spec(), {}, held=False))
    body: dict[str, Any] = {
        **start.to_json(),
        "run": str(RunId(name, seed)),
        "env": "CartPole-v1",
        "settings": SETTINGS,
        "solved": 195.0,
        "state": "finished",
        "progress": 1.0,
        "began": WALL - 600,
        "ended": WALL,
        "step": 100_000,
        "total_steps": 100_000,
        "episodes": 1000,
        "score": 150.0,
        "best": 160.0,
        "seconds": 600.0,
        "host": "here",
        **more,
    }
    return Record.from_json(body)
