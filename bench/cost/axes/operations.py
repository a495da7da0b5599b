"""Operations of a binary network, as its papers count them: 64 multiply-adds of ±1 with ±1 are one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.cost.axes.contract import Cost, Measurement, Prices

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger

CONVERSION = "64 multiply-adds of ±1 with ±1 (one exclusive-or, one population count) count as 1 operation, others as 1"
"""OPs = FLOPs + BOPs / 64 (Liu et al., Bi-Real Net, ECCV 2018). Theoretical: PyTorch runs them as floats."""


def _price(ledger: CostLedger, measurement: Measurement | None) -> Prices:
    # Here, not at the top: the ledger loads torch, and listing loads this module.
    from bench.cost.ledger import WORD_BITS

    binary = np.cumsum(ledger.binary_macs)
    ladder = ledger.cumulative_macs - binary + binary / WORD_BITS
    return Prices(ladder, details={"binary_macs": binary.tolist(), "conversion": CONVERSION})


OPERATIONS = Cost(
    name="operations",
    summary="multiply-adds of the network, 64 of ±1 with ±1 counted as one: theoretical, for binary networks",
    unit="operations",
    source="OPs = FLOPs + BOPs / 64 (Liu et al., Bi-Real Net, ECCV 2018)",
    price=_price,
)
