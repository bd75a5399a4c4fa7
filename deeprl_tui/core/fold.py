"""The fold: events of all attempts, in order, and "is the lock held" -> what is known of a run.

Rule: no clock, no file, no other source. Equal lines give equal views, so a dashboard that attaches late
sees what one that watched from the start sees.
"""

import math
from collections import deque
from collections.abc import Mapping

from deeprl_tui.core import eta as etas
from deeprl_tui.core import events, state
from deeprl_tui.core.bulk import Samples, samples_of
from deeprl_tui.core.course import Course, count, mean_of
from deeprl_tui.core.curve import Curve
from deeprl_tui.core.events import Line
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.core.state import EvalPoint, Note, RunState, RunView

NOTES = 50
BEATS = 600
"""Throughput is judged by so many newest beats at most."""


class RunFold:
    """Takes a run's lines one by one; `view` is the picture so far.

    whole: for a run that is over and read once, so that its view says what needs every return.
    """

    def __init__(self, spec: RunSpec, *, whole: bool = False) -> None:
        self.spec = spec
        self.bad_lines = 0
        self._course = Course(spec, whole=whole)
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._evals: list[EvalPoint] = []
        self._last: events.Queued | events.Start | events.StopAsked | events.End = events.Queued()
        self._start = events.Start(attempt=0)
        self._backend = ""
        self._wall_zero = 0.0  # wall clock at second 0 of training of this attempt
        self._attempt = 0
        self._began: float | None = None
        self._progressed = 0.0
        self._checkpoint: events.Checkpoint | None = None
        self._from_step = 0
        self._deaths = 0
        self._inexact = ""
        self._ended = True

    @property
    def place(self) -> tuple[int, float]:
        """How far it is: attempt and seconds of training. What is folded later is never before it."""
        return self._attempt, self._course.clock

    def take(self, attempt: int, what: Line | Samples) -> None:
        """Take what follows in an attempt's log. Lines of an attempt that was replaced are ignored."""
        if isinstance(what, Line):
            self.apply(attempt, what)
        elif attempt >= self._attempt:
            self._attempt = attempt
            self._on_samples(what)

    def apply(self, attempt: int, line: Line) -> None:
        """Take the next line of an attempt's log. Lines of an attempt that was replaced are ignored."""
        if attempt < self._attempt:
            return
        self._attempt = attempt
        what = samples_of(line)
        if what is not None:
            self._on_samples(what)
        else:
            self._on_event(line.t, line.event)

    def _on_samples(self, what: Samples) -> None:
        moved, words = self._course.take(what)
        if moved is not None:
            self._progressed = self._at(moved)
        for word in words:
            self._note(self._at(word.clock), word.kind, word.text)

    def _on_event(self, t: float, what: events.Event) -> None:
        course = self._course
        course.clock = t
        before = course.step
        match what:
            case events.Queued() as event:
                self._last = event
                self._note(event.at, "queued", event.why or "queued")
            case events.Start() as event:
                self._on_start(event)
            case events.Backend() as event:
                self._backend = f"{event.name} ({event.why})" if event.why else event.name
            case events.Resume() as event:
                self._on_resume(event)
            case events.Eval() as event:
                course.step = max(course.step, event.step)
                if event.returns:
                    mean = sum(event.returns) / len(event.returns)
                    self._evals.append(EvalPoint(event.step, mean, event.returns))
                    course.see("eval", event.step, mean)
            case events.Checkpoint() as event:
                self._checkpoint = event
                course.mark(event.step)
            case events.StopAsked() as event:
                self._last = event
            case events.Warn() as event:
                self._note(self._now(), "warned", event.text)
            case events.End() as event:
                self._last = event
                self._ended = True
                course.step = max(course.step, event.step)
                kind = "queued" if event.outcome == "interrupted" else event.outcome
                self._note(event.at, kind, event.reason or event.outcome)
            case _:
                pass
        if course.step != before or not isinstance(what, events.Warn):
            self._progressed = self._now()

    def view(self, *, held: bool, waiting: str = "") -> RunView:
        """The picture so far; held: whether the run's lock is held; waiting: the worker's status file."""
        settings, course, curves = self.spec.settings, self._course, self._course.curves
        beats, length = curves["loss"], etas.episode_length(curves["length"])
        steps = count(settings, "total_timesteps")
        episodes = count(settings, "total_episodes")
        current = self._state(held)
        live = isinstance(current, state.Running | state.Stopping)
        left = etas.remaining(
            step=course.step,
            total_steps=steps,
            episodes=course.episodes,
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
            step=course.step,
            total_steps=steps,
            episodes=course.episodes,
            total_episodes=episodes,
            return_mean=mean_of(curves["return"]),
            length_mean=mean_of(curves["length"]),
            loss=_finite(course.beat.loss),
            epsilon=_finite(course.beat.epsilon),
            steps_per_second=course.beat.sps if live else _mean_rate(beats),
            cpu=course.cpu if live else None,
            rss=course.beat.rss or None,
            eta=None if state.is_over(current) else left,
            curves=curves,
            evals=tuple(self._evals),
            solved_at=course.solved_at,
            checkpoint_step=self._checkpoint.step if self._checkpoint else None,
            deaths=self._deaths_if_dead() if isinstance(current, state.Lost) else self._deaths,
            waiting=waiting if live else "",
            inexact=self._inexact,
            notes=tuple(self._notes),
            clock=course.clock,
            last_seen=self._now(),
            bad_lines=self.bad_lines,
            best_mean=course.level.best,
            collapsed=course.level.since,
            progressed=self._progressed,
            returns=course.tally.numbers(),
            solved_episode=course.solved_episode if course.solved_at is not None else None,
            began=self._began,
            cpu_seconds=(course.cpu_before + course.cpu_s) or None,
            trend=course.tally.trend(),
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
        self._course.start()
        self._backend = event.backend
        self._wall_zero = event.at - self._course.clock
        self._note(event.at, "started", f"attempt {event.attempt} on {event.host}")

    def _deaths_if_dead(self) -> int:
        """Count a death without a last word; a checkpoint made by the dead attempt starts the count anew."""
        progressed = self._checkpoint is not None and self._checkpoint.step > self._from_step
        return 1 if progressed else self._deaths + 1

    def _on_resume(self, event: events.Resume) -> None:
        self._course.rewind(event.step, event.episode)
        self._evals = [point for point in self._evals if point.step <= event.step]
        self._from_step = event.step
        if not event.exact:
            self._inexact = event.why or "resumed inexactly"
        self._wall_zero = self._start.at - self._course.clock
        self._note(self._now(), "resumed", f"from step {event.step}")

    def _now(self) -> float:
        return self._at(self._course.clock)

    def _at(self, clock: float) -> float:
        """The wall clock at a second of training."""
        return self._wall_zero + clock if self._start.attempt else getattr(self._last, "at", 0.0)

    def _note(self, at: float, kind: str, text: str) -> None:
        self._notes.append(Note(at, self.spec.id, kind, text))


def fold(spec: RunSpec, lines: Mapping[int, list[Line]], *, held: bool) -> RunView:
    """Fold the lines of all attempts, by attempt."""
    run = RunFold(spec)
    for attempt in sorted(lines):
        for line in lines[attempt]:
            run.apply(attempt, line)
    return run.view(held=held)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean_rate(beats: Curve) -> float | None:
    steps, seconds = beats.buckets.step, beats.buckets.seconds
    if len(steps) < 2 or seconds[-1] <= seconds[0]:
        return None
    return (steps[-1] - steps[0]) / (seconds[-1] - seconds[0])
