import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from bench.errors import BenchError
from hashreid.encoder import build_encoder


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(3)
    return resnet18(weights=None)


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


def test_missing_file_and_unknown_name():
    with pytest.raises(BenchError, match="no weights file"):
        build_encoder("resnet18", weights="nowhere.pth")
    with pytest.raises(BenchError, match="known: resnet18"):
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
