"""What a supervisor sees of runs, scan by scan."""

from pathlib import Path

from support import WALL, make_run, spec, start, training, write

from deeprl_tui.core import state
from deeprl_tui.core.events import End, Queued
from deeprl_tui.core.lock import FileLock
from deeprl_tui.supervisor.scan import Scanner


def test_a_scan_amid_a_resume_misses_nothing(tmp_path: Path) -> None:
    """Who resumes holds the run's lock while it writes; after that the run waits, and nobody holds it."""
    paths = make_run(
        tmp_path,
        spec(),
        [(0.0, start()), *training(3), (4.0, End(WALL, "stopped", 30, "stopped by request"))],
    )
    scanner = Scanner(tmp_path, lambda: 0.0, lambda _: None)
    scanner.scan()
    with FileLock.acquire(paths.lock, "requeueing"):
        write(paths, 2, [(4.0, Queued(WALL, "resumed by request"))])
        scanner.scan()
    scanner.scan()
    seen = scanner.runs[spec().id]
    assert (seen.held, seen.view and seen.view.state) == (False, state.Queued(WALL, "resumed by request"))
