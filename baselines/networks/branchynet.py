"""BranchyNet: branches on a ResNet, embedded by their flattened maps (Teerapittayanon et al., ICPR 2016)."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from baselines.networks.classifier import ClassifyingNetwork, IdentityClassifier
from bench.encoders.encoder import Encoder
from bench.errors import BenchError, unknown_name
from bench.networks import ExitSpec, State

EXIT_STAGES = (1, 2, 4)


Branch = Callable[[int, int], list[nn.Module]]
"""Layers of a branch, from its numbers of input and output channels."""


def _strided(entering: int, leaving: int) -> list[nn.Module]:
    return [nn.Conv2d(entering, leaving, 3, stride=2, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(inplace=True)]


def _pooled(entering: int, leaving: int) -> list[nn.Module]:
    convolution = nn.Conv2d(entering, leaving, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(leaving), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)]


def _valid(entering: int, leaving: int) -> list[nn.Module]:
    return [nn.Conv2d(entering, leaving, 3, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(inplace=True)]


def _valid_pooled(entering: int, leaving: int) -> list[nn.Module]:
    return [*_valid(entering, leaving), nn.MaxPool2d(2)]


BRANCHES: dict[str, tuple[tuple[int, Branch], tuple[int, Branch]]] = {
    "strided": ((8, _strided), (4, _strided)),
    "pooled": ((8, _pooled), (4, _pooled)),
    "unequal": ((8, _valid_pooled), (16, _valid)),
}
"""For each of the two branches, the divisor of its stage's channels, and its layers.

BranchyNet's paper has other networks (AlexNet, ResNet-110), and HashReID prints only the lengths: 14,880 = 32·31·15 and
13,440 = 128·15·7 = 32·30·14. On ResNet-50 at 256×128 all three kinds have these lengths: a convolution of stride 2; one
of stride 1 and a 3×3 pooling, as in BranchyNet's own branches; 32 filters in both branches, pooled in the first alone.
"""


class BranchyNet(ClassifyingNetwork):
    """A ResNet with branches after stages 1 and 2; the third exit is after stage 4.

    A branch is a 3×3 convolution with flattened maps: at 256×128 embeddings of 32·31·15 = 14,880 and 128·15·7 = 13,440
    values. The last embedding is the global mean of stage 4. The lengths depend on the input, so the network is built
    for one ``input_size`` (height, width). Raises :class:`BenchError` for an unknown branch, an encoder without norm
    at the end of its stages, an input that is too small, and images of another size.
    """

    def __init__(
        self, encoder: Encoder, num_identities: int, input_size: tuple[int, int], *, branch: str = "strided"
    ) -> None:
        super().__init__()
        if branch not in BRANCHES:
            raise unknown_name("branch", branch, list(BRANCHES))
        if len(encoder.stages) != 4:
            raise BenchError(
                f"branchynet has exits after stages 1, 2 and 4 of four, found {len(encoder.stages)} stages"
            )
        if encoder.preactivated:
            raise BenchError("branchynet reads maps as its encoder leaves them, and a DenseNet does not normalise them")
        self.stem = encoder.stem
        first, second, third, fourth = encoder.stages
        self.segments = nn.ModuleList([first, second, nn.Sequential(third, fourth)])
        self.views = nn.ModuleList(encoder.view(stage) for stage in EXIT_STAGES)
        self.heads = nn.ModuleList(
            nn.Sequential(*layers(width, width // reduction), nn.Flatten())
            for width, (reduction, layers) in zip(encoder.widths, BRANCHES[branch], strict=False)
        )
        self.heads.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        self.input_size = tuple(input_size)
        lengths = self._lengths()
        self.classifiers = nn.ModuleList(IdentityClassifier(length, num_identities) for length in lengths)
        self.exits = tuple(
            ExitSpec(f"exit {stage}", length, "continuous") for stage, length in zip(EXIT_STAGES, lengths, strict=True)
        )

    def _lengths(self) -> list[int]:
        """Lengths of the embeddings, from one pass with an image of zeros."""
        maps = torch.zeros(1, 3, *self.input_size)
        lengths = []
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                state = self.stem(maps)
                for segment, view, head in zip(self.segments, self.views, self.heads, strict=True):
                    state = segment(state)
                    lengths.append(prod(head(view(state)).shape))
        except RuntimeError as problem:
            raise BenchError(
                f"an input of {self.input_size} is too small for branchynet's branches, which read whole maps and no "
                "class token"
            ) from problem
        finally:
            self.train(training)
        return lengths

    def start(self, images: Tensor) -> State:
        """Run the stem on images (B, 3, H, W).

        Raises :class:`BenchError` where they have another size than the network.
        """
        if images.shape[2:] != self.input_size:
            raise BenchError(
                f"this branchynet was built for images of {self.input_size} (height, width) and got "
                f"{tuple(images.shape[2:])}: its embeddings are whole maps. Build one for that size"
            )
        return self.stem(images)

    def step(self, state: State, exit_index: int) -> tuple[State, Tensor]:
        """Run the stages up to an exit, and its branch, whose maps are flattened."""
        state = self.segments[exit_index](state)
        embedding = self.heads[exit_index](self.views[exit_index](state))
        return (() if exit_index == len(self.exits) - 1 else state), embedding
