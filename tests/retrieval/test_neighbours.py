from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.retrieval.codes import pack
from bench.retrieval.neighbours import GalleryIndex, VisibleNeighbours


class Search(NamedTuple):
    """Signs or embeddings of queries and gallery, as stored and as plain numbers, with labels."""

    stored: tuple[np.ndarray, np.ndarray]
    plain: tuple[np.ndarray, np.ndarray]
    query_camids: np.ndarray
    previous: np.ndarray
    pids: np.ndarray
    camids: np.ndarray
    k: int

    @property
    def index(self) -> GalleryIndex:
        return GalleryIndex(self.stored[1], self.pids, self.camids)

    def find(self, rows: slice = slice(None)) -> VisibleNeighbours:
        cameras, previous = self.query_camids[rows], self.previous[rows]
        return self.index.search(self.stored[0][rows], camids=cameras, previous=previous, k=self.k)


@st.composite
def searches(draw: st.DrawFn) -> Search:
    """Draw searches full of ties, with one identity or several, and cameras that may hide everything."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, images = draw(st.integers(0, 20)), draw(st.one_of(st.integers(1, 40), st.integers(300, 700)))
    length = draw(st.integers(1, 40))
    if draw(st.booleans()):
        plain = tuple(rng.choice([-1.0, 1.0], (count, length)) for count in (queries, images))
        stored = tuple(map(pack, plain))
    else:
        step = draw(st.sampled_from([0.5, 0.1]))
        plain = tuple((rng.integers(0, 3, (count, length)) * step).astype(np.float32) for count in (queries, images))
        stored = plain
    pids = rng.integers(-1, draw(st.integers(0, 8)), images)
    camids = rng.integers(0, draw(st.integers(1, 3)), images)
    previous = rng.integers(-1, images, queries)
    return Search(stored, plain, rng.integers(0, 3, queries), previous, pids, camids, draw(st.integers(1, 12)))


def brute_force(search: Search, row: int) -> tuple[list[int], list[float], float, float]:
    """Look at every image, in plain Python, and sort."""
    query, gallery = search.plain[0][row].astype(float), search.plain[1].astype(float)
    if search.stored[0].dtype == np.uint8:
        distances = [float((query != image).sum()) for image in gallery]
    else:
        distances = [float(np.float32(np.sqrt(((query - image) ** 2).sum()))) for image in gallery]
    seen = [image for image in range(len(gallery)) if search.camids[image] != search.query_camids[row]]
    order = sorted(seen, key=distances.__getitem__)
    others = [image for image in order if search.pids[image] != search.pids[order[0]]]
    margin = distances[others[0]] - distances[order[0]] if others else float("inf")
    before = int(search.previous[row])
    same = [distances[image] for image in seen if before >= 0 and search.pids[image] == search.pids[before]]
    missing = search.k - len(order)
    return (
        order[: search.k] + [-1] * missing,
        [distances[image] for image in order[: search.k]] + [float("inf")] * missing,
        margin,
        min(same, default=float("inf")),
    )


@settings(max_examples=120, deadline=None)
@given(searches())
def test_what_is_found_is_what_looking_at_every_image_finds(search: Search) -> None:
    found = search.find()
    assert found.indices.shape == found.distances.shape == (len(search.stored[0]), search.k)
    for row in range(len(search.stored[0])):
        indices, distances, margin, previous = brute_force(search, row)
        assert found.indices[row].tolist() == indices
        np.testing.assert_allclose(found.distances[row], distances, rtol=2e-7)
        np.testing.assert_allclose(found.identity_margin[row], margin, rtol=2e-7, atol=2e-7)
        np.testing.assert_allclose(found.previous_identity_distance[row], previous, rtol=2e-7)
    if search.stored[0].dtype == np.uint8:
        assert (found.distances[np.isfinite(found.distances)] % 1 == 0).all()


def assert_same(one: VisibleNeighbours, other: VisibleNeighbours, rows: slice) -> None:
    for field in fields(VisibleNeighbours):
        np.testing.assert_array_equal(getattr(one, field.name)[rows], getattr(other, field.name))


@settings(max_examples=60, deadline=None)
@given(searches(), st.integers(1, 7))
def test_the_company_of_a_query_changes_nothing(search: Search, size: int) -> None:
    whole = search.find()
    for first in range(0, len(search.stored[0]), size):
        rows = slice(first, min(first + size, len(search.stored[0])))
        assert_same(whole, search.find(rows), rows)


@pytest.mark.parametrize("dim", [3, 64, 517, 2048])
@pytest.mark.parametrize("spread", [1.0, 1e-3])
def test_embeddings_alone_and_in_company_are_equal_to_the_last_bit(dim: int, spread: float) -> None:
    """Embeddings all alike and full of near ties, as of a network that has learned little."""
    rng = np.random.default_rng(dim)
    centre = rng.random(dim)
    queries, images = ((centre + spread * rng.standard_normal((count, dim))).astype(np.float32) for count in (300, 900))
    images[450:] = images[:450] * np.float32(1 + 1e-7)
    index = GalleryIndex(images, rng.integers(0, 40, 900), rng.integers(0, 4, 900))
    camids, previous = rng.integers(0, 4, 300), rng.integers(-1, 900, 300)
    whole = index.search(queries, camids=camids, previous=previous)
    given_distances = index.search(queries, camids=camids, previous=previous, distances=index.distances(queries))
    assert_same(whole, given_distances, slice(None))
    for size in (1, 32):
        for first in range(0, 96, size):
            rows = slice(first, first + size)
            assert_same(whole, index.search(queries[rows], camids=camids[rows], previous=previous[rows]), rows)


def test_what_is_marked_as_hidden_is_not_seen() -> None:
    index = GalleryIndex(np.array([[0.0], [1.0], [2.0]]), [5, 6, 7], [0, 0, 0])
    hidden = np.array([[True, False, True], [True, True, True]])
    found = index.search(np.zeros((2, 1)), hidden=hidden, previous=[1, 2], k=2)
    assert found.indices.tolist() == [[1, -1], [-1, -1]]
    assert found.identity_margin.tolist() == [np.inf, np.inf]
    assert found.previous_identity_distance.tolist() == [1, np.inf]


def test_what_does_not_fit_is_refused() -> None:
    codes = np.zeros((3, 2), np.uint8)
    with pytest.raises(BenchError, match="one label an image; found 3 codes and 2 labels"):
        GalleryIndex(codes, [1, 2], [1, 2])
    with pytest.raises(BenchError, match="gallery is empty"):
        GalleryIndex(codes[:0], np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(BenchError, match="gallery embeddings must be floats"):
        GalleryIndex(np.zeros((3, 2), int), [1, 2, 3], [1, 2, 3])
    index = GalleryIndex(codes, [1, 2, 3], [1, 2, 3])
    with pytest.raises(BenchError, match=r"cameras must be whole numbers \(3,\), one a query"):
        index.search(codes, camids=[1])
    with pytest.raises(BenchError, match="k must be 1 or more"):
        index.search(codes, k=0)
    with pytest.raises(BenchError, match="query codes must be packed bytes"):
        index.search(np.zeros((1, 2)))
