"""What runs cost, and when a batch is done."""

from pathlib import Path

from support import WALL, make_run, spec, start, training

from deeprl_tui.core.eta import Eta
from deeprl_tui.core.events import End
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.state import RunView
from deeprl_tui.runs import stats
from deeprl_tui.runs.load import load_view

BUDGET: dict[str, Json] = {"total_timesteps": 1000, "total_episodes": None, "max_episode_steps": 200}


def waiting(root: Path, name: str, env: str) -> RunView:
    """A queued run."""
    return load_view(make_run(root, RunSpec(RunId(name, 0), env, BUDGET)))


def done(root: Path, seed: int = 0) -> RunView:
    """A finished run that made 10 steps a second."""
    history = [(0.0, start()), *training(100), (100.0, End(WALL, "finished", 1000, ""))]
    return load_view(make_run(root, spec(seed=seed), history))


def batch(views: list[RunView], slots: int) -> Eta | None:
    """When all are over."""
    return stats.ends(views, slots)[1]


def test_a_row_has_the_promised_keys(tmp_path: Path) -> None:
    """Programs read them; none is ever taken away."""
    promised = (
        "run experiment seed state step total_steps episodes return_mean steps_per_second cpu rss eta_s host "
        "cores pid attempt"
    )
    assert set(promised.split()) <= stats.row(done(tmp_path)).keys()


def test_a_queued_run_is_judged_by_finished_ones_of_its_env(tmp_path: Path) -> None:
    """1000 steps at 10 a second."""
    views = [done(tmp_path), waiting(tmp_path, "next", "CartPole-v1")]
    left = batch(views, 2)
    assert left is not None
    assert left.mid == 100.0
    assert left.low < left.mid < left.high


def test_an_env_that_was_never_seen_makes_the_range_wide_not_empty(tmp_path: Path) -> None:
    """Three times faster or slower than what was seen elsewhere."""
    near = batch([done(tmp_path), waiting(tmp_path, "next", "CartPole-v1")], 2)
    far = batch([done(tmp_path, 1), waiting(tmp_path, "other", "Acrobot-v1")], 2)
    assert near is not None
    assert far is not None
    assert (far.low, far.high) == (near.low / 3, near.high * 3)


def test_where_nothing_was_measured_there_is_no_number(tmp_path: Path) -> None:
    """Not even a wide one."""
    assert batch([waiting(tmp_path, "next", "CartPole-v1")], 2) is None


def test_work_that_costs_alike_is_one_kind() -> None:
    """Small nets of one env are; images, many updates and wide nets are not."""
    plain: dict[str, Json] = {"net_arch": [64], "gradient_steps": 1, "train_freq": 1, "pixels": False}
    kind = stats.kind("LunarLander-v3", plain)
    assert kind == "LunarLander-v3, about 1024 weights"
    assert (
        stats.kind("LunarLander-v3", {**plain, "net_arch": [128], "gradient_steps": 4, "train_freq": 4})
        == kind
    )
    changes: list[dict[str, Json]] = [{"pixels": True}, {"gradient_steps": 100}, {"net_arch": [512, 512]}]
    for change in changes:
        assert stats.kind("LunarLander-v3", {**plain, **change}) != kind


def test_a_run_waits_for_a_core_of_its_own_host(tmp_path: Path) -> None:
    """Three wait on a host with one core; the four of the other one do not help them."""
    waits = [waiting(tmp_path, f"next{number}", "CartPole-v1") for number in range(3)]
    views = [done(tmp_path), *waits]
    everywhere = stats.ends(views, 5)[1]
    homes = {view.id: "small" for view in waits}
    there = stats.ends(views, {"": 4, "small": 1}, homes=homes)[1]
    assert everywhere is not None
    assert there is not None
    assert there.mid == 3 * everywhere.mid


def test_a_run_is_judged_by_what_ran_on_its_host(tmp_path: Path) -> None:
    """The same work, ten times slower there."""
    history = [(0.0, start()), *training(100), (100.0, End(WALL, "finished", 1000, ""))]
    slow = load_view(make_run(tmp_path, spec(seed=1), [(10 * at, event) for at, event in history]))
    here, there = (waiting(tmp_path, name, "CartPole-v1") for name in ("here", "there"))
    views = [done(tmp_path), slow, here, there]
    homes = {slow.id: "slow", there.id: "slow"}
    left, _ = stats.ends(views, {"": 1, "slow": 1}, homes=homes)
    near, far = left[here.id], left[there.id]
    assert near is not None
    assert far is not None
    assert far.mid == 10 * near.mid


def test_nobody_knows_when_a_host_without_a_core_is_done(tmp_path: Path) -> None:
    """It was never heard of, so nothing is promised."""
    views = [done(tmp_path), waiting(tmp_path, "next", "CartPole-v1")]
    assert stats.ends(views, {"": 4}, homes={RunId("next", 0): "silent"})[1] is None
