"""What must hold of the metrics for any distances and labels: properties, on drawn problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.retrieval import ranks
from bench.retrieval.metrics import score_rankings

PER_QUERY = ("valid", "average_precision", "inverse_negative_penalty", "hits")


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Draw distances (Q, G) with ties, and labels under which at least one query has a match."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_queries, num_gallery = draw(st.integers(1, 5)), draw(st.integers(1, 25))
    distances = rng.integers(0, draw(st.integers(1, 12)), size=(num_queries, num_gallery))
    query_pids, gallery_pids = rng.integers(1, 4, size=num_queries), rng.integers(-1, 4, size=num_gallery)
    query_camids, gallery_camids = rng.integers(0, 3, size=num_queries), rng.integers(0, 3, size=num_gallery)
    gallery_pids[0], gallery_camids[0] = query_pids[0], query_camids[0] + 1
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.int32, np.uint16, np.int8]))
    return distances.astype(dtype), query_pids, gallery_pids, query_camids, gallery_camids


rules = st.sampled_from(["expected", "stable", "optimistic", "pessimistic"])


order_free_rules = st.sampled_from(["expected", "optimistic", "pessimistic"])


variants = st.sampled_from(["step", "trapezoid"])


@settings(max_examples=50, deadline=None)
@given(problems(), rules, variants, st.randoms(use_true_random=False))
def test_permuting_queries_permutes_scores(problem, ties, ap, random) -> None:  # type: ignore[no-untyped-def]
    distances, query_pids, gallery_pids, query_camids, gallery_camids = problem
    order = random.sample(range(len(query_pids)), len(query_pids))
    scores = score_rankings(*problem, ties=ties, ap=ap)
    permuted = score_rankings(
        distances[order], query_pids[order], gallery_pids, query_camids[order], gallery_camids, ties=ties, ap=ap
    )
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(permuted, name), getattr(scores, name)[order])


@settings(max_examples=50, deadline=None)
@given(problems(), order_free_rules, variants, st.randoms(use_true_random=False))
def test_permuting_the_gallery_changes_nothing(problem, ties, ap, random) -> None:  # type: ignore[no-untyped-def]
    distances, query_pids, gallery_pids, query_camids, gallery_camids = problem
    order = random.sample(range(len(gallery_pids)), len(gallery_pids))
    scores = score_rankings(*problem, ties=ties, ap=ap)
    permuted = score_rankings(
        distances[:, order], query_pids, gallery_pids[order], query_camids, gallery_camids[order], ties=ties, ap=ap
    )
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(permuted, name), getattr(scores, name))


@settings(max_examples=50, deadline=None)
@given(problems(), rules, variants)
def test_adding_junk_changes_nothing(problem, ties, ap) -> None:  # type: ignore[no-untyped-def]
    distances, query_pids, gallery_pids, query_camids, gallery_camids = problem
    # Every image once more with identity −1, interleaved, so that junk ties with all there is.
    twice = [np.repeat(values, 2, axis=-1) for values in (distances, gallery_pids, gallery_camids)]
    twice[1][::2] = -1
    scores = score_rankings(*problem, ties=ties, ap=ap)
    with_junk = score_rankings(twice[0], query_pids, twice[1], query_camids, twice[2], ties=ties, ap=ap)
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(with_junk, name), getattr(scores, name))


@settings(max_examples=50, deadline=None)
@given(problems(), rules, variants)
def test_distractors_beyond_the_last_match_change_nothing(problem, ties, ap) -> None:  # type: ignore[no-untyped-def]
    distances, query_pids, gallery_pids, query_camids, gallery_camids = problem
    far = np.full((len(query_pids), 3), 100, dtype=distances.dtype)
    scores = score_rankings(*problem, ties=ties, ap=ap)
    with_distractors = score_rankings(
        np.hstack([distances, far]), query_pids, np.append(gallery_pids, [0, 0, 0]),
        query_camids, np.append(gallery_camids, [0, 1, 2]), ties=ties, ap=ap,
    )  # fmt: skip
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(with_distractors, name), getattr(scores, name))


@settings(max_examples=50, deadline=None)
@given(problems(), variants)
def test_expectation_lies_between_the_bounds(problem, ap) -> None:  # type: ignore[no-untyped-def]
    low, stable, expected, high = (
        score_rankings(*problem, ties=ties, ap=ap) for ties in ("pessimistic", "stable", "expected", "optimistic")
    )
    for name in PER_QUERY[1:]:
        for middle in (expected, stable):
            values = getattr(middle, name)[middle.valid]
            assert (getattr(low, name)[low.valid] <= values + 1e-12).all()
            assert (values <= getattr(high, name)[high.valid] + 1e-12).all()
    assert ((expected.average_precision[expected.valid] >= 0) & (expected.average_precision[expected.valid] <= 1)).all()


@settings(max_examples=50, deadline=None)
@given(problems(), rules)
def test_blocks_of_one_query_score_alike(problem, ties) -> None:  # type: ignore[no-untyped-def]
    whole = score_rankings(*problem, ties=ties)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "BLOCK_BYTES", 1)
        rows = score_rankings(*problem, ties=ties)
    for name in PER_QUERY:
        np.testing.assert_array_equal(getattr(rows, name), getattr(whole, name))
