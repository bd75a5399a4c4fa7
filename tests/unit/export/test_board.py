"""TensorBoard's own reader finds what Stable-Baselines3 would have written."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from support import WALL

from deeprl_tui.errors import DeeprlError
from deeprl_tui.export import board
from deeprl_tui.export.logs import Log
from deeprl_tui.runs.record import Record

TAGS = {
    "rollout/ep_rew_mean", "rollout/ep_len_mean", "rollout/exploration_rate", "time/episodes", "time/fps",
    "train/loss", "train/n_updates", "eval/mean_reward", "eval/mean_ep_length",
}  # fmt: skip


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Log], Any]:
    """Write a log and read it with tensorboard."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(log: Log) -> Any:
        board.write_events(log, tmp_path / "board")
        return accumulator.EventAccumulator(str(tmp_path / "board"), {"scalars": 0}).Reload()

    return read


def test_tensorboard_reads_all_points(
    read: Callable[[Log], Any], records: Sequence[Record], logs: Callable[[Record], Log]
) -> None:
    """Every episode, beat and evaluation, at its step and on the clock of its host."""
    log = logs(records[0])
    found = read(log)
    assert set(found.Tags()["scalars"]) == TAGS
    points = found.Scalars("rollout/ep_rew_mean")
    assert [(point.step, point.wall_time) for point in points] == [
        (row.step, WALL + row.seconds) for row in log.episodes
    ]
    returns = [row.score for row in log.episodes]
    assert [point.value for point in points] == pytest.approx(
        [fmean(returns[: place + 1]) for place in range(len(returns))]
    )
    assert [(point.step, point.value) for point in found.Scalars("eval/mean_reward")] == [(300, 20.0)]
    assert len(found.Scalars("train/loss")) == len(log.beats)


def test_a_resumed_run_has_no_point_twice(
    read: Callable[[Log], Any], records: Sequence[Record], logs: Callable[[Record], Log]
) -> None:
    """Steps only grow, so TensorBoard draws one line."""
    steps = [point.step for point in read(logs(records[2])).Scalars("rollout/ep_len_mean")]
    assert steps == sorted(set(steps))


def test_without_tensorboard_the_remedy_is_named(
    tmp_path: Path, records: Sequence[Record], logs: Callable[[Record], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written."""
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(DeeprlError, match=r"pip install 'deeprl-tui\[tensorboard\]'"):
        board.write_events(logs(records[0]), tmp_path / "board")
    assert not (tmp_path / "board").exists()
