from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench.errors import BenchError
from bench.retrieval import re_ranking
from bench.retrieval.codes import pack
from bench.retrieval.labels import search_labels
from bench.retrieval.metrics import score_blocks, score_rankings
from bench.retrieval.re_ranking import re_rank


def people(rng: np.random.Generator, count: int, length: int = 8) -> np.ndarray:
    """Embeddings (N, D) in clusters, as those of a few people are."""
    centres = rng.standard_normal((5, length)) * 1.5
    return (centres[rng.integers(0, 5, size=count)] + rng.standard_normal((count, length))).astype(np.float32)


def by_definition(squares: np.ndarray, num_queries: int, k1: int, k2: int, share: float) -> np.ndarray:
    """Final distances (Q, G) from squared distances (N, N), with sets and loops as the paper's section 3 reads."""
    everyone = range(len(squares))
    lists = [sorted(everyone, key=lambda other, one=one: (other != one, squares[one, other])) for one in everyone]

    def reciprocal(one: int, k: int) -> set[int]:
        return {other for other in lists[one][: k + 1] if one in lists[other][: k + 1]}

    scaled = squares / squares.max(axis=1, keepdims=True)
    encodings = np.zeros_like(scaled)
    for one in everyone:
        first = reciprocal(one, k1)
        expanded = set(first)
        for other in first:
            half = reciprocal(other, k1 // 2)
            if 3 * len(half & first) > 2 * len(half):
                expanded |= half
        members = sorted(expanded)
        encodings[one, members] = np.exp(-scaled[one, members])
        encodings[one] /= encodings[one].sum()
    encodings = np.stack([np.mean([encodings[other] for other in lists[one][:k2]], axis=0) for one in everyone])
    queries, gallery = encodings[:num_queries], encodings[num_queries:]
    jaccard = np.array([[1 - np.minimum(q, g).sum() / np.maximum(q, g).sum() for g in gallery] for q in queries])
    return share * scaled[:num_queries, num_queries:] + (1 - share) * jaccard


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (7, 3), (4, 1), (1, 2), (500, 6)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_floats_agree_with_the_definition(k1: int, k2: int, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(re_ranking, "IMAGES_AT_ONCE", 17)
    monkeypatch.setattr(re_ranking, "PAIR_VALUES", 100)
    monkeypatch.setattr(re_ranking, "ROWS_AT_ONCE", 3)
    embeddings = people(np.random.default_rng(k1), 70)
    found = re_rank(embeddings[:20], embeddings[20:], k1=k1, k2=k2, original_share=share)
    wide = embeddings.astype(np.float64)
    expected = by_definition(cdist(wide, wide, "sqeuclidean"), 20, k1, k2, share)
    np.testing.assert_allclose(found.block(slice(0, 20)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("length", [5, 64, 300])
def test_codes_agree_with_the_definition_ties_and_all(length: int) -> None:
    signs = np.where(people(np.random.default_rng(length), 60, length) > 0, 1, -1)
    signs[7] = signs[33] = signs[2]
    signs[40:55] = signs[1]  # more duplicates than neighbours
    found = re_rank(pack(signs[:15]), pack(signs[15:]), k1=10, k2=4)
    expected = by_definition(cdist(signs, signs, "sqeuclidean"), 15, 10, 4, 0.3)
    np.testing.assert_allclose(found.block(slice(0, 15)), expected, rtol=0, atol=1e-12)


def test_permuting_queries_and_gallery_permutes_distances() -> None:
    rng = np.random.default_rng(1)
    query, gallery = people(rng, 18), people(rng, 45)
    rows, columns = rng.permutation(18), rng.permutation(45)
    straight = re_rank(query, gallery, k1=8, k2=3).block(slice(0, 18))
    permuted = re_rank(query[rows], gallery[columns], k1=8, k2=3).block(slice(0, 18))
    np.testing.assert_allclose(permuted, straight[rows][:, columns], rtol=0, atol=1e-6)


def test_original_distances_alone_keep_their_order() -> None:
    rng = np.random.default_rng(2)
    query, gallery = people(rng, 12), people(rng, 40)
    found = re_rank(query, gallery, original_share=1.0).block(slice(0, 12))
    np.testing.assert_array_equal(np.argsort(found, axis=1), np.argsort(cdist(query, gallery), axis=1))


def test_blocks_score_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    query, gallery = people(rng, 12), people(rng, 40)
    labels = (rng.integers(0, 4, 12), rng.integers(0, 4, 40), [0] * 12, [1] * 40)
    monkeypatch.setattr(re_ranking, "BLOCK_BYTES", 5 * 8 * 40)
    found = re_rank(query, gallery, k1=5, k2=2)
    assert [rows for rows, _ in found.blocks()] == [slice(0, 5), slice(5, 10), slice(10, 12)]
    streamed = score_blocks(found.blocks(), search_labels(*labels), "expected", "step", 10)
    whole = score_rankings(found.block(slice(0, 12)), *labels, max_rank=10)
    np.testing.assert_allclose(streamed.average_precision, whole.average_precision, rtol=1e-12)


def test_a_collapsed_network_ranks_all_alike() -> None:
    embeddings = np.full((30, 4), 0.1, dtype=np.float32)
    found = re_rank(embeddings[:5], embeddings[5:], original_share=1.0).block(slice(0, 5))
    np.testing.assert_array_equal(found, 0)
    assert np.isfinite(re_rank(embeddings[:5], embeddings[5:]).block(slice(0, 5))).all()


def test_what_cannot_be_re_ranked_is_refused() -> None:
    embeddings = np.ones((3, 4), dtype=np.float32)
    for wrong in ({"k1": 0}, {"k2": 0}, {"k1": 3, "k2": 5}, {"original_share": 1.1}):
        with pytest.raises(BenchError, match="re-ranking needs k1"):
            re_rank(embeddings, embeddings, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BenchError, match="one length; found 4 and 3"):
        re_rank(embeddings, embeddings[:, :3])
