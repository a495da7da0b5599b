from dataclasses import replace

import numpy as np
import pytest
from invented import GALLERY, invented_evidence, invented_table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.budget.policies.learned_confidence import SIGNALS, described, fit, load

GENERATOR = np.random.default_rng(0)


def with_distinct_neighbours(table, seed=0):
    """No ranking names an image twice; the invented ones do now and then, and overlaps then mean nothing."""
    shape = table.signals.nearest_indices.shape
    drawn = np.random.default_rng(seed).random((*shape[:2], GALLERY)).argsort(axis=2)[..., : shape[2]]
    signals = replace(table.signals, nearest_indices=drawn, nearest_pids=drawn % 50)
    return replace(table, signals=signals)


def features_of(signals, query, index):
    """The numbers of one query at one exit, one by one, out of its lists of nearest images."""
    distances, images, pids = (
        getattr(signals, f"nearest_{name}")[query].tolist() for name in ("distances", "indices", "pids")
    )
    margin, gap = signals.identity_margin[query, index], distances[index][1] - distances[index][0]
    nearest = distances[index][0]
    same = sum(pid == pids[index][0] for pid in pids[index])
    overlap, agreement = 0.0, margin
    if index:
        here, before = images[index], images[index - 1]
        overlap = np.mean([len({*here[:depth]} & {*before[:depth]}) / depth for depth in range(1, len(here) + 1)])
        if pids[index][0] != pids[index - 1][0]:
            agreement = nearest - signals.previous_identity_distance[query, index]
    squeezed = agreement / (1 + abs(agreement))
    return [nearest, margin, margin / (nearest + margin), gap / (nearest + gap), same, overlap, squeezed]


def test_it_is_the_log_odds_of_scikit_learns_regression_on_the_same_features():
    """Features computed query by query here, probabilities by scikit-learn: nothing of ours is on that side."""
    evidence, table = invented_evidence(), with_distinct_neighbours(invented_table(queries=60, people=20))
    evidence = replace(evidence, calibration=with_distinct_neighbours(evidence.calibration, seed=1))
    confidence = load(fit(evidence, GENERATOR)).confidence(table.signals, GENERATOR)
    held_out = evidence.calibration
    for index in range(4):
        seen, asked = (
            np.array([features_of(one.signals, query, index) for query in range(len(one))]) for one in (held_out, table)
        )
        right = [hit > 0.5 for hit in held_out.outcomes.hits[:, index, 0].tolist()]
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(seen, right)
        probability = model.predict_proba(asked)[:, 1]
        assert 1 / (1 + np.exp(-confidence[:, index])) == pytest.approx(probability, abs=1e-6)
        assert confidence[:, index] == pytest.approx(model.decision_function(asked), abs=1e-4)


def test_it_tells_right_from_wrong_on_other_people():
    confidence = load(fit(invented_evidence(), GENERATOR)).confidence(invented_table().signals, GENERATOR)
    right = invented_table().outcomes.hits[:, :, 0] > 0.5
    for index in range(4):
        assert roc_auc_score(right[:, index], confidence[:, index]) > 0.8


@pytest.mark.parametrize("queries", [1, 40])
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_of_one_kind_alone_all_leave_or_none_and_the_margins_share_orders_them(queries, right):
    """Of held-out queries that were all wrong nobody learns to let others go."""
    seen = invented_table(queries=queries, people=1)
    outcomes = replace(seen.outcomes, hits=np.full_like(seen.outcomes.hits, right))
    parameters = fit(replace(invented_evidence(), calibration=replace(seen, outcomes=outcomes)), GENERATOR)
    assert parameters["coefficients"].tolist() == [[0, 0, 1, 0, 0, 0, 0]] * 4
    policy, signals = load(parameters), invented_table().signals
    confidence = policy.confidence(signals, GENERATOR)
    assert ((confidence >= policy.own_threshold) == bool(right)).all()
    share = described(signals, GENERATOR)[:, :, 2]
    assert (np.argsort(confidence, axis=0, kind="stable") == np.argsort(share, axis=0, kind="stable")).all()


def test_what_is_read_is_finite_whatever_is_in_sight():
    signals = invented_table(queries=2, people=2).signals
    blind = replace(
        signals,
        nearest_distances=np.full_like(signals.nearest_distances, np.inf),
        nearest_indices=np.full_like(signals.nearest_indices, -1),
        nearest_pids=np.full_like(signals.nearest_pids, -1),
        identity_margin=np.full_like(signals.identity_margin, np.inf),
        previous_identity_distance=np.full_like(signals.identity_margin, np.inf),
    )
    read = described(blind, GENERATOR)
    assert read.shape == (2, 4, SIGNALS)
    assert np.isfinite(read).all()
