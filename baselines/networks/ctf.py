"""CtF (Wang et al., ECCV 2020): one trunk, and a pyramid of binary codes, each shorter than the one before."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from baselines.networks.bot import BatchNormNeck
from bench.encoders.encoder import Encoder
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork, sign


class CodePyramid(nn.Module):
    """Features (B, F) → a code of each length: neck and sign, tanh in training.

    The features of a shorter code are a linear layer of those of the code before it, which no gradient enters: a short
    code does not disturb a longer one. The longest is taken of the trunk's features themselves, where it is as long.
    """

    def __init__(self, width: int, lengths: tuple[int, ...]) -> None:
        super().__init__()
        self.lengths = lengths
        entering = nn.Identity() if lengths[0] == width else nn.Linear(width, lengths[0])
        self.reduce = nn.ModuleList([entering, *(nn.Linear(longer, shorter) for longer, shorter in pairwise(lengths))])
        self.necks = nn.ModuleList(BatchNormNeck(length) for length in lengths)

    def features(self, pooled: Tensor) -> list[Tensor]:
        """Give the features (B, length) of every code, out of pooled features (B, F), the longest first."""
        features = [self.reduce[0](pooled)]
        for layer in self.reduce[1:]:
            features.append(layer(features[-1].detach()))
        return features

    def code(self, features: Tensor, level: int) -> Tensor:
        """Make a code (B, length) of the features of a level: ±1 in evaluation."""
        centred = self.necks[level](features)
        return torch.tanh(centred) if self.training else sign(centred)


class CtF(MultiExitNetwork):
    """A four-stage encoder with one exit, its longest code; the shorter ones are extras, and at hand after the step.

    ``lengths`` are those of the pyramid, falling; ``searched`` are the lengths that a search compares. The others are
    on the way to them, and their codes are taken in training alone. The network runs once whatever the search does
    later: all of its multiply-adds, those of the short codes included, are the exit's. Raises :class:`BenchError` for
    lengths that do not fall, or searched ones that are not among them from the longest to the shortest.
    """

    def __init__(
        self, encoder: Encoder, num_identities: int, lengths: tuple[int, ...], searched: tuple[int, ...]
    ) -> None:
        super().__init__()
        if len(lengths) < 2 or list(lengths) != sorted(set(lengths), reverse=True):
            raise BenchError(
                f"lengths={','.join(map(str, lengths))}: expected two or more code lengths with commas, falling"
            )
        ends = (searched[0], searched[-1]) == (lengths[0], lengths[-1])
        if not ends or list(searched) != [length for length in lengths if length in searched]:
            raise BenchError(
                f"searched={','.join(map(str, searched))}: expected lengths out of {', '.join(map(str, lengths))}, "
                "falling, from the first to the last of them"
            )
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        self.heads = nn.ModuleList([CodePyramid(encoder.widths[-1], lengths)])
        self.classifiers = nn.ModuleList(nn.Linear(length, num_identities, bias=False) for length in lengths)
        for classifier in self.classifiers:
            assert isinstance(classifier, nn.Linear)
            nn.init.normal_(classifier.weight, std=0.001)
        self.exits = (ExitSpec(code_name(lengths[0]), lengths[0], "binary"),)
        self.extras = tuple(ExitSpec(code_name(length), length, "binary") for length in searched[1:])
        self.searched_levels = tuple(lengths.index(length) for length in searched)

    @property
    def pyramid(self) -> CodePyramid:
        """What makes all codes out of pooled features."""
        pyramid = self.heads[0]
        assert isinstance(pyramid, CodePyramid)
        return pyramid

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run all stages and the pyramid; what is left are the pooled features (B, F) and the shorter codes."""
        pooled = self._pool(state)
        features = self.pyramid.features(pooled)
        longest, *shorter = (self.pyramid.code(features[level], level) for level in self.searched_levels)
        return (pooled, *shorter), longest

    def _pool(self, maps: Tensor) -> Tensor:
        for stage in self.stages:
            maps = stage(maps)
        return maps.mean(dim=(2, 3))

    def first_features(self, state: tuple[Tensor, ...], embedding: Tensor) -> Tensor:
        """Pooled features (B, F)."""
        return state[0]

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for training; its extras hold, for each length, ``N bits``, ``features N`` and ``logits N``."""
        pooled = self._pool(self.start(images))
        extras: dict[str, Tensor] = {}
        for level, features in enumerate(self.pyramid.features(pooled)):
            length = self.pyramid.lengths[level]
            code = self.pyramid.code(features, level)
            extras |= {code_name(length): code, f"features {length}": features}
            extras[f"logits {length}"] = self.classifiers[level](code)
        longest = self.pyramid.lengths[0]
        return [ExitOutput(pooled, extras[code_name(longest)], extras[f"logits {longest}"], extras)]

    def classify(self, embedding: Tensor, exit_index: int) -> Tensor:
        """Logits (B, identities) of the longest codes (B, dim)."""
        return self.classifiers[0](embedding)


def code_name(length: int) -> str:
    """Name a code by its length."""
    return f"{length} bits"
