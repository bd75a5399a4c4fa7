"""DQN with the study's switches: Double-Q, dueling, n-step, prioritized, epsilon in steps, Boltzmann.

Rule: a subclass of Stable-Baselines3's DQN. Its save, load, callbacks and logger stay. With all switches off
the torch path makes the same weights as Stable-Baselines3, to the bit; an engine takes the same actions until
rounding tells them apart.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN as SB3DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.utils import ConstantSchedule
from stable_baselines3.common.vec_env import VecEnv
from torch.nn import functional

from deeprl_agents.dqn import engine as engines
from deeprl_agents.dqn import rollout
from deeprl_agents.dqn.policy import DuelingPolicy, xavier
from deeprl_agents.kernel import layouts
from deeprl_agents.replay.base import Replay

Exploration = Literal["epsilon", "boltzmann"]
Clip = Literal["global", "variable"]
Init = Literal["xavier", "torch"]


class DQN(SB3DQN):
    """Stable-Baselines3's DQN with switches; the ones below are ours, one environment at a time.

    double_q: the online network picks the next action, the target network values it.
    net_init: "xavier" as in the study, or "torch".
    exploration: "epsilon", or "boltzmann" which draws actions by exp(boltzmann_beta Q).
    exploration_steps: env steps over which epsilon falls; None takes SB3's exploration_fraction.
    random_warmup: act uniformly at random before learning_starts, as SB3 does.
    max_grad_norm: None clips nothing. grad_clip: clip the norm of all gradients, or of each variable's.
    final_reward: learned in place of the last reward of each episode, ended or timed out.
    total_episodes: `learn` also ends with the step that ends this many episodes.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        **SB3DQN.policy_aliases,
        "DuelingPolicy": DuelingPolicy,
    }

    def __init__(
        self,
        policy: Any,
        env: Any,
        *args: Any,
        double_q: bool = True,
        net_init: Init = "torch",
        exploration: Exploration = "epsilon",
        exploration_steps: int | None = None,
        boltzmann_beta: float = 1.0,
        random_warmup: bool = False,
        max_grad_norm: float | None = None,
        grad_clip: Clip = "global",
        final_reward: float | None = None,
        total_episodes: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.double_q = double_q
        self.net_init = net_init
        self.exploration = exploration
        self.exploration_steps = exploration_steps
        self.boltzmann_beta = boltzmann_beta
        self.random_warmup = random_warmup
        self.grad_clip = grad_clip
        self.final_reward = final_reward
        self.total_episodes = total_episodes
        self._losses: list[float] = []
        self.engine: engines.Engine | None = None
        self.engine_why = ""
        super().__init__(policy, env, *args, **kwargs)
        self.max_grad_norm: float | None = max_grad_norm  # type: ignore[assignment]

    def take_losses(self) -> list[float]:
        """Give the losses of the updates since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def tell_loss(self, loss: float) -> None:
        """Take the mean loss of some updates."""
        self._losses.append(loss)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss)

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = 4,
        tb_log_name: str = "DQN",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> "DQN":
        """Train as Stable-Baselines3 does; whole rollouts by the engine if no callback looks at each step."""
        if self.engine is None or not rollout.is_quiet(callback, progress_bar) or not engines.may_loop(self):
            return super().learn(
                total_timesteps,
                callback,
                log_interval,  # type: ignore[arg-type]
                tb_log_name,
                reset_num_timesteps,
                progress_bar,
            )
        total, hooks = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name)
        hooks.on_training_start(locals(), globals())
        while self.num_timesteps < total:
            hooks.on_rollout_start()
            if self.budget_used:
                break
            until = hooks.next_look() if isinstance(hooks, rollout.Quiet) else total
            rollout.run(self, self.engine, min(until, total), log_interval)
        hooks.on_training_end()
        return self

    @property
    def constant_learning_rate(self) -> bool:
        """Whether the learning rate stays as it is."""
        return isinstance(getattr(self.lr_schedule, "value_schedule", None), ConstantSchedule)

    def epsilon(self, step: int) -> float:
        """Give the share of random actions at an env step."""
        if self.exploration_steps is None:
            return float(self.exploration_schedule(self._current_progress_remaining))
        done = min(1.0, step / self.exploration_steps)
        return self.exploration_initial_eps + done * (
            self.exploration_final_eps - self.exploration_initial_eps
        )

    @property
    def budget_used(self) -> bool:
        """Whether as many episodes have ended as there shall be."""
        return self.total_episodes is not None and self._episode_num >= self.total_episodes

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Choose actions; deterministic: greedy ones."""
        if deterministic or self.exploration == "epsilon":
            return super().predict(observation, state, episode_start, deterministic)
        tensor, vectorized = self.policy.obs_to_tensor(observation)
        with torch.inference_mode():
            logits = (self.boltzmann_beta * self.q_net(tensor)).double().cpu().numpy()
        # Gumbel's trick: no exponent of a large Q, so no overflow. That crashed the study's.
        actions = np.argmax(logits + np.random.gumbel(size=logits.shape), axis=1)
        return (actions if vectorized else actions.squeeze(axis=0)), state

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[Any, Any]:
        """Choose the next action as SB3 does, with the same draws, without its way through `predict`."""
        if self.exploration != "epsilon" or self.num_timesteps < learning_starts:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        if np.random.rand() < self.exploration_rate:
            actions = np.array([self.action_space.sample()])
        elif self.engine is not None:
            actions = np.array([self.engine.greedy(np.asarray(self._last_obs))])
        else:
            with torch.inference_mode():
                values = self.q_net(torch.as_tensor(self._last_obs, device=self.device))
            actions = values.argmax(dim=1).cpu().numpy()
        return actions, actions

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Make gradient steps, each on a new batch."""
        self._update_learning_rate(self.policy.optimizer)
        if self.engine is not None and batch_size == self.batch_size:
            self.engine.train(gradient_steps)
            return
        self.policy.set_training_mode(True)
        buffer = self.replay_buffer
        assert buffer is not None
        losses = []
        for _ in range(gradient_steps):
            batch = buffer.sample(batch_size, env=self._vec_normalize_env)
            target = self.target_values(batch)
            all_values = self.q_net(batch.observations)
            values = torch.gather(all_values, dim=1, index=batch.actions.long())
            loss = self._loss(values, target, buffer)
            losses.append(loss.item())
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.clip_gradients()
            self.policy.optimizer.step()
            if isinstance(buffer, Replay):
                self._tell_buffer(buffer, (values - target).detach(), all_values.detach())
        self._n_updates += gradient_steps
        self.tell_loss(float(np.mean(losses)))

    def _loss(self, values: torch.Tensor, target: torch.Tensor, buffer: ReplayBuffer) -> torch.Tensor:
        if not isinstance(buffer, Replay) or buffer.kind == layouts.UNIFORM:
            return functional.smooth_l1_loss(values, target)
        weights = torch.as_tensor(buffer.weights, dtype=torch.float32, device=self.device)[:, None]
        weighted: torch.Tensor = (
            weights * functional.smooth_l1_loss(values, target, reduction="none")
        ).mean()
        return weighted

    def _tell_buffer(self, buffer: Replay, errors: torch.Tensor, values: torch.Tensor) -> None:
        buffer.feedback(errors.cpu().numpy()[:, 0], values.cpu().numpy())
        slots = buffer.rescore_slots()
        if len(slots):
            with torch.inference_mode():
                fresh = self.q_net(buffer.to_torch(buffer.store.before(slots)))
            buffer.rescore(slots, fresh.cpu().numpy())

    def target_values(self, batch: Any) -> torch.Tensor:
        """Bootstrap the batch's targets: batch x 1."""
        discounts = batch.discounts if batch.discounts is not None else self.gamma
        with torch.no_grad():
            next_values = self.q_net_target(batch.next_observations)
            if self.double_q:
                best = self.q_net(batch.next_observations).argmax(dim=1, keepdim=True)
                next_values = next_values.gather(1, best)
            else:
                next_values = next_values.max(dim=1)[0].reshape(-1, 1)
            target: torch.Tensor = batch.rewards + (1 - batch.dones) * discounts * next_values
        return target

    def clip_gradients(self) -> None:
        """Limit the gradients of the online network to max_grad_norm."""
        if self.max_grad_norm is None:
            return
        if self.grad_clip == "global":
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            return
        for variable in self.q_net.parameters():
            torch.nn.utils.clip_grad_norm_(variable, self.max_grad_norm)

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        train_freq: TrainFreq,
        replay_buffer: ReplayBuffer,
        action_noise: ActionNoise | None = None,
        learning_starts: int = 0,
        log_interval: int | None = None,
    ) -> RolloutReturn:
        """Take train_freq steps in the environment; fewer where the budget ends."""
        self.policy.set_training_mode(False)
        episodes_before = self._episode_num
        callback.on_rollout_start()
        if self.budget_used:
            return RolloutReturn(0, 0, continue_training=False)
        taken = 0
        by_step = train_freq.unit == TrainFrequencyUnit.STEP
        while True:
            warmup = learning_starts if self.random_warmup else 0
            actions, stored = self._sample_action(warmup, None, env.num_envs)
            new_obs, rewards, dones, infos = env.step(actions)
            self.num_timesteps += 1
            taken += 1
            callback.update_locals(locals())
            if not callback.on_step():
                return RolloutReturn(taken, self._episode_num - episodes_before, continue_training=False)
            self._update_info_buffer(infos, dones)
            if self.final_reward is not None and dones[0]:
                rewards = np.full_like(rewards, self.final_reward)
            self._store_transition(replay_buffer, stored, new_obs, rewards, dones, infos)  # type: ignore[arg-type]
            self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
            self._on_step()
            if dones[0]:
                self._episode_num += 1
                if log_interval is not None and self._episode_num % log_interval == 0:
                    self.dump_logs()
            episodes = self._episode_num - episodes_before
            enough = taken if by_step else episodes
            if enough >= train_freq.frequency or self.budget_used or self._steps_used:
                break
        callback.on_rollout_end()
        return RolloutReturn(taken, episodes, continue_training=not self.budget_used)

    @property
    def _steps_used(self) -> bool:
        return self.num_timesteps >= self._total_timesteps

    def _on_step(self) -> None:
        super()._on_step()
        self._set_exploration()

    def count_step(self, follow: Callable[[], None]) -> None:
        """Do after a step what SB3's `_on_step` does; follow: copies the target network."""
        self._n_calls += 1
        if self._n_calls % max(self.target_update_interval, 1) == 0:
            follow()
        self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
        self._set_exploration()

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        prepared = super()._setup_learn(*args, **kwargs)
        if not self.random_warmup:
            self._set_exploration()
        return prepared

    def _set_exploration(self) -> None:
        self.exploration_rate = self.epsilon(self.num_timesteps) if self.exploration == "epsilon" else 0.0

    def _setup_model(self) -> None:
        n_steps = self.n_steps
        if self.replay_buffer_class is None and not isinstance(self.observation_space, spaces.Dict):
            self.replay_buffer_class = Replay
            self.replay_buffer_kwargs = {**self.replay_buffer_kwargs, "n_steps": n_steps, "gamma": self.gamma}
            self.n_steps = 1  # else SB3 warns that it will not see to it
        super()._setup_model()
        self.n_steps = n_steps
        assert self.n_envs == 1, "one environment at a time"
        if self.net_init == "xavier":
            xavier(self.q_net)
            self.q_net_target.load_state_dict(self.q_net.state_dict())
        self.engine, self.engine_why = engines.choose(self)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_losses", "engine", "engine_why"]
