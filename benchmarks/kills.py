"""Kill training at random moments with SIGKILL, and compare with runs that nobody disturbed.

    .venv/bin/python benchmarks/kills.py                         400 kills, 12 cases; about ten minutes
    .venv/bin/python benchmarks/kills.py --kills 24 --steps 0.2  shorter runs, fewer kills

Each case (env x replay buffer) trains seed after seed, each in two folders: once in peace, once killed again
and again, until the case has had its share of kills. Then both must have the same episodes, returns and
evaluations, and in their last checkpoints the same weights, target, moments of Adam, random states, counters
and replay buffer, to the bit. One case per core at a time. Prints a table for RESULTS.md; exit code 1 on any
difference, and on a case whose kills did not hit.
"""

import argparse
import contextlib
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

# Before numpy is loaded, as in the fork server.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, snapshot, warm, worker
from deeprl_agents.checkpoint import ReplayLog, read_checkpoint
from deeprl_agents.envs import make
from deeprl_agents.kernel import library
from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import Finished, RunView

PIXELS = {
    "pixels": True,
    "image_pool": 20,
    "frame_stack": 2,
    "frameskip": 2,
    "convs": [[4, 4, 2]],
    "net_arch": [16],
    "train_freq": 4,
    "n_eval_episodes": 1,
}
GAMES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "CartPole-v1": ("CartPole-v1", 80_000, {}),
    "Acrobot-v1": ("Acrobot-v1", 40_000, {}),
    "LunarLander-v3": ("LunarLander-v3", 30_000, {"max_episode_steps": 400}),
    "CartPole-v1, pixels": ("CartPole-v1", 4_000, PIXELS),
}
REPLAYS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "prioritized": {"prioritized_beta_steps": 10_000},
    "retention": {
        "retention_omega": 0.5,
        "retention_score": "softmax",
        "retention_sampler": "prioritized",
    },
}
BEGUN = b'"e":"backend"'
"""In the log of an attempt whose training begins."""
MOST_RUNS = 40


def spec_of(game: str, replay: str, seed: int, scale: float) -> RunSpec:
    """Describe a run; 40 checkpoints, 4 evaluations, a ring that wraps around three times."""
    env, steps, changes = GAMES[game]
    steps = max(300, round(steps * scale))
    settings: dict[str, Any] = {
        **{key.name: key.default for key in SETTINGS},
        "total_timesteps": steps,
        "total_episodes": None,
        "learning_starts": 100,
        "train_freq": 1,
        "net_arch": [64],
        "batch_size": 32,
        "buffer_size": steps // 4,
        "exploration_steps": steps // 2,
        "save_freq": steps // 40,
        "eval_freq": steps // 4,
        "n_eval_episodes": 2,
        "replay": replay,
        **REPLAYS[replay],
        **changes,
    }
    return RunSpec(RunId("kills", seed), env, settings)


class Run:
    """One run directory, trained by forks of this process."""

    def __init__(self, root: Path, spec: RunSpec, core: int) -> None:
        self.paths: RunPaths = RootPaths(root).run(spec)
        self.paths.folder.mkdir(parents=True)
        self.paths.spec.write_text(spec.to_json())
        self.spec, self._core, self.attempt = spec, core, 0

    def start(self) -> int:
        """Fork a worker; its pid."""
        self.attempt += 1
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {self._core})
            output = os.open(self.paths.worker_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = worker.main(self.paths.folder, attempt=self.attempt, cores=(self._core,))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def begun(self) -> bool:
        """Whether the newest attempt trains."""
        with contextlib.suppress(FileNotFoundError):
            return BEGUN in self.paths.events(self.attempt).read_bytes()
        return False

    def finish(self) -> float:
        """Train to the end in peace; seconds."""
        began = time.monotonic()
        _, status = os.waitpid(self.start(), 0)
        if status:
            raise SystemExit(f"{self.paths.folder}: status {status}\n{self.paths.worker_log.read_text()}")
        return time.monotonic() - began

    def kill(self, seconds: float, chance: random.Random) -> str:
        """Start, and kill: four in five within `seconds` of training, others before; what was hit."""
        early = chance.random() < 0.2
        pid = self.start()
        at = time.monotonic() + chance.uniform(0, 0.3) if early else None
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                if status:
                    raise SystemExit(f"{self.paths.folder}:\n{self.paths.worker_log.read_text()}")
                return "end"
            now = time.monotonic()
            if at is None and self.begun():
                at = now + chance.uniform(0, seconds)
            if at is not None and now >= at:
                break
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            return "end"
        return "training" if self.begun() else "start"

    def view(self) -> RunView:
        """What the dashboard would show."""
        fold = RunFold(self.spec)
        for attempt in self.paths.attempts():
            for line in read_lines(self.paths.events(attempt))[0]:
                fold.apply(attempt, line)
        return fold.view(held=False)

    def essence(self) -> dict[str, str]:
        """Digest all that a run has learned, shown and kept."""
        view, saved = self.view(), read_checkpoint(self.paths.checkpoint)
        assert isinstance(view.state, Finished), view.state
        assert saved is not None
        parts = {name: hashlib.sha256() for name in ("episodes", "counters", "buffer")}
        for name in ("return", "length"):
            for axis in ("step", "episode", "low", "high", "total", "known"):  # not the times
                parts["episodes"].update(getattr(view.curves[name].buckets, axis).tobytes())
        parts["episodes"].update(repr(view.evals).encode())
        for name, array in sorted(saved.arrays.items()):
            group = name.rpartition("/")[0].split(".")[0]  # policy/q_net, policy/q_net_target, adam/0, ...
            parts.setdefault(group, hashlib.sha256()).update(name.encode() + array.tobytes())
        kept = (*snapshot.COUNTERS, "random", "env_episode", "replay", "next_eval", "updates")
        parts["counters"].update(repr([saved.values[name] for name in kept]).encode())
        with contextlib.closing(DummyVecEnv([lambda: make(self.spec, training=True)])) as env:
            buffer = snapshot.recorded(build.build(self.spec, env).replay_buffer)
        ReplayLog(self.paths, buffer).load(saved.values["buffer"])
        buffer.set_state(saved.values["replay"])
        for table in buffer.tables():
            for name, column in sorted(table.columns.items()):
                rows = [column[start:stop] for start, stop in table.ranges]
                parts["buffer"].update(name.encode() + np.concatenate(rows).tobytes())
        return {name: digest.hexdigest() for name, digest in parts.items()} | {"inexact": view.inexact}


def case(game: str, replay: str, kills: int, scale: float, core: int, chance: random.Random) -> bool:
    """Kill one case's share; prints its row, and whether all was well."""
    hits = {"training": 0, "start": 0, "end": 0}
    runs, same, different = 0, 0, []
    began = time.monotonic()
    while hits["training"] + hits["start"] < kills and runs < MOST_RUNS:
        with tempfile.TemporaryDirectory() as scratch:
            spec = spec_of(game, replay, runs, scale)
            peace, war = Run(Path(scratch) / "peace", spec, core), Run(Path(scratch) / "war", spec, core)
            seconds = min(1.0, max(0.1, peace.finish() / 4))
            while hits["training"] + hits["start"] < kills:
                hit = war.kill(seconds, chance)
                hits[hit] += 1
                if hit == "end":
                    break
            else:
                war.finish()
            ours, theirs = peace.essence(), war.essence()
        runs += 1
        wrong = [name for name in ours if ours[name] != theirs[name]]
        same += not wrong
        different += wrong
    row = (game, replay, runs, hits["training"], hits["start"], same, round(time.monotonic() - began))
    print(f"| {' | '.join(str(value) for value in row)} |", *different, flush=True)
    return same == runs and hits["training"] + hits["start"] >= kills


def lane(cases: list[tuple[str, str]], kills: int, scale: float, core: int, seed: int) -> int:
    """Do some of the cases on one core; the exit code."""
    warnings.simplefilter("ignore")
    well = [case(*one, kills, scale, core, random.Random(f"{seed} {one}")) for one in cases]
    return 0 if all(well) else 1


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=400, help="in all")
    parser.add_argument("--steps", type=float, default=1.0, help="length of the runs, times this")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", default="", help="cases whose name has this")
    options = parser.parse_args()
    cases = [(game, replay) for game in GAMES for replay in REPLAYS if options.only in f"{game} {replay}"]
    warm.warm()
    library.load()  # the same for all, even if somebody builds it anew meanwhile
    cores = sorted(os.sched_getaffinity(0))[:4]
    each = -(-options.kills // len(cases))
    print("| env | replay | runs | killed in training | killed at the start | identical | seconds |")
    print("|---|---|---|---|---|---|---|", flush=True)
    lanes = []
    for number, core in enumerate(cores):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                mine = cases[number :: len(cores)]
                code = lane(mine, each, options.steps, core, options.seed)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        lanes.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in lanes)


if __name__ == "__main__":
    sys.exit(main())
