from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.retrieval import streaming
from bench.retrieval.codes import pack
from bench.retrieval.hamming import hamming
from bench.retrieval.matching import euclidean
from bench.retrieval.metrics import score_rankings
from bench.retrieval.streaming import score_embeddings

PER_QUERY = ("valid", "average_precision", "inverse_negative_penalty", "hits")


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(1, 5),
    st.sampled_from(["expected", "stable", "optimistic", "pessimistic"]),
    st.sampled_from(["step", "trapezoid"]),
)
def test_blocks_score_as_the_whole_matrix(seed, binary, rows_at_once, ties, ap) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    query, gallery = rng.integers(0, 2, size=(11, 13)), rng.integers(0, 2, size=(30, 13))
    labels = (
        np.append(1, rng.integers(1, 5, 10)), np.append(1, rng.integers(-1, 5, 29)),
        np.append(0, rng.integers(0, 3, 10)), np.append(1, rng.integers(0, 3, 29)),
    )  # fmt: skip
    embeddings = [pack(bits == 1) if binary else bits.astype(np.float32) for bits in (query, gallery)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", rows_at_once * 4 * 30)
        streamed = score_embeddings(*embeddings, *labels, ties=ties, ap=ap, max_rank=7)
    distances = (hamming if binary else euclidean)(*embeddings)
    whole = score_rankings(distances, *labels, ties=ties, ap=ap, max_rank=7)
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(streamed, name), getattr(whole, name))
    assert (streamed.ties, streamed.ap) == (ties, ap)


def test_never_more_than_a_block_of_distances_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def watched(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        shapes.append((len(query), len(gallery)))
        return hamming(query, gallery)

    monkeypatch.setattr(streaming, "distances_between", watched)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 4 * 4 * 20)
    codes = np.zeros((20, 2), dtype=np.uint8)
    score_embeddings(codes[:10], codes, [1] * 10, [1] * 20, [0] * 10, [1] * 20)
    assert shapes == [(4, 20), (4, 20), (2, 20)]


def test_an_infinite_distance_names_the_query_and_not_the_row_of_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 1)
    query = np.array([[0.0], [0.0], [1e200]])
    with pytest.raises(BenchError, match="query 2 and gallery image 0"), np.errstate(over="ignore"):
        score_embeddings(query, np.zeros((2, 1)), [1, 1, 1], [1, 1], [0, 0, 0], [1, 1])


def test_embeddings_and_labels_that_do_not_fit_are_refused() -> None:
    codes = np.zeros((3, 2), dtype=np.uint8)
    with pytest.raises(BenchError, match=r"2 queries and 3 gallery images; found \(3, 2\) and \(3, 2\)"):
        score_embeddings(codes, codes, [1, 1], [1, 1, 1], [0, 0], [1, 1, 1])
    with pytest.raises(BenchError, match="both be packed codes"):
        score_embeddings(codes, np.ones((3, 2)), [1] * 3, [1] * 3, [0] * 3, [1] * 3)
    with pytest.raises(BenchError, match="no query"):
        score_embeddings(codes[:0], codes, [], [1] * 3, [], [1] * 3)
    with pytest.raises(BenchError, match="max_rank"):
        score_embeddings(codes, codes, [1] * 3, [1] * 3, [0] * 3, [1] * 3, max_rank=0)
