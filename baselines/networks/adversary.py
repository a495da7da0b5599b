"""Adversaries that train in the same step as what they judge: the gradient of what is judged is turned round."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.2


class Reversal(torch.autograd.Function):
    """The identity, whose gradient is turned round: what one side descends, the other climbs (Ganin et al. 2016)."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        """Hand the values on."""
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Turn the gradient round."""
        return -gradient


class Adversary(nn.Module):
    """Tells real vectors (N, F) from made ones: two layers and a logit; its loss trains both sides at once."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.LeakyReLU(LEAK), nn.Linear(hidden, hidden), nn.LeakyReLU(LEAK)
        )
        self.verdict = nn.Linear(hidden, 1)

    def forward(self, real: Tensor, made: Tensor) -> Tensor:
        """−log D(real) − log(1 − D(made)), averaged; the gradient of ``made`` is turned round.

        ``real`` has no gradient. So descending trains the adversary to tell them apart, and ``made`` to deceive it.
        """
        right, wrong = (self.verdict(self.layers(values))[:, 0] for values in (real.detach(), Reversal.apply(made)))
        return F.softplus(-right).mean() + F.softplus(wrong).mean()


class Critic(nn.Module):
    """Estimates how far made vectors (N, F) are from real ones: the Wasserstein distance (Arjovsky et al. 2017).

    Its weights are kept within ±``clip`` in training, which bounds its slope (algorithm 1 there). It has no
    biases: beside weights so small they would decide every rectifier, and it would be linear.
    """

    def __init__(self, features: int, hidden: tuple[int, int], clip: float) -> None:
        super().__init__()
        first, second = hidden
        self.layers = nn.Sequential(
            nn.Linear(features, first, bias=False),
            nn.LeakyReLU(LEAK),
            nn.Linear(first, second, bias=False),
            nn.LeakyReLU(LEAK),
        )
        self.verdict = nn.Linear(second, 1, bias=False)
        self.clip = clip

    def forward(self, real: Tensor, made: Tensor) -> Tensor:
        """The mean verdict on ``made`` less that on ``real``: minus the distance, as far as the critic can tell.

        Descending trains the critic to part them, and ``made``, whose gradient is turned round, to come nearer.
        """
        if self.training:
            with torch.no_grad():
                for part in self.parameters():
                    part.clamp_(-self.clip, self.clip)
        right, wrong = (self.verdict(self.layers(values))[:, 0] for values in (real.detach(), Reversal.apply(made)))
        return wrong.mean() - right.mean()
