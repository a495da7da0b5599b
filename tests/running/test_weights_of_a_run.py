"""A weights file is read before anything else: in a dry run, and before images are decoded."""

import pytest
import torch
from safetensors.torch import save_file

from bench.encoders.build import build_encoder
from bench.errors import BenchError
from bench.progress import SILENT
from bench.running.run import Opened


@pytest.fixture
def weights(tmp_path):
    """Weights files of another network than ``resnet18``, damaged ones and good ones, by name."""
    torch.manual_seed(0)
    from torchvision.models import resnet18

    state = resnet18(weights=None).state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "good.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "good.safetensors").read_bytes()[:5000])
    torch.save({name: value for name, value in state.items() if "layer4" not in name}, tmp_path / "incomplete.pth")
    return tmp_path


@pytest.mark.parametrize(("file", "words"), [("cut.safetensors", "is damaged"), ("incomplete.pth", "do not fit")])
def test_a_dry_run_refuses_weights_that_cannot_be_used(bench, weights, file, words):
    options = ("--preset", "smoke", "--backbone", "resnet18", "--device", "cpu", "--data", "size=smoke", "--dry-run")
    status, _, err = bench("run", "-m", "dare", *options, "--weights", weights / file)
    assert status == 1
    assert words in err
    assert "Traceback" not in err


def test_weights_are_read_before_images(smoke_request, weights, tmp_path):
    settings = {"backbone": "resnet18", "weights": str(weights / "incomplete.pth")}
    with pytest.raises(BenchError, match="do not fit"):
        Opened.of(smoke_request(method="dare", settings=settings, cache=tmp_path / "empty"), SILENT)
    assert not (tmp_path / "empty").exists()
    assert build_encoder("resnet18", weights=str(weights / "good.safetensors")).widths[0] == 64
