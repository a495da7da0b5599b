"""Checkpoints in the official repositories' names and order, invented here, land where they belong."""

import pytest
import torch
from safetensors.torch import save_file

from bench import registry
from bench.errors import BenchError

PARTS = {
    "msdnet": {"blocks": "blocks", "classifier": "heads"},
    "ranet": {"scale_flows": "subnetworks", "classifier": "heads", "FirstLayer": "stem"},
}


def build(name, **options):
    method = registry.method(name)
    return method.build({**method.presets["paper"].network, **options}, 5)


def checkpoint(name, wrap=""):
    """All exits, classifiers over a thousand classes, other names: what the official code would save."""
    torch.manual_seed(1)
    whole = build(name, exits={"msdnet": 5, "ranet": 8}[name])
    state = {}
    for official, own in PARTS[name].items():
        for place, (key, value) in enumerate(getattr(whole, own).state_dict().items()):
            number = key.split(".")[0]
            values = torch.rand_like(value) + 0.5 if value.is_floating_point() else value
            state[f"{wrap}{official}.{number}.part{place}.{key.rsplit('.', 1)[-1]}"] = values
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


def test_a_checkpoint_of_another_network(tmp_path):
    state = checkpoint("msdnet")
    file = tmp_path / "official.safetensors"
    save_file(state, file)
    with pytest.raises(BenchError, match=r"has 0 tensors under 'scale_flows'"):
        build("ranet", weights=str(file))
    with pytest.raises(BenchError, match="does not fit this network"):
        build("msdnet", weights=str(file), channels=16)
    with pytest.raises(BenchError, match="--weights FILE"):
        build("msdnet", weights="imagenet")
