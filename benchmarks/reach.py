"""Count the seeds whose greedy policy reached a goal once.

    cd benchmarks/zoo && ../../.venv/bin/deeprl run ZOO_CP ZOO_AB --headless
    .venv/bin/python benchmarks/reach.py benchmarks/zoo/runs ZOO_CP=475 ZOO_AB=-100

Prints a table for RESULTS.md: the best and the last evaluation, the mean of the last five, and when the goal
was first reached. Exit code 1 if fewer than nine of ten seeds reached a goal, or a run did not finish.
"""

import sys
from pathlib import Path
from statistics import fmean, median

from deeprl_tui import ops
from deeprl_tui.core import state

SHARE = 0.9


def main(arguments: list[str]) -> int:
    """Print the table."""
    root, *goals = arguments
    views = ops.views_of(Path(root))
    missed = False
    print("| experiment | goal | reached | first at step (median) | best | mean of last 5 | last |")
    print("|---|---|---|---|---|---|---|")
    for pair in goals:
        name, goal = pair.split("=")
        runs = [view for run, view in views.items() if run.experiment == name]
        done = [view for view in runs if isinstance(view.state, state.Finished)]
        means = [[point.mean for point in view.evals] for view in done]
        firsts = [
            next((point.step for point in view.evals if point.mean >= float(goal)), None) for view in done
        ]
        reached = [step for step in firsts if step is not None]
        print(
            f"| {name} | {goal} | {len(reached)} of {len(runs)} | {median(reached or [0]):,.0f} "
            f"| {fmean(max(m) for m in means):.1f} | {fmean(fmean(m[-5:]) for m in means):.1f} "
            f"| {fmean(m[-1] for m in means):.1f} |"
        )
        missed |= len(reached) < SHARE * len(runs) or len(done) < len(runs)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
