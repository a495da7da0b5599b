"""Multiply-adds of network and matching: a query is matched with the gallery at every exit that it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.cost.axes.contract import Cost, Measurement, Prices

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger

CONVERSION = "64 bits compared (one exclusive-or, one population count) count as 1 multiply-add"
"""The rate between two units that have none by nature: one machine word each. It is a convention, not a measurement."""


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    matching = ledger.matching_macs + ledger.matching_word_operations
    details = {"gallery_images": ledger.gallery_images, "conversion": CONVERSION}
    return Prices((ledger.cumulative_macs + np.cumsum(matching)).astype(float), details=details)


MATCHING = Cost(
    name="matching",
    summary="multiply-adds of the network and of matching with the gallery; 64 bits compared count as one",
    unit="multiply-adds",
    source="floats × gallery images as multiply-adds, words of 64 bits × gallery images as one each",
    price=_price,
)
