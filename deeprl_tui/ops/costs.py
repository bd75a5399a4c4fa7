"""What hosts with a price have cost so far.

Rule: a machine of the cloud costs from when it was made, whether it works or not; that is the most it can be.
Any other costs for the hours in which at least one of this project's workers ran there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from deeprl_tui.config import Host
from deeprl_tui.runs.worked import Worked

EVERY_S: Final = 30.0


class Told(Protocol):
    """Who wants to know; `Fleet.costs` fits."""

    def __call__(self, host: str, price: float, spend: float, *, by_age: bool) -> None:
        """What an hour costs, and all so far, in dollars."""


class Costs:
    """The costs of the hosts of a project."""

    def __init__(
        self,
        root: Path,
        hosts: Mapping[str, Host],
        told: Told,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._hosts, self._told, self._wall, self._monotonic = hosts, told, wall, monotonic
        self._worked = Worked(root)
        self._at: dict[str, float] = {}

    def look(self, name: str) -> None:
        """Tell what a host has cost, if it has a price; now and then, however often this is called."""
        host = self._hosts.get(name)
        now = self._monotonic()
        if host is None or host.price is None or now - self._at.get(name, -EVERY_S) < EVERY_S:
            return
        self._at[name] = now
        seconds = self._wall() - host.made if host.made else self._worked.seconds(name)
        self._told(name, host.price, host.price * max(0.0, seconds) / 3600, by_age=bool(host.made))
