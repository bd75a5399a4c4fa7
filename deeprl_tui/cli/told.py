"""Events in words, one line each."""

import math
import time

from deeprl_tui.cli import look
from deeprl_tui.core import events
from deeprl_tui.core.events import Event, Line

UNKNOWN_TIME = "--:--:--"


class EventText:
    """Tells the events of one run in their order; remembers when its clock began."""

    def __init__(self) -> None:
        self._zero: float | None = None  # wall clock at second 0 of training

    def tell(self, line: Line) -> str:
        """An event as `12:00:05 episode 3  step 61  return 20`, in local time."""
        at = getattr(line.event, "at", 0.0)
        if at:
            self._zero = at - line.t
        when = at or (None if self._zero is None else self._zero + line.t)
        return f"{clock(when)} {words(line.event)}"


def clock(when: float | None) -> str:
    """A time of day, local."""
    if when is None:
        return UNKNOWN_TIME
    try:
        return time.strftime("%H:%M:%S", time.localtime(when))
    except (ValueError, OverflowError, OSError):
        return UNKNOWN_TIME


def words(event: Event) -> str:
    """What happened."""
    match event:
        case events.Queued():
            return f"queued  {event.why}".rstrip()
        case events.Start():
            cores = ", ".join(map(str, event.cores))
            return f"started  attempt {event.attempt}  {event.host}  core {cores}  pid {event.pid}"
        case events.Backend():
            return f"computes with {event.name}" + (f": {event.why}" if event.why else "")
        case events.Episode():
            return (
                f"episode {event.episode}  step {event.step}  return {look.number(event.r)}  length {event.l}"
            )
        case events.Beat():
            loss = f"  loss {event.loss:.3g}" if math.isfinite(event.loss) else ""
            epsilon = f"  epsilon {event.epsilon:.2f}" if math.isfinite(event.epsilon) else ""
            return (
                f"step {event.step}  {look.count(event.sps)} steps/s{loss}{epsilon}  {look.size(event.rss)}"
            )
        case events.Eval():
            mean = sum(event.returns) / len(event.returns) if event.returns else math.nan
            best = "  the best so far" if event.best else ""
            return f"evaluation  step {event.step}  return {look.number(mean)}{best}"
        case events.Checkpoint():
            return f"checkpoint  step {event.step}  {look.size(event.bytes)}  {event.seconds:.2f} s"
        case events.Resume():
            return f"resumed  step {event.step}" + ("" if event.exact else f"  not exactly: {event.why}")
        case events.StopAsked():
            return f"asked to {event.ask}"
        case events.Warn():
            return f"warning: {event.text}"
        case events.End():
            return f"{event.outcome}  step {event.step}  {event.reason}".rstrip()
        case events.Unknown():
            return f"{event.name}  (an event of a later version)"
