from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.retrieval import top_k as module
from bench.retrieval.codes import pack
from bench.retrieval.matching import distances_between
from bench.retrieval.top_k import top_k


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw queries, a gallery of another size with ties, and k, which may be more than the gallery has."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_queries, num_gallery, length = draw(st.integers(0, 9)), draw(st.integers(1, 40)), draw(st.integers(1, 20))
    if draw(st.booleans()):
        query, gallery = (pack(rng.random((count, length)) < 0.5) for count in (num_queries, num_gallery))
    else:
        query, gallery = (rng.integers(0, 3, (count, length)) * 0.5 for count in (num_queries, num_gallery))
    return query, gallery, draw(st.integers(1, 45))


@settings(max_examples=100, deadline=None)
@given(searches(), st.integers(1, 12), st.integers(1, 12))
def test_blocks_find_what_sorting_all_distances_finds(search, query_block, gallery_block) -> None:  # type: ignore[no-untyped-def]
    query, gallery, k = search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUERY_BLOCK", query_block)
        patch.setattr(module, "GALLERY_BLOCK", gallery_block)
        patch.setattr(module, "ROWS_AT_ONCE", 3)
        found = top_k(query, gallery, k)
    distances = distances_between(query, gallery)
    order = np.array(
        [sorted(range(len(gallery)), key=row.__getitem__)[:k] for row in distances.tolist()], dtype=np.int64
    )
    order = order.reshape(len(query), min(k, len(gallery)))
    np.testing.assert_array_equal(found.indices, order)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(distances, order, axis=1))
    assert found.distances.dtype == distances.dtype
    np.testing.assert_array_equal(found.farthest, distances.max(axis=1, initial=0))


@pytest.mark.parametrize("k", [1, 9, 2000])
def test_large_galleries_keep_the_gallery_order_of_ties(k: int) -> None:
    rng = np.random.default_rng(k)
    query, gallery = (rng.integers(0, 256, size=(count, 3), dtype=np.uint8) for count in (5, 20_000))
    order = np.argsort(distances_between(query, gallery), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(top_k(query, gallery, k).indices, order)


def test_what_cannot_be_searched_is_refused() -> None:
    codes = np.zeros((2, 4), np.uint8)
    with pytest.raises(BenchError, match="k must be 1 or more; found 0"):
        top_k(codes, codes, 0)
    with pytest.raises(BenchError, match="gallery is empty"):
        top_k(codes, codes[:0], 1)
    with pytest.raises(BenchError, match="4 bytes a query"):
        top_k(codes, codes[:, :3], 1)
    with pytest.raises(BenchError, match="both be packed codes"):
        top_k(codes, np.ones((2, 4), np.float32), 1)
