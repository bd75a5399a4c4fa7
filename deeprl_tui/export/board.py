"""TensorBoard event files: one folder for each run, tags and meaning as Stable-Baselines3 names them.

Rule: every episode, beat and evaluation becomes a point; the wall time is that of the run's host.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from deeprl_tui.core.course import MEAN_OF
from deeprl_tui.errors import DeeprlError
from deeprl_tui.export.logs import Log
from deeprl_tui.export.out import whole

Point = tuple[float, int, dict[str, float]]
"""Seconds of training, env step, values by tag."""


def write_events(log: Log, folder: Path, *, force: bool = False) -> Path:
    """Write the event file of a run into its folder; returns the file.

    Raises DeeprlError if tensorboard is missing, RefusedError if the file is there.
    """
    event, value, summary, writer = _tensorboard()
    began = log.began or 0.0
    run = log.spec.id
    path = folder / f"events.out.tfevents.{int(began)}.{run.experiment}-{run.seed}"
    with whole(path, force=force) as file:
        records = writer(file)
        records.write(event(wall_time=began, file_version="brain.Event:2").SerializeToString())
        for seconds, step, values in sorted(points(log), key=lambda point: point[:2]):
            told = summary(value=[value(tag=tag, simple_value=number) for tag, number in values.items()])
            records.write(event(wall_time=began + seconds, step=step, summary=told).SerializeToString())
        records.flush()
    return path


def points(log: Log) -> Iterator[Point]:
    """All values of a run, not in order. The rollout means are of the last 100 episodes, as SB3's."""
    returns, lengths = deque[float](maxlen=MEAN_OF), deque[int](maxlen=MEAN_OF)
    for row in log.episodes:
        returns.append(row.score)
        lengths.append(row.length)
        means = {"rollout/ep_rew_mean": fmean(returns), "rollout/ep_len_mean": fmean(lengths)}
        yield row.seconds, row.step, {**means, "time/episodes": row.episode}
    for beat in log.beats:
        values = {"time/fps": beat.steps_per_second, "train/n_updates": float(beat.updates)}
        if beat.loss is not None:
            values["train/loss"] = beat.loss
        if beat.epsilon is not None:
            values["rollout/exploration_rate"] = beat.epsilon
        yield beat.seconds, beat.step, values
    for one in log.evaluations:
        values = {"eval/mean_reward": fmean(one.returns)}
        if one.lengths:
            values["eval/mean_ep_length"] = fmean(one.lengths)
        yield one.seconds, one.step, values


def _tensorboard() -> tuple[Any, Any, Any, Any]:
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise DeeprlError(
            "needs the package tensorboard",
            place="--format tensorboard",
            remedy="pip install 'deeprl-tui[tensorboard]'",
        ) from None
    return Event, Summary.Value, Summary, RecordWriter
