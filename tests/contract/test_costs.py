"""What every registered cost must keep."""

import json

import numpy as np
import pytest
from invented import invented_table
from profiled import LEDGER, NETWORK, keep_profile

from bench import registry
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.spec import SweepSpec

NAMES = registry.names("cost")
MEASURED = [name for name in NAMES if registry.cost(name).find]


@pytest.fixture(params=NAMES)
def priced(request, tmp_path):
    """A cost with the prices of a network that has been measured in every unit."""
    keep_profile(tmp_path, joules=[0.1, 0.2, 0.3, 0.5])
    cost = registry.cost(request.param)
    return cost, cost.prices(LEDGER, cost.measurement(NETWORK(tmp_path)))


def test_it_says_what_it_is(priced):
    cost, _ = priced
    assert cost.name
    assert cost.summary
    assert cost.source
    assert cost.unit.endswith("s"), "a plural noun"


def test_every_exit_costs_more_than_the_one_before(priced):
    _, prices = priced
    assert prices.ladder.shape == (len(LEDGER.exits),)
    assert prices.ladder[0] > 0
    assert (np.diff(prices.ladder) > 0).all()
    assert prices.policy_mac >= 0


def test_the_header_is_plain_and_names_the_unit(priced):
    cost, prices = priced
    header = json.loads(json.dumps(cost.header(prices), allow_nan=False))
    assert (header["name"], header["unit"]) == (cost.name, cost.unit)
    assert header.get("policy_mac", 1.0) == prices.policy_mac


def test_it_sweeps(priced):
    _, prices = priced
    spec = SweepSpec(("gs",), thresholdings=("exact",), budgets=3, resamples=10)
    policies = [registry.policy("gs")]
    records = sweep(invented_table(), prices.ladder, spec, policies, None, prices.policy_mac)
    points = [record for record in records if record["kind"] == "policy"]
    assert [point["requested_cost"] for point in points] == pytest.approx(np.linspace(*prices.ladder[[0, -1]], 3))
    assert points[-1]["realised_cost"] == pytest.approx(prices.ladder[-1])


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_not_measured_has_no_price(name, tmp_path):
    """Before anything is trained, and with the command that measures it."""
    with pytest.raises(BenchError, match="bench latency --method hashreid --preset smoke --results"):
        registry.cost(name).measurement(NETWORK(tmp_path))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(MEASURED)))
def test_what_is_counted_is_the_same_on_every_machine(name, tmp_path):
    with pytest.raises(BenchError, match="the same on every machine"):
        registry.cost(name).measurement(NETWORK(tmp_path, which="H100"))
