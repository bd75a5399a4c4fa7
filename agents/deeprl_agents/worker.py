"""A worker process: takes a run's lock, trains it from its newest checkpoint, and has the last word.

Rules: whoever holds the lock writes, and a worker that is no longer the newest attempt writes nothing more.
Stops, pauses, evaluations and checkpoints happen between rollouts: inside a step a transition would be lost.
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, resolve, snapshot
from deeprl_agents.checkpoint import DamagedError, ReplayLog, Saved, adopt, candidates
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.durable import GaveUpError, Patience
from deeprl_agents.envs import Seeded, make
from deeprl_agents.envs.monitor import EpisodeMonitor, trim
from deeprl_agents.fingerprint import differences, fingerprint
from deeprl_agents.report import Reporter
from deeprl_agents.training import Fenced, Leave, Training
from deeprl_tui.core import events
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.log import EventLog, RunClock
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError, ExitCode, LockHeldError

LOCK_WAIT_S = 5.0
OUTCOMES: dict[str, events.Outcome] = {"stop": "stopped", "pause": "paused", "interrupt": "interrupted"}
ENDLESS = 10**15
"""Steps of a run whose budget is in episodes."""


def main(
    folder: Path,
    *,
    attempt: int,
    cores: tuple[int, ...] = (),
    ask: Callable[[int], str | None] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Train one attempt of a run to its end; the exit code of the process.

    0: finished, stopped or paused. 75: interrupted at a checkpoint, or replaced by a newer attempt.
    1: failed by an error, which is in the log and, whole, on stderr. 73: somebody else has the run.
    ask: asked after each rollout with the step; "stop", "pause" or "interrupt" ends the attempt there.
    """
    paths = RunPaths(folder)
    try:
        lock = FileLock.acquire(paths.lock, f"pid {os.getpid()} attempt {attempt}", wait_s=LOCK_WAIT_S)
    except LockHeldError:
        traceback.print_exc()
        return ExitCode.LOCKED
    with lock, _Signals() as signals:
        torch.set_num_threads(1)
        spec = RunSpec.from_json(paths.spec.read_bytes(), place=str(paths.spec))
        patience = Patience(
            paths.status,
            sleep=sleep,
            wall_text=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall())),
        )
        try:
            return _Attempt(paths, spec, attempt, patience, signals, ask, monotonic, wall).run(cores)
        except (Fenced, GaveUpError):
            return ExitCode.INTERRUPTED_RUN
        finally:
            patience.close()


class _Signals:
    """SIGTERM asks to leave at the next safe point."""

    def __init__(self) -> None:
        self.interrupted = False

    def __enter__(self) -> "_Signals":
        self._ours = threading.current_thread() is threading.main_thread()
        if self._ours:
            self._before = signal.signal(signal.SIGTERM, self._on_term)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGTERM, self._before)

    def _on_term(self, *_: object) -> None:
        self.interrupted = True


class _Attempt:
    """One attempt: the state it starts from, its log, and how it ends."""

    def __init__(
        self,
        paths: RunPaths,
        spec: RunSpec,
        attempt: int,
        patience: Patience,
        signals: _Signals,
        ask: Callable[[int], str | None] | None,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._paths, self._spec, self._attempt = paths, spec, attempt
        self._patience, self._signals, self._ask, self._wall = patience, signals, ask, wall
        self._check_newest()
        self._candidates, self._damage = candidates(paths)
        newest = self._candidates[0][1].values if self._candidates else {}
        self._clock = RunClock(monotonic, float(newest.get("t", 0.0)))
        self._log = patience(lambda: EventLog(paths.events(attempt), self._clock))
        self._report = Reporter(self._log, patience, self._clock, wall)
        self._step = 0

    def run(self, cores: tuple[int, ...]) -> int:
        """Train; the exit code."""
        found = fingerprint()
        self._report.tell(
            events.Start(
                at=self._wall(),
                attempt=self._attempt,
                pid=os.getpid(),
                host=socket.gethostname(),
                boot=_boot_id(),
                cores=cores,
                versions=found,
            ),
            sync=True,
        )
        try:
            outcome, reason = self._train(found)
        except (Fenced, GaveUpError):
            raise
        except Exception as error:
            traceback.print_exc()
            outcome, reason = "failed", explain(error)
        # Terminal state first: once this line is durable, the run is over, whatever happens to us.
        end = events.End(at=self._wall(), outcome=outcome, step=self._step, reason=reason[:2000])
        self._report.tell(end, sync=True)
        self._log.close()
        return {"failed": ExitCode.FAILED, "interrupted": ExitCode.INTERRUPTED_RUN}.get(outcome, ExitCode.OK)

    def _train(self, found: dict[str, str]) -> tuple[events.Outcome, str]:
        with self._prepared(found) as training:
            try:
                steps = self._spec.settings["total_timesteps"]
                training.learn(steps if isinstance(steps, int) else ENDLESS)
            except Leave as leave:
                training.finish(final=leave.ask == "stop")
                return OUTCOMES[leave.ask], "" if leave.ask == "interrupt" else f"{leave.ask} by request"
            finally:
                self._step = training.step
            training.finish(final=True)
            return "finished", ""

    @contextlib.contextmanager
    def _prepared(self, found: dict[str, str]) -> "Iterator[Training]":
        resolve.admit(self._spec, self._paths.project)
        seeded = make(self._spec, training=True)
        monitor = EpisodeMonitor(
            seeded,
            self._paths,
            self._attempt,
            self._spec.env,
            on_episode=lambda total, length: self._report.episode(model.num_timesteps + 1, total, length),
            patience=self._patience,
        )
        with contextlib.closing(DummyVecEnv([lambda: monitor])) as env:
            model = build.build(self._spec, env)
            saved, store = self._restore(model, seeded, found)
            engine = model.engine.name if model.engine else "torch"
            self._report.tell(events.Backend(engine, model.engine_why))
            training = Training(
                paths=self._paths,
                spec=self._spec,
                model=model,
                env=seeded,
                monitor=monitor,
                store=store,
                saved=saved,
                report=self._report,
                patience=self._patience,
                interrupted=self._interrupted,
                at_each_rollout=self._ask is not None,
                asked=self._asked,
                check_newest=self._check_newest,
                versions=found,
            )
            yield training

    def _restore(self, model: DQN, env: Seeded, found: dict[str, str]) -> tuple[Saved | None, ReplayLog]:
        """Bring the model to the newest state that can be read, and say so."""
        buffer = snapshot.recorded(model.replay_buffer)
        store = ReplayLog(self._paths, buffer)
        for path, saved in self._candidates:
            try:
                snapshot.check(model, saved)
                store.load(saved.values["buffer"])
            except DamagedError as error:
                self._damage.append(f"{path.name}: {error}")
                continue
            adopt(self._paths, path)
            trim(self._paths, self._attempt, saved.values["_episode_num"])
            why = snapshot.put(model, env, buffer, saved) or differences(saved.values["versions"], found)
            self._resume(model.num_timesteps, model._episode_num, why)
            return saved, store
        trim(self._paths, self._attempt, 0)
        if self._attempt > 1:
            self._resume(0, 0, "")
        return None, store

    def _resume(self, step: int, episode: int, why: str) -> None:
        self._report.tell(events.Resume(step=step, episode=episode, exact=not why, why=why), sync=True)
        self._report.begin(step, episode)
        self._step = step
        for damage in self._damage:
            self._report.warn_once(f"not used: {damage}")

    def _interrupted(self, step: int) -> str | None:
        """What ends this attempt at a safe point, without a look at a file: some have one at every step."""
        asked = self._ask(step) if self._ask else None
        return asked or ("interrupt" if self._signals.interrupted else None)

    def _asked(self) -> str | None:
        """What somebody wants of this attempt."""
        try:
            word = self._paths.request.read_bytes()[:16].decode("ascii", errors="replace").strip()
        except OSError:
            word = ""
        if word in ("stop", "pause"):
            return word
        return "interrupt" if self._signals.interrupted else None

    def _check_newest(self) -> None:
        if self._paths.host.exists():  # it lives on another host now
            raise Fenced
        try:
            newest = int(json.loads(self._paths.attempt.read_bytes())["attempt"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if newest > self._attempt:
            raise Fenced


def explain(error: BaseException) -> str:
    """Say in one line what went wrong and where: the innermost frame in the user's own code."""
    if isinstance(error, DeeprlError):
        return str(error)
    text = " ".join(traceback.format_exception_only(error)[-1].split())
    foreign = ("site-packages", "/lib/python3", str(Path(__file__).parent), "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(part in frame.filename for part in foreign)]
    own = [frame for frame in own if Path(frame.filename).is_file()]
    own = [frame for frame in frames if resolve.own_frame(frame.filename)] or own
    if not own:
        return text
    return f"{text} ({Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name})"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
