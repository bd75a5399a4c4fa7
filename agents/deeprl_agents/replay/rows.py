"""Where a replay buffer keeps observations: one row for each slot, both ends of each transition.

Rule: a store knows slots only, not what is drawn or when a slot is free.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.replay.table import Table

Ints = NDArray[np.int64]


class Store(Protocol):
    """What keeps the observations of a buffer."""

    def put(self, slot: int, observation: NDArray[Any], following: NDArray[Any], *, first: bool) -> None:
        """Keep a transition's two observations. first: the observation begins an episode."""

    def copy(self, source: int, target: int) -> None:
        """Keep the transition of a slot in another one as well."""

    def before(self, slots: Ints) -> NDArray[Any]:
        """Give the observations: slots x shape."""

    def after(self, slots: Ints) -> NDArray[Any]:
        """Give the observations that followed: slots x shape."""

    def columns(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of each slot."""

    def tables(self) -> list[Table]:
        """What a checkpoint keeps beside the slots."""

    def restore(self, newest: int) -> None:
        """Go on with filled columns and tables. newest: the slot of the last transition."""

    def check_valid(self) -> None:
        """Raise ValueError if what is kept contradicts itself."""


StoreMaker = Callable[[int, tuple[int, ...], Any], Store]
"""Makes a store for a number of slots, of observations of a shape and dtype."""


class Rows:
    """Every observation as it came, twice: 2 x its bytes for each transition."""

    def __init__(self, capacity: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.observations = np.zeros((capacity, 1, *shape), dtype)
        self.next_observations = np.zeros((capacity, 1, *shape), dtype)

    def put(self, slot: int, observation: NDArray[Any], following: NDArray[Any], *, first: bool) -> None:
        """Keep a transition's two observations."""
        self.observations[slot, 0] = observation
        self.next_observations[slot, 0] = following

    def copy(self, source: int, target: int) -> None:
        """Keep the transition of a slot in another one as well."""
        self.observations[target] = self.observations[source]
        self.next_observations[target] = self.next_observations[source]

    def before(self, slots: Ints) -> NDArray[Any]:
        """Give the observations: slots x shape."""
        found: NDArray[Any] = self.observations[slots, 0]
        return found

    def after(self, slots: Ints) -> NDArray[Any]:
        """Give the observations that followed: slots x shape."""
        found: NDArray[Any] = self.next_observations[slots, 0]
        return found

    def columns(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of each slot."""
        return {"observations": self.observations, "next_observations": self.next_observations}

    def tables(self) -> list[Table]:
        """Nothing beside the slots."""
        return []

    def restore(self, newest: int) -> None:
        """The columns are all there is."""

    def check_valid(self) -> None:
        """There is nothing that could be wrong."""
