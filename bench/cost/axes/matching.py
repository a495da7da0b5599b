"""Multiply-adds of network and matching: a query is matched with the gallery where it leaves.

At the exits that it passes it is matched too, where the policy reads what is found there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.cost.axes.contract import Cost, Measurement, Prices

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger

CONVERSION = "64 bits compared (one exclusive-or, one population count) count as 1 multiply-add"
"""The rate between two units that have none by nature: one machine word each. It is a convention, not a measurement."""


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    matching = (ledger.matching_macs + ledger.matching_word_operations).astype(float)
    details = {"gallery_images": ledger.gallery_images, "conversion": CONVERSION}
    return Prices(ledger.cumulative_macs + matching, details=details, search=matching)


MATCHING = Cost(
    name="matching",
    summary="multiply-adds of the network and of matching with the gallery; 64 bits compared count as one",
    unit="multiply-adds",
    source="floats × gallery images as multiply-adds, words of 64 bits × gallery images as one each",
    price=_price,
    version=2,
    earlier={1: "a query paid for a search at each exit that it reached, even at one exit alone or leaving at random"},
)
