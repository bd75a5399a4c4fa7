"""Q-networks beyond Stable-Baselines3's: the dueling one, and initial weights as in the 2017 study."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn

from deeprl_tui.errors import DeeprlError

NetworkMaker: TypeAlias = Callable[[Any, int], nn.Module]
"""Takes the observation space and the number of actions."""


class DuelingQNetwork(QNetwork):
    """Q = V + A - mean A (Wang et al. 2016). The streams share all hidden layers but the last."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        *shared, last = self.net_arch or [self.features_dim]
        actions = int(self.action_space.n)
        trunk = create_mlp(self.features_dim, -1, shared, self.activation_fn) if shared else []
        width = shared[-1] if shared else self.features_dim
        hidden = [last] if self.net_arch else []
        self.q_net = nn.Sequential(*trunk)
        self.value_net = nn.Sequential(*create_mlp(width, 1, hidden, self.activation_fn))
        self.advantage_net = nn.Sequential(*create_mlp(width, actions, hidden, self.activation_fn))

    def forward(self, obs: Any) -> torch.Tensor:
        """Give the value of each action: batch x actions."""
        hidden = self.q_net(self.extract_features(obs, self.features_extractor))
        advantage = self.advantage_net(hidden)
        value: torch.Tensor = self.value_net(hidden) + advantage - advantage.mean(dim=1, keepdim=True)
        return value


class DuelingPolicy(DQNPolicy):
    """A DQN policy with dueling networks."""

    def make_q_net(self) -> QNetwork:
        """Build one network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return DuelingQNetwork(**arguments).to(self.device)


class OwnQNetwork(QNetwork):
    """A network that a project brings along, called with what Stable-Baselines3 gives its own extractors.

    Observations come as float32, batch x shape: images from 0 to 1, discrete ones as one-hot.
    """

    def __init__(self, *args: Any, network: NetworkMaker, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        made: Any = network(self.observation_space, int(self.action_space.n))
        if not isinstance(made, nn.Module):
            raise DeeprlError(
                f"gave {type(made).__name__}, which is no torch.nn.Module",
                place="network",
                remedy="return a module",
            )
        self.q_net = made  # type: ignore[assignment]
        self._check_shape()

    def forward(self, obs: Any) -> torch.Tensor:
        """Give the value of each action: batch x actions."""
        plain = preprocess_obs(obs, self.observation_space, normalize_images=self.normalize_images)
        values: torch.Tensor = self.q_net(plain)
        return values

    def _check_shape(self) -> None:
        """Try a batch of two: values of a wrong shape would be broadcast and train nonsense."""
        example = np.zeros((2, *(self.observation_space.shape or ())), self.observation_space.dtype)
        self.eval()  # dropout and batch statistics shall not notice
        with torch.no_grad():
            values = self(torch.as_tensor(example))
        self.train()
        wanted = (2, int(self.action_space.n))
        if tuple(values.shape) != wanted:
            raise DeeprlError(
                f"gives values of the shape {tuple(values.shape)} for 2 observations, not {wanted}",
                place="network",
                remedy="give one value for each action: batch x actions",
            )


class OwnPolicy(DQNPolicy):
    """A DQN policy with networks that a project brings along; network: a class or function that makes one."""

    def __init__(self, *args: Any, network: NetworkMaker, **kwargs: Any) -> None:
        self._network = network
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> QNetwork:
        """Build one network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return OwnQNetwork(**arguments, network=self._network).to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "network": self._network}


def xavier(network: nn.Module) -> None:
    """Draw Xavier-uniform weights and set biases to zero, in all layers."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
