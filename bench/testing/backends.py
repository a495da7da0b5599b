"""What every registered backend must keep, plug-ins' too: the codes of a plain pass, whoever stays in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench import registry
from bench.errors import BenchError
from bench.inference.backends.backend import Backend, Embedding, to_embedding
from bench.inference.backends.by_name import open_backend
from bench.inference.compaction import in_place
from bench.inference.export.trained import TrainedRun
from bench.inference.export.write import write_export
from bench.networks import MultiExitNetwork
from bench.retrieval.codes import unpack
from bench.runs.folder import RunFolder

METHODS = ("hashreid", "dare")
"""Their exits have codes of bits, and of floats; DaRe's last joins the embeddings before it."""
IDENTITIES = 6
TOLERANCE = 1e-4
"""By so much of the largest an embedding may differ; and a bit, where its value is as near to zero."""


@dataclass(frozen=True)
class Opened:
    """A backend that is open on an untrained network of preset smoke."""

    backend: Backend
    network: MultiExitNetwork
    size: tuple[int, int]

    def images(self, count: int) -> NDArray[np.float32]:
        """Noise for normalised images (count, 3, height, width)."""
        return np.random.default_rng(count).standard_normal((count, 3, *self.size), dtype=np.float32)

    def start(self, count: int) -> tuple[Any, list[NDArray[np.float32]]]:
        """Start on images; gives the state, and what a plain pass computes at every exit, each (count, dim)."""
        images = self.images(count)
        with torch.inference_mode():
            expected = [values.float().numpy() for values in self.network.embed(torch.from_numpy(images))]
        return self.backend.start(images), expected

    def check(self, embedding: Embedding, expected: NDArray[np.float32], exit_index: int) -> None:
        """Hold an embedding to the values (B, dim) of a plain pass."""
        spec = self.network.exits[exit_index]
        wanted = to_embedding(expected, spec)
        assert (embedding.shape, embedding.dtype) == (wanted.shape, wanted.dtype)
        near = TOLERANCE * np.abs(expected).max()
        if spec.code == "binary":
            one, other = (unpack(codes.astype(np.uint8), spec.dim) for codes in (embedding, wanted))
            assert not np.any((one != other) & (np.abs(expected) > near))
        else:
            assert np.abs(embedding - wanted).max() <= near


@pytest.fixture(scope="module", params=METHODS)
def untrained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A network of preset smoke, as if a run had trained it; its norms have seen a batch."""
    method = registry.method(request.param)
    smoke = method.presets["smoke"]
    size = smoke.recipe.input_size
    torch.manual_seed(0)
    network = method.build(smoke.network, IDENTITIES, size)
    with torch.no_grad():
        network.outputs(torch.randn(8, 3, *size))
    spec = {"method": method.name, "preset": "smoke", "network": smoke.network, "dataset": "noise"}
    spec["recipe"] = {"input_size": list(size), "resize": []}
    folder = RunFolder(tmp_path_factory.mktemp("untrained"))
    return TrainedRun(folder, "0" * 64, spec, IDENTITIES, network.eval())


@pytest.fixture(scope="module")
def opened(backend_name: str, untrained: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The backend, open on one thread of the processor."""
    kind = registry.backend(backend_name)
    if not kind.installed:
        pytest.skip(f"backend {backend_name} needs {', '.join(kind.packages)}")
    model: MultiExitNetwork | Path = untrained.network
    if kind.reads == "export":
        pytest.importorskip("onnxscript", reason="exporting needs the extra export")
        model = tmp_path_factory.mktemp("exported")
        write_export(untrained, model)
    threads = torch.get_num_threads()
    backend = open_backend(backend_name, model, precision="float32", threads=1, device="cpu")
    yield Opened(backend, untrained.network, untrained.input_size)
    torch.set_num_threads(threads)


def test_facts_about_it_are_told(opened: Opened, backend_name: str) -> None:
    """They are kept with every time that it takes."""
    backend = opened.backend
    assert (backend.name, backend.precision, backend.threads, backend.device) == (backend_name, "float32", 1, "cpu")
    assert [(spec.dim, spec.code) for spec in backend.exits] == [(spec.dim, spec.code) for spec in opened.network.exits]


@pytest.mark.parametrize("count", [1, 5])
def test_every_exit_has_the_embedding_of_a_plain_pass(opened: Opened, count: int) -> None:
    state, expected = opened.start(count)
    given = []
    for index, values in enumerate(expected):
        state, embedding = opened.backend.step(state, index)
        given.append((embedding, embedding.copy()))
        opened.check(embedding, values, index)
    # Later steps write nothing over what was given.
    assert all(np.array_equal(embedding, as_given) for embedding, as_given in given)


@pytest.mark.parametrize("way", ["out of order", "mask", "fewest moves"])
def test_who_stays_has_the_embedding_of_a_plain_pass(opened: Opened, way: str) -> None:
    """Rows by index in any order, by a mask, and in the order in which the engine asks for them."""
    state, expected = opened.start(6)
    rows = np.arange(6)
    for index, values in enumerate(expected):
        state, embedding = opened.backend.step(state, index)
        as_given = embedding.copy()
        opened.check(embedding, values[rows], index)
        if len(rows) > 1 and index < len(expected) - 1:
            stay = np.arange(len(rows)) != 1
            kept = {"out of order": np.flatnonzero(stay)[::-1], "mask": stay}.get(way, in_place(np.flatnonzero(stay)))
            state, rows = opened.backend.select(state, kept), rows[kept]
            assert np.array_equal(embedding, as_given)


def test_batches_are_joined_in_their_order(opened: Opened) -> None:
    """Each after the same step, one of them without its first image."""
    (one, of_one), (other, of_other) = opened.start(3), opened.start(2)
    one, _ = opened.backend.step(one, 0)
    other, _ = opened.backend.step(other, 0)
    state = opened.backend.join([opened.backend.select(one, np.array([1, 2])), other])
    for index in range(1, len(of_one)):
        state, embedding = opened.backend.step(state, index)
        opened.check(embedding, np.concatenate([of_one[index][1:], of_other[index]]), index)


def test_the_callers_images_are_left_alone(opened: Opened) -> None:
    images = opened.images(4)
    before = images.copy()
    state = opened.backend.start(images)
    for index in range(len(opened.network.exits) - 1):
        state, _ = opened.backend.step(state, index)
        state = opened.backend.select(state, in_place(np.array([0, 3])) if index == 0 else np.array([1, 0]))
    assert np.array_equal(images, before)


def test_the_first_features_are_those_of_the_network_if_there_are_any(opened: Opened) -> None:
    """In half precision, (B, F); a backend that has none says so."""
    images = opened.images(3)
    state, embedding = opened.backend.step(opened.backend.start(images), 0)
    features = opened.backend.first_features(state, embedding)
    assert (features is not None) == opened.backend.has_features
    if features is not None:
        with torch.inference_mode():
            wanted = opened.network.outputs(torch.from_numpy(images), num_exits=1)[0].features
        assert wanted is not None
        assert features.dtype == np.float16
        np.testing.assert_allclose(features, wanted.flatten(1).numpy(), rtol=2e-3, atol=2e-3)


def test_another_kind_of_model_is_refused(backend_name: str, untrained: TrainedRun, tmp_path: Path) -> None:
    """One clear error for graphs where a network is needed, and for a network where graphs are."""
    kind = registry.backend(backend_name)
    if not kind.installed:
        pytest.skip(f"backend {backend_name} needs {', '.join(kind.packages)}")
    model: MultiExitNetwork | Path = tmp_path if kind.reads == "network" else untrained.network
    with pytest.raises(BenchError):
        open_backend(backend_name, model, device="cpu")
