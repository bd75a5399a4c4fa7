"""Verdicts in words, and what is never said."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from random import Random
from typing import Any

import pytest
from seeds_lab import seeds, with_state

from deeprl_tui.runs.record import Record
from deeprl_tui.verdicts.judge import verdicts
from deeprl_tui.verdicts.model import ALPHA, Verdict

BASE = [180.0, 190.0, 200.0, 205.0, 208.0, 211.0, 214.0, 220.0, 226.0, 240.0]
HIGHER = [score + 30 for score in BASE]


def basic(scores: Sequence[float | None] = BASE) -> list[Record]:
    """The baseline's runs."""
    return seeds("LL_basic", scores)


def other(name: str = "LL_512", scores: Sequence[float | None] = HIGHER, **values: Any) -> list[Record]:
    """Another experiment of its env."""
    return seeds(name, scores, **{"baseline": "LL_basic", **values})


def judged(*records: list[Record], name: str = "LL_512", baseline: str | None = None) -> Verdict:
    """The verdict on one of them."""
    (found,) = (one for one in verdicts(chain(*records), baseline) if one.experiment == name)
    return found


def test_a_better_one_beats_its_baseline() -> None:
    """In one sentence with the probability, its interval and what it rests on."""
    found = judged(basic(), other())
    assert found.outcome == "better"
    assert found.words == "LL_512 beats LL_basic: P = 0.90 [0.81, 1.00], 10 paired seeds"


def test_a_worse_one_loses() -> None:
    """With P on the other side."""
    found = judged(basic(HIGHER), other(scores=BASE))
    assert found.outcome == "worse"
    assert found.words == "LL_512 loses to LL_basic: P = 0.10 [0.00, 0.19], 10 paired seeds"


def test_what_is_not_decided_says_how_many_seeds_would() -> None:
    """An effect of this size, with power 0.8."""
    found = judged(basic(), other(scores=[score + 12 for score in BASE]))
    assert (found.outcome, found.more) == ("undecided", 22)
    assert found.headline.startswith("LL_512 against LL_basic not decided: P = 0.7")
    assert found.headline.endswith(
        "; 22 more seeds of each would decide an effect of this size with power 0.8"
    )


def test_a_tiny_effect_is_not_promised() -> None:
    """Nobody has a hundred seeds."""
    found = judged(basic(), other(scores=[score + 1 for score in BASE]))
    assert (found.outcome, found.more) == ("undecided", None)
    assert found.headline.endswith("an effect this small would take over 100 more seeds of each")


def test_separate_sides_are_said_so() -> None:
    """No interval of certainty from five seeds, which are rough."""
    found = judged(basic(BASE[:5]), other(scores=[300.0, 301.0, 302.0, 303.0, 304.0]))
    assert found.words == (
        "LL_512 beats LL_basic: P = 1.00 (every seed above every one of LL_basic), 5 paired seeds, rough"
    )


def test_too_few_seeds_are_no_verdict() -> None:
    """However far apart they are."""
    found = judged(basic(), other(scores=[900.0] * 4))
    assert (found.outcome, found.comparison) == ("few", None)
    assert found.words == "LL_512 against LL_basic: too few seeds, 4 and 10, each needs 5"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"env": "CartPole-v1"},
            "LL_512 is not compared with LL_basic: CartPole-v1 and LunarLander-v3 are different games",
        ),
        (
            {"settings": {"max_episode_steps": 400}},
            "LL_512 is not compared with LL_basic: max_episode_steps is 400 and none",
        ),
        (
            {"settings": {"wrappers": ["mine:Bonus"]}},
            'LL_512 is not compared with LL_basic: wrappers is ["mine:Bonus"] and []',
        ),
    ],
)
def test_other_games_are_never_compared(values: dict[str, Any], words: str) -> None:
    """Nor other time limits, nor wrappers that may change rewards."""
    found = judged(basic(), other(**values))
    assert (found.outcome, found.comparison, found.words) == ("apart", None, words)


def test_a_baseline_is_named_as_one() -> None:
    """It has none itself."""
    found = judged(basic(), other(), name="LL_basic")
    assert (found.outcome, found.words) == ("baseline", "LL_basic is the baseline")


def test_without_a_baseline_there_is_no_verdict() -> None:
    """And without its runs neither."""
    assert judged(other(baseline=None)).words == "LL_512 has no baseline"
    assert judged(other()).words == "LL_512: its baseline LL_basic has no runs"


def test_any_experiment_may_be_the_baseline() -> None:
    """All others are then compared with it, also the usual one."""
    found = judged(basic(), other(), name="LL_basic", baseline="LL_512")
    assert (found.baseline, found.outcome) == ("LL_512", "worse")


def test_failed_and_stopped_runs_count_and_are_named() -> None:
    """With the score that they got."""
    runs = with_state(with_state(other(), 3, "failed", score=-200.0), 4, "stopped", score=-100.0)
    found = judged(basic(), runs)
    assert found.comparison is not None
    assert found.comparison.n == 10
    assert found.comparison.p < 0.8
    assert found.remarks[-2:] == ("1 of LL_512's 10 runs failed", "1 of LL_512's 10 runs stopped")


def test_a_run_without_a_score_is_named() -> None:
    """It died before its first episode."""
    found = judged(basic(), with_state(other(), 3, "failed", score=None))
    assert found.comparison is not None
    assert found.comparison.seeds == "9 and 10 seeds"
    assert "LL_512/3 left out, without a score" in found.remarks


@pytest.mark.parametrize("state", ["running", "queued", "paused", "lost"])
def test_runs_that_are_not_over_are_left_out_and_named(state: str) -> None:
    """A young run's score is no result."""
    found = judged(basic(), with_state(other(), 9, state, score=-500.0))
    assert found.comparison is not None
    assert found.comparison.n == 9
    assert found.remarks == ("1 of LL_512's 10 runs left out, not over",)


def test_other_budgets_are_remarked() -> None:
    """More training is not a better method."""
    found = judged(basic(), other(settings={"total_timesteps": 5000}))
    assert found.remarks == ("other budgets: total_timesteps is 5000 and 1000",)


def test_many_comparisons_are_corrected_together() -> None:
    """What would be decided alone is not when it is the best of fifty."""
    close = [score + 22 for score in BASE]
    crowd = [run for number in range(49) for run in other(f"LL_{number}", BASE[::-1])]
    alone, among = judged(basic(), other(scores=close)), judged(basic(), other(scores=close), crowd)
    assert alone.outcome == "better"
    assert (among.outcome, among.family) == ("undecided", 50)
    assert among.p_corrected is not None
    assert among.p_corrected > ALPHA
    assert among.remarks == ("p = 0.011 would do alone, not as one of 50",)
    assert (among.more or 0) > (alone.more or 0)


def test_baselines_have_families_of_their_own() -> None:
    """Questions about another env change nothing."""
    cart = seeds("CP_basic", BASE, env="CartPole-v1")
    for number in range(30):
        cart += seeds(f"CP_{number}", BASE, env="CartPole-v1", baseline="CP_basic")
    assert judged(basic(), other(), cart) == judged(basic(), other())


def test_no_sentence_contradicts_itself() -> None:
    """What is decided has 0.5 outside of its interval."""
    random = Random(0)
    decided = 0
    for _ in range(300):
        runs = [random.gauss(0.9, 1) for _ in range(10)]
        found = judged(basic([random.gauss(0, 1) for _ in range(10)]), other(scores=runs))
        comparison = found.comparison
        if found.outcome in ("better", "worse") and comparison and comparison.low and comparison.high:
            decided += 1
            assert not comparison.low <= 0.5 <= comparison.high
    assert decided > 50


def test_the_order_of_runs_does_not_matter() -> None:
    """Nor do the draws of the interval."""
    runs = [*basic(), *other(), *other("LL_8", BASE)]
    expected = verdicts(runs)
    Random(0).shuffle(runs)
    assert verdicts(runs) == expected


def test_another_score_may_be_compared() -> None:
    """For example the area under the curve."""
    runs = [replace(run, auc=-(run.score or 0.0)) for run in [*basic(), *other()]]
    (_, found) = sorted(verdicts(runs, score="auc"), key=lambda one: one.experiment, reverse=True)
    assert (found.experiment, found.outcome) == ("LL_512", "worse")
