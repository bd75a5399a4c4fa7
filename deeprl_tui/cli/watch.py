"""Watching a batch of runs until they are over: what `deeprl run` does after the launch.

Rule: looking changes nothing. The one thing done here is to start a supervisor again where runs wait and none
is there.
"""

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, MappingProxyType, TracebackType
from typing import Protocol

from deeprl_tui.cli import look
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError, ExitCode
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.runs import stats
from deeprl_tui.runs.stats import Throughput

HERE = ""
"""The home of runs that live on this machine."""
LOOK_S = 0.5
UNSUPERVISED_S = 2.0
"""So long may runs wait without a supervisor before one is started."""
STARTING_S = 10.0
"""A supervisor that was started and lives has this long to take its lock."""
STARTS = 5
"""Supervisors that ended at once, one after the other, before we give up."""
LEAVE_S = 15.0
"""A supervisor that was asked to end has this long: its workers have 10 s to reach a checkpoint."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The batch at one moment."""

    runs: tuple[RunView, ...]  # in the order in which they were asked for
    gone: tuple[RunId, ...] = ()  # archived or deleted under our eyes
    host: HostView | None = None  # this machine
    cores: Mapping[str, int] = field(default_factory=lambda: {HERE: 1})  # runs that train at once, by host
    homes: Mapping[RunId, str] = field(default_factory=dict)  # the hosts of those that do not live here
    speeds: Mapping[str, Throughput] = field(default_factory=dict)  # measured before, by env
    files: tuple[str, ...] = ()  # what comes from hosts now, and how far it is

    @property
    def left(self) -> Eta | None:
        """How long all of it will still take; None if nothing is left or too little is known."""
        return stats.ends(self.runs, self.cores, self.speeds, self.homes)[1]

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return all(state.is_over(view.state) for view in self.runs)

    @property
    def waiting(self) -> bool:
        """Whether a run needs a supervisor to go on."""
        return any(isinstance(view.state, state.Queued | state.Lost) for view in self.runs)

    @property
    def finished(self) -> bool:
        """Whether every run used up its budget."""
        return not self.gone and all(isinstance(view.state, state.Finished) for view in self.runs)

    def counts(self) -> list[tuple[str, int]]:
        """How many runs are in each state, without the empty ones."""
        words = [state.word(view.state) for view in self.runs]
        return [(word, words.count(word)) for word in map(state.word, state.STATES) if word in words]


def scene(
    snapshot: FleetSnapshot,
    ids: Sequence[RunId],
    *,
    cores: int | None = None,
    speeds: Mapping[str, Throughput] = MappingProxyType({}),
) -> Scene | None:
    """Pick the batch out of a snapshot; None before the folder was read once."""
    host = next((view for view in snapshot.hosts if view.name == LOCAL), None)
    if host is None or host.reading:
        return None
    runs = tuple(snapshot.runs[run] for run in ids if run in snapshot.runs)
    gone = tuple(run for run in ids if run not in snapshot.runs)
    homes = {run: snapshot.homes[run] for run in ids if run in snapshot.homes}
    slots = {view.name: len(view.cores) for view in snapshot.hosts if view is not host}
    slots[HERE] = max(1, min(cores or len(host.cores), len(host.cores)))
    coming = [(view.name, view.coming) for view in snapshot.hosts if view.coming.run]
    files = tuple(
        f"{name}: {look.transfer(at.run, at.file, at.done, at.total, at.rate)}" for name, at in coming
    )
    return Scene(runs, gone, host, slots, homes, speeds, files)


class Screen(Protocol):
    """What shows a batch."""

    def show(self, scene: Scene) -> None:
        """Show the batch as it is now."""

    def close(self, scene: Scene | None) -> None:
        """Leave the terminal in order, with the last picture."""


class Keeper:
    """Sees that somebody starts the runs that wait."""

    def __init__(
        self, start: Callable[[], subprocess.Popen[bytes] | None], monotonic: Callable[[], float]
    ) -> None:
        self._start = start
        self._monotonic = monotonic
        self._starts = 0
        self._alone_since: float | None = None
        self._started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None  # the supervisor that we started

    def begin(self) -> None:
        """Start a supervisor, unless there is one."""
        self.process = self._start()
        self._started_at = self._monotonic()

    def look(self, scene: Scene) -> None:
        """Start a supervisor if runs wait and none was there for a while. Raises if that never helps."""
        now = self._monotonic()
        supervised = scene.host is not None and scene.host.supervisor
        if supervised or not scene.waiting:
            self._alone_since = None
            if supervised and now - self._started_at > STARTING_S:
                self._starts = 0
            return
        if self.process is not None and self.process.poll() is None and now - self._started_at < STARTING_S:
            return
        self._alone_since = now if self._alone_since is None else self._alone_since
        if now - self._alone_since <= UNSUPERVISED_S:
            return
        if self._starts >= STARTS:
            raise DeeprlError(
                f"the supervisor ended at once, {STARTS} times",
                place="runs wait",
                remedy="see .supervisor.log in the runs folder, and deeprl doctor",
            )
        self._starts += 1
        self._alone_since = None
        self.begin()

    def end(self) -> bool:
        """Ask our supervisor to bring its workers to their checkpoints; whether it ended in time.

        One that is late is not killed: it has heard, and its workers would go on without it.
        """
        if self.process is None or self.process.poll() is not None:
            return True
        self.process.terminate()
        try:
            self.process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            return False
        return True


class Interrupt:
    """Remembers the first signal that asks us to end; `wait` returns at once when it comes."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.number: signal.Signals | None = None
        self._event = threading.Event()

    def __enter__(self) -> "Interrupt":
        self._before = {number: signal.getsignal(number) for number in self.SIGNALS}
        for number, before in self._before.items():
            if before is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def wait(self, seconds: float) -> bool:
        """Sleep; True if a signal came."""
        return self._event.wait(seconds)

    @property
    def exit_code(self) -> int:
        """What a shell expects after that signal."""
        return 128 + self.number if self.number is not None else ExitCode.OK

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = signal.Signals(number)
        self._event.set()


def watch(
    look: Callable[[], Scene | None], screen: Screen, keeper: Keeper | None, wait: Callable[[float], bool]
) -> Scene | None:
    """Show the batch until it is over or a signal comes; the last picture.

    keeper: None where others see that runs start.
    """
    last: Scene | None = None
    try:
        while True:
            now = look()
            if now is not None:
                last = now
                screen.show(now)
                if now.over:
                    return last
                if keeper is not None:
                    keeper.look(now)
            if wait(LOOK_S):
                return last
    finally:
        screen.close(last)


def verdict(last: Scene) -> list[str]:
    """What became of the batch, in words: the counts, and the runs that did not finish with their remedy."""
    lines = [", ".join(f"{number} {word}" for word, number in last.counts()), *held_back(last.runs)]
    lines += [f"{run} is gone: archived or deleted" for run in last.gone]
    return [line for line in lines if line]


def held_back(views: Sequence[RunView]) -> list[str]:
    """The runs that will not go on by themselves, those of an experiment with the same fate in one line."""
    alike: dict[tuple[str, str], list[RunView]] = {}
    for view in views:
        match view.state:
            case state.Failed(error=error):
                alike.setdefault((view.id.experiment, f"failed: {error}"), []).append(view)
            case state.Stopped() | state.Paused():
                alike.setdefault((view.id.experiment, state.word(view.state)), []).append(view)
    lines = []
    for (experiment, fate), those in alike.items():
        seeds = look.seeds([view.id.seed for view in those])
        name = f"{experiment}/{seeds}" if len(those) == 1 else experiment
        if isinstance(those[0].state, state.Failed):
            remedy = f"see deeprl logs {those[0].id}, then deeprl resume {name}"
        else:
            remedy = f"deeprl resume {name}"
        lines.append(f"{experiment}/{seeds} {fate}; {remedy}")
    return lines
