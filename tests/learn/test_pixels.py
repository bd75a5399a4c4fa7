"""Learning from images: the frames, and a run of them that is interrupted."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from deeprl_agents import build, envs
from deeprl_agents.checkpoint import read_checkpoint
from deeprl_agents.envs.pixels import Pixels
from deeprl_tui.core import events
from deeprl_tui.errors import DeeprlError

SMALL_IMAGES = {
    "pixels": True,
    "learning_starts": 40,
    "train_freq": 4,
    "buffer_size": 50,  # less than the steps: the ring wraps around
    "net_arch": [16],
    "convs": [[4, 8, 4], [4, 4, 2]],
    "eval_freq": 0,
}


class Painter(gymnasium.Env[Any, Any]):
    """An env whose picture is one gray number: the count of its steps."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Count from 0."""
        self.steps = 0
        return 0, {}

    def step(self, action: Any) -> Any:
        """Count; the tenth step ends the episode; each is worth its number."""
        self.steps += 1
        return 0, float(self.steps), self.steps == 10, False, {}

    def render(self) -> Any:
        """Paint 13 x 20 pixels."""
        return np.full((13, 20, 3), self.steps * 10, np.uint8)


def test_a_stack_holds_different_frames_and_rewards_are_summed() -> None:
    """An action is repeated, its rewards added; the stack holds the frames after each action."""
    env = Pixels(Painter(), pool=6, stack=3, skip=4)
    first, _ = env.reset()
    assert first.shape == (3, 3, 4)  # 13 x 20 in squares of 6, borders filled up
    assert first.dtype == np.uint8
    second, reward, *_ = env.step(0)
    assert reward == 1 + 2 + 3 + 4
    third, *_ = env.step(0)
    assert [frame[0, 0] for frame in third] == [0, 40, 80]
    last, reward, terminated, *_ = env.step(0)
    assert terminated
    assert reward == 9 + 10
    assert last[-1, 2, 3] == 100
    assert second[-1, 0, 0] == 40


def test_the_study_s_frames_are_67_by_100() -> None:
    """400 x 600 pixels in squares of 6."""
    env = Pixels(gymnasium.make("CartPole-v1", render_mode="rgb_array"), pool=6, stack=4, skip=4)
    assert env.observation_space.shape == (4, 67, 100)


def test_images_can_be_shrunk_by_area() -> None:
    """image_size gives height and width, whatever the game's window is."""
    env = Pixels(Painter(), size=[4, 5], stack=2, skip=1)
    observation, _ = env.reset()
    assert observation.shape == (2, 4, 5)


@pytest.mark.parametrize("game", ["CartPole-v1", "LunarLander-v3", None])
@pytest.mark.parametrize("count", [0, 2, 7, 12])
def test_a_replay_is_the_same_as_steps(game: str | None, count: int) -> None:
    """Physics alone, and the last images: stack, rewards and all that follows are those of stepping."""
    stepped, replayed = (
        Pixels(gymnasium.make(game, render_mode="rgb_array") if game else Painter(), pool=6, stack=4, skip=2)
        for _ in range(2)
    )
    for env in (stepped, replayed):
        first, _ = env.reset(seed=3)
    actions = [2, 2, 0, 2, 1, 3] * 4 if game == "LunarLander-v3" else [0, 1, 1, 0] * 6
    actions = actions[: count if game else min(count, 4)]
    walked = [stepped.step(action) for action in actions]
    result = replayed.replay(actions)
    assert result is not None
    observation, rewards = result
    assert np.array_equal(observation, walked[-1][0] if walked else first)
    assert rewards == [step[1] for step in walked]
    one, other = stepped.step(0), replayed.step(0)
    assert np.array_equal(one[0], other[0])
    assert one[1:4] == other[1:4]


def test_a_replay_beyond_the_end_has_no_observation() -> None:
    """An episode that ends within the actions is not the one that was left."""
    env = Pixels(Painter(), pool=6, stack=2, skip=4)
    env.reset()
    assert env.replay([0, 0, 0]) is None


def test_an_interrupted_run_from_pixels_is_the_same_run(a_trial: Callable[..., Any]) -> None:
    """Images are rendered again in the replay; weights and episodes equal an uninterrupted run's."""
    changes = SMALL_IMAGES | {"total_timesteps": 120, "save_freq": 50}
    whole, broken = (a_trial(where, **changes) for where in ("whole", "broken"))
    assert whole.train() == 0
    assert broken.train(1, ask=lambda step: "interrupt" if step >= 70 else None) == 75
    assert broken.train(2) == 0
    assert broken.events(events.Resume, 2)[0].exact
    one, other = (read_checkpoint(trial.paths.checkpoint) for trial in (whole, broken))
    assert one is not None
    assert other is not None
    assert all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())
    assert list(whole.view().curves["return"].means()) == list(broken.view().curves["return"].means())


def test_a_buffer_of_images_that_does_not_fit_is_refused(a_spec: Callable[..., Any]) -> None:
    """Terabytes of frames are refused when the worker starts, with what is free."""
    spec = a_spec(pixels=True, buffer_size=10**9, total_timesteps=10**9, convs=[[4, 8, 4]])
    with pytest.raises(DeeprlError, match=r"GB are free; use a smaller buffer_size"):
        build.build(spec, envs.make(spec, training=True))


@pytest.mark.parametrize("replay", ["uniform", "prioritized", "retention"])
def test_every_buffer_keeps_images_once(replay: str, a_trial: Callable[..., Any]) -> None:
    """Training from images works with each of them, and resumes to the same weights."""
    changes = SMALL_IMAGES | {"replay": replay, "total_timesteps": 90, "save_freq": 20}
    changes |= {"retention_omega": 0.5, "retention_score": "softmax", "retention_sampler": "uniform"}
    whole, broken = (a_trial(where, **changes) for where in ("whole", "broken"))
    assert whole.train() == 0
    broken.train(1, ask=lambda step: "interrupt" if step >= 60 else None)
    assert broken.train(2) == 0
    assert broken.events(events.Resume, 2)[0].exact
    one, other = (read_checkpoint(trial.paths.checkpoint) for trial in (whole, broken))
    assert one is not None
    assert other is not None
    assert all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())
