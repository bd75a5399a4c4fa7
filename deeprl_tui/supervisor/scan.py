"""Facts about the runs of a folder, cheaply: a log is folded only when it grew and nobody writes it.

Scanning 1,000 folders takes about 60 ms; folding them all each time would take minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.core import state
from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.runs.homes import read_status
from deeprl_tui.runs.load import load_view


@dataclass(slots=True)
class Seen:
    """What the last scans saw of one run."""

    paths: RunPaths
    size: tuple[int, int] = (0, 0)  # number of attempts, bytes of the newest log
    grew_at: float = 0.0
    held: bool = False
    view: RunView | None = None
    request: str = ""
    requested_at: float = 0.0
    dead_at: float | None = None


class Scanner:
    """Remembers what it saw, so that a scan costs little."""

    def __init__(self, root: Path, monotonic: Callable[[], float], warn: Callable[[str], None]) -> None:
        self._paths = RootPaths(root)
        self._monotonic = monotonic
        self._warn = warn
        self._broken: set[Path] = set()
        self.runs: dict[RunId, Seen] = {}

    def scan(self) -> None:
        """Look at all runs once."""
        found: dict[RunId, Seen] = {}
        for paths in self._paths.runs():
            try:
                run = name_of(paths)
                if paths.host.exists():
                    continue  # it lives on another host
                seen = self.runs.get(run)
                if seen is None or seen.paths != paths:
                    seen = Seen(paths, grew_at=self._monotonic())
                self._look(seen)
                found[run] = seen
            except (ValueError, OSError, RunDirectoryError) as error:
                if paths.folder not in self._broken:  # say it once; one bad folder stops nothing
                    self._broken.add(paths.folder)
                    self._warn(f"left out {paths.folder}: {error}")
        self.runs = found

    def _look(self, seen: Seen) -> None:
        now = self._monotonic()
        attempts = seen.paths.attempts()
        last = seen.paths.events(attempts[-1]) if attempts else None
        size = (len(attempts), last.stat().st_size if last else 0)
        over = seen.view is not None and state.is_over(seen.view.state)
        if over and not seen.held and size == seen.size:
            return  # if it was held, somebody was resuming it: the view may be older than the log
        held = is_held(seen.paths.lock)
        if size != seen.size or (held and read_status(seen.paths)):
            seen.grew_at = now  # a worker that waits for disk space is not stalled
        if not held and (seen.view is None or seen.held or size != seen.size):
            seen.view = load_view(seen.paths, held=False)
            lost = isinstance(seen.view.state, state.Lost)
            seen.dead_at = (seen.dead_at or now) if lost else None
        seen.held, seen.size = held, size
        request = _request(seen.paths)
        if request != seen.request:
            seen.request, seen.requested_at = request, now


def _request(paths: RunPaths) -> str:
    try:
        word = read_small(paths.request, 16).decode("ascii", errors="replace").strip()
    except OSError:
        return ""
    return word if word in ("stop", "pause") else ""
