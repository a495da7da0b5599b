"""Joules of a kept profile, where a counter of energy was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.cost.axes.contract import Cost, Measurement, PricedNetwork, Prices
from bench.cost.axes.milliseconds import POLICY
from bench.cost.profiles import choose, described, machine

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger


def _find(network: PricedNetwork) -> Measurement:
    return {**choose(network, "joules"), "views": network.views}


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    assert measurement is not None
    ladder = np.array(measurement["joules"], dtype=float) * measurement["views"] / measurement["batch"]
    details = {"machine": machine(measurement), **described(measurement), "policy": POLICY}
    return Prices(ladder, float(ladder[-1] / ledger.cumulative_macs[-1]), details)


JOULES = Cost(
    name="joules",
    summary="joules of an image through the network, where a kept profile has them from a counter",
    unit="joules",
    source="profiles kept under results/latency that name joules to each exit",
    price=_price,
    find=_find,
)
