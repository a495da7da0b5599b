from dataclasses import replace

import numpy as np
import pytest
from invented import invented_evidence, invented_table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.budget.policies.learned_confidence import SIGNALS, described, fit, load

GENERATOR = np.random.default_rng(0)


def test_it_is_the_log_odds_of_a_logistic_regression():
    evidence, table = invented_evidence(), invented_table()
    confidence = load(fit(evidence, GENERATOR)).confidence(table.signals, GENERATOR)
    read, right = described(evidence.calibration.signals), evidence.calibration.outcomes.hits[:, :, 0] > 0.5
    for index in range(4):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(read[:, index], right[:, index])
        assert confidence[:, index] == pytest.approx(model.decision_function(described(table.signals)[:, index]))


def test_it_tells_right_from_wrong_on_other_people():
    confidence = load(fit(invented_evidence(), GENERATOR)).confidence(invented_table().signals, GENERATOR)
    right = invented_table().outcomes.hits[:, :, 0] > 0.5
    for index in range(4):
        assert roc_auc_score(right[:, index], confidence[:, index]) > 0.8


def test_with_everybody_right_the_margins_share_decides():
    evidence = invented_evidence()
    outcomes = evidence.calibration.outcomes
    certain = replace(evidence.calibration, outcomes=replace(outcomes, hits=np.ones_like(outcomes.hits)))
    parameters = fit(replace(evidence, calibration=certain), GENERATOR)
    assert parameters["coefficients"].tolist() == [[0, 0, 1, 0, 0, 0, 0]] * 4


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
    read = described(blind)
    assert read.shape == (2, 4, SIGNALS)
    assert np.isfinite(read).all()
