"""What a worker tells: events in its log, all of them by way of this module.

Rule: nothing here draws random numbers or changes the model, so a run that tells more trains the same.
"""

import os
import resource
from collections.abc import Callable

from deeprl_agents.durable import Patience
from deeprl_tui.core import events
from deeprl_tui.core.events import Event
from deeprl_tui.core.log import EventLog

BEAT_S = 1.0
RATE_S = 0.2
PAGE = os.sysconf("SC_PAGE_SIZE")


class Reporter:
    """Appends events; waits when the disk is full."""

    def __init__(
        self,
        log: EventLog,
        patience: Patience,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._log = log
        self._patience = patience
        self.clock = clock
        self.wall = wall
        self.episodes = 0  # of the run, over all attempts
        self._cpu_zero = cpu_seconds()
        self._beat_at = clock() + BEAT_S
        self._last = (clock(), 0)
        self._rate = 0.0
        self._warned: set[str] = set()

    def tell(self, event: Event, *, sync: bool = False) -> None:
        """Append an event."""
        self._patience(lambda: self._log.append(event, sync=sync))

    def begin(self, step: int, episodes: int) -> None:
        """Start counting from here."""
        self.episodes = episodes
        self._last = (self.clock(), step)

    def episode(self, step: int, episode_return: float, length: int) -> None:
        """Tell of the end of a training episode."""
        self.episodes += 1
        self.tell(events.Episode(self.episodes, step, episode_return, length))

    @property
    def beat_due(self) -> bool:
        """Whether a second has passed."""
        return self.clock() >= self._beat_at

    def beat(self, *, step: int, updates: int, loss: float, epsilon: float, sync: bool = False) -> None:
        """Give a sign of life."""
        now = self.clock()
        seconds, steps = now - self._last[0], step - self._last[1]
        self._beat_at = now + BEAT_S
        if seconds > RATE_S:  # else a beat at a checkpoint would show the rate of a few milliseconds
            self._last, self._rate = (now, step), round(steps / seconds, 2)
        self.tell(
            events.Beat(
                step=step,
                updates=updates,
                cpu_s=round(cpu_seconds() - self._cpu_zero, 3),
                rss=resident_bytes(),
                sps=self._rate,
                loss=loss,
                epsilon=epsilon,
            ),
            sync=sync,
        )

    def warn_once(self, text: str) -> None:
        """Append a warning that this attempt has not given yet."""
        if text not in self._warned:
            self._warned.add(text)
            self.tell(events.Warn(text[:4000]))


def cpu_seconds() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes() -> int:
    """Memory of this process; 0 where the kernel does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0
