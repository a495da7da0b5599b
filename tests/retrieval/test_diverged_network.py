"""Codes of ±1 show no NaN: a network whose training diverged is refused by what its layers put out."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.device import open_device
from bench.errors import BenchError
from bench.networks import ExitSpec, MultiExitNetwork, sign
from bench.retrieval.embed import embed_images

PIXELS = torch.randint(0, 256, (6, 3, 4, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
IMAGES = SimpleNamespace(views=lambda rows, _: [PIXELS[rows]])


class OneLayer(MultiExitNetwork):
    """Embeds an image by one layer, as its sign."""

    exits = (ExitSpec("sign", 5, "binary"),)

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(24, 5)

    def start(self, images):
        return images.flatten(1)

    def step(self, state, exit_index):
        return state, sign(self.layer(state))

    def outputs(self, images):
        raise NotImplementedError


def test_codes_of_features_that_are_no_numbers_are_refused():
    network, fabric = OneLayer(), open_device("cpu", "float32")
    (codes,) = embed_images(network, IMAGES, np.arange(6), fabric, batch_size=4)
    assert codes.shape == (6, 1)
    assert not network.layer._forward_hooks, "nothing is left of the watch"
    with torch.no_grad():
        network.layer.weight[2] = torch.nan
    with pytest.raises(BenchError, match=r"training diverged; train again with a lower learning rate"):
        embed_images(network, IMAGES, np.arange(6), fabric, batch_size=4)
    assert not network.layer._forward_hooks


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_layers_that_take_no_hook_are_passed_over():
    network = OneLayer()
    network.layer = torch.jit.script(network.layer)
    (codes,) = embed_images(network, IMAGES, np.arange(6), open_device("cpu", "float32"))
    assert codes.shape == (6, 1)
