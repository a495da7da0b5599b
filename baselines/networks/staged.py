"""A trunk of stages with an exit after the last of them, or after every one: what light networks have in common."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.networks.classifier import ClassifyingNetwork
from bench.networks import ExitSpec


class PooledEmbedding(nn.Module):
    """Maps (B, C, H, W) → embedding (B, dim): global mean, linear layer, batch norm, ReLU."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, dim), nn.BatchNorm1d(dim), nn.ReLU(inplace=True))

    def forward(self, maps: Tensor) -> Tensor:
        """Embed maps (B, C, H, W)."""
        return self.layers(maps.mean(dim=(2, 3)))


class StagedNetwork(ClassifyingNetwork):
    """A stem and stages of ``widths`` channels; exits with a classifier each after stages ``exit_stages`` (from 1).

    Without early exits ``exit_stages`` is the last stage alone: then all stages are one step.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: list[nn.Module],
        widths: list[int],
        exit_stages: tuple[int, ...],
        num_identities: int,
        dim: int,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.exit_stages = exit_stages
        self.heads = nn.ModuleList(PooledEmbedding(widths[stage - 1], dim) for stage in exit_stages)
        self.classifiers = nn.ModuleList(nn.Linear(dim, num_identities) for _ in exit_stages)
        self.exits = tuple(ExitSpec(f"exit {stage}", dim, "continuous") for stage in exit_stages)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor | tuple[()], Tensor]:
        """Run the stages up to an exit, and embed their maps."""
        begin = self.exit_stages[exit_index - 1] if exit_index else 0
        for stage in self.stages[begin : self.exit_stages[exit_index]]:
            state = stage(state)
        return (() if exit_index == len(self.exits) - 1 else state), self.heads[exit_index](state)
