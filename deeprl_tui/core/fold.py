"""The fold: events of all attempts, in order, and "is the lock held" -> what is known of a run.

Rule: no clock, no file, no other source. Equal lines give equal views, so a dashboard that attaches late
sees what one that watched from the start sees.
"""

import math
from collections import deque
from collections.abc import Mapping

from deeprl_tui.core import eta as etas
from deeprl_tui.core import events, state
from deeprl_tui.core.collapse import Collapse
from deeprl_tui.core.curve import Curve
from deeprl_tui.core.events import Line
from deeprl_tui.core.spec import Json, RunSpec
from deeprl_tui.core.state import METRICS, EvalPoint, Note, RunState, RunView
from deeprl_tui.core.tally import Tally

NOTES = 50
BEATS = 600
"""Throughput is judged by so many newest beats at most."""
MEAN_OF = 100
"""Returns and lengths are shown as the mean of this many episodes, as in the study."""


class RunFold:
    """Takes a run's lines one by one; `view` is the picture so far.

    whole: for a run that is over and read once, so that its view says what needs every return.
    """

    def __init__(self, spec: RunSpec, *, whole: bool = False) -> None:
        self.spec = spec
        self.bad_lines = 0
        self.curves = {name: Curve() for name in METRICS}
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._evals: list[EvalPoint] = []
        self._last: events.Queued | events.Start | events.StopAsked | events.End = events.Queued()
        self._start = events.Start(attempt=0)
        self._backend = ""
        self._beat = events.Beat()
        self._updates = _Updates(spec.settings)
        self._wall_zero = 0.0  # wall clock at second 0 of training of this attempt
        self._cpu: float | None = None
        self._cpu_from: tuple[float, float] | None = None
        self._attempt = 0
        self._step = 0
        self._clock = 0.0
        self._episodes = 0
        self._solved_at: int | None = None
        self._solved_episode: int | None = None
        self._tally = Tally(spec.solved, whole=whole)
        self._began: float | None = None
        self._cpu_before = 0.0  # CPU seconds of older attempts
        self._cpu_s = 0.0  # and of this one
        self._level = Collapse()
        self._levels: deque[tuple[int, Collapse]] = deque(maxlen=2)  # at the newest checkpoints
        self._progressed = 0.0
        self._checkpoint: events.Checkpoint | None = None
        self._from_step = 0
        self._deaths = 0
        self._inexact = ""
        self._ended = True

    def apply(self, attempt: int, line: Line) -> None:
        """Take the next line of an attempt's log. Lines of an attempt that was replaced are ignored."""
        if attempt < self._attempt:
            return
        self._attempt = attempt
        self._clock = line.t
        step = self._step
        match line.event:
            case events.Queued() as event:
                self._last = event
                self._note(event.at, "queued", event.why or "queued")
            case events.Start() as event:
                self._on_start(event)
            case events.Backend() as event:
                self._on_backend(event)
            case events.Resume() as event:
                self._on_resume(event)
            case events.Episode() as event:
                self._on_episode(event)
            case events.Beat() as event:
                self._on_beat(line.t, event)
            case events.Eval() as event:
                self._step = max(self._step, event.step)
                if event.returns:
                    mean = sum(event.returns) / len(event.returns)
                    self._evals.append(EvalPoint(event.step, mean, event.returns))
                    self._append("eval", event.step, mean)
            case events.Checkpoint() as event:
                self._on_checkpoint(event)
            case events.StopAsked() as event:
                self._last = event
            case events.Warn() as event:
                self._note(self._now(), "warned", event.text)
            case events.End() as event:
                self._last = event
                self._ended = True
                self._step = max(self._step, event.step)
                kind = "queued" if event.outcome == "interrupted" else event.outcome
                self._note(event.at, kind, event.reason or event.outcome)
            case _:
                pass
        self._progress(step, line.event)

    def _progress(self, before: int, event: events.Event) -> None:
        if self._step != before or not isinstance(event, events.Beat | events.Warn):
            self._progressed = self._now()

    def _on_backend(self, event: events.Backend) -> None:
        self._backend = f"{event.name} ({event.why})" if event.why else event.name

    def view(self, *, held: bool, waiting: str = "") -> RunView:
        """The picture so far; held: whether the run's lock is held; waiting: the worker's status file."""
        settings = self.spec.settings
        beats, length = self.curves["loss"], etas.episode_length(self.curves["length"])
        steps = _count(settings, "total_timesteps")
        episodes = _count(settings, "total_episodes")
        current = self._state(held)
        live = isinstance(current, state.Running | state.Stopping)
        left = etas.remaining(
            step=self._step,
            total_steps=steps,
            episodes=self._episodes,
            total_episodes=episodes,
            rate=etas.rate(*beats.recent_times(BEATS)),
            length=length,
        )
        return RunView(
            spec=self.spec,
            state=current,
            attempt=self._attempt,
            next_attempt=self._attempt + (1 if self._start.attempt == self._attempt else 0),
            pid=self._start.pid,
            host=self._start.host,
            cores=self._start.cores,
            backend=self._backend,
            step=self._step,
            total_steps=steps,
            episodes=self._episodes,
            total_episodes=episodes,
            return_mean=_mean(self.curves["return"]),
            length_mean=_mean(self.curves["length"]),
            loss=_finite(self._beat.loss),
            epsilon=_finite(self._beat.epsilon),
            steps_per_second=self._beat.sps if live else _mean_rate(beats),
            cpu=self._cpu if live else None,
            rss=self._beat.rss or None,
            eta=None if state.is_over(current) else left,
            curves=self.curves,
            evals=tuple(self._evals),
            solved_at=self._solved_at,
            checkpoint_step=self._checkpoint.step if self._checkpoint else None,
            deaths=self._deaths_if_dead() if isinstance(current, state.Lost) else self._deaths,
            waiting=waiting if live else "",
            inexact=self._inexact,
            notes=tuple(self._notes),
            clock=self._clock,
            last_seen=self._now(),
            bad_lines=self.bad_lines,
            best_mean=self._level.best,
            collapsed=self._level.since,
            progressed=self._progressed,
            returns=self._tally.numbers(),
            solved_episode=self._solved_episode if self._solved_at is not None else None,
            began=self._began,
            cpu_seconds=(self._cpu_before + self._cpu_s) or None,
            trend=self._tally.trend(),
        )

    def _state(self, held: bool) -> RunState:
        match self._last:
            case events.Queued(at=at, why=why):
                return state.Queued(at, why)
            case events.Start(at=at):
                return state.Running(at) if held else state.Lost(self._now())
            case events.StopAsked(ask=ask):
                return state.Stopping(self._now(), ask) if held else state.Lost(self._now())
            case events.End(outcome="finished", at=at):
                return state.Finished(at)
            case events.End(outcome="stopped", at=at, step=step):
                return state.Stopped(at, step)
            case events.End(outcome="paused", at=at, step=step):
                return state.Paused(at, step)
            case events.End(outcome="interrupted", at=at, reason=reason):
                return state.Queued(at, reason or "interrupted")
            case events.End(at=at, reason=reason):
                return state.Failed(at, reason)

    def _on_start(self, event: events.Start) -> None:
        if not self._ended and self._start.attempt:
            self._deaths = self._deaths_if_dead()
        else:
            self._deaths = 0
        self._ended = False
        self._from_step = 0
        self._last = self._start = event
        self._began = event.at if self._began is None else self._began
        self._cpu_before += self._cpu_s
        self._cpu_s = 0.0
        self._backend = event.backend
        self._wall_zero = event.at - self._clock
        self._cpu = None
        self._cpu_from = None
        self._note(event.at, "started", f"attempt {event.attempt} on {event.host}")

    def _deaths_if_dead(self) -> int:
        """Count a death without a last word; a checkpoint made by the dead attempt starts the count anew."""
        progressed = self._checkpoint is not None and self._checkpoint.step > self._from_step
        return 1 if progressed else self._deaths + 1

    def _on_resume(self, event: events.Resume) -> None:
        for curve in self.curves.values():
            curve.rewind(event.step)
        self._tally.rewind(event.step)
        self._updates.back(event.step, self.curves["steps/s"].end("updates"))
        self._evals = [point for point in self._evals if point.step <= event.step]
        self._step = event.step
        self._from_step = event.step
        self._episodes = event.episode
        if self._solved_at is not None and self._solved_at > event.step:
            self._solved_at = None
        self._levels = deque((kept for kept in self._levels if kept[0] <= event.step), maxlen=2)
        self._level = self._levels[-1][1].copy() if self._levels else Collapse()
        if not event.exact:
            self._inexact = event.why or "resumed inexactly"
        self._wall_zero = self._start.at - self._clock
        self._note(self._now(), "resumed", f"from step {event.step}")

    def _on_checkpoint(self, event: events.Checkpoint) -> None:
        self._checkpoint = event
        for curve in self.curves.values():
            curve.mark(event.step)
        self._levels.append((event.step, self._level.copy()))
        self._tally.mark(event.step)

    def _on_episode(self, event: events.Episode) -> None:
        if event.episode <= self._episodes:
            return  # seen already
        self._episodes = event.episode
        self._step = max(self._step, event.step)
        self._append("return", event.step, event.r)
        self._append("length", event.step, event.l)
        self._tally.add(event.episode, event.step, event.r)
        well = self._level.since is None
        self._level.add(event.step, event.r)
        if well and self._level.since is not None:
            self._note(self._now(), "collapsed", f"lost what it had learned by {self._level.since} steps")
        solved = self.spec.solved
        if solved is not None and self._solved_at is None and self._episodes >= MEAN_OF:
            mean = _mean(self.curves["return"])
            if mean is not None and mean >= solved:
                self._solved_at, self._solved_episode = event.step, event.episode
                self._note(self._now(), "solved", f"solved at {event.step} steps")

    def _on_beat(self, t: float, event: events.Beat) -> None:
        self._step = max(self._step, event.step)
        self._beat = event
        if self._cpu_from is not None and t > self._cpu_from[0]:
            now = max(0.0, (event.cpu_s - self._cpu_from[1]) / (t - self._cpu_from[0]))
            self._cpu = now if self._cpu is None else 0.5 * self._cpu + 0.5 * now
        self._cpu_from = (t, event.cpu_s)
        self._cpu_s = event.cpu_s
        self._updates.seen(event.step, event.updates)
        self._append("steps/s", event.step, event.sps)
        if math.isfinite(event.epsilon):
            self._append("epsilon", event.step, event.epsilon)
        if event.updates > 0:  # before learning starts, steps are several times cheaper
            self._append("loss", event.step, event.loss)

    def _append(self, name: str, step: int, y: float) -> None:
        self.curves[name].append(
            step=step, episode=self._episodes, seconds=self._clock, updates=self._updates.at(step), y=y
        )

    def _now(self) -> float:
        return self._wall_zero + self._clock if self._start.attempt else getattr(self._last, "at", 0.0)

    def _note(self, at: float, kind: str, text: str) -> None:
        self._notes.append(Note(at, self.spec.id, kind, text))


def fold(spec: RunSpec, lines: Mapping[int, list[Line]], *, held: bool) -> RunView:
    """Fold the lines of all attempts, by attempt."""
    run = RunFold(spec)
    for attempt in sorted(lines):
        for line in lines[attempt]:
            run.apply(attempt, line)
    return run.view(held=held)


def _count(settings: Mapping[str, Json], key: str) -> int | None:
    value = settings.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(curve: Curve) -> float | None:
    newest = curve.recent(MEAN_OF)
    return sum(newest) / len(newest) if newest else None


def _mean_rate(beats: Curve) -> float | None:
    steps, seconds = beats.buckets.step, beats.buckets.seconds
    if len(steps) < 2 or seconds[-1] <= seconds[0]:
        return None
    return (steps[-1] - steps[0]) / (seconds[-1] - seconds[0])


class _Updates:
    """Gradient updates at a step: what the last beat said, and from there on what the settings say."""

    def __init__(self, settings: Mapping[str, Json]) -> None:
        steps, every = _count(settings, "gradient_steps") or 1, _count(settings, "train_freq") or 1
        self._each = steps / every if steps > 0 and every > 0 else 1.0  # -1: as many as steps
        self._from = float(_count(settings, "learning_starts") or 0)
        self._had = 0.0

    def seen(self, step: int, updates: int) -> None:
        """Take what a beat says."""
        if updates > 0:
            self.back(step, updates)

    def back(self, step: float, updates: float) -> None:
        """Go on from here, once learning has begun."""
        if updates > 0:
            self._from, self._had = step, updates

    def at(self, step: float) -> float:
        """Updates at a step."""
        return self._had + max(0.0, step - self._from) * self._each
