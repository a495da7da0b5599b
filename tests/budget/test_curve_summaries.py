from dataclasses import replace

import numpy as np
import pytest
from invented import COSTS, invented_table

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.curve_summaries import Summary, _references, _Sum
from bench.budget.points import SweepContext
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.references import oracle_curve
from bench.budget.significance import holm
from bench.budget.sweep import sweep
from bench.spec import SweepSpec

POLICIES = ("random", "qs", "gs")


@pytest.fixture(scope="module")
def table():
    return invented_table()


@pytest.fixture(scope="module")
def records(table):
    spec = SweepSpec(POLICIES, thresholdings=("exact", "stream"), budgets=15, resamples=300)
    return sweep(table, COSTS, spec, [registry.policy(name) for name in POLICIES])


def curve_of(records, policy, thresholding="exact"):
    return next(r for r in records if (r["kind"], r["policy"], r["thresholding"]) == ("curve", policy, thresholding))


def test_areas_are_those_under_the_points(records, table):
    for policy in POLICIES:
        points = [r for r in records if (r["kind"], r["policy"], r["thresholding"]) == ("policy", policy, "exact")]
        points.sort(key=lambda record: record["realised_cost"])
        costs = [record["realised_cost"] for record in points]
        for metric in ("mAP", "rank-1"):
            area = np.trapezoid([record[metric] for record in points], costs) / (COSTS[-1] - COSTS[0])
            assert curve_of(records, policy)[f"{metric}_area"] == pytest.approx(area)
    exits = table.outcomes.average_precision.mean(axis=0)
    line = np.trapezoid(exits, COSTS) / (COSTS[-1] - COSTS[0])
    oracle_costs, oracle = oracle_curve(table.outcomes.average_precision, COSTS)
    fine = np.linspace(COSTS[0], COSTS[-1], 100_001)
    bound = np.trapezoid(np.interp(fine, oracle_costs, oracle), fine) / (COSTS[-1] - COSTS[0])
    gs = curve_of(records, "gs")
    assert gs["mAP_area_interpolation"] == pytest.approx(line)
    assert gs["mAP_area_oracle"] == pytest.approx(bound, abs=1e-6)
    assert gs["mAP_gap_closed"] == pytest.approx((gs["mAP_area"] - line) / (bound - line), abs=1e-4)
    assert gs["mAP_area_over_interpolation"] == pytest.approx(gs["mAP_area"] - line)


def test_areas_over_the_hull_are_over_the_exits_that_held_out_people_choose(table):
    """Every draw's hull has the same exits, with that draw's scores; without held-out people there is none."""
    spec = SweepSpec(("gs",), thresholdings=("exact",), budgets=9, resamples=200)
    policies = [registry.policy("gs")]
    (plain,) = [r for r in sweep(table, COSTS, spec, policies) if r["kind"] == "curve"]
    assert not [name for name in plain if "hull" in name]
    held_out = np.linspace(0.2, 0.8, len(COSTS)) - 0.3 * (np.arange(len(COSTS)) == 1)
    (curve,) = [r for r in sweep(table, COSTS, spec, policies, held_out=held_out) if r["kind"] == "curve"]
    assert {name: curve[name] for name in plain} == plain
    corners = [index for index in range(len(COSTS)) if index != 1]
    everybody = per_query_scores(table.outcomes)
    for metric in ("mAP", "rank-1"):
        scores = everybody[..., METRICS.index(metric)]
        draws = IdentityBootstrap.draw(table.outcomes.query_pids, 200, spec.seed).means(scores[..., None])[..., 0]
        span = COSTS[-1] - COSTS[0]
        line = np.trapezoid(scores.mean(axis=0)[corners], COSTS[corners]) / span
        assert curve[f"{metric}_area_hull"] == pytest.approx(line)
        assert curve[f"{metric}_area_over_hull"] == pytest.approx(curve[f"{metric}_area"] - line)
        lead = curve[f"{metric}_area_oracle"] - line
        assert curve[f"{metric}_hull_gap_closed"] == pytest.approx((curve[f"{metric}_area"] - line) / lead)
        spread = np.std(np.trapezoid(draws[:, corners], COSTS[corners], axis=1) / span)
        width = curve[f"{metric}_area_over_hull_high"] - curve[f"{metric}_area_over_hull_low"]
        assert 0 < width < 2 * 1.96 * spread * 1.2  # paired: the curve moves with the hull


def test_margins_close_some_of_the_gap_and_random_exits_none(records):
    assert curve_of(records, "gs")["mAP_gap_closed_low"] > 0.1
    assert curve_of(records, "gs")["mAP_gap_closed_high"] < 1
    assert curve_of(records, "random")["mAP_gap_closed_low"] < 0


def test_enough_accuracy_costs_less_with_margins_than_at_random(records, table):
    whole = table.outcomes.average_precision[:, -1].mean()
    for policy in ("gs", "random"):
        record = curve_of(records, policy)
        points = [r for r in records if (r["kind"], r["policy"], r["thresholding"]) == ("policy", policy, "exact")]
        points.sort(key=lambda one: one["realised_cost"])
        reached = next(one["realised_cost"] for one in points if one["mAP"] >= 0.95 * whole)
        before = max(one["realised_cost"] for one in points if one["realised_cost"] < reached)
        assert before <= record["mAP_cost_for_95"] <= reached
        assert record["mAP_cost_for_95"] <= record["mAP_cost_for_99"]
    assert curve_of(records, "gs")["mAP_cost_for_95_high"] < curve_of(records, "random")["mAP_cost_for_95_low"]


def test_a_few_draws_without_a_value_do_not_take_a_number_away():
    """They count as beyond the ends: a budget that reaches nothing above, and a share of no lead on either side."""
    drawn = np.random.default_rng(0).uniform(0.2, 0.4, size=1001)

    def recorded(dear, leadless):
        costs, oracle = drawn.copy(), np.ones(1001)
        costs[1:][np.argsort(drawn[1:])[1000 - dear :]] = np.inf
        oracle[1 : 1 + leadless] = 0.0
        return Summary("gs", "exact", {"mAP": _Sum(drawn, np.zeros(1001), oracle, None, {95: costs})}).record()

    whole, few = recorded(0, 0), recorded(20, 10)
    for name in ("mAP_cost_for_95", "mAP_cost_for_95_low", "mAP_cost_for_95_high", "mAP_gap_closed"):
        assert few[name] == pytest.approx(whole[name])
    assert whole["mAP_gap_closed_low"] == pytest.approx(np.quantile(drawn[1:], 0.025))
    assert few["mAP_gap_closed_low"] < np.quantile(drawn[11:], 0.025)
    assert few["mAP_gap_closed_high"] > np.quantile(drawn[11:], 0.975)
    many = recorded(30, 30)
    assert not [name for name in many if "cost_for" in name or "gap_closed" in name]


def test_every_two_are_compared_once_and_each_with_the_line(records):
    met = [record for record in records if record["kind"] == "comparison" and record["thresholding"] == "stream"]
    assert {frozenset((r["policy"], r["other"])) for r in met} == {
        frozenset(pair)
        for pair in (
            ("random", "qs"),
            ("random", "gs"),
            ("qs", "gs"),
            ("random", "interpolation"),
            ("qs", "interpolation"),
            ("gs", "interpolation"),
        )
    }
    for record in met:
        one, other = curve_of(records, record["policy"], "stream"), record["other"]
        rival = one["mAP_area_interpolation"] if other == "interpolation" else 0.0
        rival = rival or curve_of(records, other, "stream")["mAP_area"]
        assert record["mAP_area_lead"] == pytest.approx(one["mAP_area"] - rival)
        assert record["mAP_area_lead_p_holm"] >= record["mAP_area_lead_p"]
    # One family: six pairs in two metrics. The least p of all is multiplied by twelve.
    p, corrected = (
        [record[f"{metric}_area_lead_p{what}"] for record in met for metric in ("mAP", "rank-1")]
        for what in ("", "_holm")
    )
    assert min(corrected) == pytest.approx(12 * min(p))
    assert corrected == pytest.approx(holm(np.array(p)))
    certain = next(r for r in met if (r["policy"], r["other"]) == ("random", "gs"))
    assert certain["mAP_area_lead_high"] < 0
    assert certain["mAP_area_lead_p_holm"] < 1e-6


def test_the_same_policy_under_two_names_is_no_better(table):
    gs = registry.policy("gs")
    twins = [gs, replace(gs, name="twin")]
    spec = SweepSpec(("gs", "twin"), thresholdings=("exact",), budgets=9, resamples=50)
    met = [r for r in sweep(table, COSTS, spec, twins) if r["kind"] == "comparison" and r["other"] == "twin"]
    assert (met[0]["mAP_area_lead"], met[0]["mAP_area_lead_p"], met[0]["rank-1_area_lead_p_holm"]) == (0, 1, 1)


def test_draws_of_the_oracle_are_the_oracle_of_the_drawn(table):
    """The queries of the people drawn, as a table of their own, have the oracle's area that the draw says."""
    scores = per_query_scores(table.outcomes)
    context = SweepContext.of(scores, COSTS, IdentityBootstrap.draw(table.outcomes.query_pids, 3, seed=1))
    line, oracle, _ = _references(context, "mAP")
    for draw, counts in enumerate(context.bootstrap.counts, start=1):
        drawn = np.repeat(np.arange(len(table)), counts[context.bootstrap.rows].astype(int))
        redrawn = scores[drawn][..., METRICS.index("mAP")]
        costs, best = oracle_curve(redrawn, COSTS)
        fine = np.linspace(COSTS[0], COSTS[-1], 100_001)
        area = np.trapezoid(np.interp(fine, costs, best), fine) / (COSTS[-1] - COSTS[0])
        assert oracle[draw] == pytest.approx(area, abs=1e-6)
        assert line[draw] == pytest.approx(np.trapezoid(redrawn.mean(axis=0), COSTS) / (COSTS[-1] - COSTS[0]))


def test_a_handful_of_points_near_one_end_has_no_area(table):
    spec = SweepSpec(("gs",), thresholdings=("exact",), a_values=(0.0, 0.1), resamples=20)
    records = sweep(table, COSTS, spec, [registry.policy("gs")])
    assert "mAP_area" not in curve_of(records, "gs")
    assert not [record for record in records if record["kind"] == "comparison"]
