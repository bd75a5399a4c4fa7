"""What a screen may show of a host."""

import re
from dataclasses import dataclass
from typing import Final

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.spec import RunId

SHORT_S: Final = 30.0
"""A link that is cut for less is nothing to speak of: it comes back by itself."""


@dataclass(frozen=True, slots=True)
class Coming:
    """Files of a host's runs on their way here."""

    runs: int = 0  # runs of which something is to come
    run: str = ""  # which one comes now; empty: none
    file: str = ""
    done: int = 0  # bytes of that run that came
    total: int = 0  # bytes that are to come of it
    rate: float = 0.0  # bytes a second; 0: not known
    why: str = ""  # why not all comes


@dataclass(frozen=True, slots=True)
class HostView:
    """What a screen may show of a host."""

    name: str
    cores: tuple[int, ...] = ()
    busy: tuple[float, ...] = ()  # share of each core, 0 to 1
    memory_used: int = 0  # bytes
    memory_total: int = 0
    disk_free: int = 0
    now: float = 0.0  # its wall clock
    supervisor: bool = False
    reading: bool = True  # its logs have not been read once yet
    found: int = 0  # run directories there
    unread: int = 0  # those of them that have not been read yet
    fault: str = ""  # why nothing arrives; empty while it does
    warning: str = ""  # what is wrong though it arrives
    machine: str = ""  # what it calls itself
    version: str = ""  # of deeprl-tui there
    held: frozenset[RunId] = frozenset()  # runs with a living worker there
    heard: float = 0.0  # when the newest frame came, by the clock of the dashboard; 0: not known
    fault_since: float = 0.0  # by the same clock
    price: float | None = None  # of an hour, in dollars; None: nobody says
    spend: float | None = None  # what it has cost so far, in dollars; None: nobody says
    by_age: bool = False  # it costs while it is there, not only while its workers run
    coming: Coming = Coming()  # checkpoints, models and the rest
    ahead: float = 0.0  # seconds that its wall clock is ahead of ours; 0 where that is little
    passing: bool = False  # its fault often passes by itself

    @property
    def order(self) -> tuple[bool, list[tuple[int, str]]]:
        """Where it stands among others."""
        return host_order(self.name)

    def is_lost(self, now: float) -> bool:
        """Whether nothing arrives, and that is more than a short cut. now: by the clock of the dashboard."""
        short = self.passing and self.heard > 0 and now - self.fault_since < SHORT_S
        return bool(self.fault) and not short


def host_order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """Where a host stands among others: this machine first, vm-2 before vm-10."""
    parts = re.findall(r"(\d{1,9})|(\D+|\d+)", name)
    return name != LOCAL, [(int(number or 0), word) for number, word in parts]
