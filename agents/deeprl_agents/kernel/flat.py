"""The parameters of a Q-network and Adam's state as flat arrays that torch's tensors are views of.

Rule: torch and the kernel see the same memory, so Stable-Baselines3's save, load and predict need no copies.
What replaces tensors (loading an optimizer) is found and taken over by `adopt`.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.dqn.policies import QNetwork

MOST_LAYERS = 16
MOST_UNITS = 8192

Flat32 = NDArray[np.float32]


def why_not(q_net: Any, optimizer: Any) -> str:
    """Say what of a network and its optimizer the flat arithmetic does not know, or nothing."""
    if type(q_net) is not QNetwork or type(q_net.features_extractor) is not FlattenExtractor:
        return "network"
    layers = list(q_net.q_net)
    if not all(type(layer) in (torch.nn.Linear, torch.nn.ReLU) for layer in layers):
        return "layers"
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    kinds = [type(layer) for layer in layers]
    if kinds != [torch.nn.Linear, torch.nn.ReLU] * (len(linear) - 1) + [torch.nn.Linear]:
        return "layers"
    if len(linear) > MOST_LAYERS or max(layer.in_features for layer in linear) > MOST_UNITS:
        return "layers"
    if any(p.dtype != torch.float32 or p.device.type != "cpu" for p in q_net.parameters()):
        return "device"
    if type(optimizer) is not torch.optim.Adam or len(optimizer.param_groups) > 1:
        return "optimizer"
    group = optimizer.param_groups[0]
    return "optimizer" if group["weight_decay"] or group["amsgrad"] or group["maximize"] else ""


class FlatNetwork:
    """Flat arrays, in torch's order: for each layer the weights (outputs x inputs), then the biases."""

    def __init__(self, q_net: Any, target: Any, optimizer: Any) -> None:
        linear = [layer for layer in q_net.q_net if isinstance(layer, torch.nn.Linear)]
        self.sizes = [linear[0].in_features, *(layer.out_features for layer in linear)]
        self._online, self._target = list(q_net.q_net.parameters()), list(target.q_net.parameters())
        self.optimizer = optimizer
        self.count = sum(parameter.numel() for parameter in self._online)
        self.weights, self.target, self.moments, self.squares = (self._zeros() for _ in range(4))
        self.gradients = self._zeros()
        self.updates = 0
        self.adopt()

    def _zeros(self) -> Flat32:
        return np.zeros(self.count, np.float32)

    def adopt(self) -> None:
        """Make torch's tensors views of the arrays again, whatever replaced them; the newest values stay."""
        place = 0
        for online, target in zip(self._online, self._target, strict=True):
            part = slice(place, place + online.numel())
            place = part.stop
            online.data = self._view(online.data, self.weights[part])
            target.data = self._view(target.data, self.target[part])
            state = self.optimizer.state[online]
            if not state:
                state["step"] = torch.tensor(0.0)
                state["exp_avg"] = state["exp_avg_sq"] = torch.zeros_like(online)
            state["exp_avg"] = self._view(state["exp_avg"], self.moments[part])
            state["exp_avg_sq"] = self._view(state["exp_avg_sq"], self.squares[part])
            self.updates = int(state["step"])

    def tell_torch(self) -> None:
        """Give Adam's count of updates to torch."""
        for online in self._online:
            self.optimizer.state[online]["step"].fill_(float(self.updates))

    @staticmethod
    def _view(tensor: torch.Tensor, array: Flat32) -> torch.Tensor:
        if tensor.data_ptr() == array.ctypes.data:
            return tensor
        view = torch.from_numpy(array).view(tensor.shape)
        view.copy_(tensor)
        return view

    def layers(self, flat: Flat32) -> list[tuple[Flat32, Flat32]]:
        """Give views of each layer's weights and biases in one of the arrays."""
        views, place = [], 0
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            middle = place + inputs * outputs
            views.append((flat[place:middle].reshape(outputs, inputs), flat[middle : middle + outputs]))
            place = middle + outputs
        return views
