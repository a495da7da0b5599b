"""Indexes of faiss, held to exact search and to scores by an evaluator that ranks everything."""

import sys

import numpy as np
import pytest

from bench.errors import BenchError
from bench.retrieval.hamming import hamming
from bench.retrieval.labels import search_labels
from bench.retrieval.metrics import score_rankings
from bench.search.approximate import score_index, score_lists
from bench.search.streamed import nearest

QUERIES, IMAGES, BITS = 40, 600, 64


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    pids = rng.integers(0, 30, QUERIES), rng.integers(-1, 30, IMAGES)
    camids = rng.integers(0, 4, QUERIES), rng.integers(0, 4, IMAGES)
    centres = rng.random((31, BITS)) < 0.5
    codes = [np.packbits(centres[who] ^ (rng.random((len(who), BITS)) < 0.2), axis=1) for who in pids]
    return codes, (*pids, *camids)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_whole_lists_score_as_the_evaluator_does(problem, kind):
    pytest.importorskip("faiss")
    (query, gallery), labels = problem
    scores = score_index(kind, query, gallery, search_labels(*labels), k=IMAGES)
    ranked = score_rankings(hamming(query, gallery), *labels, ties="stable")
    assert scores.exact_rank_1 == pytest.approx(ranked.rank(1))
    assert scores.exact_mean_ap == pytest.approx(ranked.mean_ap)
    if kind == "flat":
        assert scores.recall == 1
        assert (scores.rank_1, scores.mean_ap) == (scores.exact_rank_1, scores.exact_mean_ap)
    else:
        assert 0.5 < scores.recall <= 1
        # What is missed may be a match or somebody else: mAP can move either way.
        assert scores.mean_ap == pytest.approx(scores.exact_mean_ap, abs=0.05)
        assert scores.rank_1 == pytest.approx(scores.exact_rank_1, abs=0.05)


def test_ties_with_the_last_of_the_list_count_as_found(problem):
    pytest.importorskip("faiss")
    codes = np.zeros((50, 8), np.uint8)
    labels = search_labels(np.zeros(3, int), np.zeros(50, int), np.zeros(3, int), np.ones(50, int))
    for kind in ("flat", "hnsw"):
        assert score_index(kind, codes[:3], codes, labels, k=5).recall == 1


def test_a_missing_library_is_told(problem, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    (query, gallery), labels = problem
    with pytest.raises(BenchError, match=r"pip install 'reid-budget-bench\[search\]'"):
        score_index("hnsw", query, gallery, search_labels(*labels))
    with pytest.raises(BenchError, match="index must be one of flat, hnsw, ivf"):
        score_index("tree", query, gallery, search_labels(*labels))


def test_distractors_match_nobody_whatever_numbers_people_have(problem):
    """Data of one's own may count people from 0, which is Market-1501's number for distractors."""
    (query, gallery), (query_pids, pids, query_camids, camids) = problem
    distractors = np.packbits(np.random.default_rng(1).random((400, BITS)) < 0.5, axis=1)
    shuffled = np.random.default_rng(2).permutation(len(gallery) + len(distractors))
    whole = np.concatenate([gallery, distractors])[shuffled]
    nobody = np.append(pids, np.full(len(distractors), 99))[shuffled]
    ranked = score_rankings(
        hamming(query, whole),
        *(query_pids, nobody, query_camids, np.append(camids, np.zeros(len(distractors), int))[shuffled]),
        ties="stable",
    )
    images, distances = nearest(query, whole, len(whole))
    found = score_lists(images, distances, search_labels(query_pids, pids, query_camids, camids), shuffled)
    assert (query_pids == 0).any()
    assert found == pytest.approx((ranked.rank(1), ranked.mean_ap))
