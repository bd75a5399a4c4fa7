"""What one run's directory tells beyond its curves: its events in words, what it printed, its files.

Rule: read from where the last look stopped, never more than a bound; a file that is missing tells nothing.
"""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core import events
from deeprl_tui.core.events import Line
from deeprl_tui.core.files import open_regular
from deeprl_tui.core.layout import EVENTS, RunPaths
from deeprl_tui.core.log import LineReader, read_bytes
from deeprl_tui.core.spec import RunSpec

TOGETHER: Final = 100
"""Episodes are told in groups of this many, the number that a mean return is of."""
MOST_TOLD: Final = 5_000
MOST_LINES: Final = 5_000
TAIL_BYTES: Final = 1 << 20
MOST_FILES: Final = 200
TRACEBACK: Final = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words. `at`: wall clock of the run's host; `kind` as in `core.state.Note`, or a file's."""

    at: float
    kind: str  # queued started computes resumed episodes eval checkpoint asked warned solved finished ...
    text: str
    step: int | None = None


class Story:
    """Takes the lines of all attempts and tells them; a group of episodes when it is full."""

    def __init__(self, solved: float | None = None) -> None:
        self.told: deque[Told] = deque(maxlen=MOST_TOLD)
        self._solved = solved
        self._recent: deque[float] = deque(maxlen=TOGETHER)
        self._zero = 0.0  # wall clock at second 0 of training of this attempt
        self._attempt = 0
        self._start: events.Start | None = None
        self._episode = 0
        self._group: list[events.Episode] = []

    def take(self, attempt: int, line: Line) -> None:
        """Take the next line of an attempt's log."""
        event, at = line.event, self._zero + line.t
        match event:
            case events.Queued():
                self._tell(event.at, "queued", event.why or "waits for a core")
            case events.Start():
                self._start, self._zero = event, event.at - line.t
                cores = ", core " + " ".join(map(str, event.cores)) if event.cores else ""
                number = event.attempt or attempt
                self._tell(event.at, "started", f"attempt {number} on {event.host}{cores}, pid {event.pid}")
            case events.Backend():
                why = f": {event.why}" if event.why else ""
                self._tell(at, "computes", f"{event.name}{why}")
            case events.Resume():
                if self._start is not None:
                    self._zero = self._start.at - line.t
                exact = "to the bit" if event.exact else f"not to the bit: {event.why or 'no reason given'}"
                self._episode, self._group = event.episode, []
                self._tell(self._zero + line.t, "resumed", f"goes on, {exact}", event.step)
            case events.Episode():
                self._on_episode(at, event)
            case events.Eval() if event.returns:
                mean = sum(event.returns) / len(event.returns)
                span = (
                    f" ({min(event.returns):.4g} to {max(event.returns):.4g})"
                    if len(event.returns) > 1
                    else ""
                )
                best = ", the best so far" if event.best else ""
                many = "1 episode" if len(event.returns) == 1 else f"{len(event.returns)} episodes"
                self._tell(at, "eval", f"{mean:.4g} over {many}{span}{best}", event.step)
            case events.Checkpoint():
                size = f"{event.bytes / 1e6:.1f} MB in {event.seconds:.2g} s" if event.bytes else "written"
                self._tell(at, "checkpoint", size, event.step)
            case events.StopAsked():
                self._tell(at, "asked", f"to {event.ask}")
            case events.Warn():
                self._tell(at, "warned", event.text)
            case events.End():
                self._end_group(at)
                kind = "queued" if event.outcome == "interrupted" else event.outcome
                self._tell(event.at, kind, event.reason or event.outcome, event.step)
            case _:
                pass

    def _on_episode(self, at: float, event: events.Episode) -> None:
        if event.episode <= self._episode:
            return
        self._episode = event.episode
        self._group.append(event)
        self._recent.append(event.r)
        if event.episode % TOGETHER == 0:
            self._end_group(at)
        if self._solved is not None and len(self._recent) == TOGETHER:
            mean = sum(self._recent) / TOGETHER
            if mean >= self._solved:
                self._tell(at, "solved", f"mean of {TOGETHER} episodes reached {self._solved:g}", event.step)
                self._solved = None

    def _end_group(self, at: float) -> None:
        group, self._group = self._group, []
        if group:
            returns = [episode.r for episode in group]
            mean, length = sum(returns) / len(group), sum(episode.l for episode in group) / len(group)
            names = f"{group[0].episode}–{group[-1].episode}" if len(group) > 1 else f"{group[0].episode}"
            words = (
                f"{names}: return {mean:.4g} ({min(returns):.4g} to {max(returns):.4g}), length {length:.0f}"
            )
            self._tell(at, "episodes", words, group[-1].step)

    def _tell(self, at: float, kind: str, text: str, step: int | None = None) -> None:
        self.told.append(Told(at, kind, text, step))


class EventReader:
    """Follows the logs of a run's attempts."""

    def __init__(self, paths: RunPaths, spec: RunSpec) -> None:
        self._paths = paths
        self._story = Story(spec.solved)
        self._readers: dict[int, tuple[LineReader, int]] = {}

    def read(self) -> list[Told]:
        """All that is known now, oldest first."""
        try:
            attempts = self._paths.attempts()
        except OSError:
            return list(self._story.told)
        for attempt in attempts:
            reader, offset = self._readers.get(attempt, (LineReader(), 0))
            while data := _quietly(self._paths.events(attempt), offset):
                for line in reader.feed(data):
                    self._story.take(attempt, line)
                offset += len(data)
            self._readers[attempt] = (reader, offset)
        return list(self._story.told)


def _quietly(path: Path, offset: int) -> bytes:
    try:
        return read_bytes(path, offset)
    except OSError:
        return b""


class PrintReader:
    """Follows a text file from its last megabyte on: what a run's workers printed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = -1
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.seen = 0  # lines so far

    def read(self) -> list[str]:
        """The last lines, oldest first; none if there is no file."""
        try:
            fd = open_regular(self._path)
        except OSError:
            return list(self._lines)
        try:
            size = os.fstat(fd).st_size
            if size < self._offset:  # replaced
                self._offset, self._rest = -1, b""
                self._lines.clear()
            if self._offset < 0:
                self._offset = max(0, size - TAIL_BYTES)
            data = os.pread(fd, min(TAIL_BYTES, size - self._offset), self._offset)
        except OSError:
            return list(self._lines)
        finally:
            os.close(fd)
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-TAIL_BYTES:]
        self.seen += len(whole)
        self._lines.extend(line.decode(errors="replace").rstrip("\r") for line in whole)
        last = [self._rest.decode(errors="replace")] if self._rest else []
        return [*self._lines, *last]


def traceback_of(lines: Sequence[str]) -> list[str]:
    """The last traceback among printed lines, with those that it came from; nothing if there is none."""
    starts = [at for at, line in enumerate(lines) if line.lstrip() == TRACEBACK]
    if not starts:
        return []
    first = last = starts[-1]
    for at in reversed(starts[:-1]):  # "During handling of the above exception, ..." chains them
        between = [line for line in lines[at:first] if line.strip()]
        if (
            not between
            or not between[-1].endswith(("exception occurred:", "following exception:"))
            or len(lines[at:last]) > 400
        ):
            break
        first = at
    end = last + 1
    while end < len(lines) and (lines[end].startswith(" ") or not lines[end].strip()):
        end += 1
    return list(lines[first : min(len(lines), end + 12)])


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file of a run: its path, what it is, its size in bytes, when it was written."""

    path: Path
    what: str
    size: int
    written: float
    step: int | None = None


def files_of(
    paths: RunPaths, env: str, *, checkpoint: int | None = None, best: int | None = None
) -> list[FileFact]:
    """The files of a run, those that one asks for first. checkpoint, best: their steps as the events tell."""
    known = {
        paths.best_model: ("best policy", best),
        paths.last_model(env): ("policy at the end", None),
        paths.checkpoint: ("newest checkpoint", checkpoint),
        paths.checkpoint_before: ("checkpoint before it", None),
        paths.buffer_log: ("replay buffer", checkpoint),
        paths.evaluations: ("all evaluations", None),
        paths.worker_log: ("what its workers printed", None),
        paths.spec: ("its description", None),
        paths.zoo_config(env): ("settings for rl-zoo", None),
        paths.zoo_args(env): ("arguments for rl-zoo", None),
        paths.attempt: ("newest attempt", None),
        paths.status: ("last word on a full disk", None),
        paths.lock: ("held while it trains", None),
        paths.request: ("what was asked of it", None),
    }
    order = {path: at for at, path in enumerate(known)}
    found = []
    for path in _walk(paths.folder):
        try:
            stat = path.lstat()
        except OSError:
            continue
        what, step = known.get(path, (_what(path.name), None))
        found.append(FileFact(path, what, stat.st_size, stat.st_mtime, step))
    return sorted(found, key=lambda fact: (order.get(fact.path, len(order)), fact.path))[:MOST_FILES]


def _what(name: str) -> str:
    if match := EVENTS.fullmatch(name):
        return f"log of attempt {match[1]}"
    if name.endswith(".monitor.csv"):
        return "episodes for SB3"
    return {"mp4": "film", "gif": "film", "webm": "film", "png": "picture", "zip": "policy"}.get(
        name.rpartition(".")[2], ""
    )


def _walk(folder: Path) -> Iterable[Path]:
    """The regular files of a run directory and of its folders; links are not followed."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))[:20]
        for name in sorted(names)[:MOST_FILES]:
            path = Path(base) / name
            if not path.is_symlink() and path.is_file():
                yield path
