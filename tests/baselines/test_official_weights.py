"""Checkpoints in the official repositories' names and order, invented here, land where they belong."""

import re

import pytest
import torch
from safetensors.torch import save_file

from bench import registry
from bench.errors import BenchError

PARTS = {
    "msdnet": {"blocks": "blocks", "classifier": "heads"},
    "ranet": {"scale_flows": "subnetworks", "classifier": "heads", "FirstLayer": "stem"},
}


NARROW = {"channels": 8, "growth": 4}
"""As deep as the official networks: names and order of their parameters do not depend on widths."""


def build(name, **options):
    method = registry.method(name)
    return method.build({**method.presets["paper"].network, **NARROW, **options}, 5)


def checkpoint(name, wrap=""):
    """All exits, classifiers over a thousand classes, other names: what the official code would save."""
    torch.manual_seed(1)
    whole = build(name, exits={"msdnet": 5, "ranet": 8}[name])
    state = {}
    for official, own in PARTS[name].items():
        for index, (key, value) in enumerate(getattr(whole, own).state_dict().items()):
            number = key.split(".")[0]
            values = torch.rand_like(value) + 0.5 if value.is_floating_point() else value
            state[f"{wrap}{official}.{number}.part{index}.{key.rsplit('.', 1)[-1]}"] = values
            if own == "heads":
                state[f"{wrap}{official}.{number}.linear.weight"] = torch.zeros(1000, 7)
    return state


@pytest.mark.parametrize(("name", "wrap"), [("msdnet", "module."), ("ranet", "")])
def test_moved_over_by_position(name, wrap, tmp_path):
    state = checkpoint(name, wrap)
    file = tmp_path / "official.pth.tar"
    torch.save({"state_dict": state, "epoch": torch.tensor(90)}, file)
    network = build(name, weights=str(file))
    for official, own in PARTS[name].items():
        theirs = [value for key, value in state.items() if key.startswith(f"{wrap}{official}.") and "linear" not in key]
        for mine, value in zip(getattr(network, own).state_dict().values(), theirs, strict=False):
            assert torch.equal(mine, value) or not mine.is_floating_point()
    assert network.classifiers[0].linear.weight.abs().max() < 0.1


OFFICIAL_NAMES = {
    "msdnet": [
        (r"^heads\.(\d+)\.convolutions\.([012])\.", r"classifier.\1.m.0.net.\2."),
        (r"^heads\.(\d+)\.convolutions\.(\d+)\.", lambda m: f"classifier.{m[1]}.m.1.net.{int(m[2]) - 3}."),
        (r"^blocks\.0\.0\.scales\.0\.", "blocks.0.0.layers.0."),
        (r"^blocks\.0\.0\.scales\.(\d+)\.", r"blocks.0.0.layers.\1.net."),
        (r"\.scales\.(\d+)\.", r".m.\1.net."),
        (r"\.units\.(\d+)\.(down|normal)\.", r".layers.\1.conv_\2.net."),
    ],
    "ranet": [
        (r"^heads\.(\d+)\.convolutions\.([012])\.", r"classifier.\1.m.0.net.\2."),
        (r"^heads\.(\d+)\.convolutions\.(\d+)\.", lambda m: f"classifier.{m[1]}.m.1.net.{int(m[2]) - 3}."),
        (r"^stem\.scales\.0\.", "FirstLayer.layers.0."),
        (r"^stem\.scales\.(\d+)\.", r"FirstLayer.layers.\1.net."),
        # Sub-network n has 2·n fusion blocks, and its dense blocks come after them.
        (r"^subnetworks\.(\d+)\.dense\.(\d+)\.", lambda m: f"scale_flows.{m[1]}.{int(m[2]) + 2 * int(m[1])}."),
        (r"^subnetworks\.(\d+)\.fused\.(\d+)\.", r"scale_flows.\1.\2."),
        (r"\.layers\.(\d+)\.lower\.", r".layers.\1.conv_up.net."),
        (r"\.layers\.(\d+)\.own\.", r".layers.\1.conv_normal.net."),
        (r"(scale_flows.*\.layers\.\d+)\.(\d+)\.(\w+)$", r"\1.conv_normal.net.\2.\3"),
        (r"\.append\.", ".conv_last.net."),
        (r"\.transition\.", ".trans.net."),
    ],
}


def official_state(name):
    """Random weights of all exits under the names of the official repository, and the network they are of."""
    torch.manual_seed(2)
    whole = build(name, exits={"msdnet": 5, "ranet": 8}[name])
    state = {}
    for key, value in whole.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5)
        if key.startswith("classifiers."):
            continue
        for pattern, replacement in OFFICIAL_NAMES[name]:
            key = re.sub(pattern, replacement, key)
        state[key] = value
    for exit_index in range(len(whole.exits)):
        state[f"classifier.{exit_index}.linear.weight"] = torch.zeros(1000, 7)
        state[f"classifier.{exit_index}.linear.bias"] = torch.zeros(1000)
    return whole, state


@pytest.mark.parametrize("wrap", ["", "module."])
@pytest.mark.parametrize("name", ["msdnet", "ranet"])
def test_the_order_of_a_safetensors_file_is_restored(name, wrap, tmp_path):
    whole, state = official_state(name)
    file = tmp_path / "official.safetensors"
    save_file({wrap + key: value.contiguous() for key, value in state.items()}, file)
    network = build(name, weights=str(file))
    expected = whole.state_dict()
    compared = 0
    for key, value in network.state_dict().items():
        if not key.startswith("classifiers.") and value.is_floating_point():
            assert torch.equal(value, expected[key]), key
            compared += 1
    assert compared > 400


def test_a_safetensors_file_of_other_names(tmp_path):
    file = tmp_path / "official.safetensors"
    save_file(checkpoint("msdnet"), file)
    with pytest.raises(BenchError, match=r"part\d+.* is not one of the official repository.*torch\.save"):
        build("msdnet", weights=str(file))


def test_a_checkpoint_of_another_network(tmp_path):
    state = checkpoint("msdnet")
    file = tmp_path / "official.pth"
    torch.save(state, file)
    with pytest.raises(BenchError, match=r"has 0 tensors under 'scale_flows'"):
        build("ranet", weights=str(file))
    with pytest.raises(BenchError, match="does not fit this network"):
        build("msdnet", weights=str(file), channels=16)
    with pytest.raises(BenchError, match="--weights FILE"):
        build("msdnet", weights="imagenet")
