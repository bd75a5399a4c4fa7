"""The lean loop: steps of one environment, learned from by an engine, without a look at each of them.

Rule: the same transitions, draws and updates as Stable-Baselines3's loop, whatever the chunks that `run` is
called for. A chunk ends where a rollout ends.
"""

from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from deeprl_agents.dqn.engine import Engine
from deeprl_agents.kernel.layouts import STEP_LAST, STEP_NO_UPDATE, STEP_OVER, STEP_PAUSE, STEP_TIMEOUT


class Quiet(BaseCallback):
    """A callback that needs to see the model between rollouts only, and says when next."""

    def _on_step(self) -> bool:
        return True

    def next_look(self) -> int:
        """Give the step at or after which `on_rollout_start` is to be called again."""
        raise NotImplementedError


def is_quiet(callback: Any, progress_bar: bool = False) -> bool:
    """Whether nobody looks at single steps."""
    return not progress_bar and (callback is None or isinstance(callback, Quiet))


def run(model: Any, engine: Engine, until: int, log_interval: int | None = None) -> None:
    """Train to the first end of a rollout at or after a step, or to the end of the budget."""
    env = model.env.envs[0]
    step, reset, advance = env.step, env.reset, engine.advance
    shape = model.observation_space.shape
    following, beginning = engine.following.reshape(shape), engine.beginning.reshape(shape)
    draw, actions = model.action_space.np_random.integers, int(model.action_space.n)
    freq, total = model.train_freq.frequency, model._total_timesteps
    final_reward, bootstrap = model.final_reward, model.replay_buffer.handle_timeout_termination
    taken, done_steps, flags = 0, model.num_timesteps, 0
    engine.begin(model._last_obs)
    try:
        action = engine.choose()
        while not flags & STEP_PAUSE:
            if action < 0:
                action = int(draw(actions))
            observation, reward, terminated, truncated, info = step(action)
            following[:] = observation
            done_steps += 1
            taken += 1
            flags = 0
            if terminated or truncated:
                flags = STEP_OVER
                if bootstrap and not terminated:
                    flags |= STEP_TIMEOUT
                if final_reward is not None:
                    reward = final_reward
                model.num_timesteps = done_steps
                beginning[:] = _next_episode(model, info, reset)
                if model.budget_used:
                    flags |= STEP_LAST | STEP_NO_UPDATE | STEP_PAUSE
                elif log_interval is not None and model._episode_num % log_interval == 0:
                    model.logger.record("rollout/exploration_rate", model.epsilon(done_steps))
                    model.dump_logs()
            if taken == freq:
                taken = 0
                if done_steps >= until:
                    flags |= STEP_PAUSE
            if done_steps >= total:
                flags |= STEP_LAST | STEP_PAUSE
            model.num_timesteps = done_steps
            action = advance(action, float(reward), flags)
    finally:
        model._last_obs = np.array(engine.end().reshape(1, *shape))
        model._update_current_progress_remaining(model.num_timesteps, total)


def _next_episode(model: Any, info: dict[str, Any], reset: Any) -> Any:
    """Count an episode as SB3 does, and begin the next one."""
    if model.ep_info_buffer is not None and "episode" in info:
        model.ep_info_buffer.append(info["episode"])
    if model.ep_success_buffer is not None and "is_success" in info:
        model.ep_success_buffer.append(info["is_success"])
    model._episode_num += 1
    observation, model.env.reset_infos[0] = reset()
    return observation
