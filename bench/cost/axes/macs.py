"""Multiply-adds of the network: the same on every machine, and what papers report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.cost.axes.contract import Cost, Measurement, Prices

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    return Prices(ledger.cumulative_macs.astype(float))


MACS = Cost(
    name="macs",
    summary="multiply-adds of the network, with those of the policy; matching is not in it",
    unit="multiply-adds",
    source="the cost of DaRe, MSDNet and RANet; counted by bench/cost/macs.py",
    price=_price,
)
