"""Does an agent learn CartPole from images? Greedy episodes of the runs of CP_img, on seeds they never saw.

    deeprl run CP_img --seeds 3 --headless
    .venv/bin/python benchmarks/pixels_learn.py runs

Prints a table for RESULTS.md: the last weights and the best ones (chosen by the evaluations of the run, on
other seeds), each over 20 episodes of at most 200 steps. A random policy gets about 22.
"""

import sys
from pathlib import Path
from statistics import fmean

import torch

from deeprl_agents import envs
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.evaluate import play
from deeprl_tui.core import events
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.spec import RunSpec

EXPERIMENT = "CP_img"
EPISODES = 20
UNSEEN = 1000
"""Number of the first episode; evaluations during training begin at 0."""


def returns(model: Path, spec: RunSpec) -> list[float]:
    """Play greedy episodes with saved weights."""
    made = envs.make(spec, training=False)
    env = envs.Seeded(made.env, seed_of=lambda episode: envs.evaluation_seed(UNSEEN + episode))
    played = play(DQN.load(model, device="cpu"), env, EPISODES)
    assert played is not None
    return played[0]


def cpu_seconds(paths: RunPaths) -> float:
    """Add up what all attempts of a run took."""
    total = 0.0
    for attempt in paths.attempts():
        lines, _ = read_lines(paths.events(attempt))
        total += max((line.event.cpu_s for line in lines if isinstance(line.event, events.Beat)), default=0.0)
    return total


def main(root: Path, experiment: str = EXPERIMENT) -> int:
    """Print the table."""
    torch.set_num_threads(1)
    learned = []
    print("| seed | steps | CPU seconds | last weights: mean (lowest) | best weights: mean (lowest) |")
    print("|---|---|---|---|---|")
    for paths in RootPaths(root).runs_of(experiment):
        spec = RunSpec.from_json(paths.spec.read_text())
        if not paths.last_model(spec.env).exists():
            continue
        last, best = (returns(path, spec) for path in (paths.last_model(spec.env), paths.best_model))
        learned.append(max(fmean(last), fmean(best)))
        told = " | ".join(f"{fmean(one):.0f} ({min(one):.0f})" for one in (last, best))
        steps = spec.settings["total_timesteps"]
        print(f"| {spec.id.seed} | {steps:,} | {cpu_seconds(paths):.0f} | {told} |", flush=True)
    return 0 if learned and sum(mean > 100 for mean in learned) * 3 >= 2 * len(learned) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
