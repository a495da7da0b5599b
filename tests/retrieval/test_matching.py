from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench.errors import BenchError
from bench.retrieval import matching
from bench.retrieval.matching import distances_between, euclidean


def test_distances_follow_the_kind_of_embedding() -> None:
    codes, floats = np.array([[1]], np.uint8), np.array([[2.0, 0.0]])
    assert distances_between(codes, codes * 3).tolist() == [[1]]
    assert distances_between(floats, -floats).tolist() == [[4]]
    with pytest.raises(BenchError, match="both be packed codes"):
        distances_between(codes, floats)


def test_euclidean_is_exact_across_gallery_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.standard_normal((7, 5)), rng.standard_normal((23, 5))
    monkeypatch.setattr(matching, "BLOCK_VALUES", 30)
    np.testing.assert_allclose(euclidean(query, gallery), cdist(query, gallery), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_euclidean_agrees_with_scipy(scale: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    query = ((rng.standard_normal((30, 64)) + offset) * scale).astype(np.float32)
    gallery = ((rng.standard_normal((40, 64)) + offset) * scale).astype(np.float32)
    gallery[:10] = query[:10]
    gallery[10:20] = query[10:20] * (1 + 1e-6)
    distances = euclidean(query, gallery)
    assert distances.dtype == np.float32
    np.testing.assert_allclose(distances, cdist(query.astype(np.float64), gallery.astype(np.float64)), rtol=1e-6)
    assert (np.diag(distances)[:10] == 0).all()


def test_euclidean_of_a_collapsed_network_is_zero_everywhere() -> None:
    embeddings = np.full((50, 33), 0.1, dtype=np.float32)
    np.testing.assert_array_equal(euclidean(embeddings, embeddings), 0)
    np.testing.assert_array_equal(euclidean(embeddings * 0, embeddings * 0), 0)


def test_euclidean_takes_half_precision() -> None:
    embeddings = np.array([[300.0, 400.0]], dtype=np.float16)
    assert euclidean(embeddings, embeddings * 0)[0, 0] == 500


def test_euclidean_names_the_first_row_that_is_not_finite() -> None:
    embeddings = np.ones((4, 3), dtype=np.float32)
    broken = embeddings.copy()
    broken[2, 1] = np.nan
    with pytest.raises(BenchError, match="gallery embeddings must be finite; row 2"):
        euclidean(embeddings, broken)
    with pytest.raises(BenchError, match="3 and 2"):
        euclidean(embeddings, embeddings[:, :2])
    with pytest.raises(BenchError, match="floats"):
        euclidean(np.ones((2, 3), dtype=np.uint8), embeddings)
