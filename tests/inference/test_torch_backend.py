"""The backends of PyTorch are held to a plain pass through the network, and to what their users may get wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from smoke_networks import assert_same, embed, noise, smoke_run

from bench.errors import BenchError
from bench.inference.backends import compiled
from bench.inference.backends.backend import to_embedding
from bench.inference.backends.by_name import open_backend
from bench.inference.compaction import in_place
from bench.networks import ExitSpec, MultiExitNetwork, select, state_tensors


def assert_who_stays_gets_the_codes_of_a_plain_pass(backend, network, images):
    expected = embed(network, images)
    state, rows = backend.start(images), np.arange(len(images))
    for index, spec in enumerate(network.exits):
        state, embedding = backend.step(state, index)
        assert_same(embedding, expected[index][rows], spec)
        if index < len(network.exits) - 1:
            # By index, out of order, with a negative stride; by mask; in the order that moves fewest. One at least.
            places = np.arange(len(rows))
            least = in_place(places[min(1, len(rows) - 1) :])
            kept = (places[::-1][: max(len(rows) - 1, 1)], places != 1, least)[index % 3]
            state, rows = backend.select(state, kept), rows[kept]


@pytest.mark.parametrize("method", ["hashreid", "dare", "ranet"])
def test_who_stays_gets_the_codes_of_a_plain_pass(method):
    run = smoke_run(method)
    backend = open_backend("torch", run.network, device="cpu")
    for count in (5, 2):
        assert_who_stays_gets_the_codes_of_a_plain_pass(backend, run.network, noise(count, run.input_size))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["hashreid-noexit", "dare"])
def test_compiled_steps_give_the_same_codes_for_any_batch(method):
    run = smoke_run(method)
    backend = open_backend("torch-compile", run.network, device="cpu")
    for count in (5, 1, 4):
        assert_who_stays_gets_the_codes_of_a_plain_pass(backend, run.network, noise(count, run.input_size))


def test_images_may_be_a_tensor_and_facts_are_told():
    run = smoke_run("hashreid")
    images = noise(2, run.input_size)
    backend = open_backend("torch", run.network, device="cpu", threads=1)
    _, codes = backend.step(backend.start(torch.from_numpy(images)), 0)
    np.testing.assert_array_equal(codes, embed(run.network, images)[0])
    assert (backend.name, backend.precision, backend.threads, backend.device) == ("torch", "float32", 1, "cpu")


def test_bfloat16_is_mixed_and_near_float32():
    run = smoke_run("dare")
    images = noise(3, run.input_size)
    backend = open_backend("torch", run.network, device="cpu", precision="bfloat16")
    _, embedding = backend.step(backend.start(images), 0)
    expected = embed(run.network, images)[0]
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
        open_backend(name, smoke_run("hashreid").network, **{"device": "cpu", **options})


def test_without_a_compiler_nothing_is_compiled(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    with pytest.raises(BenchError, match=r"needs a C\+\+ compiler and found none of g\+\+"):
        open_backend("torch-compile", smoke_run("hashreid").network, device="cpu")


class HandsOn(MultiExitNetwork):
    """Hands its images on as its state, and gives their first values, which are part of it, as embeddings."""

    exits = (ExitSpec("exit 1", 2, "continuous"), ExitSpec("exit 2", 2, "continuous"))

    def start(self, images):
        return images

    def step(self, state, exit_index):
        return state, state[:, 0, 0]

    def outputs(self, images, num_exits=None):
        raise NotImplementedError


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("rows", [[0, 3], [3, 1], [3]])
def test_rows_move_in_memory_of_the_backends_own(rows, layout):
    backend = open_backend("torch", HandsOn(), device="cpu")
    images = torch.rand(4, 3, 2, 2).contiguous(memory_format=layout)
    before = images.clone()
    state, embedding = backend.step(backend.start(images), 0)
    kept = backend.select(state, np.array(rows))
    assert torch.equal(kept, before[rows])
    assert kept.data_ptr() == state.data_ptr()
    assert torch.equal(images, before)
    np.testing.assert_array_equal(embedding, before[:, 0, 0])


@given(arrays(bool, st.integers(2, 12)).filter(np.any))
def test_rows_are_moved_as_indexing_chooses_them(stay):
    rows, count = in_place(np.flatnonzero(stay)), len(stay)
    expanded = torch.rand(1, 3).expand(count, 3)
    columns = torch.rand(count, 4)[:, 1:3]
    state = (torch.rand(count, 5, 4, 3).contiguous(memory_format=torch.channels_last), [columns, columns, expanded])
    expected = [tensor[torch.from_numpy(rows)] for tensor in state_tensors(state)]
    found = state_tensors(open_backend("torch", HandsOn(), device="cpu").select(state, rows))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 5, 1, 1), (6, 1, 4, 3)])
def test_selecting_keeps_rows_and_layout(shape, layout):
    maps = torch.rand(shape).contiguous(memory_format=layout)
    rows = torch.tensor([4, 0, 5])
    kept_maps, (kept_codes, nothing) = select((maps, [torch.arange(12).reshape(6, 2), torch.rand(6, 0)]), rows)
    assert torch.equal(kept_maps, maps[rows])
    assert kept_maps.is_contiguous(memory_format=layout)
    assert kept_codes.tolist() == [[8, 9], [0, 1], [10, 11]]
    assert nothing.shape == (3, 0)
