"""What a run prints of its policies: how many others each beats, by the family of tests that the report has."""

from types import SimpleNamespace

import pytest

from bench.cli.outcome import _beaten


def comparison(policy, other, lead, p_map, p_rank_1, thresholding="stream"):
    return {
        "kind": "comparison",
        "thresholding": thresholding,
        "policy": policy,
        "other": other,
        "mAP_area_lead": lead,
        "mAP_area_lead_p": p_map,
        "rank-1_area_lead_p": p_rank_1,
    }


@pytest.mark.parametrize(("p_value", "beaten"), [(0.02, {"gs": 1}), (0.03, {})])
def test_differences_of_both_metrics_are_one_family(p_value, beaten):
    """Two tests: Holm doubles the smaller p-value, so that 0.03 is no difference any more."""
    records = [comparison("qs", "gs", -0.1, p_value, 0.9), comparison("qs", "gs", 0.1, 1e-9, 1e-9, "exact")]
    assert _beaten(SimpleNamespace(records=records), "stream") == beaten


def test_who_was_not_compared_beats_nobody():
    assert _beaten(SimpleNamespace(records=[]), "stream")["gs"] == 0
