"""What every registered policy must keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import registry
from bench.budget.policy import LearnedPolicy, Parameters, Policy
from bench.budget.sweep import sweep
from bench.retrieval.table import OF_QUERIES, ExitTable, Signals
from bench.spec import SweepSpec
from bench.testing.invented import COSTS, FEATURES, invented_evidence, invented_table, ready, with_features


@pytest.fixture(scope="module")
def policy(policy_name: str) -> Policy:
    return ready(registry.policy(policy_name))


@pytest.fixture(scope="module")
def learned(learned_policy_name: str) -> LearnedPolicy:
    found = registry.policy(learned_policy_name)
    assert isinstance(found, LearnedPolicy)
    return found


@pytest.fixture(scope="module")
def parameters(learned: LearnedPolicy) -> Parameters:
    return learned.fit(invented_evidence(), np.random.default_rng(0))


@pytest.fixture
def table() -> ExitTable:
    return with_features(invented_table())


def test_confidences_have_the_shape_of_the_table(policy: Policy, table: ExitTable) -> None:
    confidence = policy.confidence(table.signals, np.random.default_rng(0))
    assert confidence.shape == (len(table), len(table.exits))
    assert not np.isnan(confidence).any()


def test_the_same_draws_give_the_same_confidences(policy: Policy, table: ExitTable) -> None:
    signals = table.signals
    one, other = (policy.confidence(signals, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, other)


def test_signals_are_not_changed(policy: Policy, table: ExitTable) -> None:
    signals = table.signals
    before = deepcopy(signals)
    policy.confidence(signals, np.random.default_rng(0))
    assert signals.features is not None
    assert before.features is not None
    for name in set(signals.__dataclass_fields__) - {"features"}:
        assert np.array_equal(getattr(signals, name), getattr(before, name))
    assert np.array_equal(signals.features.query, before.features.query)
    assert np.array_equal(signals.features.gallery, before.features.gallery)


def test_it_says_what_deciding_costs(policy: Policy, table: ExitTable) -> None:
    signals = table.signals
    macs = np.asarray(policy.macs(signals.dims, signals.classes))
    assert macs.shape == (len(signals.dims),)
    assert (macs >= 0).all()
    assert macs[-1] == 0, "nothing is decided at the last exit"
    assert policy.applies(signals)


def test_it_sweeps_between_the_static_exits_and_under_the_oracle(policy: Policy, table: ExitTable) -> None:
    spec = SweepSpec((policy.name,), thresholdings=("exact",), budgets=5, resamples=20)
    records = sweep(table, COSTS, spec, [policy])
    exits = [record for record in records if record["kind"] == "exit"]
    curve = [record for record in records if record["kind"] == "policy"]
    oracle = [record for record in records if record["policy"] == "best mAP for the budget"]
    assert (curve[0]["mAP"], curve[-1]["mAP"]) == (exits[0]["mAP"], exits[-1]["mAP"])
    for point in curve:
        bound = np.interp(point["realised_cost"], [o["realised_cost"] for o in oracle], [o["mAP"] for o in oracle])
        assert point["mAP"] <= bound + 0.005  # the bound is recorded at steps, and bends between them


def test_a_query_is_judged_by_its_own_signals(policy: Policy, table: ExitTable) -> None:
    """Who else asks changes nothing: a deployed system sees one query at a time."""
    if policy.drawn:
        pytest.skip("draws for the queries in their order")
    signals, part = table.signals, np.arange(100, 180)
    generator = np.random.default_rng(0)
    assert policy.confidence(signals.take(part), generator) == pytest.approx(
        policy.confidence(signals, generator)[part], rel=1e-5
    )


PER_EXIT = [name for name in OF_QUERIES if name != "query_camids"]
FOUND = [name for name in PER_EXIT if name != "class_entropy"]
NOTHING_SEEN = {"nearest_indices": -1, "nearest_pids": -1, "class_entropy": np.nan}


def replaced_after(signals: Signals, exit_index: int, change: Callable[[str, NDArray[Any]], Any]) -> Signals:
    """Signals whose columns after an exit are changed."""
    later = {name: getattr(signals, name).copy() for name in PER_EXIT}
    for name, values in later.items():
        values[:, exit_index + 1 :] = change(name, values[:, exit_index + 1 :])
    return replace(signals, **later)


def test_a_decision_does_not_look_ahead(policy: Policy, table: ExitTable) -> None:
    """Signals of later exits change nothing: scrambled, or absent as while a query is on its way."""
    signals = table.signals
    generator = np.random.default_rng(5)
    whole = policy.confidence(signals, np.random.default_rng(0))
    for index in range(len(table.exits)):
        scrambled = replaced_after(signals, index, lambda name, values: generator.permutation(values))
        absent = replaced_after(signals, index, lambda name, values: NOTHING_SEEN.get(name, np.inf))
        for changed in (scrambled, absent):
            found = policy.confidence(changed, np.random.default_rng(0))
            assert np.array_equal(found[:, : index + 1], whole[:, : index + 1])
        if not policy.drawn and index + 1 < len(table.exits):
            assert np.array_equal(policy.confidence_at(absent, index), whole[:, index])


def test_only_a_policy_that_says_so_draws(policy: Policy, table: ExitTable) -> None:
    generator = np.random.default_rng(0)
    before = generator.bit_generator.state
    policy.confidence(table.signals, generator)
    assert policy.drawn == (generator.bit_generator.state != before)


def test_it_says_what_it_reads(policy: Policy, table: ExitTable) -> None:
    """What is not asked for may be missing."""
    signals = table.signals
    if "features" not in policy.reads:
        signals = replace(signals, features=None)
    if "classes" not in policy.reads:
        signals = replace(signals, class_entropy=np.full_like(signals.class_entropy, np.nan), classes=0)
    if not policy.searches:
        unseen = {name: np.full_like(getattr(signals, name), NOTHING_SEEN.get(name, np.inf)) for name in FOUND}
        signals = replace(signals, **unseen)
    assert np.array_equal(
        policy.confidence(signals, np.random.default_rng(0)), policy.confidence(table.signals, np.random.default_rng(0))
    )


def test_what_was_learned_survives_the_disk(
    learned: LearnedPolicy, parameters: Parameters, table: ExitTable, tmp_path: Path
) -> None:
    np.savez(tmp_path / "policy.npz", **dict[str, Any](parameters))
    with np.load(tmp_path / "policy.npz", allow_pickle=False) as stored:
        again = learned.load(dict(stored))
    one, other = (
        made.confidence(table.signals, np.random.default_rng(0)) for made in (learned.load(parameters), again)
    )
    assert np.array_equal(one, other)
    json.dumps(learned.report(parameters))


def test_fitting_is_repeatable_and_leaves_the_randomness_of_others_alone(
    learned: LearnedPolicy, parameters: Parameters
) -> None:
    import torch

    torch.manual_seed(3)
    again = learned.fit(invented_evidence(), np.random.default_rng(0))
    assert again.keys() == parameters.keys()
    assert all(np.array_equal(again[part], parameters[part]) for part in again)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert drawn == torch.rand(1)


def test_the_cost_is_known_before_and_the_same_after(
    learned: LearnedPolicy, parameters: Parameters, table: ExitTable
) -> None:
    dims, classes = table.signals.dims, table.signals.classes
    assert list(learned.macs(dims, classes, FEATURES)) == list(learned.load(parameters).macs(dims, classes))
