"""What a run prints of its policies: how many others each beats, by the family of tests that the report has."""

from types import SimpleNamespace

import pytest

from bench.cli.outcome import _beaten, show_policies


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


def caption_of(capsys, **values):
    """Print one policy whose curve has these values; gives what stands on the terminal."""
    scores = {"rank-1": 0.8, "mAP": 0.6, "mAP_gain": 0.0}
    exits = [{"kind": "exit", "realised_cost": cost} for cost in (1e6, 4e6)]
    point = {"kind": "policy", "policy": "gs", "thresholding": "stream", "requested_cost": 2e6, "realised_cost": 2e6}
    curve = {"kind": "curve", "policy": "gs", "thresholding": "stream", **values}
    header = {"sweep": {"thresholdings": ["stream"]}, "evaluation": {"ap": "step"}, "dataset": {"counts": {}}}
    show_policies(SimpleNamespace(header=header, records=[*exits, {**point, **scores}, curve]))
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("area", [{}, {"mAP_area": 0.6}])
def test_a_curve_that_was_not_compared_is_explained(capsys, area):
    assert ("A dash: the curve covers less than 75 % of the way" in caption_of(capsys, **area)) != bool(area)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("mAP_cost_for_95", "A dash under 95 % costs: no budget reaches that accuracy, at least under some draws"),
        ("mAP_gap_closed", "A dash under gap closed: the oracle is not ahead of interpolation, at least under some"),
    ],
)
def test_a_dash_beside_an_area_is_explained(capsys, missing, reason):
    values = {"mAP_area": 0.6, "mAP_cost_for_95": 3e6, "mAP_gap_closed": 0.2}
    assert reason not in caption_of(capsys, **values)
    del values[missing]
    caption = caption_of(capsys, **values)
    assert reason in caption
    assert caption.count("A dash") == 1
