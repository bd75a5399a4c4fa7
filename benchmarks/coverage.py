"""How often the intervals of `deeprl compare` hold what they should, and what verdicts cost.

Scores with a known truth are drawn many times; each time the interval is made as the tool makes it. A 95 %
interval that is right holds the truth in 95 % of them. The percentile bootstrap of few seeds does not.

    nice .venv/bin/python benchmarks/coverage.py [--times 3000] [--resamples 2000]

Prints markdown tables. Takes some minutes on one core.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.runs.record import record_of
from deeprl_tui.verdicts import groups, judge
from deeprl_tui.verdicts.average import aggregate
from deeprl_tui.verdicts.model import ALPHA
from deeprl_tui.verdicts.pairs import compare

Floats: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[Generator, int], Floats]

SEEDS = (5, 10, 20)
MANY = 2_000_000


def solved_or_not(rng: Generator, n: int) -> Floats:
    """LunarLander: seven runs of ten solve it, the others collapse."""
    return np.where(rng.random(n) < 0.7, rng.normal(240, 15, n), rng.normal(-50, 60, n))


SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(200, 40, n),
    "long tail of bad runs": lambda rng, n: 260 - rng.lognormal(3.5, 1.0, n),
    "7 of 10 solve it": solved_or_not,
    "ceiling at 500": lambda rng, n: np.minimum(500.0, rng.normal(480, 60, n)),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3000)
    parser.add_argument("--resamples", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    cost(rng)
    averages(rng, options.times, options.resamples)
    shares(rng, options.times, options.resamples)


def cost(rng: Generator) -> None:
    """Seconds for 80 experiments of 10 seeds each, all against one baseline, nothing remembered."""
    about = RunSpec(RunId("LL_00", 0), "LunarLander-v3", {}, solved=200.0)
    plain = replace(record_of(RunFold(about).view(held=False)), state="finished")
    records = [
        replace(
            plain,
            id=RunId(f"LL_{number:02}", seed),
            baseline="LL_00" if number else None,
            score=float(rng.normal(200 + number / 2, 30)),
            auc=float(rng.normal(100, 10)),
        )
        for number in range(80)
        for seed in range(10)
    ]
    for what in (judge.verdicts, groups.summaries):
        began = perf_counter()
        what(records)
        print(f"{what.__name__} of 80 experiments x 10 seeds: {perf_counter() - began:.3f} s")
    print()


def averages(rng: Generator, times: int, resamples: int) -> None:
    """The IQM: its truth is the mean of the middle half of the distribution."""
    print("| scores | " + " | ".join(f"{n} seeds" for n in SEEDS) + " |")
    print("|---|" + "---|" * len(SEEDS))
    for name, draw in SHAPES.items():
        many = np.sort(draw(rng, MANY))
        truth = float(many[MANY // 4 : -MANY // 4].mean())
        row = []
        for n in SEEDS:
            held = 0
            for _ in range(times):
                found = aggregate(draw(rng, n).tolist(), n, rng, resamples=resamples)
                assert found.low is not None
                assert found.high is not None
                held += found.low <= truth <= found.high
            row.append(f"{100 * held / times:.1f}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)


def shares(rng: Generator, times: int, resamples: int) -> None:
    """P(X > Y) of normal scores; luck: half of the variance is shared by a seed's x and y."""
    print("\n| true P | luck shared | seeds | interval holds it | no interval: separate | decided | ", end="")
    print("decided, though 0.5 is in the interval |")
    print("|---|---|---|---|---|---|---|")
    for shift in (0.0, 1.0, 2.3):
        for luck in (False, True):
            share = 0.5 if luck else 0.0
            # Two different seeds share nothing, and these are what P compares.
            truth = float((rng.normal(shift, 1, MANY) > rng.normal(0, 1, MANY)).mean())
            for n in SEEDS:
                held = separate = decided = odd = 0
                for _ in range(times):
                    common = np.sqrt(share) * rng.normal(0, 1, n)
                    x = common + np.sqrt(1 - share) * rng.normal(0, 1, n) + shift
                    y = common + np.sqrt(1 - share) * rng.normal(0, 1, n)
                    found = compare(dict(enumerate(x)), dict(enumerate(y)), rng, resamples=resamples)
                    separate += found.separate
                    decides = found.p_value <= ALPHA
                    decided += decides
                    if found.low is not None and found.high is not None:
                        held += found.low <= truth <= found.high
                        odd += decides and found.low <= 0.5 <= found.high
                row = [held / max(1, times - separate), separate / times, decided / times, odd / times]
                cells = " | ".join(f"{100 * value:.1f}" for value in row)
                print(f"| {truth:.2f} | {'half' if luck else 'none'} | {n} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
