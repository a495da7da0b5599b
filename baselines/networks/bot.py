"""The strong baseline of Luo et al. ("Bag of tricks", 2019): a ResNet, global pooling, and a batch-norm neck."""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.public import fill_by_name
from bench.encoders.encoder import Encoder
from bench.encoders.weights import read_state_dict
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

PUBLIC_TRUNK = "base."
"""Prefix of the trunk's names in checkpoints of michuanhaohao/reid-strong-baseline."""


class BatchNormNeck(nn.Module):
    """Features (B, F) → centred features (B, F): batch norm with a learned scale and no shift (section 3.5).

    The triplet loss acts on what enters, the classifier on what leaves. The bias is kept at zero, as in the public
    code: it is a buffer here, since nothing learns it.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)
        del self.norm.bias
        self.norm.register_buffer("bias", torch.zeros(features))

    def forward(self, features: Tensor) -> Tensor:
        """Centre and scale features (B, F)."""
        return self.norm(features)


class BoT(MultiExitNetwork):
    """A four-stage encoder with one exit: the mean of the last maps through the neck, normalised to length 1.

    So the Euclidean distance ranks as the cosine does. ``centres`` adds a learned centre for every identity, which the
    centre loss reads. Logits are an extra, for they are of the embedding before it is normalised.
    """

    def __init__(self, encoder: Encoder, num_identities: int, *, centres: bool = False) -> None:
        super().__init__()
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        width = encoder.widths[-1]
        self.heads = nn.ModuleList([BatchNormNeck(width)])
        classifier = nn.Linear(width, num_identities, bias=False)
        nn.init.normal_(classifier.weight, std=0.001)
        self.classifiers = nn.ModuleList([classifier])
        self.centres = nn.Parameter(torch.randn(num_identities, width)) if centres else None
        self.exits = (ExitSpec("exit 4", width, "continuous"),)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor, Tensor]:
        """Run all stages and the neck; the state that is left is the pooled features (B, F)."""
        features = self._features(state)
        return features, F.normalize(self.heads[exit_index](features))

    def _features(self, maps: Tensor) -> Tensor:
        for stage in self.stages:
            maps = stage(maps)
        return maps.mean(dim=(2, 3))

    def first_features(self, state: Tensor, embedding: Tensor) -> Tensor:
        """Pooled features (B, F)."""
        return state

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for training, with the extras ``logits`` (B, identities) and, where there are any, ``centres``."""
        features = self._features(self.start(images))
        centred = self.heads[0](features)
        extras = {"logits": self.classifiers[0](centred)}
        if self.centres is not None:
            extras["centres"] = self.centres
        return [ExitOutput(features, F.normalize(centred), None, extras)]


def is_public(weights: str) -> bool:
    """Tell a checkpoint of the public repository, with its neck, from a file of the trunk's weights alone.

    Raises :class:`bench.errors.BenchError` where the file cannot be read.
    """
    if weights in ("none", "imagenet"):
        return False
    return any(name.startswith(PUBLIC_TRUNK) for name in read_state_dict(Path(weights)))


def fill_from_public(network: BoT, weights: str) -> None:
    """Fill a network on a ResNet from a checkpoint of the public repository; its classifier is left out.

    Raises :class:`bench.errors.BenchError` where the file does not fit.
    """
    optional = ("classifiers.", "centres", "heads.0.norm.bias")
    fill_by_name(network, read_state_dict(Path(weights)), own_name, weights, optional=optional)


def own_name(public: str) -> str:
    """Name here of a tensor of the public repository; empty for its classifier."""
    if public.startswith("classifier."):
        return ""
    name = public.replace("bottleneck.", "heads.0.norm.")
    name = name.replace(f"{PUBLIC_TRUNK}conv1.", "stem.0.").replace(f"{PUBLIC_TRUNK}bn1.", "stem.1.")
    return re.sub(rf"^{re.escape(PUBLIC_TRUNK)}layer(\d)\.", lambda match: f"stages.{int(match[1]) - 1}.", name)
