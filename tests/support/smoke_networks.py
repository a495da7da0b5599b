"""Untrained networks at preset smoke, as if they were those of a run, and noise for images."""

from pathlib import Path

import numpy as np
import torch

from bench import registry
from bench.inference.backends.backend import to_embedding
from bench.inference.export.trained import TrainedRun
from bench.runs.folder import RunFolder

IDENTITIES = 6


def smoke_run(method, seed=0, **options):
    """A run of a method whose network has seen noise alone, so that running statistics are not the initial ones."""
    value = registry.method(method)
    smoke = value.presets["smoke"]
    options = {**smoke.network, **options}
    size = smoke.recipe.input_size
    torch.manual_seed(seed)
    network = value.build(options, IDENTITIES, size)
    with torch.no_grad():
        for _ in range(2):
            network.outputs(torch.from_numpy(noise(8, size, seed)))
    spec = {"method": method, "preset": "smoke", "network": options, "dataset": "noise"}
    spec["recipe"] = {"input_size": list(size), "resize": []}
    return TrainedRun(RunFolder(Path("nowhere")), f"{seed:064d}", spec, IDENTITIES, network.eval())


def noise(count, size, seed=1):
    """Normalised images float32 (count, 3, height, width)."""
    return np.random.default_rng(seed).normal(size=(count, 3, *size)).astype(np.float32)


def embed(network, images):
    """All exits in one plain pass: what every backend is held to."""
    with torch.inference_mode():
        embedded = network.embed(torch.from_numpy(images))
    return [to_embedding(values.numpy(), spec) for values, spec in zip(embedded, network.exits, strict=True)]


def assert_same(embedding, expected, spec):
    """No bit of a binary code differs, and no float by more than 1e-5 of the largest."""
    assert embedding.shape == expected.shape
    assert embedding.dtype == expected.dtype
    if spec.code == "binary":
        np.testing.assert_array_equal(embedding, expected)
    else:
        assert np.abs(embedding - expected).max() <= 1e-5 * np.abs(expected).max()
