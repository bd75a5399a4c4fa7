"""The C kernel behind the face of an engine.

Rule: numpy owns all memory; structs hold addresses of arrays that this object keeps alive.
"""

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts, library
from deeprl_agents.kernel.flat import FlatNetwork
from deeprl_agents.kernel.layouts import address


class KernelEngine:
    """Trains with the C library; an Engine of dqn.engine."""

    def __init__(self, model: Any, network: FlatNetwork, loaded: ctypes.CDLL) -> None:
        self.name = f"c {library.level(network.count)}"
        self._model, self._network, self._library = model, network, loaded
        self._net = self._new_net()
        self._loop = self._new_loop()
        self._at = ctypes.addressof(self._loop)
        self.choose: Callable[[], int] = partial(loaded.kernel_choose, self._at)
        self.advance: Callable[[int, float, int], int] = partial(loaded.kernel_advance, self._at)
        self._greedy_observation = np.zeros(network.sizes[0], np.float32)
        self._greedy_at = address(self._greedy_observation)

    def _new_net(self) -> layouts.Network:
        network, batch = self._network, self._model.batch_size
        net = layouts.Network(layers=len(network.sizes) - 1, batch=batch, parameters=network.count)
        net.sizes[: len(network.sizes)] = network.sizes
        for name in ("weights", "target", "gradients", "moments", "squares"):
            setattr(net, name, address(getattr(network, name)))
        self._work = np.zeros(self._library.kernel_work(ctypes.byref(net)), np.float32)
        self.td_errors = np.zeros(batch, np.float32)
        self.values = np.zeros((batch, network.sizes[-1]), np.float32)
        net.work, net.td_errors, net.values = map(address, (self._work, self.td_errors, self.values))
        return net

    def _new_loop(self) -> layouts.Loop:
        batch, width, actions = self._model.batch_size, self._network.sizes[0], self._network.sizes[-1]
        self._observation, self.following, self.beginning = (np.zeros(width, np.float32) for _ in range(3))
        arrays = {
            "observation": self._observation,
            "following": self.following,
            "beginning": self.beginning,
            "last": np.zeros(batch, np.int64),
            "extra": np.zeros(batch, np.int64),
            "returns": np.zeros(batch, np.float32),
            "discounts": np.zeros(batch, np.float32),
            "final": np.zeros(batch, np.float32),
            "action_values": np.zeros(actions, np.float32),
            "extra_values": np.zeros((batch, actions), np.float32),
        }
        self._arrays = arrays
        return layouts.Loop(
            net=ctypes.addressof(self._net),
            bits=layouts.bits(None),
            **{name: address(array) for name, array in arrays.items()},
        )

    def begin(self, observation: NDArray[Any]) -> None:
        """Take the model's counters and the observation now."""
        model, loop = self._model, self._loop
        self._settings()
        self._observation[:] = observation.reshape(-1)
        loop.step, loop.calls, loop.updates, loop.taken = (
            model.num_timesteps,
            model._n_calls,
            model._n_updates,
            0,
        )
        loop.train_freq, loop.gradient_steps = model.train_freq.frequency, model.gradient_steps
        loop.learning_starts = model.learning_starts
        loop.random_until = model.learning_starts if model.random_warmup else 0
        loop.target_interval, loop.tau = max(model.target_update_interval, 1), model.tau
        loop.eps_initial, loop.eps_final = model.exploration_initial_eps, model.exploration_final_eps
        loop.total_steps, loop.beta = model._total_timesteps, model.boltzmann_beta
        loop.epsilon = model.exploration_rate
        if model.exploration == "boltzmann":
            loop.explore = layouts.EXPLORE_BOLTZMANN
        elif model.exploration_steps is not None:
            loop.explore, loop.eps_steps = layouts.EXPLORE_EPSILON, model.exploration_steps
        else:
            loop.explore, loop.eps_steps = layouts.EXPLORE_FRACTION, model.exploration_fraction

    def _settings(self) -> None:
        model, net = self._model, self._net
        self._network.adopt()
        group = self._network.optimizer.param_groups[0]
        net.updates, net.double_q = self._network.updates, int(model.double_q)
        net.learning_rate, net.adam_eps = group["lr"], group["eps"]
        net.beta1, net.beta2 = group["betas"]
        modes = {"global": layouts.CLIP_GLOBAL, "variable": layouts.CLIP_VARIABLE}
        net.clip = layouts.CLIP_NONE if model.max_grad_norm is None else modes[model.grad_clip]
        net.max_norm = model.max_grad_norm or 0.0
        buffer = model.replay_buffer
        self._replay = buffer.kernel_struct(model.batch_size, self._network.sizes[-1])
        self._loop.replay = ctypes.addressof(self._replay)
        self._loop.n_steps, self._loop.gamma = buffer.n_steps, model.gamma

    def end(self) -> NDArray[np.float32]:
        """Give the counters back; the observation now (flat)."""
        model, loop = self._model, self._loop
        model.num_timesteps, model._n_calls, model._n_updates = loop.step, loop.calls, loop.updates
        model.exploration_rate = loop.epsilon
        self._told()
        return self._observation

    def _told(self) -> None:
        self._model.replay_buffer.take_back()
        self._network.updates = self._net.updates
        self._network.tell_torch()
        if self._net.loss_count:
            self._model.tell_loss(self._net.loss_sum / self._net.loss_count)
            self._net.loss_sum, self._net.loss_count = 0.0, 0

    def train(self, updates: int) -> None:
        """Make updates, each on a new batch."""
        self._settings()
        if self._replay.kind != layouts.UNKNOWN:
            self._library.kernel_train(self._at, updates)
        else:
            self._train_drawn(updates)
        self._told()

    def _train_drawn(self, updates: int) -> None:
        """Make updates on what the buffer draws in Python."""
        buffer = self._model.replay_buffer
        for _ in range(updates):
            buffer.draw(self._net.batch)
            buffer.hand_over()
            self._library.kernel_learn(self._at)
            buffer.feedback(self.td_errors, self.values)
            if len(slots := buffer.rescore_slots()):
                values = np.empty((len(slots), self._network.sizes[-1]), np.float32)
                self._library.kernel_values(self._at, address(slots), len(slots), address(values))
                buffer.rescore(slots, values)

    def greedy(self, observation: NDArray[np.float32]) -> int:
        """Give the action of largest value."""
        self._greedy_observation[:] = observation.reshape(-1)
        return int(self._library.kernel_greedy(self._at, self._greedy_at))
