"""Encoders made for small devices: torchvision's MobileNetV3 and EfficientNets, with its weights."""

from __future__ import annotations

from torchvision import models

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.resolution import cut_by_resolution
from bench.encoders.weights import fill_encoder

MOBILE: dict[str, str] = {
    "mobilenet_v3_large": "MobileNet_V3_Large_Weights",
    "mobilenet_v3_small": "MobileNet_V3_Small_Weights",
    "efficientnet_b0": "EfficientNet_B0_Weights",
    "efficientnet_b1": "EfficientNet_B1_Weights",
}


def mobile(name: str, *, weights: str) -> Encoder:
    """Build one of torchvision's small networks; its last 1×1 convolution belongs to the fourth stage.

    Raises :class:`BenchError` for weights that do not fit.
    """
    whole = getattr(models, name)(weights=None)
    fill_encoder(whole, weights, MOBILE[name], classifier="classifier.")
    return cut_by_resolution(list(whole.features), name)


FAMILY = EncoderFamily(mobile, names=tuple(MOBILE))
