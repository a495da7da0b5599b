"""The network in which CNet's and CDNet's blocks are searched for: every block is all of its candidates (MBlock)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

from baselines.genotypes import BLOCKS
from baselines.networks.cdnet import GATE_REDUCTION, Pooling, balance
from baselines.networks.length import unit_length
from baselines.networks.lite import ConvNorm, StreamBlock, halving, initialise
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, SearchNetwork

SPREAD = 1e-3
"""Standard deviation of the logits at the start: no two are equal."""


class TopSample(nn.Module):
    """Candidates of one block, of which those with the ``top`` greatest logits run (section 3.2, equations 4 to 7).

    Their outputs are added with weight 1 each. Gradients pass as if each weight were its softmax probability.
    """

    def __init__(self, candidates: Iterable[nn.Module], top: int) -> None:
        super().__init__()
        self.candidates = nn.ModuleList(candidates)
        self.top = top

    def forward(self, maps: Tensor, logits: Tensor) -> Tensor:
        """Run the candidates that are sampled on maps (B, C, H, W); logits are (candidates,)."""
        probabilities = logits.softmax(dim=0)
        weights = 1 + probabilities - probabilities.detach()
        chosen = probabilities.topk(self.top).indices.tolist()
        outputs = [weights[index] * self.candidates[index](maps) for index in chosen]
        return sum(outputs[1:], outputs[0])


class CDNetSearch(SearchNetwork):
    """Stem and three stages of two blocks with all candidates; the neck ``bl``, without local features (equation 9).

    ``candidates`` are named as ``5-7-2``: two kernels, repetitions. Raises :class:`BenchError` for a ``top`` that is
    not from 1 to as many as there are.
    """

    def __init__(self, num_identities: int, candidates: tuple[str, ...], *, stem: int, hidden: int, top: int) -> None:
        super().__init__()
        if not 1 <= top <= len(candidates):
            raise BenchError(f"top={top}: expected from 1 to the {len(candidates)} candidates of a block")
        widths = [stem, 4 * stem, 6 * stem, 8 * stem]
        self.candidates = candidates
        self.stem = nn.Sequential(ConvNorm(3, stem, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        self.blocks = nn.ModuleList()
        for entering, leaving in pairwise(widths):
            for first in (entering, leaving):
                self.blocks.append(TopSample((_block(name, first, leaving) for name in candidates), top))
        self.halvings = nn.ModuleList(halving(width) for width in widths[1:-1])
        self.heads = nn.ModuleList([Pooling(None)])
        self.neck = balance(widths[-1], hidden)
        self.classifier = nn.Linear(hidden, num_identities)
        self.exits = (ExitSpec("exit 3", widths[-1], "continuous"),)
        initialise(self)
        self.architecture = nn.ParameterList(SPREAD * torch.randn(len(candidates)) for _ in range(BLOCKS))

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[tuple[()], Tensor]:
        """Run all blocks, as far as they are sampled, and embed: features of length 1."""
        return (), unit_length(self._features(state))

    def _features(self, maps: Tensor) -> Tensor:
        for index, (block, logits) in enumerate(zip(self.blocks, self.architecture, strict=True)):
            maps = block(maps, logits)
            if index in (1, 3):
                maps = self.halvings[index // 2](maps)
        (features,) = self.heads[0](maps, maps)
        return features

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for the search, with the extra ``logits 1`` (B, identities)."""
        features = self._features(self.start(images))
        return [ExitOutput(features, unit_length(features), None, {"logits 1": self.classifier(self.neck(features))})]


def _block(name: str, entering: int, leaving: int) -> nn.Sequential:
    """Build a candidate: a block of two streams, repeated; the first one changes the width."""
    first, second, repeats = map(int, name.split("-"))
    depths = (first // 2, second // 2)
    return nn.Sequential(
        *(StreamBlock(leaving if index else entering, leaving, depths, GATE_REDUCTION) for index in range(repeats))
    )
