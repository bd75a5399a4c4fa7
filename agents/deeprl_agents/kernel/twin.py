"""The kernel's numpy twin: the same updates and the same order of draws, where no library was built.

Rule: buffers of a fixed size are reused, since at these sizes allocation costs more than arithmetic. Products
of large matrices are torch's, which is twice as fast there and four times as slow on small ones.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts
from deeprl_agents.kernel.flat import Flat32, FlatNetwork
from deeprl_agents.kernel.library import LARGE

ONE, MINUS_ONE, HALF = np.float32(1), np.float32(-1), np.float32(0.5)
Layers = list[tuple[Flat32, Flat32]]


def _small_product(one: Flat32, two: Flat32, out: Flat32 | None = None) -> Flat32:
    product: Flat32 = np.dot(one, two, out=out)
    return product


def _large_product(one: Flat32, two: Flat32, out: Flat32 | None = None) -> Flat32:
    if out is None:
        out = np.empty((one.shape[0], two.shape[1]), np.float32)
    torch.mm(torch.from_numpy(one), torch.from_numpy(two), out=torch.from_numpy(out))
    return out


class NumpyEngine:
    """Trains with numpy; an Engine of dqn.engine."""

    name = "numpy"

    def __init__(self, model: Any, network: FlatNetwork) -> None:
        self._model, self._network = model, network
        sizes, batch = network.sizes, model.batch_size
        self._product = _large_product if network.count >= LARGE else _small_product
        self._online, self._target = network.layers(network.weights), network.layers(network.target)
        self._gradients = network.layers(network.gradients)
        self._scratch = np.empty_like(network.weights)
        self._hidden = [np.empty((batch, width), np.float32) for width in sizes[1:]]
        self._spare = [np.empty((batch, width), np.float32) for width in sizes[1:]]
        self._deltas = [np.empty((batch, width), np.float32) for width in sizes[:-1]]
        self._delta = np.zeros((batch, sizes[-1]), np.float32)
        self._range, self._ones = np.arange(batch), np.ones(batch, np.float32)
        self.observation, self.following, self.beginning = (np.zeros(sizes[0], np.float32) for _ in range(3))
        self._taken = 0
        self._losses: list[float] = []

    def begin(self, observation: NDArray[Any]) -> None:
        """Take the model's counters and the observation now."""
        self._network.adopt()
        self.observation[:] = observation.reshape(-1)
        self._taken = 0

    def end(self) -> NDArray[np.float32]:
        """Give the counters back; the observation now (flat)."""
        self._told()
        return self.observation

    def _told(self) -> None:
        self._network.tell_torch()
        if self._losses:
            self._model.tell_loss(sum(self._losses) / len(self._losses))
            self._losses.clear()

    def choose(self) -> int:
        """Choose the next action, or -1 for a random one."""
        model = self._model
        if model.random_warmup and model.num_timesteps < model.learning_starts:
            return -1
        if model.exploration == "boltzmann":
            logits = (np.float32(model.boltzmann_beta) * self._values(self.observation)).astype(np.float64)
            return int(np.argmax(logits + np.random.gumbel(size=logits.shape)))
        if np.random.rand() < model.exploration_rate:
            return -1
        return self.greedy(self.observation)

    def greedy(self, observation: NDArray[np.float32]) -> int:
        """Give the action of largest value."""
        return int(self._values(observation.reshape(-1)).argmax())

    def _values(self, observation: Flat32) -> Flat32:
        hidden = observation
        for weights, biases in self._online[:-1]:
            hidden = np.maximum(weights @ hidden + biases, 0)
        weights, biases = self._online[-1]
        values: Flat32 = weights @ hidden + biases
        return values

    def advance(self, action: int, reward: float, flags: int) -> int:
        """Take what a step gave, learn if it is time, and choose the next action."""
        model = self._model
        buffer = model.replay_buffer
        slot = buffer.pos
        over = flags & layouts.STEP_OVER
        buffer.store.put(slot, self._shaped(self.observation), self._shaped(self.following), first=False)
        buffer.actions[slot], buffer.rewards[slot] = action, reward
        buffer.dones[slot], buffer.timeouts[slot] = bool(over), bool(flags & layouts.STEP_TIMEOUT)
        buffer.begins_after(bool(over))
        buffer._added(slot)
        self.observation[:] = self.beginning if over else self.following
        self._taken += 1
        model.count_step(self._follow)
        if self._taken >= model.train_freq.frequency or flags & layouts.STEP_LAST:
            self._taken = 0
            if model.num_timesteps > model.learning_starts and not flags & layouts.STEP_NO_UPDATE:
                self._train(model.gradient_steps)
                model._n_updates += model.gradient_steps
        return -2 if flags & layouts.STEP_PAUSE else self.choose()

    def _shaped(self, flat: Flat32) -> Any:
        return flat.reshape(self._model.replay_buffer.obs_shape)

    def _follow(self) -> None:
        """Move the target network to, or towards, the online one."""
        tau = np.float32(self._model.tau)
        if tau == 1:
            self._network.target[:] = self._network.weights
        else:
            self._network.target *= 1 - tau
            self._network.target += tau * self._network.weights

    def train(self, updates: int) -> None:
        """Make updates, each on a new batch."""
        self._network.adopt()
        self._train(updates)
        self._model._n_updates += updates
        self._told()

    def _train(self, updates: int) -> None:
        buffer = self._model.replay_buffer
        for _ in range(updates):
            buffer.draw(self._model.batch_size)
            torch.set_flush_denormal(True)  # for the moments of dead units, as in the kernel
            try:
                td_errors, values = self._update(buffer)
            finally:
                torch.set_flush_denormal(False)
            buffer.feedback(td_errors, values)
            if len(slots := buffer.rescore_slots()):
                observations = buffer.store.before(slots).reshape(len(slots), -1)
                buffer.rescore(slots, self._forward(self._online, observations, None))

    def _update(self, buffer: Any) -> tuple[Flat32, Flat32]:
        batch, slots = len(self._range), buffer.indices
        returns, last, final, discounts = buffer.returns(slots)
        after = buffer.store.after(last).reshape(batch, -1)
        following = self._forward(self._target, after, self._spare)
        if self._model.double_q:
            picks = self._forward(self._online, after, self._hidden).argmax(axis=1)
            bootstrap = following[self._range, picks]
        else:
            bootstrap = np.maximum.reduce(following, axis=1)
        before = buffer.store.before(slots).reshape(batch, -1)
        values = self._forward(self._online, before, self._hidden)
        actions = buffer.actions[slots, 0, 0]
        bootstrap *= discounts
        bootstrap *= 1 - final
        bootstrap += returns
        errors = values[self._range, actions] - bootstrap
        slopes = np.minimum(np.maximum(errors, MINUS_ONE), ONE)
        sizes = errors - HALF * slopes  # the Huber loss is slope times this
        if buffer.kind != layouts.UNIFORM:
            slopes *= buffer.weights
        self._losses.append(float(np.dot(slopes, sizes)) / batch)
        slopes /= np.float32(batch)
        self._delta.fill(0)
        self._delta[self._range, actions] = slopes
        self._backward(before)
        self._clip()
        self._adam()
        return errors, values

    def _forward(self, layers: Layers, inputs: Flat32, out: list[Flat32] | None) -> Flat32:
        hidden = inputs
        for number, (weights, biases) in enumerate(layers):
            hidden = self._product(hidden, weights.T, None if out is None else out[number])
            hidden += biases
            if number < len(layers) - 1:
                np.maximum(hidden, 0, out=hidden)
        return hidden

    def _backward(self, inputs: Flat32) -> None:
        delta = self._delta
        for number in range(len(self._online) - 1, -1, -1):
            before = self._hidden[number - 1] if number else inputs
            weights, biases = self._gradients[number]
            self._product(delta.T, before, weights)
            np.dot(self._ones, delta, out=biases)
            if number:
                delta = self._product(delta, self._online[number][0], self._deltas[number])
                delta *= before > 0

    def _clip(self) -> None:
        most = self._model.max_grad_norm
        if most is None:
            return
        parts = [self._network.gradients]
        if self._model.grad_clip == "variable":
            parts = [array.reshape(-1) for layer in self._gradients for array in layer]
        for part in parts:
            factor = most / (float(np.dot(part, part)) ** 0.5 + 1e-6)
            if factor < 1:
                part *= np.float32(factor)

    def _adam(self) -> None:
        network = self._network
        group = network.optimizer.param_groups[0]
        beta1, beta2 = group["betas"]
        network.updates += 1
        gradients, scratch = network.gradients, self._scratch
        np.subtract(gradients, network.moments, out=scratch)
        scratch *= np.float32(1 - beta1)
        network.moments += scratch
        np.multiply(gradients, gradients, out=scratch)
        scratch *= np.float32(1 - beta2)
        network.squares *= np.float32(beta2)
        network.squares += scratch
        np.sqrt(network.squares, out=scratch)
        scratch *= np.float32((1 - beta2**network.updates) ** -0.5)
        scratch += np.float32(group["eps"])
        np.divide(network.moments, scratch, out=scratch)
        scratch *= np.float32(group["lr"] / (1 - beta1**network.updates))
        network.weights -= scratch
