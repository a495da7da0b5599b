"""What every encoder must keep, over one of each kind here: the contract that plug-ins are held to."""

import pytest
import torch

from bench.encoders.build import build_encoder
from bench.testing.encoders import *  # noqa: F403
from bench.testing.encoders import staged

CONVOLUTIONAL = (
    "resnet10-quarter",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "densenet18-thin",
    "timm:regnety_002",
    "timm:mobilenetv3_small_050",
)
pytestmark = pytest.mark.parametrize("encoder_name", [*CONVOLUTIONAL, "vit8-thin"], scope="module")


def test_maps_of_convolutions_halve(encoder_name):
    if encoder_name not in CONVOLUTIONAL:
        pytest.skip("its maps are of tokens, whose number stays")
    encoder = build_encoder(encoder_name)
    for part in (encoder.stem, *encoder.stages):
        part.eval()
    with torch.inference_mode():
        heights = [maps.shape[2:] for maps in staged(encoder, torch.randn(2, 3, 128, 64))]
    assert heights == [(32, 16), (16, 8), (8, 4), (4, 2)]
