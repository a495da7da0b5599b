"""DenseNets as encoders: torchvision's, with its weights, and thin ones for two cores.

A stage ends with its dense block, before the transition to the next: there DaRe has its exits. The maps of the first
three stages are concatenations without norm (``preactivated``); those of the fourth have passed the last norm and a
ReLU.
"""

from __future__ import annotations

from torch import nn
from torchvision import models
from torchvision.models import DenseNet

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.weights import fill_encoder
from bench.errors import BenchError

DENSENETS: dict[str, str] = {
    "densenet121": "DenseNet121_Weights",
    "densenet169": "DenseNet169_Weights",
    "densenet201": "DenseNet201_Weights",
}
THIN_DENSENETS: dict[str, tuple[int, int, tuple[int, int, int, int]]] = {
    "densenet121-half": (16, 32, (6, 12, 24, 16)),
    "densenet26-thin": (16, 32, (2, 3, 4, 2)),
    "densenet18-thin": (8, 16, (1, 2, 2, 2)),
}
"""Small encoders for two cores: growth, channels of the stem, layers of each block."""


def densenet(name: str, *, weights: str) -> Encoder:
    """Build a DenseNet; raises :class:`BenchError` for weights that do not fit or do not exist."""
    if name in DENSENETS:
        whole = getattr(models, name)(weights=None)
        fill_encoder(whole, weights, DENSENETS[name], classifier="classifier.")
    elif weights != "none":
        raise BenchError(f"encoder {name} has no pretrained weights: use --weights none, or a DenseNet of full width")
    else:
        growth, channels, blocks = THIN_DENSENETS[name]
        whole = DenseNet(growth, blocks, channels, bn_size=4, num_classes=1)
    return _cut(whole)


def _cut(whole: DenseNet) -> Encoder:
    parts = whole.features
    stem = nn.Sequential(parts.conv0, parts.norm0, parts.relu0, parts.pool0)
    stages = (
        nn.Sequential(parts.denseblock1),
        nn.Sequential(parts.transition1, parts.denseblock2),
        nn.Sequential(parts.transition2, parts.denseblock3),
        nn.Sequential(parts.transition3, parts.denseblock4, parts.norm5, nn.ReLU(inplace=True)),
    )
    widths = (
        int(parts.transition1.norm.num_features),
        int(parts.transition2.norm.num_features),
        int(parts.transition3.norm.num_features),
        int(parts.norm5.num_features),
    )
    return Encoder(stem, stages, widths, preactivated=True)


FAMILY = EncoderFamily(densenet, names=(*DENSENETS, *THIN_DENSENETS))
