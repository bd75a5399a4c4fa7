"""What episodes and beats say of a run: its curves, how far it is, and what its returns amount to.

Rule: many at once give exactly what they give one by one, only sooner.
"""

import math
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import compress, islice
from operator import le, lt
from typing import Any, NamedTuple

from deeprl_tui.core.bulk import Beats, Episodes, Samples
from deeprl_tui.core.collapse import Collapse
from deeprl_tui.core.curve import Curve, Places
from deeprl_tui.core.events import Beat, Episode
from deeprl_tui.core.spec import Json, RunSpec
from deeprl_tui.core.state import METRICS
from deeprl_tui.core.tally import Tally

MEAN_OF = 100
"""Returns and lengths are shown as the mean of this many episodes, as in the study."""
CLOSE = 1e-6
"""A running sum of returns is wrong by less than this share of the largest: what is closer is summed anew."""


class Word(NamedTuple):
    """Something worth a note."""

    clock: float
    kind: str  # collapsed, solved
    text: str


class Course:
    """Takes episodes and beats."""

    def __init__(self, spec: RunSpec, *, whole: bool) -> None:
        self.curves = {name: Curve() for name in METRICS}
        self.clock = 0.0
        self.step = 0
        self.episodes = 0
        self.beat = Beat()
        self.cpu: float | None = None  # share of one core, of late
        self.solved_at: int | None = None
        self.solved_episode: int | None = None
        self.tally = Tally(spec.solved, whole=whole)
        self.level = Collapse()
        self._levels: deque[tuple[int, Collapse]] = deque(maxlen=2)  # at the newest checkpoints
        self._solved = spec.solved
        self.cpu_s = 0.0  # CPU seconds of this attempt
        self.cpu_before = 0.0  # and of older ones
        self._cpu_from: tuple[float, float] | None = None
        # Gradient updates at a step: what the last beat said, and from there on what the settings say.
        steps, every = count(spec.settings, "gradient_steps") or 1, count(spec.settings, "train_freq") or 1
        self._each = steps / every if steps > 0 and every > 0 else 1.0  # -1: as many as steps
        self._from = float(count(spec.settings, "learning_starts") or 0)
        self._had = 0.0

    def take(self, what: Samples) -> tuple[float | None, list[Word]]:
        """Take what follows. Returns when the run got on last, in seconds of training, and notes.

        An episode is getting on, and so is a beat with a higher step.
        """
        played, beats = what.episodes, what.beats
        if played.t and not self._plain(played):
            if len(what.kinds) > 1:
                return self._each_of(what)
            if played.episode[0] <= self.episodes:  # seen already
                self.clock = played.t[0]
                return self.clock, []
        moved, counts, updates, guesses = self._line_up(what)
        self.clock = (played if what.kinds[-1] == Episode.kind else beats).t[-1]
        if beats.t:
            self._on_beats(beats, counts, updates)
        return moved, self._on_episodes(played, guesses) if played.t else []

    def _plain(self, played: Episodes) -> bool:
        """Whether these episodes follow what is known, and each other."""
        return (
            played.episode[0] > self.episodes
            and played.step[0] >= self.curves["return"].end()
            and all(map(lt, played.episode, islice(played.episode, 1, None)))
            and all(map(le, played.step, islice(played.step, 1, None)))
            and all(map(math.isfinite, played.r))
        )

    def _each_of(self, what: Samples) -> tuple[float | None, list[Word]]:
        told = [self.take(one) for one in what.each()]
        moved = [at for at, _ in told if at is not None]
        return (moved[-1] if moved else None), [word for _, words in told for word in words]

    def _line_up(self, what: Samples) -> tuple[float | None, list[int], list[float], list[float]]:
        """What each episode and beat takes over from those before it.

        Returns when the run got on last; for each beat the episodes and updates so far; for each episode the
        updates.
        """
        counts: list[int] = []
        updates: list[float] = []
        guesses: list[float] = []
        moved = None
        episodes, top, since, had, each = self.episodes, self.step, self._from, self._had, self._each
        cpu, before = self.cpu, self._cpu_from
        played = zip(*what.episodes[:3], strict=True)
        beats = zip(*what.beats[:4], strict=True)
        for kind in what.kinds:
            if kind == "episode":
                moved, episodes, step = next(played)
                guesses.append(had + (step - since) * each if step > since else had)
            else:
                t, step, done, cpu_s = next(beats)
                if step > top:
                    moved = t
                if done > 0:
                    since, had = step, done
                counts.append(episodes)
                updates.append(had + (step - since) * each if step > since else had)
                if before is not None and t > before[0]:
                    now = max(0.0, (cpu_s - before[1]) / (t - before[0]))
                    cpu = now if cpu is None else 0.5 * cpu + 0.5 * now
                before = (t, cpu_s)
            if step > top:
                top = step
        self.episodes, self.step, self._from, self._had = episodes, top, since, had
        self.cpu, self._cpu_from = cpu, before
        return moved, counts, updates, guesses

    def _on_beats(self, beats: Beats, counts: Sequence[int], updates: Sequence[float]) -> None:
        newest: list[Any] = [column[-1] for column in beats[1:]]
        self.beat = Beat(*newest)
        self.cpu_s = self.beat.cpu_s
        if len(beats.t) == 1:
            values = {"steps/s": self.beat.sps}
            if math.isfinite(self.beat.epsilon):
                values["epsilon"] = self.beat.epsilon
            if self.beat.updates > 0:
                values["loss"] = self.beat.loss
            self._see(values, self.beat.step, counts[0], beats.t[0], updates[0])
            return
        columns = (beats.step, counts, beats.t, updates)
        at = Places(*columns)
        self.curves["steps/s"].extend(at, array("d", beats.sps))
        learns = [many > 0 for many in beats.updates]  # before that there is no loss
        explores = list(map(math.isfinite, beats.epsilon))
        for name, ys, good in (("epsilon", beats.epsilon, explores), ("loss", beats.loss, learns)):
            if all(good):
                self.curves[name].extend(at, array("d", ys))
            elif any(good):
                chosen = Places(*(list(compress(column, good)) for column in columns))
                self.curves[name].extend(chosen, array("d", compress(ys, good)))

    def _on_episodes(self, played: Episodes, updates: Sequence[float]) -> list[Word]:
        curve = self.curves["return"]
        before = curve.recent(MEAN_OF)
        if len(played.t) == 1:
            values = {"return": played.r[0], "length": played.l[0]}
            self._see(values, played.step[0], played.episode[0], played.t[0], updates[0])
        else:
            at = Places(played.step, played.episode, played.t, updates)
            curve.extend(at, array("d", played.r))
            self.curves["length"].extend(at, array("d", played.l))
        self.tally.extend(played.episode, played.step, played.r)
        found = [
            (place, "collapsed", f"lost what it had learned by {since} steps")
            for place, since in self.level.extend(played.step, played.r)
        ]
        place = self._solves(before, played.episode, played.r)
        if place is not None:
            self.solved_at, self.solved_episode = played.step[place], played.episode[place]
            found.append((place, "solved", f"solved at {played.step[place]} steps"))
        found.sort()  # by place, and "collapsed" is before "solved"
        return [Word(played.t[place], kind, text) for place, kind, text in found]

    def _solves(self, before: "array[float]", numbers: Sequence[int], returns: Sequence[float]) -> int | None:
        """The first of these episodes with which the mean return reaches the threshold."""
        if self._solved is None or self.solved_at is not None or numbers[-1] < MEAN_OF:
            return None
        if len(numbers) == 1:
            mean = mean_of(self.curves["return"])
            return 0 if mean is not None and mean >= self._solved else None
        window, known, total = [*before, *returns], len(before), sum(before)
        near = MEAN_OF * self._solved - CLOSE * max(map(abs, window))
        sure = all(map(math.isfinite, window))
        for place, number in enumerate(numbers):
            end = known + place + 1
            total += window[end - 1] - (window[end - 1 - MEAN_OF] if end > MEAN_OF else 0.0)
            if number >= MEAN_OF and (total >= near or not sure or end < MEAN_OF):
                newest = window[max(0, end - MEAN_OF) : end]
                if sum(newest) / len(newest) >= self._solved:
                    return place
        return None

    # -- checkpoints -------------------------------------------------------------------------------------

    def see(self, name: str, step: int, y: float) -> None:
        """Take a value of another curve."""
        updates = self._had + max(0.0, step - self._from) * self._each
        self._see({name: y}, step, self.episodes, self.clock, updates)

    def _see(
        self, values: Mapping[str, float], step: int, episode: int, seconds: float, updates: float
    ) -> None:
        for name, y in values.items():
            self.curves[name].append(step=step, episode=episode, seconds=seconds, updates=updates, y=y)

    def start(self) -> None:
        """Another worker process trains it: its CPU seconds begin at 0."""
        self.cpu_before += self.cpu_s
        self.cpu_s, self.cpu, self._cpu_from = 0.0, None, None

    def mark(self, step: int) -> None:
        """A checkpoint was made."""
        for curve in self.curves.values():
            curve.mark(step)
        self._levels.append((step, self.level.copy()))
        self.tally.mark(step)

    def rewind(self, step: int, episode: int) -> None:
        """Go back to a checkpoint: what came after it is void."""
        for curve in self.curves.values():
            curve.rewind(step)
        self.tally.rewind(step)
        had = self.curves["steps/s"].end("updates")
        if had > 0:
            self._from, self._had = step, had
        self.step, self.episodes = step, episode
        if self.solved_at is not None and self.solved_at > step:
            self.solved_at = None
        self._levels = deque((kept for kept in self._levels if kept[0] <= step), maxlen=2)
        self.level = self._levels[-1][1].copy() if self._levels else Collapse()


def count(settings: Mapping[str, Json], key: str) -> int | None:
    """A setting that is a whole number, if it is."""
    value = settings.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mean_of(curve: Curve) -> float | None:
    """The mean of a curve's last values."""
    newest = curve.recent(MEAN_OF)
    return sum(newest) / len(newest) if newest else None
