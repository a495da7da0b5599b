from dataclasses import replace

import numpy as np
import pytest
from invented import COSTS, invented_table

from bench import registry
from bench.budget import points
from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.distribution import conditional_exit, exit_distribution
from bench.budget.points import SweepContext, score_points
from bench.budget.policy import Policy
from bench.budget.query_scores import METRICS
from bench.budget.sweep import exit_records, sweep
from bench.budget.thresholding.calibrated import calibrate
from bench.budget.thresholds import threshold_exits
from bench.errors import BenchError
from bench.spec import SweepSpec

POLICIES = ("random", "qs", "gs")


@pytest.fixture(scope="module")
def table():
    return invented_table()


@pytest.fixture(scope="module")
def records(table):
    spec = SweepSpec(POLICIES, thresholdings=("stream", "exact", "calibrated"), budgets=9, resamples=200)
    held_out = invented_table(seed=5).signals
    return sweep(table, COSTS, spec, [registry.policy(name) for name in POLICIES], held_out)


def of(records, **labels):
    return [record for record in records if all(record[name] == value for name, value in labels.items())]


def test_a_search_at_every_exit_is_paid_by_who_reads_what_it_finds(table):
    search = np.array([5.0, 1.0, 7.0, 2.0])
    spec = SweepSpec(POLICIES, thresholdings=("exact",), budgets=4, resamples=5)
    policies = [registry.policy(name) for name in POLICIES]
    without, priced = (sweep(table, COSTS, spec, policies, search=given) for given in (None, search))
    assert of(priced, kind="exit") == of(without, kind="exit"), "everybody at one exit is searched for there alone"
    assert of(priced, policy="random", kind="policy") == of(without, policy="random", kind="policy")
    for record in of(priced, policy="gs", kind="policy"):
        # What is left of the ladder is in the costs: 5 for the first exit that is passed, 6 for two, 13 for three.
        paid = np.array(record["exit_fractions"]) @ (COSTS + np.array([0, 5, 6, 13]))
        assert record["realised_cost"] == pytest.approx(paid, rel=1e-12)
    assert of(priced, policy="gs", kind="policy")[-1]["realised_cost"] == COSTS[-1] + 13


def test_exits_are_plain_means(table, records):
    for index, record in enumerate(of(records, kind="exit")):
        assert record["mAP"] == pytest.approx(table.outcomes.average_precision[:, index].mean())
        assert record["rank-1"] == pytest.approx(table.outcomes.hits[:, index, 0].mean())
        assert record["realised_cost"] == COSTS[index]
        assert record["mAP_gain"] == pytest.approx(0)
        assert record["exit_fractions"][index] == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_exact_mode_meets_the_static_exits_at_both_ends(records, policy):
    exits = of(records, kind="exit")
    curve = of(records, kind="policy", policy=policy, thresholding="exact")
    assert (curve[0]["a"], curve[-1]["a"]) == (0, "inf")
    for end, exit_record in ((curve[0], exits[0]), (curve[-1], exits[-1])):
        for metric in METRICS:
            assert end[metric] == exit_record[metric]
        assert end["realised_cost"] == exit_record["realised_cost"]


def test_every_record_is_whole(records):
    for record in of(records, kind="policy"):
        assert sum(record["exit_fractions"]) == pytest.approx(1)
        assert record["realised_cost"] == pytest.approx(np.dot(record["exit_fractions"], COSTS))
        for metric in METRICS:
            assert record[f"{metric}_low"] <= record[metric] <= record[f"{metric}_high"]
            assert record[f"{metric}_gain_low"] <= record[f"{metric}_gain_high"]


def test_exact_spends_what_is_asked(records):
    for record in of(records, kind="policy", thresholding="exact"):
        assert record["realised_cost"] == pytest.approx(record["requested_cost"], rel=0.01)


def test_margins_that_tell_beat_chance_and_not_the_oracle(records):
    bound = of(records, kind="oracle", policy="best mAP for the budget")
    for record in of(records, kind="policy", policy="gs", thresholding="exact")[2:-2]:
        assert record["mAP_gain_low"] > 0
        assert (
            record["mAP"]
            <= np.interp(record["realised_cost"], [b["realised_cost"] for b in bound], [b["mAP"] for b in bound]) + 1e-9
        )
    for record in of(records, kind="policy", policy="random", thresholding="exact")[1:-1]:
        assert record["mAP_gain_low"] < 0.01


def test_random_exits_have_no_lead_over_their_expectation(records):
    """The random policy is one lot: its lead over all lots is noise around zero, and the interval says so."""
    for record in of(records, kind="policy", policy="random", thresholding="stream"):
        assert record["mAP_over_random_low"] <= 0.01
        assert record["mAP_over_random_high"] >= -0.01
    for record in of(records, kind="policy", policy="gs", thresholding="stream")[2:-2]:
        assert record["mAP_over_random_low"] > 0


def test_lead_over_random_by_hand(table, records):
    """At a = 1 random exits take each exit equally often."""
    spec = SweepSpec(("gs",), thresholdings=("exact",), a_values=(1.0,), resamples=10)
    record = of(sweep(table, COSTS, spec, [registry.policy("gs")]), kind="policy")[0]
    assert record["realised_cost"] == COSTS.mean()
    expected = record["mAP"] - table.outcomes.average_precision.mean()
    assert record["mAP_over_random"] == pytest.approx(expected, abs=1e-4)


def test_permuting_the_queries_changes_nothing_in_exact_mode():
    # Distinct confidences: with ties the lot would fall on others.
    table = invented_table()
    order = np.random.default_rng(0).permutation(len(table))
    signals = replace(
        table.signals, identity_margin=np.random.default_rng(1).random(table.signals.identity_margin.shape)
    )
    table = replace(table, signals=signals)
    permuted = replace(
        table,
        signals=replace(
            signals, **{name: getattr(signals, name)[order] for name in ("identity_margin", "nearest_distances")}
        ),
        outcomes=replace(
            table.outcomes,
            **{name: getattr(table.outcomes, name)[order] for name in table.outcomes.__dataclass_fields__},
        ),
    )
    spec = SweepSpec(("gs",), thresholdings=("exact",), budgets=5, resamples=10)
    gs = [registry.policy("gs")]
    one, other = (of(sweep(rows, COSTS, spec, gs), kind="policy") for rows in (table, permuted))
    assert [record["mAP"] for record in one] == pytest.approx([record["mAP"] for record in other])


def test_same_seed_same_records(table):
    spec = SweepSpec(("random",), budgets=3, resamples=20)
    policies = [registry.policy("random")]
    assert sweep(table, COSTS, spec, policies) == sweep(table, COSTS, spec, policies)


def test_policies_see_signals_alone(table):
    """Shuffled labels change no decision: what a policy gets has none."""
    outcomes = table.outcomes
    shuffled = replace(table, outcomes=replace(outcomes, query_pids=outcomes.query_pids[::-1]))
    spec = SweepSpec(POLICIES, budgets=4, resamples=10)
    policies = [registry.policy(name) for name in POLICIES]
    one, other = sweep(table, COSTS, spec, policies), sweep(shuffled, COSTS, spec, policies)
    for first, second in zip(of(one, kind="policy"), of(other, kind="policy"), strict=True):
        assert first["exit_fractions"] == second["exit_fractions"]
        assert first["mAP"] == second["mAP"]


def test_a_policy_that_reaches_for_labels_fails(table):
    cheat = Policy("cheat", "", "", lambda signals, generator: signals.average_precision)  # type: ignore[attr-defined]
    with pytest.raises(BenchError, match=r"policy cheat failed \(AttributeError: 'Signals' .* 'average_precision'"):
        sweep(table, COSTS, SweepSpec(("cheat",)), [cheat])


def test_a_policys_own_multiply_adds_are_paid(table):
    """A decision is made at every exit that is reached but the last, and the budgets go from there to there."""
    paying = replace(registry.policy("gs"), name="paying", macs=lambda dims, classes: [5, 3, 2, 0])
    costs = COSTS + np.array([5, 8, 10, 10])
    curve = of(
        sweep(table, COSTS, SweepSpec(("paying",), thresholdings=("exact",), budgets=5, resamples=10), [paying]),
        kind="policy",
    )
    assert (curve[0]["realised_cost"], curve[-1]["realised_cost"]) == (costs[0], costs[-1])
    for record in curve:
        assert record["realised_cost"] == pytest.approx(np.dot(record["exit_fractions"], costs))
    free = of(
        sweep(
            table,
            COSTS,
            SweepSpec(("gs",), thresholdings=("exact",), a_values=(1.0,), resamples=10),
            [registry.policy("gs")],
        ),
        kind="policy",
    )[0]
    paid = of(
        sweep(table, COSTS, SweepSpec(("paying",), thresholdings=("exact",), a_values=(1.0,), resamples=10), [paying]),
        kind="policy",
    )[0]
    assert paid["mAP"] == free["mAP"]
    assert paid["mAP_gain"] < free["mAP_gain"]


def test_explicit_values_of_a(table):
    spec = SweepSpec(("gs",), thresholdings=("exact",), a_values=(0.5, float("inf")), resamples=10)
    assert [r["a"] for r in sweep(table, COSTS, spec, [registry.policy("gs")]) if r["kind"] == "policy"] == [0.5, "inf"]


def test_one_exit_has_no_budget():
    table = invented_table(exits=1)
    with pytest.raises(BenchError, match="at least two exits"):
        sweep(table, COSTS[:1], SweepSpec(("gs",)), [])
    assert exit_records(table, COSTS[:1], 20, 0)[0]["mAP"] == pytest.approx(table.outcomes.average_precision.mean())


def test_calibrated_points_are_decided_by_held_out_people(table, records):
    """Thresholds set on the test queries themselves would be a leak."""
    confidence, held_out = (one.signals.identity_margin for one in (table, invented_table(seed=5)))
    for record in of(records, kind="policy", policy="gs", thresholding="calibrated"):
        thresholds = calibrate(held_out, conditional_exit(exit_distribution(float(record["a"]), len(COSTS))))
        left = np.bincount(threshold_exits(confidence, thresholds), minlength=len(COSTS))
        assert record["exit_fractions"] == pytest.approx(left / len(table))


def test_calibrated_mode_needs_calibration(table):
    with pytest.raises(BenchError, match="held out"):
        sweep(table, COSTS, SweepSpec(("gs",), thresholdings=("calibrated",)), [registry.policy("gs")])


@pytest.mark.parametrize(
    "wrong", [{"budgets": 1}, {"shuffles": 0}, {"a_values": (-1.0,)}, {"a_values": (float("nan"),)}]
)
def test_sweeps_of_nothing_are_refused(wrong):
    with pytest.raises(BenchError):
        SweepSpec(("gs",), **wrong)


def test_bootstrap_resamples_people_not_queries():
    pids = np.array([1, 1, 1, 2, 3, 3])
    weights = IdentityBootstrap.draw(pids, 500, seed=0).weights()
    assert weights.sum(axis=1) == pytest.approx(1)
    assert np.all(weights[:, 0] == weights[:, 1])
    assert np.all(weights[:, 4] == weights[:, 5])


def test_bootstrap_interval_against_the_closed_form():
    """Means of n independent people: the interval is that of the normal law."""
    values = np.random.default_rng(0).normal(size=600)
    draws = IdentityBootstrap.draw(np.arange(600), 4000, seed=1).means(values)
    low, high = interval(draws)
    half = 1.96 * values.std() / np.sqrt(600)
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_a_sweep_in_blocks_of_queries_is_that_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over blocks are those over all queries, also where a block cuts an identity's queries in two."""
    rng = np.random.default_rng(5)
    scores = rng.random((101, 3, 7))
    context = SweepContext.of(scores, np.array([1.0, 2.0, 4.0]), IdentityBootstrap.draw(np.arange(101) // 4, 50, 0))
    exits = rng.integers(0, 3, (2, 5, 101))
    whole = score_points(context, [{}] * 5, exits)
    monkeypatch.setattr(points, "QUERIES_AT_ONCE", 10)
    blocks = score_points(context, [{}] * 5, exits)
    for name in ("cost", "cost_draws", "scores", "score_draws", "exit_fractions", "shuffle_spread"):
        np.testing.assert_allclose(getattr(blocks, name), getattr(whole, name), atol=1e-12)
    one_by_one = np.array([[scores[query, exits[0, k, query]] for query in range(101)] for k in range(5)])
    two = np.array([[scores[query, exits[1, k, query]] for query in range(101)] for k in range(5)])
    np.testing.assert_allclose(whole.scores, (one_by_one + two).mean(axis=1) / 2, atol=1e-12)
