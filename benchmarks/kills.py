"""Kill workers and supervisors at random moments, and compare with runs that nobody disturbed.

    .venv/bin/python benchmarks/kills.py --kills 100

Each seed is trained twice, in two folders: once in peace, once with SIGKILL for its worker (four in five) or
for the supervisor (one in five) at random moments. In the end both must have the same episodes, returns,
evaluations and weights, to the bit. Prints a table for RESULTS.md; exit code 1 on any difference.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from deeprl_tui import config, ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import holder, is_held
from deeprl_tui.core.state import RunView
from deeprl_tui.supervisor.slots import LOCK_FOLDER

GAMES = {"CartPole-v1": 4000, "Acrobot-v1": 4000, "LunarLander-v3": 3000}

PROJECT = """
[experiments.{name}]
env = "{env}"
baseline = true
total_timesteps = {steps}
learning_starts = 200
train_freq = 1
net_arch = [64]
buffer_size = 2000
save_freq = 250
eval_freq = 1000
n_eval_episodes = 1
replay = "{replay}"
"""


def essence(root: Path, view: RunView) -> str:
    """Digest what a run has learned and shown."""
    digest = hashlib.sha256()
    for name in ("return", "length"):
        digest.update(view.curves[name].x.tobytes() + view.curves[name].y.tobytes())
    digest.update(repr(view.evals).encode())
    model = RootPaths(root).run(view.spec).last_model(view.spec.env)
    with zipfile.ZipFile(model) as archive:
        digest.update(archive.read("policy.pth"))
    return digest.hexdigest()


def supervisor_pid(root: Path) -> int | None:
    """Find the living supervisor."""
    lock = RootPaths(root).supervisor_lock
    return int(holder(lock).split()[2]) if is_held(lock) else None


def train(
    folder: Path, text: str, seeds: str, kills: int, chance: random.Random
) -> tuple[list[str], int, int]:
    """Train to the end, killing now and then; digests, kills of workers, kills of supervisors."""
    folder.mkdir()
    (folder / config.FILE).write_text(text)
    root = folder / ops.RUNS
    project = config.load(folder)
    ids = ops.launch(ops.choose(project, list(project.experiments), seeds), root).ids
    workers = supervisors = 0
    ops.supervise(root)
    while True:
        views = ops.views_of(root)
        if all(state.is_over(views[run].state) for run in ids):
            break
        if not ops.supervised(root):
            ops.supervise(root)
        if workers + supervisors < kills:
            time.sleep(chance.uniform(0.2, 2.5))
            living = [holder(paths.lock) for paths in RootPaths(root).runs() if is_held(paths.lock)]
            pids = [int(note.split()[1]) for note in living if note.startswith("pid ")]
            boss = supervisor_pid(root)
            if chance.random() < 0.2 and boss is not None:
                os.kill(boss, signal.SIGKILL)
                supervisors += 1
            elif pids:
                os.kill(chance.choice(pids), signal.SIGKILL)
                workers += 1
        else:
            time.sleep(0.5)
    views = ops.views_of(root)
    failed = [f"{run}: {views[run].state}" for run in ids if not isinstance(views[run].state, state.Finished)]
    if failed:
        sys.exit("\n".join(failed))
    return [essence(root, views[run]) for run in ids], workers, supervisors


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="kills in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    cases = [(env, steps, replay) for env, steps in GAMES.items() for replay in ("uniform", "prioritized")]
    print("| env | replay | runs | workers killed | supervisors killed | identical |")
    print("|---|---|---|---|---|---|")
    different = 0
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[LOCK_FOLDER] = str(Path(scratch) / "locks")
        for env, steps, replay in cases:
            text = PROJECT.format(name="base", env=env, steps=steps, replay=replay)
            folder = Path(scratch) / f"{env}-{replay}"
            peace, _, _ = train(Path(f"{folder}-peace"), text, "2", 0, chance)
            war, workers, supervisors = train(folder, text, "2", options.kills // len(cases), chance)
            same = sum(one == other for one, other in zip(peace, war, strict=True))
            different += len(peace) - same
            print(f"| {env} | {replay} | {len(peace)} | {workers} | {supervisors} | {same} |", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
