"""Milliseconds of a profile that ``bench latency`` measured and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.cost.axes.contract import Cost, Measurement, PricedNetwork, Prices
from bench.cost.profiles import choose, described, machine

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger

POLICY = "not measured: a policy's multiply-adds are taken to run as fast as the network's"


def _find(network: PricedNetwork) -> Measurement:
    return {**choose(network, "milliseconds"), "views": network.views}


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    assert measurement is not None
    # A profile is of one batch; a query is one image, seen from as many views as were embedded.
    ladder = np.array(measurement["milliseconds"], dtype=float) * measurement["views"] / measurement["batch"]
    details = {
        "machine": machine(measurement),
        **described(measurement),
        "covers": "the network, from normalised images to embeddings; matching is not in it",
        "policy": POLICY,
    }
    return Prices(ladder, float(ladder[-1] / ledger.cumulative_macs[-1]), details)


MILLISECONDS = Cost(
    name="milliseconds",
    summary="milliseconds of an image through the network, as bench latency measured them on a machine",
    unit="milliseconds",
    source="profiles kept under results/latency; milliseconds:PART names the machine, precision or batch",
    price=_price,
    find=_find,
)
