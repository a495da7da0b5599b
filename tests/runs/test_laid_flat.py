"""Records laid flat: columns and rows say the same, exits are in order, and what makes no sense is refused."""

import math

import pytest

from bench.runs.rows import columns_of, flat_rows, laid_flat, rows_of

EXITS = ("early", "late")
NUMBERS = {"requested_cost": 2.0, "realised_cost": 1.0, "mAP": 0.5, "rank-1": 0.25}
POINT = {"thresholding": "", "policy": "", "a": None, "exit": None, **NUMBERS}


def records(*others):
    """Records of two exits, the last first, then others."""
    return [{**POINT, "kind": "exit", "exit": index, "mAP": 0.1 * index} for index in (1, 0)] + list(others)


def swept(**fields):
    return {**POINT, "kind": "policy", "policy": "gs", "a": "inf", "exit_fractions": [0.75, 0.25], **fields}


def test_rows_are_in_the_order_of_the_file_and_exits_in_columns_in_their_own():
    rows = flat_rows(records(swept()), EXITS)
    assert [(row["kind"], row["exit_name"]) for row in rows] == [("exit", "late"), ("exit", "early"), ("policy", "")]
    assert rows[2]["a"] == math.inf
    assert [rows[2][f"exit_fraction_{number}"] for number in (1, 2)] == [0.75, 0.25]
    columns = columns_of(laid_flat(records(swept()), EXITS))
    assert list(columns["exit"]["exit"]) == [0, 1]
    assert list(columns["exit"]["exit_name"]) == ["early", "late"]
    assert list(columns["exit"]["mAP"]) == [0.0, 0.1]


def test_none_is_as_a_field_that_is_not_there():
    first, second, third = swept(mAP_gain=None), swept(mAP_gain=0.5), swept()
    alike = laid_flat(records(first, second, third), EXITS)
    assert [one.places for one in alike if one.kind == "policy"] == [[2, 4], [3]]
    assert ["mAP_gain" in row for row in rows_of(alike)[2:]] == [False, True, False]
    gains = list(columns_of(alike)["policy"]["mAP_gain"])
    assert gains[1] == 0.5
    assert math.isnan(gains[0])
    assert math.isnan(gains[2])


def test_a_constrained_oracle_needs_costs_and_the_metric_that_it_is_the_best_of():
    constrained = {**POINT, "kind": "oracle", "policy": "best mAP for the budget", "thresholding": "constrained"}
    del constrained["rank-1"]
    assert len(flat_rows(records(constrained), EXITS)) == 3
    with pytest.raises(ValueError, match="kind oracle lacks rank-1"):
        flat_rows(records(constrained, {**constrained, "thresholding": "stream"}), EXITS)
    with pytest.raises(ValueError, match="kind oracle lacks every metric"):
        flat_rows(records({name: value for name, value in constrained.items() if name != "mAP"}), EXITS)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (swept(kind="guess"), "unknown kind of record 'guess'"),
        (swept(policy=None), "kind policy lacks policy"),
        (swept(realised_cost=None), "kind policy lacks realised_cost"),
        (swept(mAP="high"), "a finite number is expected for mAP$"),
        (swept(mAP=math.nan, young=math.inf), "a finite number is expected for mAP, young$"),
        (swept(exit_fractions=[0.5, math.inf]), "a finite fraction is expected for each of 2 exits"),
        (swept(exit_fractions=[1.0]), "a finite fraction is expected for each of 2 exits"),
        (swept(exit_fractions=0.5), "a finite fraction is expected for each of 2 exits"),
        (swept(mAP=[1.0]), "a finite number is expected for mAP$"),
        (swept(mAP=10**400), "a finite number is expected for mAP$"),
        ({**POINT, "kind": "exit", "exit": 1}, "not one record for each of 2 exits"),
    ],
)
def test_records_of_another_form_are_refused(broken, said):
    for others in ([broken], [swept(), broken], [broken, swept()]):
        with pytest.raises(ValueError, match=said):
            flat_rows(records(*others), EXITS)
