"""Embeddings of length 1 have that length in either precision: autocast on a processor rounds norms to bfloat16."""

import pytest
import torch

from bench import registry
from bench.device import open_device, run_outputs

PARTS = {"bire-id": 1, "bot": 1, "cdnet": 1, "cnet": 1, "han-s": 2, "pcb": 6}
"""How many parts of length 1 an embedding has."""


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_have_length_1(name, precision):
    method = registry.method(name)
    smoke = method.presets["smoke"]
    torch.manual_seed(0)
    network = method.build(dict(smoke.network), 4, smoke.recipe.input_size).train()
    images = torch.randn(8, 3, *smoke.recipe.input_size)
    for output in run_outputs(network, images, open_device("cpu", precision)):
        lengths = output.embedding.unflatten(1, (PARTS[name], -1)).norm(dim=2)
        # Half a per cent is what a norm in bfloat16 may be wrong by.
        torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=1e-5, atol=1e-5)
