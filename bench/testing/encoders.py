"""What every encoder of a registered family must keep, plug-ins' too: stages that methods can put exits on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench import registry
from bench.cost.macs import cross_check
from bench.encoders.build import build_encoder
from bench.encoders.encoder import Encoder
from bench.errors import BenchError

SIZE = (64, 32)


@pytest.fixture(scope="module")
def staged_images() -> Tensor:
    return torch.randn(4, 3, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def encoder(encoder_name: str) -> Encoder:
    """In evaluation mode, its first weights drawn from one seed."""
    return built(encoder_name)


def built(name: str) -> Encoder:
    torch.manual_seed(0)
    encoder = build_encoder(name, input_size=SIZE)
    for part in (encoder.stem, *encoder.stages, *encoder.views):
        part.eval()
    return encoder


def staged(encoder: Encoder, images: Tensor) -> list[Tensor]:
    """Give the maps (B, C, H, W) that a head reads after each stage."""
    state, maps = encoder.stem(images), []
    for number, stage in enumerate(encoder.stages, start=1):
        state = stage(state)
        maps.append(encoder.view(number)(state))
    return maps


def test_every_stage_gives_maps_of_its_width(encoder: Encoder, staged_images: Tensor) -> None:
    """Maps (B, C, H, W) of as many channels as ``widths`` say, that do not grow from stage to stage."""
    with torch.inference_mode():
        maps = staged(encoder, staged_images)
    assert len(maps) == len(encoder.widths) == 4
    assert len(encoder.views) in (0, len(encoder.stages))
    for one, width in zip(maps, encoder.widths, strict=True):
        assert one.shape[:2] == (len(staged_images), width)
        assert torch.isfinite(one).all()
    heights = [SIZE[0], *(one.shape[2] for one in maps)]
    assert heights == sorted(heights, reverse=True)


def test_stages_of_an_image_do_not_depend_on_its_batch(encoder: Encoder, staged_images: Tensor) -> None:
    with torch.inference_mode():
        for together, alone in zip(staged(encoder, staged_images), staged(encoder, staged_images[2:3]), strict=True):
            torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-4)


def test_a_seed_gives_the_same_weights(encoder: Encoder, encoder_name: str, staged_images: Tensor) -> None:
    """A run with a seed can be made again."""
    with torch.inference_mode():
        expected, again = staged(encoder, staged_images), staged(built(encoder_name), staged_images)
    assert all(torch.equal(first, second) for first, second in zip(expected, again, strict=True))


def test_weights_that_are_not_there_are_named(encoder_name: str) -> None:
    """Neither ignored nor a traceback."""
    with pytest.raises(BenchError):
        build_encoder(encoder_name, weights="no-such-file.pth", input_size=SIZE)


def test_hashreid_runs_and_learns_on_it(encoder_name: str, staged_images: Tensor) -> None:
    """Costs rise from exit to exit, steps give what the whole gives, and every parameter has a gradient."""
    method = registry.method("hashreid")
    options = {**method.presets["smoke"].network, "backbone": encoder_name}
    network = method.build(options, 5, SIZE).eval()
    macs = cross_check(network, SIZE)
    assert macs[0] > 0
    assert (macs[1:] > macs[:-1]).all()
    with torch.inference_mode():
        for output, embedding in zip(network.outputs(staged_images), network.embed(staged_images), strict=True):
            torch.testing.assert_close(output.embedding, embedding)
    labels = torch.tensor([0, 0, 1, 1])
    terms = method.loss(network.train().outputs(staged_images), labels, options)
    torch.stack(list(terms.values())).sum().backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without
