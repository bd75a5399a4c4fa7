"""Convolutions for images: (filters, kernel, stride) each, with ReLU, flattened."""

from collections.abc import Sequence
from typing import Any

import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from deeprl_tui.errors import DeeprlError


class Convs(BaseFeaturesExtractor):
    """Turns frames x height x width into a vector."""

    def __init__(self, observation_space: Any, layers: Sequence[Sequence[int]]) -> None:
        channels, height, width = observation_space.shape
        modules: list[nn.Module] = []
        for filters, kernel, stride in layers:
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
            if min(height, width) < 1:
                raise DeeprlError(
                    f"images of {observation_space.shape[1:]} pixels are too small for {list(layers)}",
                    place="convs",
                    remedy="use fewer layers, smaller strides, a smaller image_pool or a larger image_size",
                )
            modules += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
            channels = filters
        super().__init__(observation_space, features_dim=channels * height * width)
        self.layers = nn.Sequential(*modules, nn.Flatten())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Give batch x features.

        Gradients take two thirds of the time where the channels lie together; the parameters stay as they
        are, so that weights and Adam's moments have one layout in memory and on disk.
        """
        if torch.is_grad_enabled() and len(observations) > 1:
            observations = observations.contiguous(memory_format=torch.channels_last)
        features: torch.Tensor = self.layers(observations)
        return features
