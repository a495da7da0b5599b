"""Any network as an encoder: cut into steps it is the same network, and what cannot be cut is said."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v3_small, resnet18

from bench.encoders.cutting import cut_module
from bench.errors import BenchError
from bench.networks import select, state_tensors

SIZE = (64, 32)


def settled(network):
    """The network in evaluation mode, with running statistics that are not the initial ones."""
    torch.manual_seed(1)
    with torch.no_grad():
        network.train()(torch.randn(4, 3, *SIZE))
    return network.eval()


class Crossing(nn.Module):
    """Skip connections over several modules, a split, sizes and a number of images that are read again later."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(channels, 8, 3, padding=1) for channels in (3, 8, 4))
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(8, 6)
        self.register_buffer("shift", torch.linspace(0, 1, 8).view(1, 8, 1, 1))
        self.scale = nn.Parameter(torch.full((1, 8, 1, 1), 2.0))

    def forward(self, images, flag=None, name="plain"):
        batch, _, height, width = images.shape
        early = self.first(images) * self.scale
        left, right = self.second(self.relu(early) + self.shift).chunk(2, dim=1)
        middle = self.third(left - right)
        if self.training:
            middle = nn.functional.dropout(middle, 0.25)
        whole = middle + early * self.scale + right.repeat(1, 2, 1, 1)
        tokens = self.drop(whole.reshape(batch, 8, height * width).transpose(1, 2))
        return self.last(tokens).mean(dim=1)


def vit():
    timm = pytest.importorskip("timm")
    return timm.create_model("vit_tiny_patch16_224", img_size=SIZE, depth=4, embed_dim=48, num_heads=3)


def seen_at(network, at, images):
    """What a network in one piece gives at each place, by hooks; tokens (B, T, C) as maps (B, C, T, 1)."""
    seen = {}
    hooks = [
        network.get_submodule(place).register_forward_hook(
            lambda _, __, value, at=place: seen.update({at: value.clone()})
        )
        for place in at
    ]
    with torch.inference_mode():
        network(images.clone())
    for hook in hooks:
        hook.remove()
    return [seen[place] if seen[place].ndim == 4 else seen[place].transpose(1, 2).unsqueeze(3) for place in at]


class Changing(nn.Module):
    """Operations in place, of which some give what nobody takes, before and after the places of exits."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(channels, 4, 3, padding=1) for channels in (3, 4, 4))

    def forward(self, images):
        early = self.first(images)
        maps = self.second(early)
        maps += early
        early.mul_(0.5)
        nn.functional.relu_(maps.sub_(0.1))
        return self.third(maps + early)


CASES = {
    "resnet18": (resnet18, ["layer1", "layer2.1.bn2", "layer3", "layer4"]),
    "mobilenet": (mobilenet_v3_small, ["features.1", "features.4.block.1", "features.12"]),
    "vit": (vit, ["blocks.0", "blocks.1.norm2", "blocks.3"]),
    "crossing": (Crossing, ["first", "second", "third", "drop"]),
    "changing": (Changing, ["first", "second", "third"]),
}


@pytest.mark.parametrize("name", CASES)
def test_steps_are_the_whole_to_the_bit(name):
    """Beside hooks on a network that runs in one piece: at every place, also when only some images go on."""
    make, at = CASES[name]
    torch.manual_seed(0)
    network = settled(make())
    images = torch.randn(5, 3, *SIZE)
    expected = seen_at(network, at, images)
    encoder = cut_module(network, at, input_size=SIZE)
    stages = [stage.eval() for stage in encoder.stages]
    rows = torch.tensor([4, 0, 2])
    with torch.inference_mode():
        for leaving in range(len(at)):
            state = encoder.stem(images.clone())
            for index, stage in enumerate(stages):
                state = stage(state)
                maps = encoder.views[index](state)
                assert maps.shape[1] == encoder.widths[index]
                if index <= leaving:
                    assert torch.equal(maps, expected[index])
                else:
                    torch.testing.assert_close(maps, expected[index][rows], rtol=1e-4, atol=1e-5)
                if index == leaving:
                    state = select(state, rows)


def test_a_state_holds_what_later_steps_need_and_no_more():
    encoder = cut_module(Crossing().eval(), ["first", "second", "third", "drop"], input_size=SIZE)
    with torch.inference_mode():
        state, counts = torch.randn(2, 3, *SIZE), []
        for stage in encoder.stages[:-1]:
            state = stage.eval()(state)
            counts.append(len(state_tensors(state)))
    # After `first` its output alone; after `second` that and the scaled early maps; after `third` the right half too.
    assert counts == [1, 2, 3]


def test_training_runs_the_graph_of_training():
    torch.manual_seed(0)
    encoder = cut_module(Crossing(), ["first", "third"], input_size=SIZE)
    first, last = encoder.stages
    images = torch.randn(2, 3, *SIZE)
    assert torch.equal(last.eval()(first.eval()(images)), last(first(images)))
    last.train()
    assert torch.equal(last(first(images)), last(first(images)))  # dropout comes after `third`
    later = cut_module(Crossing(), ["first", "drop"], input_size=SIZE)
    for stage in later.stages:
        stage.train()
    later.stem.train()
    whole = [later.stages[1](later.stages[0](images)) for _ in range(2)]
    assert not torch.equal(*whole)


def test_the_network_itself_stays_as_it_is_and_the_copy_keeps_what_runs():
    network = resnet18()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    encoder = cut_module(network.train(), ["layer1", "layer3"], input_size=SIZE)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    kept = {name.removeprefix("module.") for name in encoder.stem.state_dict()}
    assert kept == {name for name in before if not name.startswith(("layer4", "fc"))}


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, images):
        maps = self.first(images)
        if maps.mean() > 0:
            maps = -maps
        return self.second(maps)


class Inside(nn.Module):
    def __init__(self, part):
        super().__init__()
        self.part, self.after = part, nn.Conv2d(4, 4, 1)

    def forward(self, images):
        return self.after(self.part(images))


class Folding(nn.Module):
    """Rows of a table that is no image's, and tiles of images in place of images."""

    def __init__(self, tiles):
        super().__init__()
        self.tiles = tiles
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.table = nn.Parameter(torch.rand(4, 1))

    def forward(self, images):
        squared = self.table * self.table
        maps = images.unflatten(2, (2, -1)).transpose(1, 2).flatten(0, 1) if self.tiles else images
        other = maps * 2
        maps = self.first(maps)
        if self.tiles:
            return self.second(maps + other.sum(1, keepdim=True))
        return self.second(maps * squared.view(1, 4, 1, 1))


class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, images):
        maps = self.first(images)
        return self.second(maps - maps.mean(dim=0, keepdim=True))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.unused = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, images):
        return self.first(self.first(images))


class Several(nn.Module):
    """Gives more than one tensor."""

    def forward(self, images):
        return {"maps": images, "mean": images.mean((2, 3))}


class Chance(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)

    def forward(self, images):
        return self.first(images + torch.rand(1).item())


@pytest.mark.parametrize(
    ("make", "at", "said"),
    [
        (
            Branching,
            ["first", "second"],
            r"the network itself \(Branching\), test_cutting\.py line \d+: if maps\.mean",
        ),
        (
            lambda: Inside(Branching()),
            ["part.first", "after"],
            r"forward of part \(Branching\), test_cutting\.py line \d+: if",
        ),
        (
            partial(Folding, False),
            ["first", "second"],
            r"cut after first: .*'mul', which has shape \(4, 1\) for 2 images",
        ),
        (
            partial(Folding, True),
            ["first", "second"],
            r"cut after first: .* which has shape \(4, 3, 32, 32\) for 2 images",
        ),
        (Mixing, ["first", "second"], r"values at second depend on the other images .* leave after first"),
        (Twice, ["first"], "first runs more than once"),
        (Twice, ["unused"], "unused does not run"),
        (Chance, ["first"], r"gives other values at first than in one piece"),
        (resnet18, ["layer2", "layer1"], "in which they run: layer1, layer2; found layer2, layer1"),
        (resnet18, ["layer9"], "did you mean 'layer"),
        (resnet18, [], "each once; found none"),
        (resnet18, "layer1", r"at is a list of names, as \['layer1'\]"),
        (lambda: nn.Sequential(Several()), ["0"], "0 returns a dict; an exit needs a module that returns one tensor"),
        (lambda: nn.DataParallel(resnet18()), ["module.layer1"], "within a DataParallel: give its .module"),
        (lambda: torch.compile(Mixing()), ["first"], "compiled, and its forward cannot be followed: give the original"),
        (lambda: "resnet18", ["layer1"], r"expected a network \(torch.nn.Module\), found a str"),
        (lambda: nn.Sequential(nn.Linear(7, 2)), ["0"], r"does not run on images \(B, 3, 64, 32\)"),
    ],
)
def test_what_cannot_be_cut_is_said(make, at, said):
    # Made here: compiling one imports a compiler, which those who only look for tests need not wait for.
    with pytest.raises(BenchError, match=said):
        cut_module(make(), at, input_size=SIZE)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scripted_network_is_refused():
    with pytest.raises(BenchError, match="compiled, and its forward cannot be followed"):
        cut_module(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 1))), ["0"], input_size=SIZE)


def test_a_branch_in_a_module_without_exits_is_no_obstacle():
    network = Inside(Branching()).eval()
    images = torch.randn(3, 3, *SIZE)
    encoder = cut_module(network, ["part", "after"], input_size=SIZE)
    with torch.inference_mode():
        assert torch.equal(encoder.stages[1](encoder.stages[0](images)), network(images))


def test_values_that_are_no_maps_need_a_function():
    class Volume(nn.Module):
        def forward(self, images):
            return images.unsqueeze(1)

    network = nn.Sequential(Volume())
    with pytest.raises(BenchError, match=r"0 gives \(3, 1, 3, 64, 32\): give maps="):
        cut_module(network, ["0"], input_size=SIZE)
    assert cut_module(network, ["0"], input_size=SIZE, maps=lambda value: value.flatten(1, 2)).widths == (3,)
