"""How long a run and a batch will still take, as a range. Pure.

Recent throughput and recent episode length count, not the average since the start: at the start nothing
is learned yet (steps are cheap) and episodes of an untrained policy have another length.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deeprl_tui.core.curve import Curve

WINDOW_S = 120.0
"""Throughput is taken over this many seconds of training."""

RECENT = 0.1
"""Episode length is taken over this share of the episodes so far, with RECENT_MIN as the least."""
RECENT_MIN = 20
RECENT_WEIGHT = 0.7
"""Weight of the recent episode length against that of the whole run: a phase need not last."""


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds still to go: likely between low and high."""

    low: float
    mid: float
    high: float

    def after(self, seconds: float) -> "Eta":
        """The same when it starts only after some seconds."""
        return Eta(self.low + seconds, self.mid + seconds, self.high + seconds)

    def times(self, factor: float) -> "Eta":
        """So many times as long; also the same in another unit."""
        return Eta(self.low * factor, self.mid * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Rate:
    """Env steps per second: recent, and the slowest and fastest recent stretch."""

    low: float
    mid: float
    high: float


def rate(times: Sequence[float], steps: Sequence[float]) -> Rate | None:
    """Throughput of the last WINDOW_S seconds from beats (seconds of training, env steps)."""
    if len(times) < 3:
        return None
    last = len(times) - 1
    first = last
    while first > 0 and times[last] - times[first] < WINDOW_S:
        first -= 1
    mid = _slope(times, steps, first, last)
    if mid is None:
        return None
    quarter = max(1, (last - first) // 4)
    parts = [
        part
        for start in range(first, last, quarter)
        if (part := _slope(times, steps, start, min(start + quarter, last))) is not None
    ]
    return Rate(min([mid, *parts]), mid, max([mid, *parts]))


def episode_length(lengths: Curve) -> Rate | None:
    """Expected length of the coming episodes in steps, with a range, from the lengths so far."""
    whole = lengths.mean
    if whole is None:
        return None
    recent = lengths.recent(max(RECENT_MIN, int(RECENT * len(lengths))))
    near = sum(recent) / len(recent)
    half = recent[len(recent) // 2 :]
    tip = sum(half) / len(half)
    return Rate(
        min(near, whole, tip), RECENT_WEIGHT * near + (1 - RECENT_WEIGHT) * whole, max(near, whole, tip)
    )


def remaining(
    *,
    step: int,
    total_steps: int | None,
    episodes: int,
    total_episodes: int | None,
    rate: Rate | None,
    length: Rate | None,
) -> Eta | None:
    """Seconds until the budget is used up; None while too little is known."""
    if rate is None or rate.mid <= 0:
        return None
    slowest = max(rate.low, rate.mid / 4)
    if total_steps is not None:
        left = max(0, total_steps - step)
        return Eta(left / rate.high, left / rate.mid, left / slowest)
    if total_episodes is None or length is None:
        return None
    more = max(0, total_episodes - episodes)
    return Eta(more * length.low / rate.high, more * length.mid / rate.mid, more * length.high / slowest)


def schedule(running: Sequence[Eta | None], waiting: Sequence[Eta | None], slots: int) -> list[Eta | None]:
    """When each waiting run ends, in seconds from now, if each takes the core that is free first.

    None from the first run of unknown length on: after it nobody knows when its core is free.
    """
    busy = [eta for eta in running if eta is not None]
    cores = [_cores(times, slots) for times in zip(*map(_times, busy), strict=True)] or [
        _cores((), slots) for _ in range(3)
    ]
    ends: list[Eta | None] = []
    for eta in waiting:
        if eta is None or (ends and ends[-1] is None):
            ends.append(None)
            continue
        times = [heapq.heappop(free) + more for free, more in zip(cores, _times(eta), strict=True)]
        for free, end in zip(cores, times, strict=True):
            heapq.heappush(free, end)
        ends.append(Eta(*times))
    return ends


def batch(running: Sequence[Eta | None], waiting: Sequence[Eta | None], slots: int) -> Eta | None:
    """Seconds until everything is done; None if nothing is left or the work of some run is unknown."""
    return last([*running, *schedule(running, waiting, slots)])


def last(ends: Sequence[Eta | None]) -> Eta | None:
    """The end of all of them; None if there are none or one is unknown."""
    known = [eta for eta in ends if eta is not None]
    if not known or len(known) < len(ends):
        return None
    return Eta(max(e.low for e in known), max(e.mid for e in known), max(e.high for e in known))


def total(parts: Iterable[Eta]) -> Eta:
    """The sum of ranges; 0 without any."""
    parts = list(parts)
    return Eta(sum(e.low for e in parts), sum(e.mid for e in parts), sum(e.high for e in parts))


def _times(eta: Eta) -> tuple[float, float, float]:
    return eta.low, eta.mid, eta.high


def _cores(busy: Sequence[float], slots: int) -> list[float]:
    """When each core is free, as a heap."""
    cores = [*busy, *[0.0] * (max(1, slots) - len(busy))]
    heapq.heapify(cores)
    return cores


def _slope(times: Sequence[float], steps: Sequence[float], first: int, last: int) -> float | None:
    seconds = times[last] - times[first]
    return (steps[last] - steps[first]) / seconds if seconds > 0 else None
