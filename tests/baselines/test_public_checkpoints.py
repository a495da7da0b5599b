"""Checkpoints of public repositories load by their names, and the network then computes what theirs does."""

import numpy as np
import pytest
import torch
from paper_size import untrained
from public_names import filled, image, mlfn, osnet
from safetensors.torch import save_file
from torchvision.models import resnet18

from baselines.networks.mlfn import own_name as own_name_of_mlfn
from baselines.networks.public import fill_by_name
from bench import registry
from bench.errors import BenchError

SMALL = (16, 64, 96, 128)
OSNET = (
    (0.04272576, 0.0, 0.05504987, 0.4814643, 0.53681445, 0.0, 0.24666098, 0.30760407),
    (0.03820211, 0.0, 0.04876868, 0.47482994, 0.53677053, 0.0, 0.24676375, 0.3073442),
)
MLFN = (
    (0.07008418, 0.26399103, 0.18520455, 0.41367322, 0.03065868, 0.18315029, 0.10641501, 0.23265237),
    (0.0, 0.26417148, 0.19302242, 0.324507, 0.02849908, 0.18657866, 0.10816544, 0.29991955),
)
"""The first values of the embeddings of two images, by torchreid 0.2.5: osnet_x0_25 and mlfn with weights and images of
:mod:`public_names`."""


def build(name, **options):
    method = registry.method(name)
    return method.build({**method.presets["paper"].network, "weights": "none", **options}, 7).eval()


def embedded(network, height=64, width=32):
    with torch.inference_mode():
        return network.embed(image(2, height, width))[-1]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_osnet_embeds_as_the_public_network(tmp_path, suffix):
    state = {f"module.{name}": value for name, value in filled(osnet(*SMALL)).items()}
    file = tmp_path / f"osnet{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 150}, file)
    else:
        save_file(state, file)
    network = build("osnet-x0.25", weights=str(file))
    assert embedded(network)[:, :8].tolist() == [pytest.approx(row, rel=1e-4, abs=1e-5) for row in OSNET]
    early = build("osnet-x0.25", weights=str(file), early_exits=True)
    torch.testing.assert_close(embedded(early), embedded(network))


def test_mlfn_embeds_as_the_public_network():
    network, _ = untrained("mlfn")
    fill_by_name(network, filled(mlfn()), own_name_of_mlfn, "mlfn.pth")
    assert embedded(network)[:, :8].tolist() == [pytest.approx(row, rel=1e-4, abs=1e-5) for row in MLFN]


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("osnet", (64, 256, 384, 512)),
        ("osnet-x0.75", (48, 192, 288, 384)),
        ("osnet-x0.5", (32, 128, 192, 256)),
        ("osnet-x0.25", SMALL),
    ],
)
def test_every_width_of_osnet_has_the_public_names_and_shapes(name, channels):
    from baselines.networks.osnet import own_name

    public = {own_name(key): shape for key, shape in osnet(*channels).items() if own_name(key)}
    network, _ = untrained(name)
    own = {key: tuple(value.shape) for key, value in network.state_dict().items() if "classifiers" not in key}
    assert public == own


def test_bot_embeds_as_the_public_network(tmp_path):
    """By torchvision's ResNet with a last stride of 1, and the neck by hand."""
    torch.manual_seed(0)
    trunk = resnet18().eval()
    for module in trunk.layer4.modules():
        if isinstance(module, torch.nn.Conv2d) and module.stride == (2, 2):
            module.stride = (1, 1)
    neck = {name: torch.rand(512) + 0.5 for name in ("weight", "running_mean", "running_var")}
    state = {f"base.{name}": value for name, value in trunk.state_dict().items() if not name.startswith("fc.")}
    state |= {f"bottleneck.{name}": value for name, value in neck.items()}
    state |= {"bottleneck.bias": torch.zeros(512), "classifier.weight": torch.zeros(751, 512)}
    torch.save(state, tmp_path / "bot.pth")
    network = build("bot-r18", weights=str(tmp_path / "bot.pth"))
    trunk.avgpool, trunk.fc = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Identity()
    with torch.inference_mode():
        features = trunk(image(2, 64, 32))
    centred = (features - neck["running_mean"]) / (neck["running_var"] + 1e-5).sqrt() * neck["weight"]
    expected = centred / centred.norm(dim=1, keepdim=True)
    torch.testing.assert_close(embedded(network), expected)
    torch.save(trunk.state_dict(), tmp_path / "trunk.pth")
    assert torch.equal(build("bot-r18", weights=str(tmp_path / "trunk.pth")).stem[0].weight, trunk.conv1.weight)


def pooled(trunk, images):
    """Means of the last maps of torchvision's ResNet."""
    trunk.avgpool, trunk.fc = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Identity()
    with torch.inference_mode():
        return trunk(images)


def test_fast_reids_bot_embeds_as_theirs(tmp_path):
    """By torchvision's ResNet with fast-reid's pooling of the stem, and the neck by hand."""
    torch.manual_seed(0)
    trunk = resnet18().eval()
    trunk.maxpool = torch.nn.MaxPool2d(3, stride=2, ceil_mode=True)
    neck = {name: torch.rand(512) + 0.5 for name in ("weight", "running_mean", "running_var")}
    state = {f"backbone.{name}": value for name, value in trunk.state_dict().items() if not name.startswith("fc.")}
    state |= {f"heads.bottleneck.0.{name}": value for name, value in neck.items()}
    state |= {"heads.bottleneck.0.bias": torch.zeros(512), "heads.weight": torch.zeros(751, 512)}
    state |= {"pixel_mean": torch.zeros(1, 3, 1, 1), "pixel_std": torch.ones(1, 3, 1, 1)}
    torch.save({"model": state, "optimizer": {"state": {}}, "iteration": 17}, tmp_path / "bot.pth")
    weights = str(tmp_path / "bot.pth")
    options = {"weights": weights, "last_stride": 2}
    network = build("bot-r18", backbone="resnet18-ceil", **options)
    features = pooled(trunk, image(2, 64, 32))
    centred = (features - neck["running_mean"]) / (neck["running_var"] + 1e-5).sqrt() * neck["weight"]
    torch.testing.assert_close(embedded(network), centred / centred.norm(dim=1, keepdim=True))
    trunk_alone = build("dare", backbone="resnet18-ceil", weights=weights)
    assert torch.equal(trunk_alone.stem[0].weight, trunk.conv1.weight)
    for method in ("bot-r18", "dare"):
        with pytest.raises(BenchError, match="fast-reid, whose ResNets pool without padding"):
            build(method, backbone="resnet18", **options)
    with pytest.raises(BenchError, match="of a network with a neck"):
        build("bot-r18", backbone="resnet18-ceil", neck=False, **options)


def test_torchreids_resnet_embeds_as_theirs(tmp_path):
    """A whole checkpoint of its trainer: a number of NumPy beside the state dict, and a classifier over identities."""
    torch.manual_seed(0)
    trunk = resnet18().eval()
    state = {name: value for name, value in trunk.state_dict().items() if not name.startswith("fc.")}
    state |= {"classifier.weight": torch.zeros(751, 512), "classifier.bias": torch.zeros(751)}
    kept = {"state_dict": state, "epoch": 60, "rank1": np.float32(0.85), "optimizer": {"state": {}}}
    torch.save(kept, tmp_path / "model.pth.tar-60")
    network = build("bot-r18", weights=str(tmp_path / "model.pth.tar-60"), last_stride=2, neck=False)
    torch.testing.assert_close(embedded(network), pooled(trunk, image(2, 64, 32)))


@pytest.mark.parametrize(
    ("method", "changed", "said"),
    [
        ("osnet-x0.25", {"conv1.conv.weight": None}, r"1 tensors missing, 0 unknown, the first is stem\.0\.conv"),
        ("osnet-x0.25", {"conv9.conv.weight": (1,)}, r"0 tensors missing, 1 unknown, the first is conv9"),
        ("osnet-x0.25", {"fc.0.weight": (512, 64)}, r"fc\.0\.weight is \(512, 64\) and should be \(512, 128\)"),
        ("osnet", {}, r"do not fit this network: conv1\.conv\.weight is \(16, 3, 7, 7\)"),
    ],
)
def test_checkpoints_that_do_not_fit(tmp_path, method, changed, said):
    shapes = {name: shape for name, shape in {**osnet(*SMALL), **changed}.items() if shape is not None}
    torch.save(filled(shapes), tmp_path / "weights.pth")
    with pytest.raises(BenchError, match=said):
        build(method, weights=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("method", ["osnet", "mlfn"])
def test_imagenet_weights_come_as_a_file(method):
    smoke = registry.method(method).presets["smoke"].network
    with pytest.raises(BenchError, match="--weights FILE"):
        build(method, **{**smoke, "weights": "imagenet"})


def test_one_file_does_not_fill_three_networks():
    with pytest.raises(BenchError, match="cannot fill the 3 networks"):
        build("resnet-ensemble", weights="some.pth")
