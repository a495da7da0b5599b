"""Every kind of backbone under the methods that take one."""

import pytest
import torch

from bench import registry
from bench.cost.macs import cross_check
from bench.encoders.build import build_encoder
from bench.errors import BenchError


def test_cut_up_it_is_the_same_network():
    """MobileNetV3 of torchvision in one piece and in four stages."""
    from torchvision.models import mobilenet_v3_small

    torch.manual_seed(0)
    whole = mobilenet_v3_small(weights=None).eval()
    torch.manual_seed(0)
    encoder = build_encoder("mobilenet_v3_small")
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        maps = encoder.stem.eval()(images)
        for stage in encoder.stages:
            maps = stage.eval()(maps)
        torch.testing.assert_close(maps, whole.features(images))


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "densenet18-thin"])
def test_dare_on_it_steps_as_it_embeds(name):
    """What an encoder gives a head is the same for every method, but for heads that normalise for themselves."""
    smoke = registry.method("dare").presets["smoke"]
    options = {**smoke.network, "backbone": name}
    network = registry.method("dare").build(options, 5, smoke.recipe.input_size).eval()
    macs = cross_check(network, (64, 32))
    assert (macs[1:] > macs[:-1]).all()
    images = torch.randn(3, 3, 64, 32)
    with torch.inference_mode():
        for output, embedding in zip(network.outputs(images), network.embed(images), strict=True):
            torch.testing.assert_close(output.embedding, embedding)
    labels = torch.tensor([0, 0, 1, 1])
    terms = registry.method("dare").loss(network.train().outputs(torch.randn(4, 3, 64, 32)), labels, options)
    sum(terms.values()).backward()
    assert all(part.grad is not None for part in network.parameters())


@pytest.mark.parametrize(
    ("name", "weights", "said"),
    [
        ("timm:regnety_02", "none", "did you mean 'regnety"),
        ("timm:mixer_s32_224", "none", "no chain of stages|could not make"),
        ("timm:regnety_002", "nowhere.pth", "no weights file"),
        ("mobilenet_v3_smal", "none", "did you mean 'mobilenet_v3_small'"),
    ],
)
def test_what_cannot_be_built_is_said(name, weights, said):
    with pytest.raises(BenchError, match=said):
        build_encoder(name, weights=weights)


@pytest.mark.parametrize(
    ("name", "last_stride", "size", "said"),
    [
        (
            "timm:resnest14d",
            1,
            (64, 32),
            "resnest14d does not run on images of 64×32 with last_stride=1 .*last_stride=2",
        ),
        ("timm:dla34", 2, (50, 32), "dla34 does not run on images of 50×32"),
        ("timm:maxvit_pico_rw_256", 2, (64, 32), "does not run on images of 128×128, by which its stages are found"),
        ("densenet18-thin", 2, (8, 8), "densenet18-thin does not run on images of 8×8"),
    ],
)
def test_what_would_not_run_is_said_before(name, last_stride, size, said):
    with pytest.raises(BenchError, match=said):
        build_encoder(name, last_stride=last_stride, input_size=size)


def test_that_it_runs_is_tried_without_a_trace():
    encoder = build_encoder("timm:resnet18", last_stride=1, input_size=(64, 32))
    parts = [module for part in (encoder.stem, *encoder.stages) for module in part.modules()]
    assert all(module.training for module in parts)
    counted = [module.num_batches_tracked for module in parts if isinstance(module, torch.nn.BatchNorm2d)]
    assert counted
    assert not any(counted)


def test_weights_of_timm_from_a_file(tmp_path):
    import timm

    torch.manual_seed(0)
    reference = timm.create_model("regnety_002", pretrained=False)
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    encoder = build_encoder("timm:regnety_002", weights=str(tmp_path / "weights.pth"))
    first = next(parameter for parameter in encoder.stem.parameters())
    assert torch.equal(first, next(reference.parameters()))
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BenchError, match=r"do not fit timm:regnety_002: stem\.conv\.weight should be of shape"):
        build_encoder("timm:regnety_002", weights=str(tmp_path / "other.pth"))


def test_without_timm_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("bench.encoders.pytorch_image_models.find_spec", lambda _: None)
    with pytest.raises(BenchError, match="pip install timm"):
        build_encoder("timm:regnety_002")
