"""Starting workers, and the first code that runs in one. The only importer of multiprocess.

A fork server imports the learner once, stays single-threaded and forks workers from it: 0.16 s of CPU and
16 MB each instead of 4.5 s and 223 MB. No locks, queues or shared memory of multiprocess: a full /dev/shm
kills them. A worker leads its own session, so it outlives its supervisor.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import multiprocess
import multiprocess.connection

from deeprl_tui.core.layout import RunPaths, name_of
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import LockHeldError
from deeprl_tui.supervisor.decide import CORE_TAKEN

LEARNER = "deeprl_agents.worker"
"""Reached by name inside the child, so the tool has no import of the learner."""
PRELOAD = ("deeprl_tui.supervisor.apart", "deeprl_agents.warm")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NICE = 5
"""Workers yield to the screen and the shell; on a free core this costs them nothing."""


@dataclass(slots=True)
class Worker:
    """A living child."""

    process: Any
    core: int


class Workers:
    """The children of this supervisor."""

    def __init__(self, core_locks: Path) -> None:
        os.environ.update(ONE_THREAD)  # before the fork server starts: it and all workers inherit it
        self._context = multiprocess.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOAD))
        self._core_locks = core_locks
        self.alive: dict[RunId, Worker] = {}

    def start(self, run: RunId, paths: RunPaths, attempt: int, core: int) -> None:
        """Start a worker for a run on a core."""
        process = self._context.Process(
            target=child,
            args=(str(paths.folder), attempt, core, str(self._core_locks / f"core-{core}")),
            name=str(run),
        )
        process.start()
        self.alive[run] = Worker(process, core)

    def wait(self, seconds: float) -> None:
        """Sleep until a worker ends, or for some seconds."""
        sentinels = [worker.process.sentinel for worker in self.alive.values()]
        if sentinels:
            multiprocess.connection.wait(sentinels, timeout=seconds)
        else:
            time.sleep(seconds)

    def reap(self) -> Mapping[RunId, int]:
        """Collect the workers that ended, with their exit codes (negative: the signal)."""
        ended = {}
        for run, worker in list(self.alive.items()):
            code = worker.process.exitcode
            if code is not None:
                worker.process.close()
                ended[run] = code
                del self.alive[run]
        return ended

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every child that lives."""
        for worker in self.alive.values():
            try:
                os.kill(worker.process.pid, number)
            except ProcessLookupError:
                continue

    def leave(self, code: int) -> None:
        """End this process without waiting for children: they go on."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def child(folder: str, attempt: int, core: int, core_lock: str) -> None:
    """Run in the new worker: session, output, core, then the learner. Ends the process."""
    os.setsid()
    paths = RunPaths(Path(folder))
    _redirect(paths.worker_log, attempt, core)
    with contextlib.suppress(OSError, ValueError):  # top shows which run it is, in 15 characters
        Path("/proc/self/comm").write_text(str(name_of(paths))[-15:])
    code = 1
    try:
        held = FileLock.acquire(Path(core_lock), f"pid {os.getpid()} {folder}")
        try:
            os.sched_setaffinity(0, {core})
        except OSError as error:
            print(f"not pinned to core {core}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        os.nice(NICE)
        code = importlib.import_module(LEARNER).main(Path(folder), attempt=attempt, cores=(core,))
        held.release()
    except LockHeldError as error:
        print(error, file=sys.stderr)  # noqa: T201
        code = CORE_TAKEN
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path, attempt: int, core: int) -> None:
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    os.close(null)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"--- attempt {attempt} core {core} pid {os.getpid()} {stamp}", flush=True)  # noqa: T201
