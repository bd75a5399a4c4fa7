"""Q-networks beyond Stable-Baselines3's: the dueling one, and initial weights as in the 2017 study."""

from typing import Any

import torch
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn


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


def xavier(network: nn.Module) -> None:
    """Draw Xavier-uniform weights and set biases to zero, in all layers."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
