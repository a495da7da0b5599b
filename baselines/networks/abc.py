"""ABC (Liu et al., ICME 2019): features that a critic draws to random binary codes, and one threshold at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.networks.adversary import Critic
from baselines.networks.length import unit_length
from bench.encoders.encoder import Encoder
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork, sign


class CodeHead(nn.Module):
    """Pooled features (B, F) → features (B, bits) of length 1: a linear layer and batch norm; signs in evaluation."""

    def __init__(self, width: int, bits: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, bits), nn.BatchNorm1d(bits))

    def forward(self, pooled: Tensor) -> Tensor:
        """Embed pooled features (B, F): ±1 in evaluation."""
        features = unit_length(self.layers(pooled))
        return features if self.training else self.code(features)

    def code(self, features: Tensor) -> Tensor:
        """Code (B, bits) of features of length 1: +1 where they are above half of :func:`one`."""
        return sign(features - one(features.shape[1]) / 2)


class ABC(MultiExitNetwork):
    """A four-stage encoder with one exit of ``bits`` bits.

    In training a critic of two ``hidden`` layers tells the features from random codes, whose places are 0 or
    :func:`one` with equal chance, and the features learn to pass for them. For the first ``identity_share`` of training
    identities are classified too, with dropout. Raises :class:`BenchError` for a share that is not from 0 to 1.
    """

    def __init__(
        self, encoder: Encoder, num_identities: int, *, bits: int, hidden: tuple[int, int], identity_share: float
    ) -> None:
        super().__init__()
        if not 0 <= identity_share <= 1:
            raise BenchError(f"identity_share is a share of training, from 0 to 1, not {identity_share:g}")
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        self.heads = nn.ModuleList([CodeHead(encoder.widths[-1], bits)])
        self.classifier = nn.Sequential(nn.ReLU(), nn.Dropout(0.5), nn.Linear(bits, num_identities))
        self.critic = Critic(bits, hidden, clip=0.01)
        self.identity_share = identity_share
        self.progress = 0.0
        self.exits = (ExitSpec("exit 4", bits, "binary"),)

    @property
    def head(self) -> CodeHead:
        """What makes codes of the last maps."""
        head = self.heads[0]
        assert isinstance(head, CodeHead)
        return head

    def anneal(self, progress: float) -> None:
        """Note how far training is: identities are classified in a share of it, and the margin grows."""
        self.progress = progress

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor, Tensor]:
        """Run all stages and the head; what is left are the pooled features (B, F)."""
        pooled = self._pool(state)
        return pooled, self.head(pooled)

    def _pool(self, maps: Tensor) -> Tensor:
        for stage in self.stages:
            maps = stage(maps)
        return maps.mean(dim=(2, 3))

    def first_features(self, state: Tensor, embedding: Tensor) -> Tensor:
        """Pooled features (B, F)."""
        return state

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for training.

        While it trains, the extras are ``logits``, the critic's loss ``adversarial``, whether identities are
        classified, ``classifying`` (1 or 0), and the fraction of training that is done, ``progress``.
        """
        pooled = self._pool(self.start(images))
        if not self.training:
            return [ExitOutput(pooled, self.head(pooled))]
        values = self.head.layers(pooled).float()
        features = unit_length(values)
        drawn = torch.randint_like(features, 2) * one(features.shape[1])
        extras = {
            "logits": self.classifier(values),
            "adversarial": self.critic(drawn, features),
            "classifying": features.new_tensor(float(self.progress <= self.identity_share)),
            "progress": features.new_tensor(self.progress),
        }
        return [ExitOutput(pooled, features, None, extras)]


def one(bits: int) -> float:
    """What a 1 stands for in a code of ``bits`` bits: as many 0s as 1s then have the features' length, 1."""
    return (2 / bits) ** 0.5
