"""Recorded runs, played into a fleet as if they trained now: what `deeprl-tui --demo` shows.

Rule: nothing is read but the package's own data, and nothing is written. The events are those of real runs
(benchmarks/demo.py) at the speed they had; only which core they get and when they begin is made up.
"""

import gzip
import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

import deeprl_tui
from deeprl_tui.core import events
from deeprl_tui.core.events import Event, Line, encode
from deeprl_tui.core.spec import FORMAT, RunId, RunSpec, canonical
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.frames import Alive, Data, Described, Hello
from deeprl_tui.runs.history import FileFact, Story, Told

HOST: Final = "local"
MACHINE: Final = "recorded"
CORES: Final = (0, 1, 2, 3)
FOLDER: Final = Path(__file__).parent
FILE: Final = FOLDER / "demo.toml"
DATA: Final = FOLDER / "demo.jsonl.gz"
ORDER: Final = ("CP_basic", "AB_basic", "LL_basic", "LL_64_64", "LL_256_256", "LL_prio", "LL_lr", "CP_single")
"""Experiments in the order of their launch; the others follow."""
BEGINS_AT: Final = 0.45
"""The share of all that is over when the demo begins."""
TICK_S: Final = 0.25
_KINDS: Final[dict[str, type[Any]]] = {kind.kind: kind for kind in get_args(Event)}


@dataclass(slots=True)
class Recorded:
    """A run, and when in the demo each of its lines is written; seconds since the first run began."""

    id: RunId
    spec: bytes
    lines: list[tuple[float, int, Line]]  # when, attempt, line
    begins: float = 0.0
    core: int = 0
    played: int = 0  # lines so far
    numbers: dict[int, int] = field(default_factory=dict)  # lines of each attempt so far

    @property
    def lasts(self) -> float:
        """Seconds from its first line to its last."""
        return self.lines[-1][0] if self.lines else 0.0


def load(data: bytes) -> list[Recorded]:
    """Read what `benchmarks/demo.py` wrote; lines get the time since the run began."""
    runs = []
    for row in gzip.decompress(data).decode().splitlines():
        body = json.loads(row)
        lines: list[tuple[float, int, Line]] = []
        attempt_before, shift, last = 0, 0.0, 0.0
        for attempt, t, kind, fields in body["events"]:
            if attempt != attempt_before:  # a new attempt goes on after the end of the one before
                attempt_before, shift = attempt, max(shift, last - t + 1.0) if attempt_before else 0.0
            last = max(last, t + shift)
            values = {
                name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
            }
            lines.append((last, attempt, Line(0, t, _KINDS[kind](**values))))
        spec = RunSpec.from_json(canonical(body["spec"]), place=body["run"])
        runs.append(Recorded(spec.id, spec.to_json().encode(), lines))
    return runs


def schedule(runs: Sequence[Recorded], cores: Sequence[int] = CORES) -> float:
    """Give each run a core and a time to begin, in ORDER; the seconds that all take."""
    places = {name: at for at, name in enumerate(ORDER)}
    free = dict.fromkeys(cores, 0.0)
    for run in sorted(runs, key=lambda run: (places.get(run.id.experiment, len(places)), run.id)):
        run.core = min(free, key=lambda core: (free[core], core))
        run.begins = free[run.core]
        free[run.core] += run.lasts + 0.5
    return max(free.values(), default=0.0)


class DemoFeed:
    """Plays the recording into a fleet. It is also where the run screen finds the events in words."""

    def __init__(self, fleet: Fleet, wall: Callable[[], float], data: Path = DATA) -> None:
        self._fleet = fleet
        self._wall = wall
        self._data = data
        self._runs: list[Recorded] = []
        self._began = 0.0  # wall clock at second 0 of the demo
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed-demo", daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def wake(self) -> None:
        """Nothing can be hurried here."""

    def close(self) -> None:
        """End."""
        self._end.set()

    # -- playing -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.prepare()
        while not self._end.wait(TICK_S):
            self.play()

    def prepare(self) -> None:
        """Read the recording and play what is over when the demo begins."""
        hello = Hello(FORMAT, deeprl_tui.__version__, MACHINE, "", CORES)
        self._fleet.apply(HOST, hello)
        runs = load(self._data.read_bytes())
        whole = schedule(runs)
        self._began = self._wall() - whole * BEGINS_AT
        for run in runs:
            self._fleet.apply(HOST, Described(run.id, run.spec))
        self._runs = runs
        self.play()

    def play(self) -> None:
        """Play what is due now."""
        now = self._wall()
        for run in self._runs:
            self._play(run, now - self._began - run.begins)
        held = frozenset(run.id for run in self._runs if self._trains(run, now))
        taken = {run.core for run in self._runs if run.id in held}
        wave = [0.5 + 0.5 * math.sin(now / 3 + core) for core in CORES]
        busy = tuple(
            (0.94 if core in taken else 0.01) + 0.05 * part for core, part in zip(CORES, wave, strict=True)
        )
        alive = Alive(now, busy, int((3.2 + 0.4 * len(held)) * 2**30), 16 * 2**30, 120 * 2**30, held, True)
        self._fleet.apply(HOST, alive)

    def _trains(self, run: Recorded, now: float) -> bool:
        return 0 < run.played < len(run.lines) and now - self._began > run.begins

    def _play(self, run: Recorded, seconds: float) -> None:
        """Write the lines of a run that are due; the first, that it waits, from the beginning."""
        parts: dict[int, bytearray] = {}
        while run.played < len(run.lines):
            when, attempt, line = run.lines[run.played]
            if when > seconds and run.played:
                break
            number = run.numbers[attempt] = run.numbers.get(attempt, 0) + 1
            parts.setdefault(attempt, bytearray()).extend(encode(self._now(run, number, when, line)))
            run.played += 1
        for attempt, data in parts.items():
            self._fleet.apply(HOST, Data(run.id, attempt, 0, bytes(data)))

    def _now(self, run: Recorded, number: int, when: float, line: Line) -> Line:
        """A line as if it was written in the demo."""
        event, at = line.event, self._began + run.begins + when
        match event:
            case events.Queued():
                event = replace(event, at=min(at, self._began) if number == 1 and not run.played else at)
            case events.Start():
                event = replace(event, at=at, cores=(run.core,), host=MACHINE)
            case events.End():
                event = replace(event, at=at)
            case _:
                pass
        return Line(number, line.t, event)

    # -- what runs tell ----------------------------------------------------------------------------------

    def told(self, run: RunView) -> list[Told]:
        """The events of a run so far, in words."""
        story = Story(run.spec.solved)
        found = next((one for one in self._runs if one.id == run.id), None)
        for number, (when, attempt, line) in enumerate(found.lines[: found.played] if found else (), 1):
            assert found is not None
            story.take(attempt, self._now(found, number, when, line))
        return list(story.told)

    def printed(self, run: RunView) -> list[str]:
        """Nothing was recorded of that."""
        return ["a recording has no printed lines: e shows the events"]

    def files(self, run: RunView) -> list[FileFact]:
        """A recording has no files."""
        return []
