"""Compare CP_basic with what survived of the 2017 study: mean return of each 100 episodes, over 10 repeats.

    deeprl run CP_basic --seeds 10 --set total_timesteps=100000 --headless
    .venv/bin/python benchmarks/study.py runs

Prints a table for RESULTS.md. The study's seeds are unknown, so the two are two samples of one experiment.
"""

import sys
from pathlib import Path
from statistics import fmean, stdev

from deeprl_tui import ops
from deeprl_tui.core import state

EXPERIMENT = "CP_basic+total_timesteps=100000"
BLOCK = 100
STUDY = (22, 41, 142, 160, 148, 131, 124, 122)
STUDY_SD = (2, 20, 45, 8, 15, 12, 15, 21)


def main(root: Path) -> int:
    """Print the table."""
    views = [view for run, view in ops.views_of(root).items() if run.experiment == EXPERIMENT]
    done = [view for view in views if isinstance(view.state, state.Finished)]
    print(f"{len(done)} of {len(views)} runs finished\n")
    print("| episodes | 2017: mean ± sd | here: mean ± sd | n |")
    print("|---|---|---|---|")
    for block, (mean, sd) in enumerate(zip(STUDY, STUDY_SD, strict=True)):
        low, high = block * BLOCK, (block + 1) * BLOCK
        curves = (view.curves["return"].means() for view in done)
        ours = [fmean(returns[low:high]) for returns in curves if len(returns) >= high]
        here = f"{fmean(ours):.0f} ± {stdev(ours):.0f}" if len(ours) > 1 else "–"
        print(f"| {low + 1} to {high} | {mean} ± {sd} | {here} | {len(ours)} |")
    return 0 if len(done) == len(views) > 1 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs")))
