"""What every registered cost must keep: prices that rise from exit to exit, in a unit that goes on record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import registry
from bench.budget.policies.gallery_separability import GALLERY_SEPARABILITY
from bench.budget.policies.random import RANDOM
from bench.budget.sweep import sweep
from bench.cost.axes.contract import Cost, PricedNetwork, Prices
from bench.cost.ledger import CostLedger, ExitCost
from bench.errors import BenchError
from bench.spec import SweepSpec
from bench.testing.invented import invented_table

OPTIONS = {"bits": 256}
SIZE = (64, 32)
CODES = (("binary", 256), ("binary", 100), ("continuous", 512), ("binary", 2048))
TRUNK = (1000, 2000, 3000, 4000)
GALLERY = 5
LEDGER = CostLedger(
    SIZE,
    GALLERY,
    tuple(
        ExitCost(f"exit {index + 1}", code, dim, macs, 10, 0, 0, 0, 0)  # type: ignore[arg-type]
        for index, ((code, dim), macs) in enumerate(zip(CODES, TRUNK, strict=True))
    ),
)
"""An invented network of four exits."""


def priced_network(results: Path, which: str = "", views: int = 1) -> PricedNetwork:
    """Name the invented network, and where measurements of it are kept."""
    return PricedNetwork("hashreid", "smoke", OPTIONS, SIZE, results, views, which)


@pytest.fixture
def measured_in(tmp_path: Path) -> Path:
    """Folder of results that holds measurements; empty, unless a package fills it for a cost that is measured."""
    return tmp_path


@pytest.fixture
def priced(cost_name: str, measured_in: Path) -> tuple[Cost, Prices]:
    """A cost with the prices of the invented network."""
    cost = registry.cost(cost_name)
    try:
        measurement = cost.measurement(priced_network(measured_in))
    except BenchError as problem:
        pytest.skip(f"nothing was measured: override the fixture measured_in ({problem})")
    return cost, cost.prices(LEDGER, measurement)


def test_cost_says_what_it_is(cost_name: str) -> None:
    """Name, summary, source, and a unit that is a plural noun."""
    cost = registry.cost(cost_name)
    assert cost.name == cost_name
    assert cost.summary
    assert cost.source
    assert cost.unit.endswith("s"), "a plural noun"


def test_every_exit_costs_more_than_the_one_before(priced: tuple[Cost, Prices]) -> None:
    """Prices are positive and rise."""
    _, prices = priced
    assert prices.ladder.shape == (len(LEDGER.exits),)
    assert prices.ladder[0] > 0
    assert (np.diff(prices.ladder) > 0).all()
    assert prices.policy_mac >= 0


def test_the_header_is_plain_and_names_the_unit(priced: tuple[Cost, Prices]) -> None:
    """What goes on record is JSON without NaN."""
    cost, prices = priced
    header = json.loads(json.dumps(cost.header(prices), allow_nan=False))
    assert (header["name"], header["unit"]) == (cost.name, cost.unit)
    assert header.get("policy_mac", 1.0) == prices.policy_mac


def test_cost_sweeps(priced: tuple[Cost, Prices]) -> None:
    """Budgets go from the first exit's price to the last's, with the searches that a policy needs on the way."""
    _, prices = priced
    ladder = prices.ladder
    search = np.zeros(len(ladder)) if prices.search is None else prices.search
    assert (search >= 0).all()
    assert (search <= ladder).all(), "the search where a query leaves is in what it pays"
    spec = SweepSpec(("gs", "random"), thresholdings=("exact",), budgets=3, resamples=10)
    policies = [GALLERY_SEPARABILITY, RANDOM]
    records = sweep(invented_table(), ladder, spec, policies, None, prices.policy_mac, search=prices.search)
    for policy in policies:
        points = [record for record in records if (record["kind"], record["policy"]) == ("policy", policy.name)]
        last = ladder[-1] + (search[:-1].sum() if policy.searches else 0)
        assert [point["requested_cost"] for point in points] == pytest.approx(np.linspace(ladder[0], last, 3))
        assert points[-1]["realised_cost"] == pytest.approx(last)


def test_what_is_counted_is_the_same_on_every_machine(cost_name: str, tmp_path: Path) -> None:
    """A machine is named for costs alone that are measured."""
    cost = registry.cost(cost_name)
    if cost.find:
        pytest.skip("this cost is measured")
    with pytest.raises(BenchError, match="the same on every machine"):
        cost.measurement(priced_network(tmp_path, which="H100"))
