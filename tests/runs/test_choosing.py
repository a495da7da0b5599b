"""Choices among invented runs, against brute force and against what their sweeps recorded."""

from dataclasses import replace

import numpy as np
import pytest
from kept import MACS, keep_run, same_queries

from bench.budget.query_scores import METRICS, per_query_scores
from bench.errors import BenchError
from bench.runs.candidates import ChoiceRequest, Curve, candidates_of
from bench.runs.choosing import choose
from bench.runs.finding import read_run

BUDGETS = 5
"""Those that kept runs are swept with."""
POLICIES = ("gs", "stability")


def asked(**options):
    return ChoiceRequest(**{"policies": POLICIES, "budgets": BUDGETS, "resamples": 50, **options})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two kept runs of the same people, whose exits have other costs, and one that has a single exit."""
    results = tmp_path_factory.mktemp("results")
    swept = {"policies": POLICIES, "thresholdings": ("calibrated",)}
    several = [
        keep_run(results, method, table=same_queries(at), held_out=same_queries(9 + at), macs=factor * MACS, **swept)
        for at, (method, factor) in enumerate([("hashreid", 1.0), ("msdnet", 0.7)])
    ]
    one = {"table": same_queries(3, exits=1), "held_out": same_queries(4, exits=1), "policies": ()}
    return [read_run(folder) for folder in (*several, keep_run(results, "bot-r18", **one))]


@pytest.fixture(scope="module")
def candidates(runs):
    return candidates_of(runs, asked(budget=1.0))


def _dearest(candidates):
    return max(candidate.costs[-1] for candidate in candidates)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("metric", ["mAP", "rank-1"])
def test_no_point_of_a_run_within_the_budget_is_better(candidates, share, metric):
    request = asked(budget=share * _dearest(candidates), metric=metric)
    found = choose(candidates, request)
    every = {
        candidate.name: [
            (float(score), float(cost))
            for curve in Curve.all_of(candidate, request)
            for score, cost in zip(curve.scores.mean(axis=1), curve.costs, strict=True)
            if cost <= request.budget
        ]
        for candidate in candidates
    }
    assert {row["run"] for row in found["rows"]} | set(found["without"]) == set(every)
    for row in found["rows"]:
        score, cost = row["held_out"]["score"], row["held_out"]["cost"]
        assert score == pytest.approx(max(score for score, _ in every[row["run"]]))
        assert cost == pytest.approx(min(cost for one, cost in every[row["run"]] if one == pytest.approx(score)))
    scores = [row["held_out"]["score"] for row in found["rows"]]
    assert scores == sorted(scores, reverse=True)
    assert found["rows"][0]["held_out"]["behind"] == 0
    assert found["rows"][-1]["held_out"]["behind"] == pytest.approx(scores[0] - scores[-1])


def test_the_test_scores_are_those_of_the_sweep(candidates, runs):
    """A policy's point, with thresholds of the held-out people, is what ``bench run`` records at the same budget."""
    candidate, records = candidates[0], runs[0].scored[0].files[0].records
    for curve in Curve.all_of(candidate, asked(budget=1.0)):
        for index in range(len(curve.at)):
            points = curve.tested(index, asked(budget=1.0))
            (record,) = (one for one in records if _is(one, curve, index, candidate))
            assert points.cost[0] == pytest.approx(record["realised_cost"])
            for number, metric in enumerate(METRICS):
                assert points.scores[0, number] == pytest.approx(record[metric])


def _is(record, curve, index, candidate):
    if curve.policy is None:
        return record["kind"] == "exit" and record["exit"] == curve.at[index]
    named = (record["kind"], record["policy"], record["thresholding"]) == ("policy", curve.policy.name, "calibrated")
    return named and record["a"] == pytest.approx(curve.at[index])


def test_thresholds_are_those_that_decide_on_the_test_queries(candidates):
    (gs,) = (
        curve for curve in Curve.all_of(candidates[0], asked(budget=1.0)) if curve.policy and curve.policy.name == "gs"
    )
    table = candidates[0].table
    confidence = gs.policy.confidence(table.signals, np.random.default_rng(0))
    for index in range(len(gs.at)):
        thresholds = np.array(gs.thresholds(index, asked(budget=1.0)))
        reached = np.concatenate([confidence[:, :-1] >= thresholds, np.ones((len(table), 1), dtype=bool)], axis=1)
        fractions = np.bincount(reached.argmax(axis=1), minlength=confidence.shape[1]) / len(table)
        assert gs.tested(index, asked(budget=1.0)).exit_fractions[0] == pytest.approx(fractions)


@pytest.mark.parametrize("rule", [{"budget": 1e9}, {"loss": 0.2}])
def test_test_scores_play_no_part_in_a_choice(candidates, rule):
    generator = np.random.default_rng(0)

    def shuffled(candidate):
        rows = generator.permutation(len(candidate.table))
        outcomes = candidate.table.outcomes
        other = replace(outcomes, average_precision=outcomes.average_precision[rows, ::-1])
        return replace(candidate, table=replace(candidate.table, outcomes=other))

    found, again = (choose(these, asked(**rule)) for these in (candidates, [*map(shuffled, candidates)]))
    assert [row["held_out"] for row in found["rows"]] == [row["held_out"] for row in again["rows"]]
    assert [row["test"]["score"] for row in found["rows"]] != [row["test"]["score"] for row in again["rows"]]


def test_what_a_loss_is_against_is_always_within_it(candidates):
    found = choose(candidates, asked(loss=0.0))
    best = max(candidates, key=lambda one: one.held_out.outcomes.average_precision[:, -1].mean())
    assert found["reference"]["run"] == best.name
    assert found["reference"]["exit"] == best.table.exits[-1]
    assert best.name in [row["run"] for row in found["rows"]]


def test_a_loss_that_is_known_to_be_small_lets_cheaper_points_in(candidates):
    """With losses that are the same for everybody, bounds are the losses: the cheapest exit within them is chosen."""
    candidate = candidates[0]
    steps = np.array([0.3, 0.2, 0.05, 0.0])
    outcomes = candidate.held_out.outcomes
    level = replace(outcomes, average_precision=np.tile(0.9 - steps, (len(candidate.held_out), 1)))
    candidate = replace(candidate, held_out=replace(candidate.held_out, outcomes=level), policies=())
    for allowed, exit_index in ((0.0, 3), (0.04, 3), (0.06, 2), (0.25, 1), (0.5, 0)):
        (row,) = choose([candidate], asked(loss=allowed))["rows"]
        assert row["exit"] == candidate.table.exits[exit_index]
        assert row["held_out"]["behind_bound"] == pytest.approx(steps[exit_index])
        assert row["held_out"]["cost"] == candidate.costs[exit_index]


def test_out_of_fold_scores_are_of_the_exits_taken(candidates):
    scores = per_query_scores(candidates[0].held_out.outcomes)[..., 0]
    for curve in Curve.all_of(candidates[0], asked(budget=1.0))[1:]:
        assert ((curve.scores[:, :, None] == scores).any(axis=2)).all()


def test_runs_of_other_people_are_not_set_beside_each_other(candidates):
    first, second = candidates[:2]
    outcomes = second.held_out.outcomes
    others = replace(second.held_out, outcomes=replace(outcomes, query_pids=outcomes.query_pids + 1))
    with pytest.raises(BenchError, match="other held-out queries"):
        choose([first, replace(second, held_out=others)], asked(budget=1e9))


def test_runs_of_other_data_or_costs_are_refused(runs, tmp_path):
    with pytest.raises(BenchError, match="no results with --cost milliseconds"):
        candidates_of(runs, asked(budget=1.0, cost="milliseconds"))
    with pytest.raises(BenchError, match="did you mean 'macs'"):
        candidates_of(runs, asked(budget=1.0, cost="mac"))
    other = read_run(keep_run(tmp_path, fingerprint="cd" * 32))
    with pytest.raises(BenchError, match="on different data"):
        candidates_of([*runs, other], asked(budget=1.0))


def test_a_cost_by_a_name_of_its_own_is_one_to_choose_in(tmp_path):
    """A file of embeddings may count in what nobody registered."""

    def in_florins(header, records):
        header["cost"] = {"name": "florins", "unit": "florins"}

    folder = keep_run(tmp_path, change=in_florins)
    request = asked(budget=1e9, cost="florins", policies=("gs",))
    assert choose(candidates_of([read_run(folder)], request), request)["cost"]["unit"] == "florins"


def test_one_person_bounds_no_loss(tmp_path):
    """Where nothing is fitted on held-out people one is enough for a budget."""
    table = same_queries(3, exits=1)
    one = replace(table, outcomes=replace(table.outcomes, query_pids=np.ones(len(table), dtype=int)))
    runs = [read_run(keep_run(tmp_path, "bot-r18", table=table, held_out=one, policies=()))]
    request = asked(loss=0.1)
    with pytest.raises(BenchError, match="show one person"):
        choose(candidates_of(runs, request), request)
    request = asked(budget=1e9)
    assert len(choose(candidates_of(runs, request), request)["rows"]) == 1


def test_a_run_without_held_out_people_or_tables_says_so(tmp_path):
    folder = keep_run(tmp_path)
    (path,) = folder.path.glob("*calibration*")
    path.unlink()
    with pytest.raises(BenchError, match="no exit table of held-out people"):
        candidates_of([read_run(folder)], asked(budget=1.0))


def test_a_policy_that_was_not_fitted_is_left_out_with_the_reason(runs):
    (candidate,) = candidates_of(runs[:1], asked(budget=1e9, policies=("gs", "learned")))
    assert [one.policy.name for one in candidate.policies] == ["gs"]
    assert "is not kept; bench run --budget-sweep --policies learned makes it" in candidate.left_out["learned"]
    assert choose([candidate], asked(budget=1e9))["left_out"] == {candidate.name: dict(candidate.left_out)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give --budget, or --loss"),
        ({"budget": 1.0, "loss": 0.1}, "give --budget, or --loss"),
        ({"budget": -1.0}, "a positive cost"),
        ({"budget": float("nan")}, "a positive cost"),
        ({"loss": 1.2}, "from 0 to below 100 points, not 120"),
        ({"loss": 0.1, "confidence": 1.0}, "below 100 %"),
        ({"budget": 1.0, "metric": "rank-2"}, "rank-1"),
        ({"budget": 1.0, "budgets": 2}, "at least 3 budgets"),
        ({"budget": 1.0, "policies": ("gz",)}, "did you mean"),
    ],
)
def test_what_cannot_be_answered_is_refused(options, said):
    with pytest.raises(BenchError, match=said):
        asked(**options)
