"""What every registered policy must keep."""

from copy import deepcopy

import numpy as np
import pytest
from invented import COSTS, invented_table

from bench import registry
from bench.budget.sweep import sweep
from bench.spec import SweepSpec

POLICIES = registry.names("policy")


@pytest.fixture(params=POLICIES)
def policy(request):
    return registry.policy(request.param)


def test_confidences_have_the_shape_of_the_table(policy):
    table = invented_table()
    confidence = policy.confidence(table.signals, np.random.default_rng(0))
    assert confidence.shape == (len(table), len(table.exits))
    assert not np.isnan(confidence).any()


def test_the_same_draws_give_the_same_confidences(policy):
    signals = invented_table().signals
    one, other = (policy.confidence(signals, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, other)


def test_signals_are_not_changed(policy):
    signals = invented_table().signals
    before = deepcopy(signals)
    policy.confidence(signals, np.random.default_rng(0))
    for name in signals.__dataclass_fields__:
        assert np.array_equal(getattr(signals, name), getattr(before, name))


def test_it_says_what_deciding_costs(policy):
    signals = invented_table().signals
    macs = np.asarray(policy.macs(signals.dims, signals.classes))
    assert macs.shape == (len(signals.dims),)
    assert (macs >= 0).all()
    assert macs[-1] == 0, "nothing is decided at the last exit"
    assert policy.applies(signals)


def test_it_sweeps_between_the_static_exits_and_under_the_oracle(policy):
    spec = SweepSpec((policy.name,), modes=("exact",), budgets=5, resamples=20)
    records = sweep(invented_table(), COSTS, spec, [policy])
    exits = [record for record in records if record["kind"] == "exit"]
    curve = [record for record in records if record["kind"] == "policy"]
    oracle = [record for record in records if record["policy"] == "best mAP for the budget"]
    assert (curve[0]["mAP"], curve[-1]["mAP"]) == (exits[0]["mAP"], exits[-1]["mAP"])
    for point in curve:
        bound = np.interp(point["realised_macs"], [o["realised_macs"] for o in oracle], [o["mAP"] for o in oracle])
        assert point["mAP"] <= bound + 0.005  # the bound is recorded at steps, and bends between them
