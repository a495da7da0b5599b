"""From embeddings and labels to decisions and scores, beside DaRe's published simulation as it is described.

What stands here follows ``budgeted_stream`` of the authors' code (mileyan/DARENet) step by step, over raw distances and
labels, and shares nothing with the suite: its own distances, roots, confidences, thresholds, CMC and average precision.
"""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench import registry
from bench.budget.distribution import conditional_exit, exit_distribution, solve_a
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.thresholds import stream_exits
from bench.networks import ExitSpec
from bench.retrieval.codes import pack
from bench.retrieval.evaluate import build_table

COSTS = np.array([523.57, 1193.31, 2130.44, 2542.30])
BUDGETS = 50
QUERIES, GALLERY, PEOPLE, CAMERAS, BITS = 90, 260, 12, 4, 24


def official_shares(budget):
    """The share of queries for each stage: its first root that is real, highest power first."""
    if budget >= COSTS[-1]:
        return np.array([0.0, 0, 0, 1])
    roots = np.roots((COSTS - budget)[::-1])
    ratio = next(root.real for root in roots if abs(root.imag) < 1e-5)
    shares = ratio ** np.arange(len(COSTS))
    return shares / shares.sum()


def official_confidence(row, label, camera, gallery_labels, gallery_cameras, kind):
    valid = [
        index
        for index in range(len(row))
        if gallery_labels[index] != -1 and not (gallery_labels[index] == label and gallery_cameras[index] == camera)
    ]
    nearest = min(valid, key=lambda index: row[index])
    if kind == "distance":
        return -row[nearest]
    others = [row[index] for index in valid if gallery_labels[index] != gallery_labels[nearest]]
    return min(others) - row[nearest]


def official_exits(confidences, shares):
    """Play the queries one after another, in the order they come."""
    recorded = [[] for _ in shares]
    exits = []
    for confidence in confidences:
        for stage, own in enumerate(confidence):
            if stage == len(shares) - 1:
                exits.append(stage)
                break
            gone = shares[:stage].sum()
            leaving = 1.0 if 1 - gone < 1e-6 else shares[stage] / (1 - gone)
            recorded[stage].append(own)
            ordered = sorted(recorded[stage], reverse=True)
            if len(ordered) == 1 or own >= ordered[int((len(ordered) - 1) * leaving)]:
                exits.append(stage)
                break
    return exits


def official_score(row, label, camera, gallery_labels, gallery_cameras):
    """Whether the first is right, and average precision by trapezoids."""
    order = [index for index in np.argsort(row, kind="stable") if gallery_labels[index] != -1]
    order = [index for index in order if not (gallery_labels[index] == label and gallery_cameras[index] == camera)]
    good = [gallery_labels[index] == label for index in order]
    matches = sum(good)
    area, found, old_recall, old_precision = 0.0, 0, 0.0, 1.0
    for index, right in enumerate(good):
        found += right
        recall, precision = found / matches, found / (index + 1)
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return float(good[0]), area


@pytest.fixture(scope="module", params=["binary", "continuous"])
def played(request):
    """A table of four exits, the raw distances (Q, G) of each by another library, and the labels."""
    generator = np.random.default_rng(0)
    query_labels = generator.integers(1, PEOPLE + 1, QUERIES)
    gallery_labels = np.concatenate(
        [np.repeat(np.arange(1, PEOPLE + 1), 15), generator.choice([-1, 0], GALLERY - 15 * PEOPLE)]
    )
    query_cameras, gallery_cameras = (generator.integers(1, CAMERAS + 1, count) for count in (QUERIES, GALLERY))
    centres = generator.standard_normal((PEOPLE + 2, BITS))
    query_sets, gallery_sets, stages = [], [], []
    for noise in (2.0, 1.6, 1.2, 0.9):
        query, gallery = (
            (centres[labels] + noise * generator.standard_normal((len(labels), BITS))).astype(np.float32)
            for labels in (query_labels, gallery_labels)
        )
        if request.param == "binary":
            # Few bits, many equal distances: who is level with the threshold leaves.
            bits = [np.where(values > 0, 1, -1).astype(np.int8) for values in (query, gallery)]
            stages.append(np.rint(cdist(*bits, "hamming") * BITS))
            query, gallery = map(pack, bits)
        else:
            stages.append(cdist(query.astype(np.float64), gallery.astype(np.float64)))
        query_sets.append(query)
        gallery_sets.append(gallery)
    exits = [ExitSpec(f"exit {number}", BITS, request.param) for number in range(1, 5)]
    labels = (query_labels, query_cameras, gallery_labels, gallery_cameras)
    table = build_table(exits, query_sets, gallery_sets, *labels, ap="trapezoid", signals="protocol")
    assert len(table.outcomes.query_pids) == QUERIES
    return table, stages, labels


@pytest.mark.parametrize(("policy", "kind"), [("qs", "distance"), ("gs", "margin")])
def test_every_decision_is_the_official_one(played, policy, kind):
    table, stages, labels = played
    confidence = registry.policy(policy).confidence(table.signals, np.random.default_rng(0))
    theirs = [
        [official_confidence(distances[query], *who, *labels[2:], kind) for distances in stages]
        for query, who in enumerate(zip(*labels[:2], strict=True))
    ]
    visited = set()
    for budget in np.linspace(COSTS[0], COSTS[-1], BUDGETS):
        shares = exit_distribution(solve_a(COSTS, budget), len(COSTS))
        assert shares == pytest.approx(official_shares(budget), abs=1e-9)
        exits = stream_exits(confidence, conditional_exit(shares)).tolist()
        assert exits == official_exits(theirs, official_shares(budget))
        visited.add(tuple(exits))
    assert len(visited) > BUDGETS / 3  # else the comparison would show little


def test_every_score_is_the_official_one(played):
    table, stages, labels = played
    scores = per_query_scores(table.outcomes)[..., [METRICS.index("rank-1"), METRICS.index("mAP")]]
    for stage, distances in enumerate(stages):
        for query, row in enumerate(distances):
            if len(set(row)) == len(row):  # among equal distances the suite takes the expectation, they the order
                expected = official_score(row, labels[0][query], labels[1][query], *labels[2:])
                assert scores[query, stage] == pytest.approx(expected, abs=1e-9)
