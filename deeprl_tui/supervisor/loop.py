"""The loop of a supervisor: scan, decide, act, wait. It keeps nothing that the folders do not say.

After a kill -9 its workers go on; the next supervisor sees their held locks and leaves them alone.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock, holder
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import ExitCode, RunDirectoryError
from deeprl_tui.runs.store import RunStore, write_attempt
from deeprl_tui.supervisor import decide as plan
from deeprl_tui.supervisor.scan import Scanner, Seen
from deeprl_tui.supervisor.slots import cgroup_quota, core_locks, free_cores, usable_cores
from deeprl_tui.supervisor.workers import Workers

TICK_S = 0.25
TICK_MAX_S = 1.0
SHARE = 20
"""Rounds take a twentieth of the time at most, until they are TICK_MAX_S apart: 1,000 folders cost 32 ms."""
IDLE_S = 3.0
"""A supervisor without work ends after this long; the next launch starts a new one."""


class Supervisor:
    """Starts and watches the workers of one runs folder."""

    def __init__(
        self,
        root: Path,
        *,
        cores: int | None = None,
        say: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = RootPaths(root)
        self._say = say
        self._monotonic = monotonic
        self._cores = cores
        self._store = RunStore(root)
        self._scanner = Scanner(root, monotonic, say)
        self._locks = core_locks()
        self._workers = Workers(self._locks)
        self._exits: dict[RunId, tuple[int, bool]] = {}  # exit code, killed for memory
        self._started: dict[RunId, int] = {}  # newest attempt that we started
        self._signaled: dict[RunId, float] = {}
        self._oom_kills = oom_kills()
        self._leaving = False

    def run(self) -> ExitCode:
        """Work until nothing is left to do. Raises LockHeldError if the folder has a supervisor."""
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGINT, self._leave)
        signal.signal(
            signal.SIGHUP, signal.SIG_IGN
        )  # whoever started us decides what a closed terminal means
        self._root.root.mkdir(parents=True, exist_ok=True)
        note = f"supervisor pid {os.getpid()} on {socket.gethostname()}"
        lock = FileLock.acquire(self._root.supervisor_lock, note)
        self._say(f"{note}, cores {', '.join(map(str, self._usable()))}")
        while True:
            idle_since: float | None = None
            while not self._leaving:
                began = self._monotonic()
                busy = self._tick()
                now = self._monotonic()
                idle_since = None if busy else (idle_since or now)
                if idle_since is not None and now - idle_since > IDLE_S:
                    break
                self._workers.wait(min(max(TICK_S, SHARE * (now - began)), TICK_MAX_S))
            if self._leaving:
                self._interrupt()
                lock.release()
                return ExitCode.SIGTERM
            lock.release()
            # A launch that saw our lock held just before this line counts on us: look once more.
            self._scanner.scan()
            if not any(self._open(seen) for seen in self._scanner.runs.values()):
                self._say("nothing left to do")
                return ExitCode.OK
            lock = FileLock.acquire(self._root.supervisor_lock, note)

    def _tick(self) -> bool:
        """Do one round; say whether there is work."""
        for run, code in self._workers.reap().items():
            killed = code == -signal.SIGKILL and oom_kills() > self._oom_kills
            self._oom_kills = oom_kills()
            self._exits[run] = (code, killed)
            self._signaled.pop(run, None)
            self._say(f"{run} ended with {code}")
        self._scanner.scan()
        for run, seen in self._scanner.runs.items():
            if not self._open(seen):
                self._exits.pop(run, None)  # the next run of this name is another one
        facts = {run: self._facts(run, seen) for run, seen in self._scanner.runs.items() if self._open(seen)}
        taken = [worker.core for worker in self._workers.alive.values()]
        for action in plan.decide(list(facts.values()), free_cores(self._usable(), self._locks, taken)):
            try:
                self._act(action)
            except (OSError, RunDirectoryError) as error:
                self._say(f"{action.run}: {error}")
        return bool(facts) or bool(self._workers.alive)

    def _open(self, seen: Seen) -> bool:
        return (
            seen.held
            or seen.view is None
            or not state.is_over(seen.view.state)
            or bool(seen.request and seen.held)
        )

    def _facts(self, run: RunId, seen: Seen) -> plan.RunFacts:
        now = self._monotonic()
        view = seen.view
        if view is not None and view.next_attempt > self._started.get(run, 0) and not view.deaths:
            self._exits.pop(run, None)  # it had its last word
        code, killed = self._exits.get(run, (None, False))
        starting = run in self._workers.alive and not seen.held
        dead_since = seen.dead_at
        return plan.RunFacts(
            id=run,
            state=view.state if view is not None else state.Lost(0.0),
            held=seen.held,
            attempt=view.next_attempt if view else 1,
            deaths=view.deaths if view else 0,
            request=seen.request,
            request_age=now - seen.requested_at,
            quiet=now - seen.grew_at,
            dead_for=now - dead_since if dead_since is not None else 0.0,
            starting=starting,
            exit_code=code,
            out_of_memory=killed,
            signaled=now - self._signaled[run] if run in self._signaled else None,
        )

    def _act(self, action: plan.Action) -> None:
        seen = self._scanner.runs[action.run]
        match action:
            case plan.Start(run, attempt, core):
                self._exits.pop(run, None)
                write_attempt(seen.paths, attempt, socket.gethostname(), boot_id())
                self._workers.start(run, seen.paths, attempt, core)
                self._started[run] = attempt
                seen.grew_at = self._monotonic()
                self._say(f"{run} attempt {attempt} on core {core}")
            case plan.Requeue(run, why):
                self._store.requeue(seen.paths, why)
                self._exits.pop(run, None)
                self._say(f"{run} queued again: {why}")
            case plan.Fail(run, reason):
                self._store.fail(seen.paths, reason)
                self._say(f"{run} failed: {reason}")
            case plan.Obey(run, ask):
                self._store.ask(seen.paths, "stop" if ask == "stop" else "pause")
                self._say(f"{run}: {ask}")
            case plan.Signal(run, force, why):
                self._signaled.setdefault(run, self._monotonic())
                number = signal.SIGKILL if force else signal.SIGTERM
                pid = _pid(holder(seen.paths.lock))
                self._say(f"{run}: {why}, sending {number.name} to {pid}")
                if pid is not None:
                    os.kill(pid, number)

    def _usable(self) -> tuple[int, ...]:
        cores = usable_cores(os.sched_getaffinity(0), cgroup_quota())
        return cores if self._cores is None else cores[: max(1, self._cores)]

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _interrupt(self) -> None:
        """Ask all workers of ours to stop at a checkpoint; they go on under the next supervisor."""
        self._workers.reap()
        self._say(f"asked to end: {len(self._workers.alive)} workers go to their checkpoints")
        self._workers.signal_all(signal.SIGTERM)
        deadline = self._monotonic() + plan.STOP_S
        while self._workers.alive and self._monotonic() < deadline:
            self._workers.wait(TICK_S)
            self._workers.reap()
        self._workers.signal_all(signal.SIGKILL)


def boot_id() -> str:
    """The identity of this boot of the machine; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def oom_kills() -> int:
    """How many processes of this cgroup the kernel has killed for memory."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            fields = dict(line.split() for line in Path(path).read_text().splitlines())
            return int(fields.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def _pid(note: str) -> int | None:
    words = note.split()
    if len(words) >= 2 and words[0] == "pid" and words[1].isdigit() and int(words[1]) > 1:
        return int(words[1])
    return None
