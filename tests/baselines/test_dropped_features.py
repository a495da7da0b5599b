"""What networks drop in training, as a share of features that are all ones, and that evaluation drops nothing."""

import pytest
import torch

from baselines.networks.abc import ABC
from baselines.networks.cdnet import Pooling
from baselines.networks.pcb import Stripes
from bench.encoders.build import build_encoder

IMAGES, CHANNELS = 16, 512


def dropped(module, values, read=None):
    """Give the shares of zeros that ``read``, or else the module's result, shows in training and in evaluation."""
    seen = []
    if read is not None:
        read.register_forward_pre_hook(lambda _, entering: seen.append(entering[0]))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        results = [module.train()(*values), module.eval()(*values)]
    return [(one == 0).float().mean().item() for one in (seen or [features for (features,) in results])]


def test_pcb_drops_half_of_its_pooled_stripes():
    head = Stripes(CHANNELS, stripes=6, dim=8)
    assert dropped(head, (torch.ones(IMAGES, CHANNELS, 6, 1),), head.reduce) == [pytest.approx(0.5, abs=0.02), 0]


def test_cdnet_drops_a_fifth_of_its_features():
    head = Pooling(None)
    maps = torch.ones(IMAGES, CHANNELS, 2, 2)
    assert dropped(head, (maps, maps)) == [pytest.approx(0.2, abs=0.02), 0]


def test_abc_drops_half_of_what_its_classifier_reads():
    encoder = build_encoder("resnet10-quarter", last_stride=2, weights="none", input_size=(64, 32))
    classifier = ABC(encoder, 5, bits=CHANNELS, hidden=(8, 8), identity_share=1).classifier
    assert dropped(classifier, (torch.ones(IMAGES, CHANNELS),), classifier[-1]) == [pytest.approx(0.5, abs=0.02), 0]
