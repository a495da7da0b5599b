"""CNet and CDNet (Li et al., CVPR 2021): searched blocks of two lite streams, and necks that balance two losses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.genotypes import Genotype
from baselines.networks.bot import BatchNormNeck
from baselines.networks.length import unit_length
from baselines.networks.lite import ConvNorm, StreamBlock, halving, initialise
from bench.errors import unknown_name
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

NECKS = ("fbl", "bl", "bn")
"""The paper's, the same without local features, and BoT's (Table 6)."""
GATE_REDUCTION = 4
LOCAL_CHANNELS = 4
"""The maps for local features have a quarter of the last stage's channels: 128 of 512."""
DROPOUT = 0.2


class LocalFeatures(nn.Module):
    """Maps (B, C, H, W) of the last stage but one → (B, stripes × channels): squeezed, and the means of each stripe."""

    def __init__(self, entering: int, channels: int, stripes: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(entering, channels, 1, bias=False)
        self.stripes = stripes

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, H, W)."""
        return F.adaptive_avg_pool2d(self.squeeze(maps), (self.stripes, 1)).flatten(1)


class Pooling(nn.Module):
    """Head of an exit: maps (B, C, H, W) and those that entered its last stage → the features of each part.

    The global features are means over the maps; the local ones, where there are any, those of
    :class:`LocalFeatures`. In training a fifth of each is dropped, as in the authors' code.
    """

    def __init__(self, local: LocalFeatures | None) -> None:
        super().__init__()
        self.local = local
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, maps: Tensor, entering: Tensor) -> list[Tensor]:
        """Pool the maps."""
        features = [maps.mean(dim=(2, 3))]
        if self.local is not None:
            features.append(self.local(entering))
        return [self.dropout(feature) for feature in features]


def balance(features: int, hidden: int) -> nn.Sequential:
    """What stands between features and their classifier in training: FC–BN–ReLU (section 3.3)."""
    return nn.Sequential(nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True))


class CDNet(MultiExitNetwork):
    """A stem and three stages of two searched blocks; with ``early_exits`` an exit after each stage.

    ``stem`` are the stem's channels, the stages have 4, 6 and 8 times as many. ``neck`` is one of :data:`NECKS`;
    ``stripes`` (0: none) are those of the local features of ``fbl``, at the last exit. The embedding joins the parts
    and is normalised to length 1. Raises :class:`BenchError` for an unknown neck.
    """

    def __init__(
        self,
        num_identities: int,
        genotype: Genotype,
        *,
        stem: int,
        hidden: int,
        neck: str = "fbl",
        stripes: int = 2,
        early_exits: bool = False,
    ) -> None:
        super().__init__()
        if neck not in NECKS:
            raise unknown_name("neck", neck, NECKS)
        widths = [stem, 4 * stem, 6 * stem, 8 * stem]
        self.stem = nn.Sequential(ConvNorm(3, stem, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        self.stages = nn.ModuleList()
        for index, (entering, leaving) in enumerate(pairwise(widths)):
            layers: list[nn.Module] = []
            for first, second, repeats in genotype[2 * index : 2 * index + 2]:
                for _ in range(repeats):
                    channels = leaving if layers else entering
                    layers.append(StreamBlock(channels, leaving, (first // 2, second // 2), GATE_REDUCTION))
            self.stages.append(nn.Sequential(*layers, *([halving(leaving)] if index < 2 else [])))
        self.exit_stages = (1, 2, 3) if early_exits else (3,)
        local_channels = widths[3] // LOCAL_CHANNELS
        local = LocalFeatures(widths[2], local_channels, stripes) if neck == "fbl" and stripes else None
        self.heads = nn.ModuleList(Pooling(local if stage == 3 else None) for stage in self.exit_stages)
        parts = [
            [widths[stage], *([stripes * local_channels] if local and stage == 3 else [])] for stage in self.exit_stages
        ]
        self.necks = nn.ModuleList(
            nn.ModuleList(BatchNormNeck(width) if neck == "bn" else balance(width, hidden) for width in widths_of_exit)
            for widths_of_exit in parts
        )
        self.centred = neck == "bn"
        self.classifiers = nn.ModuleList(
            nn.ModuleList(nn.Linear(width if self.centred else hidden, num_identities) for width in widths_of_exit)
            for widths_of_exit in parts
        )
        self.exits = tuple(
            ExitSpec(f"exit {stage}", sum(widths_of_exit), "continuous")
            for stage, widths_of_exit in zip(self.exit_stages, parts, strict=True)
        )
        initialise(self)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor | tuple[()], Tensor]:
        """Run the stages up to an exit; the embedding joins its parts."""
        maps, features = self._go_on(state, exit_index)
        return (() if exit_index == len(self.exits) - 1 else maps), self._embed(features, exit_index)

    def _go_on(self, maps: Tensor, exit_index: int) -> tuple[Tensor, list[Tensor]]:
        entering = maps
        begin = self.exit_stages[exit_index - 1] if exit_index else 0
        for stage in self.stages[begin : self.exit_stages[exit_index]]:
            entering, maps = maps, stage(maps)
        return maps, self.heads[exit_index](maps, entering)

    def _embed(self, features: Sequence[Tensor], exit_index: int) -> Tensor:
        if self.centred:
            features = [neck(feature) for neck, feature in zip(self._parts("necks", exit_index), features, strict=True)]
        return unit_length(torch.cat(list(features), dim=1))

    def _parts(self, kind: str, exit_index: int) -> nn.ModuleList:
        parts = getattr(self, kind)[exit_index]
        assert isinstance(parts, nn.ModuleList)
        return parts

    def first_features(self, state: Tensor | tuple[()], embedding: Tensor) -> Tensor:
        """The embedding (B, dim) of the first exit."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs for training, with the extras ``logits N`` and ``features N`` of each part."""
        maps = self.start(images)
        outputs = []
        for index in range(len(self.exits[:num_exits])):
            maps, features = self._go_on(maps, index)
            extras = {f"features {number}": feature for number, feature in enumerate(features, start=1)}
            layers = zip(features, self._parts("necks", index), self._parts("classifiers", index), strict=True)
            for number, (feature, neck, classify) in enumerate(layers, start=1):
                extras[f"logits {number}"] = classify(neck(feature))
            embedding = self._embed(features, index)
            outputs.append(ExitOutput(embedding, embedding, None, extras))
        return outputs
