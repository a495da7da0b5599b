"""DaRe: an embedding after every stage, and their weighted sum as the last exit (Wang et al., CVPR 2018)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.encoders.encoder import Encoder
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

State = tuple[Any, list[Tensor]]
"""What the last stage that has run leaves, and the embeddings of all stages so far."""


class StageHead(nn.Module):
    """Maps (B, C, H, W) → stage embedding (B, dim): global mean, FC_hidden–BN–ReLU–FC_dim.

    Maps that the encoder has not normalised (``preactivated``) pass a batch norm and a ReLU first.
    """

    def __init__(self, channels: int, hidden: int, dim: int, preactivated: bool) -> None:
        super().__init__()
        self.activate = nn.Sequential(*((nn.BatchNorm2d(channels), nn.ReLU(inplace=True)) if preactivated else ()))
        self.embed = nn.Sequential(
            nn.Linear(channels, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim)
        )

    def pool(self, maps: Tensor) -> Tensor:
        """Pool maps to features (B, C)."""
        return self.activate(maps).mean(dim=(2, 3))


class FusingHead(StageHead):
    """The last head, which also sums the embeddings of all stages, with a learned weight for each stage."""

    def __init__(self, channels: int, hidden: int, dim: int, stages: int) -> None:
        super().__init__(channels, hidden, dim, preactivated=False)
        self.weights = nn.Conv1d(stages, 1, 1, bias=False)

    def fuse(self, embeddings: list[Tensor]) -> Tensor:
        """Fuse stage embeddings, each (B, dim), into one (B, dim)."""
        return self.weights(torch.stack(embeddings, dim=1)).squeeze(1)


class DaRe(MultiExitNetwork):
    """DaRe on an encoder: an exit for each stage but the last is that stage's embedding, the last is the fusion of all.

    The last stage's own embedding has a term in the loss but is no exit, as in the paper's budgeted experiment. It is
    an extra, scored beside the others on request (the paper's Figure 3).
    """

    def __init__(self, encoder: Encoder, *, hidden: int = 1024, dim: int = 128) -> None:
        super().__init__()
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        self.views = nn.ModuleList(encoder.view(number) for number in range(1, len(self.stages) + 1))
        *early, last = encoder.widths
        self.heads = nn.ModuleList(StageHead(width, hidden, dim, encoder.preactivated) for width in early)
        self.heads.append(FusingHead(last, hidden, dim, len(self.stages)))
        names = [f"exit {number}" for number in range(1, len(self.stages))]
        self.exits = tuple(ExitSpec(name, dim, "continuous") for name in (*names, "fusion"))
        self.extras = (ExitSpec(f"stage {len(self.stages)}", dim, "continuous"),)

    def start(self, images: Tensor) -> State:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images), []

    def step(self, state: State, exit_index: int) -> tuple[State | tuple[()], Tensor]:
        """Run a stage and embed its maps; at the last, fuse the embeddings of all stages."""
        passed, embeddings = state
        passed = self.stages[exit_index](passed)
        head = self.heads[exit_index]
        assert isinstance(head, StageHead)
        embeddings = [*embeddings, head.embed(head.pool(self.views[exit_index](passed)))]
        if isinstance(head, FusingHead):
            return (), head.fuse(embeddings)
        return (passed, embeddings), embeddings[-1]

    def first_features(self, state: State, embedding: Tensor) -> Tensor:
        """Pooled maps (B, C) of the first stage."""
        passed, _ = state
        head = self.heads[0]
        assert isinstance(head, StageHead)
        return head.pool(self.views[0](passed))

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs for training; the last has its stage's own embedding as the one extra."""
        passed, embeddings = self.start(images)
        outputs = []
        for stage, view, head in list(zip(self.stages, self.views, self.heads, strict=True))[:num_exits]:
            assert isinstance(head, StageHead)
            passed = stage(passed)
            features = head.pool(view(passed))
            embeddings.append(head.embed(features))
            if isinstance(head, FusingHead):
                outputs.append(
                    ExitOutput(features, head.fuse(embeddings), extras={self.extras[0].name: embeddings[-1]})
                )
            else:
                outputs.append(ExitOutput(features, embeddings[-1]))
        return outputs
