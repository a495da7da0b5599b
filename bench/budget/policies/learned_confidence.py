"""Learned confidence: how likely the first match is right, judged from all signals at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policies.exit_agreement import exit_agreement
from bench.budget.policies.rank_stability import average_overlap
from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy, squashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.retrieval.table import FloatArray, IntArray, Signals

SIGNALS = 7
"""How many numbers the model reads at an exit."""


def described(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Lay out what the model reads, (N, S, SIGNALS): distances relative to one another, so that they are comparable.

    In order: nearest distance; identity margin; that margin as a share of the distance to the other identity; the gap
    to the second-nearest image, likewise; how many of the nearest images show the nearest one's person; overlap with
    the exit before; agreement with the exit before.
    """
    nearest = signals.nearest_distances[:, :, 0]
    visible = np.isfinite(nearest)
    distance = np.where(visible, nearest, 0.0)
    margin = np.where(np.isfinite(signals.identity_margin), signals.identity_margin, distance)
    second = signals.nearest_distances[:, :, 1]
    gap = np.where(np.isfinite(second), second, 0.0) - distance
    overlap = np.zeros(nearest.shape)
    overlap[:, 1:] = average_overlap(signals.nearest_indices[:, 1:], signals.nearest_indices[:, :-1])
    same_person = (signals.nearest_pids == signals.nearest_pids[:, :, :1]) & (signals.nearest_indices >= 0)
    agreement = exit_agreement(signals, generator)
    return np.stack(
        [
            distance,
            margin,
            _share(margin, distance + margin),
            _share(np.maximum(gap, 0.0), distance + np.maximum(gap, 0.0)),
            same_person.sum(axis=2).astype(np.float64),
            overlap,
            np.sign(agreement) * squashed(np.abs(agreement)),
        ],
        axis=2,
    )


def fit(evidence: Evidence, generator: np.random.Generator) -> Parameters:
    """Fit a logistic regression at every exit to the held-out queries: is the first match right?

    Coefficients (S, SIGNALS) and intercepts (S,) are for the signals as they are. Where all held-out queries are right,
    or all wrong, there is nothing to tell apart: the share of the margin, from 0 to 1, orders queries, and the log-odds
    of the counts, half a query added to each, are below −1 or above 1. So all leave by the policy's own threshold, or
    none.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    assert evidence.calibration is not None
    read = described(evidence.calibration.signals, generator)
    right = evidence.calibration.outcomes.hits[:, :, 0] > 0.5
    coefficients, intercepts = np.zeros(read.shape[1:]), np.zeros(read.shape[1])
    for index in range(read.shape[1]):
        if right[:, index].all() or not right[:, index].any():
            coefficients[index, 2] = 1.0
            number = right[:, index].sum()
            intercepts[index] = np.log((number + 0.5) / (len(right) - number + 0.5))
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(read[:, index], right[:, index])
        scaler, regression = model[0], model[1]
        coefficients[index] = regression.coef_[0] / scaler.scale_
        intercepts[index] = regression.intercept_[0] - coefficients[index] @ scaler.mean_
    return {"coefficients": coefficients, "intercepts": intercepts}


def load(parameters: Parameters) -> Policy:
    """Make the policy of fitted parameters."""
    coefficients, intercepts = parameters["coefficients"], parameters["intercepts"]

    def confidence(signals: Signals, generator: np.random.Generator) -> FloatArray:
        # Log-odds: a probability would round to 1 for many queries, which would then be equal.
        return (described(signals, generator) * coefficients).sum(axis=2) + intercepts

    return Policy(
        name=LEARNED_CONFIDENCE.name,
        summary=LEARNED_CONFIDENCE.summary,
        source=LEARNED_CONFIDENCE.source,
        confidence=confidence,
        macs=lambda dims, classes: _macs(dims, classes, 0),
        own_threshold=0.0,
    )


def _macs(dims: IntArray, classes: int, features: int) -> Sequence[int]:
    """(S,) multiply-adds of the weighted sum; the last exit decides nothing."""
    return [SIGNALS] * (len(dims) - 1) + [0]


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


LEARNED_CONFIDENCE = LearnedPolicy(
    name="learned",
    summary="learned confidence: a logistic regression on all signals, fitted on identities held out of training",
    source="failure prediction, as in PTEENet's confidence heads",
    needs="calibration",
    fit=fit,
    load=load,
    macs=_macs,
)
