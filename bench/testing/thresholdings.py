"""What every registered thresholding must keep: as many leave as may, and online decisions are the simulated ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import registry
from bench.budget.distribution import ExitFractions
from bench.budget.policies.gallery_separability import GALLERY_SEPARABILITY
from bench.budget.sweep import sweep
from bench.budget.thresholding.contract import Decider, Thresholding
from bench.errors import BenchError
from bench.retrieval.table import FloatArray, IntArray
from bench.spec import SweepSpec
from bench.testing.invented import COSTS, invented_table

MANY = 20_000


def decide(
    rule: Thresholding, confidence: FloatArray, a_values: list[float], calibration: FloatArray, seed: int = 0
) -> IntArray:
    """Exits (K, N) by the simulation."""
    fractions = ExitFractions.of(a_values, confidence.shape[1])
    held_out = calibration if rule.needs == "calibration" else None
    return rule.exits(confidence, fractions, held_out, np.random.default_rng(seed))


def run_online(decider: Decider, confidence: FloatArray, batch: int) -> NDArray[np.int64]:
    """Serve queries as an engine does: a batch after another, each exit deciding for those that are left."""
    queries, num_exits = confidence.shape
    exits = np.full(queries, -1)
    for first in range(0, queries, batch):
        rows = np.arange(first, min(first + batch, queries))
        for index in range(num_exits):
            leaving = decider.leave(confidence[rows, index], index)
            assert leaving.dtype == bool
            exits[rows[leaving]] = index
            rows = rows[~leaving]
    return exits


def test_thresholding_says_what_it_is(thresholding_name: str) -> None:
    """Name, summary and source are there."""
    rule = registry.thresholding(thresholding_name)
    assert rule.name == thresholding_name
    assert rule.summary
    assert rule.source
    assert rule.needs in ("", "calibration")


@pytest.mark.parametrize("queries", [1, 7, 60])
@pytest.mark.parametrize("num_exits", [1, 3])
def test_every_query_has_an_exit_at_every_budget(thresholding_name: str, queries: int, num_exits: int) -> None:
    """Exits (K, N) from 0 on, and the confidences are as they were."""
    generator = np.random.default_rng(queries)
    confidence, calibration = (generator.normal(size=(count, num_exits)) for count in (queries, 30))
    before = confidence.copy()
    exits = decide(registry.thresholding(thresholding_name), confidence, [0.0, 0.4, 3.0, np.inf], calibration)
    assert exits.shape == (4, queries)
    assert exits.min() >= 0
    assert exits.max() < num_exits
    assert np.array_equal(confidence, before)


def test_everybody_leaves_first_without_a_budget(thresholding_name: str) -> None:
    """The least budget pays for the first exit alone."""
    generator = np.random.default_rng(0)
    confidence, calibration = generator.normal(size=(50, 4)), generator.normal(size=(30, 4))
    (exits,) = decide(registry.thresholding(thresholding_name), confidence, [0.0], calibration)
    assert set(exits) == {0}


def test_over_many_queries_as_many_leave_as_may(thresholding_name: str) -> None:
    """Fractions are kept to two points."""
    generator = np.random.default_rng(1)
    confidence, calibration = generator.normal(size=(MANY, 4)), generator.normal(size=(MANY, 4))
    (exits,) = decide(registry.thresholding(thresholding_name), confidence, [0.7], calibration)
    assert np.bincount(exits) / len(exits) == pytest.approx(ExitFractions.of([0.7], 4).p[0], abs=0.02)


def test_the_last_exits_confidence_decides_nothing(thresholding_name: str) -> None:
    """Who comes to the last exit leaves there."""
    generator = np.random.default_rng(2)
    confidence, calibration = generator.normal(size=(80, 4)), generator.normal(size=(40, 4))
    other = confidence.copy()
    other[:, -1] = generator.normal(size=80)
    rule = registry.thresholding(thresholding_name)
    assert np.array_equal(
        decide(rule, confidence, [0.5, 2.0], calibration), decide(rule, other, [0.5, 2.0], calibration)
    )


def test_the_order_of_the_queries_matters_only_where_it_says_so(thresholding_name: str) -> None:
    """``order_matters`` is as it says, for a sweep averages over orders only then."""
    rule = registry.thresholding(thresholding_name)
    generator = np.random.default_rng(3)
    confidence, calibration = generator.normal(size=(200, 4)), generator.normal(size=(60, 4))
    order = generator.permutation(200)
    exits = decide(rule, confidence, [0.5], calibration)[0]
    shuffled = decide(rule, confidence[order], [0.5], calibration)[0]
    assert np.array_equal(shuffled, exits[order]) != rule.order_matters


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("ties", [False, True])
def test_online_decisions_are_the_simulated_ones(thresholding_name: str, batch: int, ties: bool) -> None:
    """Decision for decision, whatever the batches, also where many confidences are equal."""
    rule = registry.thresholding(thresholding_name)
    if rule.transductive:
        pytest.skip("this thresholding has no online form")
    generator = np.random.default_rng(4)
    confidence, calibration = (generator.normal(size=(count, 4)) for count in (60, 25))
    if ties:
        confidence, calibration = confidence.round(), calibration.round()
        confidence[generator.random(confidence.shape) < 0.1] = np.inf
    for a in (0.0, 0.6, 4.0, np.inf):
        decider = rule.online(ExitFractions.of([a], 4).q[0], calibration if rule.needs == "calibration" else None)
        assert np.array_equal(run_online(decider, confidence, batch), decide(rule, confidence, [a], calibration)[0])


def test_no_decision_is_made_on_nan(thresholding_name: str) -> None:
    """A confidence that is NaN is an error that names query and exit."""
    rule = registry.thresholding(thresholding_name)
    if rule.transductive:
        pytest.skip("this thresholding has no online form")
    decider = rule.online(np.array([0.5, 0.5, 1.0]), np.zeros((4, 3)))
    with pytest.raises(BenchError, match="NaN for query 1 at exit 2"):
        decider.leave(np.array([0.0, np.nan]), 1)


def test_thresholding_sweeps(thresholding_name: str) -> None:
    """A sweep has a point at every budget, and a spread over orders where they matter."""
    table = invented_table()
    spec = SweepSpec(("gs",), thresholdings=(thresholding_name,), budgets=5, shuffles=3, resamples=20)
    records = sweep(table, COSTS, spec, [GALLERY_SEPARABILITY], invented_table(seed=5).signals)
    points = [record for record in records if record["kind"] == "policy"]
    assert [point["thresholding"] for point in points] == [thresholding_name] * 5
    spread = any(point["shuffle_spread_mAP"] > 0 for point in points)
    assert spread == registry.thresholding(thresholding_name).order_matters
