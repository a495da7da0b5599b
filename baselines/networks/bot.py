"""The strong baseline of Luo et al. ("Bag of tricks", 2019): a ResNet, global pooling, and a batch-norm neck."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from baselines.networks.length import unit_length
from baselines.networks.public import fill_by_name
from bench.encoders.encoder import Encoder
from bench.encoders.weights import FAST_REID, STRONG_BASELINE, read_state_dict
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

PUBLIC_TRUNKS = (STRONG_BASELINE, FAST_REID)
LEFT_OUT = ("classifier.", "heads.weight", "heads.classifier.", "pixel_mean", "pixel_std")
"""What begins the names of classifiers over identities, and of what normalises images, which is done before."""


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

    So the Euclidean distance ranks as the cosine does. Without ``neck`` the mean itself is the embedding, compared by
    Euclidean distance, as in torchreid's ResNets. ``centres`` adds a learned centre for every identity, which the
    centre loss reads. Logits are an extra, for they are of the embedding before it is normalised.
    """

    def __init__(self, encoder: Encoder, num_identities: int, *, centres: bool = False, neck: bool = True) -> None:
        super().__init__()
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        width = encoder.widths[-1]
        self.neck = neck
        self.heads = nn.ModuleList([BatchNormNeck(width) if neck else nn.Identity()])
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
        return features, self._scaled(self.heads[exit_index](features))

    def _scaled(self, centred: Tensor) -> Tensor:
        return unit_length(centred) if self.neck else centred

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
        return [ExitOutput(features, self._scaled(centred), None, extras)]


def is_public(weights: str) -> bool:
    """Tell a checkpoint of the public repositories, with a neck, from a file of the trunk's weights alone.

    Raises :class:`bench.errors.BenchError` where the file cannot be read.
    """
    if weights in ("none", "imagenet"):
        return False
    return any(name.startswith(PUBLIC_TRUNKS) for name in read_state_dict(Path(weights)))


def fill_from_public(network: BoT, weights: str) -> None:
    """Fill a network on a ResNet from a checkpoint of reid-strong-baseline or fast-reid, its classifier left out.

    Raises :class:`bench.errors.BenchError` where the file does not fit, or fast-reid's stem pools otherwise.
    """
    state = read_state_dict(Path(weights))
    pool = next((module for module in network.stem.modules() if isinstance(module, nn.MaxPool2d)), None)
    if any(name.startswith(FAST_REID) for name in state) and not (pool and pool.ceil_mode):
        raise BenchError(
            f"weights {weights} are a checkpoint of fast-reid, whose ResNets pool without padding: take the backbone "
            "of that pooling, such as --backbone resnet50-ceil"
        )
    optional = ("classifiers.", "centres", "heads.0.norm.bias")
    fill_by_name(network, state, own_name, weights, optional=optional)


def own_name(public: str) -> str:
    """Name here of a tensor of the public repositories; empty for classifiers."""
    if public.startswith(LEFT_OUT):
        return ""
    name = re.sub(r"^(heads\.)?bottleneck\.(0\.)?", "heads.0.norm.", public)
    for trunk in PUBLIC_TRUNKS:
        name = name.replace(f"{trunk}conv1.", "stem.0.").replace(f"{trunk}bn1.", "stem.1.")
        name = re.sub(rf"^{re.escape(trunk)}layer(\d)\.", lambda match: f"stages.{int(match[1]) - 1}.", name)
    return name
