"""The backend ``torch`` is held to a plain pass through the network, and to what its user may get wrong."""

import numpy as np
import pytest
import torch

from bench import registry
from bench.errors import BenchError
from bench.inference.backends.backend import open_backend, to_embedding
from bench.networks import ExitSpec
from bench.retrieval.codes import pack

SIZE = (64, 32)


def smoke_network(method):
    torch.manual_seed(0)
    value = registry.method(method)
    return value.build(dict(value.presets["smoke"].network), 4, SIZE).eval()


def images(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, *SIZE)).astype(np.float32)


def embed(network, batch):
    """All exits in one pass, packed where binary: what every backend is held to."""
    with torch.inference_mode():
        embedded = network.embed(torch.from_numpy(batch))
    return [
        pack(values.numpy()) if spec.code == "binary" else values.numpy()
        for values, spec in zip(embedded, network.exits, strict=True)
    ]


@pytest.mark.parametrize("method", ["hashreid", "dare", "ranet"])
def test_who_stays_gets_the_codes_of_a_plain_pass(method):
    network = smoke_network(method)
    batch = images(5)
    expected = embed(network, batch)
    backend = open_backend("torch", network, device="cpu")
    state, rows = backend.start(batch), np.arange(5)
    for index, spec in enumerate(network.exits):
        state, embedding = backend.step(state, index)
        wanted = expected[index][rows]
        assert embedding.shape == wanted.shape
        if spec.code == "binary":
            assert embedding.dtype == np.uint8
            np.testing.assert_array_equal(embedding, wanted)
        else:
            assert embedding.dtype == np.float32
            np.testing.assert_allclose(embedding, wanted, rtol=1e-4, atol=1e-5)
        if index < len(network.exits) - 1:
            # Rows by index, out of order, then by mask.
            kept = np.arange(len(rows))[::-1][:-1] if index % 2 == 0 else np.arange(len(rows)) != 1
            state, rows = backend.select(state, kept), rows[kept]


def test_images_may_be_a_tensor_and_facts_are_told():
    network = smoke_network("hashreid")
    backend = open_backend("torch", network, device="cpu", threads=1)
    _, codes = backend.step(backend.start(torch.from_numpy(images(2))), 0)
    np.testing.assert_array_equal(codes, embed(network, images(2))[0])
    assert (backend.name, backend.precision, backend.threads, backend.device) == ("torch", "float32", 1, "cpu")


def test_bfloat16_is_mixed_and_near_float32():
    network = smoke_network("dare")
    backend = open_backend("torch", network, device="cpu", precision="bfloat16")
    _, embedding = backend.step(backend.start(images(3)), 0)
    expected = embed(network, images(3))[0]
    assert 0 < np.abs(embedding - expected).max() < 0.1 * np.abs(expected).max()


def test_an_embedding_that_is_not_finite_is_refused():
    spec = ExitSpec("exit 1", 2, "continuous")
    with pytest.raises(BenchError, match="exit 1 are not finite"):
        to_embedding(np.array([[1.0, np.nan]]), spec)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("torhc", {}, "did you mean 'torch'"),
        ("torch", {"precision": "int8"}, "int8 is for exported graphs"),
        ("torch", {"precision": "float8"}, "precision is one of float32"),
        ("torch", {"precision": "float16"}, "use bfloat16 or float32"),
        ("torch", {"threads": 0}, "1 thread or more"),
        ("torch", {"device": "gpu"}, "device is auto, cpu"),
    ],
)
def test_what_cannot_be_opened_says_why(name, options, message):
    with pytest.raises(BenchError, match=message):
        open_backend(name, smoke_network("hashreid"), **{"device": "cpu", **options})
