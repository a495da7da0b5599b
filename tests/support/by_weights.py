"""Layers out of a state dict alone: what networks are written out with, beside their modules."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-5
"""Of torch's batch norms."""


class Layers:
    """Layers of a network by the names of their weights; ``training`` has norms take statistics of the batch."""

    def __init__(self, state: Mapping[str, Tensor], *, training: bool) -> None:
        self.state = state
        self.training = training

    def has(self, name: str) -> bool:
        return name in self.state

    def norm(self, name: str, values: Tensor) -> Tensor:
        """Batch norm of values (B, C) or (B, C, H, W)."""
        shape = (1, -1, *[1] * (values.ndim - 2))
        if self.training:
            over = [0, *range(2, values.ndim)]
            mean = values.mean(over, keepdim=True)
            variance = ((values - mean) ** 2).mean(over, keepdim=True)
        else:
            mean, variance = (self.state[f"{name}.running_{kind}"].view(shape) for kind in ("mean", "var"))
        scaled = (values - mean) / torch.sqrt(variance + EPSILON) * self.state[f"{name}.weight"].view(shape)
        return scaled + self.state[f"{name}.bias"].view(shape)

    def convolution(self, name: str, maps: Tensor, stride: int = 1) -> Tensor:
        """Padded to keep the size at stride 1; depthwise where the weights are of one channel."""
        weight = self.state[f"{name}.weight"]
        groups = maps.shape[1] if weight.shape[1] == 1 else 1
        bias = self.state.get(f"{name}.bias")
        return F.conv2d(maps, weight, bias, stride, padding=weight.shape[2] // 2, groups=groups)

    def unit(self, name: str, maps: Tensor, stride: int = 1, *, active: bool = True) -> Tensor:
        """Convolution, norm and, where ``active``, ReLU."""
        maps = self.norm(f"{name}.bn", self.convolution(f"{name}.conv", maps, stride))
        return maps.clamp(min=0) if active else maps

    def linear(self, name: str, values: Tensor) -> Tensor:
        return values @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]


def means(maps: Tensor) -> Tensor:
    """Means over places: (B, C, H, W) → (B, C)."""
    return maps.mean(dim=(2, 3))


def shaken(network: torch.nn.Module) -> torch.nn.Module:
    """Give norms statistics, scales and shifts that are not where they started."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        drawn = torch.rand(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(drawn + 0.5)
        elif value.ndim == 1 and value.is_floating_point():
            value.add_(0.2 * (drawn - 0.5))
    return network
