"""Buffers for the replay tests: of one number as observation, on both paths."""

from typing import Any, TypeVar

import numpy as np
import pytest
from gymnasium import spaces

from deeprl_agents.kernel import library
from deeprl_agents.replay.base import Replay

Buffer = TypeVar("Buffer", bound=Replay)

PATHS = pytest.mark.parametrize(
    "kernel",
    [False, pytest.param(True, marks=pytest.mark.skipif(library.load() is None, reason="no kernel here"))],
    ids=["numpy", "kernel"],
)
"""Each test of a buffer is for numpy and for the kernel."""

ACTIONS = 3
INFINITE = spaces.Box(-np.inf, np.inf, (1,), np.float32)


def a_buffer(kind: type[Buffer], size: int, **arguments: Any) -> Buffer:
    """An empty buffer."""
    return kind(size, INFINITE, spaces.Discrete(ACTIONS), device="cpu", **arguments)


def fill(buffer: Replay, count: int, start: int = 0) -> None:
    """Add transitions numbered in their observation; the action is the number modulo ACTIONS."""
    for number in range(start, start + count):
        row = np.array([[number]], np.float32)
        buffer.add(row, row, np.array([number % ACTIONS]), np.array([0.0]), np.array([False]), [{}])


def some_values(count: int, seed: int = 0) -> Any:
    """Q(s, .) of as many observations."""
    return np.random.default_rng(seed).normal(size=(count, ACTIONS)).astype(np.float32)


def set_all(buffer: Replay, errors: Any) -> None:
    """Give the first slots TD errors."""
    buffer.indices = np.arange(len(errors))
    buffer.feedback(np.asarray(errors, np.float32), some_values(len(errors)))


def numbers(buffer: Replay, slots: Any) -> list[int]:
    """Which transitions are in slots."""
    found: list[int] = buffer.observations[slots, 0, 0].astype(int).tolist()
    return found


def moved(buffer: Buffer, other: Buffer) -> Buffer:
    """Bring tables and state into an empty buffer, as a checkpoint does: the filled rows alone."""
    for table, fresh in zip(buffer.tables(), other.tables(), strict=True):
        for start, end in table.ranges:
            for name, column in table.columns.items():
                fresh.columns[name][start:end] = column[start:end]
    other.set_state(buffer.state())
    return other


def chi_square(counts: Any, shares: Any) -> float:
    """Pearson's statistic."""
    expected = np.asarray(shares) * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())
