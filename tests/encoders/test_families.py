"""Encoders come in families that a registry finds, so that another package can bring its own."""

import pytest
import torch
from torch import nn

from bench import registry
from bench.encoders.build import build_encoder
from bench.encoders.encoder import Encoder, EncoderFamily
from bench.errors import BenchError


def test_no_two_families_have_an_encoder_of_one_name():
    names = [name for family in registry.names("encoder") for name in registry.load("encoder", family).names]
    assert len(names) == len(set(names)) > 10


def test_an_encoder_of_another_package_is_built_like_any_other(monkeypatch):
    def build(name, *, weights):
        assert weights == "none"
        stages = [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1) for width in (4, 8, 16, 32)]
        return Encoder(nn.Conv2d(3, 4, 3), tuple(stages), (8, 16, 32, 64))

    found = {"own": EncoderFamily(build, names=("own-net",)), "hub": EncoderFamily(build, prefix="own:")}
    monkeypatch.setattr(registry, "names", lambda kind: list(found))
    monkeypatch.setattr(registry, "load", lambda kind, name: found[name])
    for name in ("own-net", "own:whatever"):
        encoder = build_encoder(name)
        maps = encoder.stem(torch.zeros(1, 3, 32, 32))
        for stage, width in zip(encoder.stages, encoder.widths, strict=True):
            maps = stage(maps)
            assert maps.shape[1] == width
    with pytest.raises(BenchError, match=r"own-net.*own:NAME|did you mean"):
        build_encoder("own-nett")
