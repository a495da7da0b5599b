import re

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import densenet121, resnet18
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from bench.encoders.build import build_encoder
from bench.encoders.resnet import NARROW_RESNETS
from bench.errors import BenchError


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(3)
    return resnet18(weights=None)


@pytest.mark.parametrize(
    ("narrow", "block", "blocks"),
    [("resnet18-half", BasicBlock, (2, 2, 2, 2)), ("resnet50-half", Bottleneck, (3, 4, 6, 3))],
)
def test_a_narrow_resnet_is_torchvisions_but_for_its_width(narrow, block, blocks, monkeypatch):
    """At full width it takes torchvision's weights in their order, and embeds as torchvision does."""
    assert NARROW_RESNETS[narrow] == (block, 32, blocks)
    few = (1, 2, 1, 1)
    monkeypatch.setitem(NARROW_RESNETS, narrow, (block, 64, few))
    torch.manual_seed(0)
    expected, encoder = ResNet(block, list(few)).eval(), build_encoder(narrow)
    parts = torch.nn.ModuleList([encoder.stem, *encoder.stages]).eval()
    weights = [tensor for name, tensor in expected.state_dict().items() if not name.startswith("fc.")]
    parts.load_state_dict(dict(zip(parts.state_dict(), weights, strict=True)))
    maps = images = torch.randn(1, 3, 64, 32)
    expected.fc = torch.nn.Identity()
    with torch.inference_mode():
        for part in parts:
            maps = part(maps)
        torch.testing.assert_close(maps.mean(dim=(2, 3)), expected(images))
    assert encoder.widths[-1] == maps.shape[1]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_file(reference, tmp_path, suffix):
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(reference.state_dict(), file)
    else:
        save_file({name: value.contiguous() for name, value in reference.state_dict().items()}, file)
    encoder = build_encoder("resnet18", weights=str(file))
    images = torch.randn(2, 3, 64, 32)
    reference.eval()
    with torch.inference_mode():
        expected = reference.layer1(reference.maxpool(reference.relu(reference.bn1(reference.conv1(images)))))
        assert torch.equal(encoder.stages[0].eval()(encoder.stem.eval()(images)), expected)


def test_weights_of_another_network(tmp_path, reference):
    file = tmp_path / "weights.pth"
    torch.save(reference.state_dict(), file)
    with pytest.raises(BenchError, match="do not fit this encoder"):
        build_encoder("resnet50", weights=str(file))


def test_a_file_that_is_no_weights(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_text("hello")
    with pytest.raises(BenchError, match="torch can read safely"):
        build_encoder("resnet18", weights=str(file))


@pytest.mark.parametrize("old_names", [False, True])
def test_densenet_weights_under_either_name(tmp_path, old_names):
    """torchvision's files say ``norm.1`` where its networks say ``norm1``; a classifier of any width is left out."""
    torch.manual_seed(0)
    reference = densenet121(num_classes=7).eval()
    state = reference.state_dict()
    if old_names:
        state = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in state.items()}
    torch.save(state, tmp_path / "weights.pth")
    encoder = build_encoder("densenet121", weights=str(tmp_path / "weights.pth"))
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        maps = encoder.stem.eval()(images)
        for stage, width in zip(encoder.stages, encoder.widths, strict=True):
            maps = stage.eval()(maps)
            assert maps.shape[1] == width
        torch.testing.assert_close(maps, reference.features(images).relu())
    assert encoder.widths == (256, 512, 1024, 1024)
    assert encoder.preactivated


@pytest.mark.parametrize("name", ["resnet18", "resnet10-quarter", "densenet18-thin"])
def test_a_last_stride_of_one_keeps_the_resolution(name):
    images = torch.randn(1, 3, 128, 64)
    for last_stride, height in ((2, 4), (1, 8)):
        encoder = build_encoder(name, last_stride=last_stride)
        maps = encoder.stem.eval()(images)
        for stage in encoder.stages:
            maps = stage.eval()(maps)
        assert maps.shape == (1, encoder.widths[3], height, height // 2)


def test_a_file_of_something_else_is_no_state_dict(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "weights.pth")
    with pytest.raises(BenchError, match="holds no state dict"):
        build_encoder("resnet18", weights=str(tmp_path / "weights.pth"))


def test_a_damaged_safetensors_file(reference, tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in reference.state_dict().items()}, file)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BenchError, match=r"weights\.safetensors is damaged"):
        build_encoder("resnet18", weights=str(file))


def test_a_pickled_model_is_refused_in_a_sentence(reference, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save(reference, file)
    with pytest.raises(BenchError, match=r"state_dict\(\)") as refused:
        build_encoder("resnet18", weights=str(file))
    assert len(str(refused.value)) < 300 + len(str(file))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(reference, tmp_path, value):
    state = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    state["layer1.0.conv1.weight"][0, 0, 0, 0] = value
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(BenchError, match=r"layer1\.0\.conv1\.weight has values that are not finite"):
        build_encoder("resnet18", weights=str(tmp_path / "weights.pth"))


def test_the_prefix_of_data_parallel_training_is_removed(reference, tmp_path):
    torch.save({f"module.{name}": value for name, value in reference.state_dict().items()}, tmp_path / "weights.pth")
    encoder = build_encoder("resnet18", weights=str(tmp_path / "weights.pth"))
    assert torch.equal(encoder.stem[0].weight, reference.conv1.weight)


def test_missing_file_and_unknown_name():
    with pytest.raises(BenchError, match="no weights file"):
        build_encoder("resnet18", weights="nowhere.pth")
    with pytest.raises(BenchError, match=r"did you mean .resnet18"):
        build_encoder("resnet1800")
    with pytest.raises(BenchError, match="1 or 2"):
        build_encoder("resnet18", last_stride=3)
    with pytest.raises(BenchError, match="no pretrained weights"):
        build_encoder("resnet14-half", weights="imagenet")


def test_no_connection_is_said_plainly(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(BenchError, match="--weights FILE"):
        build_encoder("resnet18", weights="imagenet")
