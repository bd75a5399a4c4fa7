"""Measure what a checkpoint costs after 1,000 new transitions, each with an update, in full buffers.

    .venv/bin/python benchmarks/checkpoints.py

CPU time of this process, median of ten checkpoints; a first one writes the whole buffer. Columns: the first
checkpoint, a later one, what it appends to the log and writes anew, and loading all of it. Prints a table for
RESULTS.md. A later checkpoint must cost the same at any size of the buffer: exit code 1 if one takes 20 ms.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, snapshot
from deeprl_agents.checkpoint import ReplayLog, Saved, read_checkpoint, write_checkpoint
from deeprl_agents.envs import make
from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId, RunSpec

NEW = 1000
ROUNDS = 10
LIMIT_MS = 20.0
RETENTION = {"retention_omega": 0.5, "retention_score": "softmax", "retention_sampler": "prioritized"}


def model_of(replay: str, slots: int, net: list[int]) -> tuple[Any, Any]:
    """A model with an empty buffer, and its env."""
    settings: dict[str, Any] = {key.name: key.default for key in SETTINGS} | RETENTION
    settings |= {"replay": replay, "buffer_size": slots, "net_arch": net, "total_timesteps": slots}
    spec = RunSpec(RunId("checkpoints", 0), "LunarLander-v3", settings)
    env = make(spec, training=True)
    model = build.build(spec, DummyVecEnv([lambda: env]))
    model._last_obs = model.env.reset()
    loss = model.q_net(torch.zeros(1, 8)).sum()
    loss.backward()
    model.policy.optimizer.step()
    return model, env


def fill(buffer: Any, chance: np.random.Generator) -> None:
    """Let all slots hold something."""
    for table in buffer.tables():
        for column in table.columns.values():
            column[:] = (chance.random(column.shape) * 3).astype(column.dtype) + (column.dtype == np.float64)
        table.written[:] = 1
    values = buffer.state() | {"pos": 0, "full": True, "added": buffer.buffer_size}
    if "kept" in values:
        values["kept"] = buffer.buffer_size - buffer.ring
    buffer.set_state(values)


def train(buffer: Any, batch: int, chance: np.random.Generator) -> None:
    """Add transitions and learn from as many batches."""
    one = np.zeros((1, 8), np.float32)
    for _ in range(NEW):
        buffer.add(one, one, np.array([1]), np.array([0.5]), np.array([False]), [{}])
        buffer.draw(batch)
        values = chance.random((batch, 4)).astype(np.float32)
        buffer.feedback(chance.standard_normal(batch).astype(np.float32), values)
        slots = buffer.rescore_slots()
        buffer.rescore(slots, chance.random((len(slots), 4)).astype(np.float32))


def cpu_ms(action: Callable[[], Any]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    action()
    return (time.process_time() - began) * 1000


def measure(replay: str, slots: int, net: list[int], folder: Path) -> tuple[float, ...]:
    """First checkpoint (ms), later one (ms, median and largest), kB appended and rewritten, load (ms)."""
    chance = np.random.default_rng(0)
    model, env = model_of(replay, slots, net)
    buffer = snapshot.recorded(model.replay_buffer)
    paths, log = RunPaths(folder), ReplayLog(RunPaths(folder), buffer)
    fill(model.replay_buffer, chance)
    lengths, sizes = [], []

    def save() -> None:
        saved = snapshot.take(model, env, buffer)
        said = log.append()
        sizes.append(write_checkpoint(paths, Saved({**saved.values, "buffer": said}, saved.arrays)))
        log.commit(said)
        lengths.append(said["length"])

    first = cpu_ms(save)
    later = []
    for _ in range(ROUNDS):
        train(model.replay_buffer, 32 if net == [64] else 128, chance)
        later.append(cpu_ms(save))
    appended = statistics.median(np.diff(lengths))
    saved = read_checkpoint(paths.checkpoint)
    assert saved is not None
    other, _ = model_of(replay, slots, net)
    again = snapshot.recorded(other.replay_buffer)

    def load() -> None:
        ReplayLog(paths, again).load(saved.values["buffer"])
        again.set_state(saved.values["replay"])

    loading = cpu_ms(load)
    return first, statistics.median(later), max(later), appended / 1e3, sizes[-1] / 1e3, loading


def main() -> int:
    """Print the table."""
    torch.set_num_threads(1)
    print("| replay | transitions | net | first ms | later ms | slowest | log + kB | state kB | load ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    slowest = 0.0
    for replay in ("uniform", "prioritized", "retention"):
        for slots in (50_000, 1_000_000):
            for net in ([64], [256, 256]):
                with tempfile.TemporaryDirectory() as folder:
                    found = measure(replay, slots, net, Path(folder))
                slowest = max(slowest, found[1])
                figures = " | ".join(f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in found)
                print(f"| {replay} | {slots:,} | {net} | {figures} |", flush=True)
    return 1 if slowest >= LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
