"""Runs summed up: every seed is there, and nothing is averaged that has no common unit."""

import pytest
from seeds_lab import record, seeds, with_state

from deeprl_tui.verdicts.groups import group, summaries

SCORES = [180.0, 190.0, 200.0, 205.0, 208.0, 211.0]


def test_every_run_is_listed_with_its_state_and_value() -> None:
    """Also those without a score."""
    found = group("LL_basic", with_state(seeds("LL_basic", SCORES), 2, "failed", score=None))
    assert [(seed.run.seed, seed.state, seed.value) for seed in found.seeds] == [
        (seed, "failed" if seed == 2 else "finished", None if seed == 2 else score)
        for seed, score in enumerate(SCORES)
    ]
    assert (found.score.n, found.score.of, found.counts) == (5, 6, {"finished": 5, "failed": 1})


def test_runs_that_may_still_change_are_counted() -> None:
    """A sum over them is one so far."""
    assert group("x", with_state(seeds("x", SCORES), 0, "running")).open == 1


def test_groups_are_sorted_by_their_name() -> None:
    """Whatever order the runs come in."""
    runs = [*seeds("LL_8", SCORES), *seeds("LL_512", SCORES)]
    assert [found.key for found in summaries(runs)] == ["LL_512", "LL_8"]


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("env", ["CartPole-v1", "LunarLander-v3"]),
        ("net_arch", ["[512]", "none"]),
        ("state", ["finished"]),
    ],
)
def test_runs_are_grouped_by_anything(by: str, keys: list[str]) -> None:
    """An env, a setting, a state."""
    runs = [record("LL_512", settings={"net_arch": [512]}), record("CP_basic", env="CartPole-v1")]
    assert [found.key for found in summaries(runs, by)] == keys


def test_returns_of_several_envs_have_no_average() -> None:
    """A point of CartPole is none of LunarLander; rates can be counted together."""
    runs = [*seeds("LL_8", SCORES), *seeds("CP_8", SCORES, env="CartPole-v1", solved_at=5)]
    (found,) = summaries(runs, lambda _: "all")
    assert (found.score.value, found.score.n, found.study.mean) == (None, 0, None)
    assert found.reached is not None
    assert (found.reached.solved, found.reached.of) == (6, 12)


def test_pooled_experiments_are_strata() -> None:
    """What differs between two experiments is no noise."""
    runs = [*seeds("LL_8", SCORES), *seeds("LL_512", [score + 1000 for score in SCORES])]
    (pooled,) = summaries(runs, "env")
    assert pooled.score.low is not None
    assert pooled.score.high is not None
    assert pooled.score.high - pooled.score.low < 50


def test_a_run_that_never_got_there_counts_as_infinitely_late() -> None:
    """The median over all seeds, not over the lucky ones."""
    runs = [record("x", seed, solved_at=at, solved_episode=1) for seed, at in enumerate([10, 20, 30, None])]
    found = group("x", runs).reached
    assert found is not None
    assert (found.solved, found.of, found.steps) == (3, 4, 25.0)
    late = group("x", [*runs, record("x", 4), record("x", 5)]).reached
    assert late is not None
    assert (late.solved, late.of, late.steps) == (3, 6, None)


def test_without_a_threshold_nothing_can_be_reached() -> None:
    """There is no 0 of 5."""
    assert group("x", seeds("x", SCORES, solved=None)).reached is None


def test_the_studys_numbers_are_means_over_runs() -> None:
    """A run that ended before exploration did has solved nothing; of a living one nothing is known."""
    past = [
        record("x", seed, mean=100.0 + seed, variance=9.0, p_solved=0.5, p_solved_90=0.8, p_catastrophic=0.1)
        for seed in range(3)
    ]
    found = group("x", [*past, record("x", 3, state="failed"), record("x", 4, state="running")]).study
    assert (found.n, found.of, found.mean, found.variance) == (3, 5, 101.0, 9.0)
    assert found.p_solved == pytest.approx(0.375)
    assert found.p_solved_90 == pytest.approx(0.6)
    assert found.p_catastrophic == pytest.approx(0.1)
