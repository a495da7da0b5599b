"""Weights of a file scored with nothing trained: what is scored is what the file holds, and the record says so."""

import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from bench import registry
from bench.errors import BenchError
from bench.files import read_arrays, read_json
from bench.progress import SILENT
from bench.running.as_is import build_as_is
from bench.running.run import Opened, run
from bench.training.weights import save_weights

METHOD = "bot-r18"
SIZE = (64, 32)


def options(weights="none", **others):
    return {**registry.method(METHOD).presets["smoke"].network, "weights": str(weights), **others}


def embedded(network):
    with torch.inference_mode():
        return network.eval().embed(torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(5)))[-1]


@pytest.fixture
def torchreid(tmp_path):
    """A checkpoint as torchreid's trainer writes it, of a ResNet-18 that nobody trained."""
    torch.manual_seed(3)
    trunk = resnet18().eval()
    state = {f"module.{name}": value for name, value in trunk.state_dict().items() if not name.startswith("fc.")}
    state["module.classifier.weight"] = torch.zeros(751, 512)
    path = tmp_path / "model.pth.tar-60"
    torch.save({"state_dict": state, "epoch": 60, "rank1": np.float32(0.85), "optimizer": {"state": {}}}, path)
    trunk.fc = torch.nn.Identity()
    return path, trunk


def test_a_public_checkpoint_is_scored_and_nothing_is_trained(torchreid, smoke_request):
    path, trunk = torchreid
    settings = {"backbone": "resnet18", "weights": str(path), "last_stride": "2", "neck": "false"}
    request = smoke_request(method=METHOD, settings=settings, calibration_share=0.0, as_is=True, precision="float32")
    result = run(request)
    assert (result.folder.path / "weights.safetensors").exists()
    assert "-as-is-" in result.folder.path.name
    training = read_json(result.folder.training)
    assert (training["epochs"], training["history"], training["images"]) == (0, [], 0)
    header = result.header
    assert header["spec"]["as_is"] is True
    assert "nothing was trained: the weights of model.pth.tar-60 as they are" in header["method"]["differs"]
    assert header["dataset"]["counts"]["training images"] == 0
    kept = read_arrays(next(result.folder.path.glob("embeddings-*.npz")))["query.0"]
    stores = Opened.of(smoke_request(method=METHOD), SILENT).stores
    images = torch.from_numpy(np.array(stores[1].images)).float() / 255
    mean, deviation = (torch.tensor(one)[:, None, None] for one in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        np.testing.assert_allclose(kept, trunk((images - mean) / deviation).numpy(), rtol=1e-3, atol=1e-4)
    assert run(request).cached
    trained = smoke_request(method=METHOD, settings=settings, calibration_share=0.0, precision="float32")
    assert trained.spec("d", "f").key != request.spec("d", "f").key
    assert "as_is" not in trained.spec("d", "f").to_json()


def test_a_network_of_this_suite_goes_to_other_people(tmp_path):
    torch.manual_seed(1)
    network = registry.method(METHOD).build(options(), 7, SIZE)
    save_weights(network, tmp_path / "weights.safetensors")
    before = torch.get_rng_state()
    found = build_as_is(registry.method(METHOD), options(tmp_path / "weights.safetensors"), 11, SIZE)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(embedded(found), embedded(network))


def test_what_the_file_does_not_hold_is_not_scored(torchreid):
    path, _ = torchreid
    method = registry.method("dare")
    settings = {**method.presets["smoke"].network, "backbone": "resnet18", "weights": str(path)}
    with pytest.raises(BenchError, match=r"do not fill all of dare: .*random parts"):
        build_as_is(method, settings, 5, SIZE)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"calibration_share": 0.1}, "--calibration 0"),
        ({"settings": {"weights": "none"}, "calibration_share": 0.0}, "name it with --weights FILE"),
        ({"settings": {"weights": "nowhere.pth"}, "calibration_share": 0.0}, "no weights file at nowhere.pth"),
    ],
)
def test_what_cannot_be_asked(smoke_request, asked, said):
    with pytest.raises(BenchError, match=said):
        Opened.of(smoke_request(method=METHOD, as_is=True, **asked), SILENT)
