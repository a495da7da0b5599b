from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bench.errors import BenchError
from bench.retrieval import hamming as hamming_module
from bench.retrieval.codes import pack
from bench.retrieval.hamming import FEW_QUERIES, PAIRS, QUERY_ROWS, PackedGallery, hamming
from bench.search.approximate import load_faiss


@pytest.fixture(params=["numkong", "numpy", "faiss", "cpu"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Each of the ways to count bits; gives the device to ask for."""
    ways = {"numkong": hamming_module.load_numkong, "faiss": hamming_module.load_faiss}
    if request.param in ways:
        if ways[request.param]() is None:
            pytest.skip(f"{request.param} is not installed")
        monkeypatch.setattr(hamming_module, "FEW_QUERIES", 0 if request.param == "numkong" else 1000)
        monkeypatch.setattr(hamming_module, "SHORT_BYTES", 0)
    else:
        monkeypatch.setattr(hamming_module, "load_numkong", lambda: None)
        monkeypatch.setattr(hamming_module, "load_faiss", lambda: None)
    return "cpu" if request.param == "cpu" else None


@pytest.mark.parametrize("length", [1, 7, 8, 9, 63, 64, 65, 256])
def test_hamming_counts_differing_places(length: int, device: str | None) -> None:
    rng = np.random.default_rng(length)
    query, gallery = rng.choice([-1, 1], size=(37, length)), rng.choice([-1, 1], size=(23, length))
    distances = hamming(pack(query), pack(gallery), device)
    expected = [[sum(a != b for a, b in zip(q, g, strict=True)) for g in gallery] for q in query]
    assert np.issubdtype(distances.dtype, np.integer)
    np.testing.assert_array_equal(distances, expected)


def test_hamming_is_exact_across_gallery_blocks_and_beyond_one_byte_of_bits(device: str | None) -> None:
    rng = np.random.default_rng(0)
    query, gallery = (
        rng.choice([-1, 1], size=(QUERY_ROWS, 600)),
        rng.choice([-1, 1], size=(PAIRS // QUERY_ROWS + 5, 600)),
    )
    gallery[-1] = -query[0]
    distances = hamming(pack(query), pack(gallery), device)
    np.testing.assert_array_equal(distances, (600 - query @ gallery.T) // 2)
    assert distances[0, -1] == 600


def test_faiss_is_given_whole_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1.15 it refuses all others."""
    faiss = hamming_module.load_faiss()
    if faiss is None:
        pytest.skip("faiss is not installed")
    given = []

    def hammings(queries, images, num_queries, num_images, num_bytes, distances):
        given.append(num_bytes)
        faiss.hammings(queries, images, num_queries, num_images, num_bytes, distances)

    monkeypatch.setattr(
        hamming_module, "load_faiss", lambda: SimpleNamespace(swig_ptr=faiss.swig_ptr, hammings=hammings)
    )
    for length in (1, 4, 8, 12):
        codes = np.random.default_rng(0).integers(0, 256, size=(40, length), dtype=np.uint8)
        expected = np.bitwise_count(codes[:2, None] ^ codes[None]).sum(axis=2)
        np.testing.assert_array_equal(hamming(codes[:2], codes), expected)
    assert given == [8, 8, 8, 16]


def test_a_faiss_that_gives_wrong_distances_is_taken_for_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, usable in (("1.9.0", False), ("1.10.0.post1", False), ("1.11.0", True), ("2.0", True)):
        monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(__version__=version))
        assert (hamming_module.load_faiss() is not None) == (usable and sys.platform == "linux")
        if not usable:
            with pytest.raises(BenchError, match=rf"index flat needs faiss 1\.11 or newer, found {version}"):
                load_faiss("flat")


def test_hamming_of_nothing_is_empty(device: str | None) -> None:
    assert hamming(np.zeros((0, 4), np.uint8), np.zeros((3, 4), np.uint8), device).shape == (0, 3)
    assert hamming(np.zeros((2, 4), np.uint8), np.zeros((0, 4), np.uint8), device).shape == (2, 0)
    np.testing.assert_array_equal(hamming(np.zeros((2, 0), np.uint8), np.zeros((1, 0), np.uint8), device), [[0], [0]])


def test_hamming_takes_rows_that_are_not_contiguous(device: str | None) -> None:
    codes = np.random.default_rng(0).integers(0, 256, size=(40, 12), dtype=np.uint8)
    np.testing.assert_array_equal(
        hamming(codes[::2, 1:10], codes[::-3, 1:10], device),
        hamming(codes[::2, 1:10].copy(), codes[::-3, 1:10].copy(), device),
    )


def test_hamming_refuses_what_is_not_packed_alike() -> None:
    codes = np.zeros((2, 4), np.uint8)
    with pytest.raises(BenchError, match="pack"):
        hamming(np.ones((2, 32)), codes)
    with pytest.raises(BenchError, match="gallery codes"):
        hamming(codes, codes[0])
    with pytest.raises(BenchError, match="5 bytes"):
        hamming(codes, np.zeros((2, 5), np.uint8))


def test_a_gallery_laid_out_once_answers_few_and_many_queries_alike(device: str | None) -> None:
    codes = np.random.default_rng(0).integers(0, 256, size=(50, 33), dtype=np.uint8)
    gallery = PackedGallery(codes[10:])
    expected = np.bitwise_count(codes[:, None] ^ codes[None, 10:]).sum(axis=2)
    for count in (50, 1, FEW_QUERIES, FEW_QUERIES + 1):
        np.testing.assert_array_equal(gallery.distances(codes[:count]), expected[:count])
    with pytest.raises(BenchError, match="33 bytes a gallery image"):
        gallery.distances(codes[:, :5])
