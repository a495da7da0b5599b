"""What a cost brings: the one value that a plug-in of the group ``bench.costs`` registers.

A budget is a mean cost of a query. A cost says what it is counted in, and what a query has paid at each exit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.cost.ledger import CostLedger
    from bench.retrieval.table import FloatArray

Measurement = Mapping[str, Any]
"""What was measured, as plain values."""


@dataclass(frozen=True)
class PricedNetwork:
    """Which network is to be priced, and where what was measured of it is kept.

    ``options`` are those of the method's network, ``input_size`` is (height, width), ``views`` how often the network
    runs for an image. ``which`` chooses among measurements: what follows the colon in ``--cost NAME:WHICH``.
    """

    method: str
    preset: str
    options: Mapping[str, Any]
    input_size: tuple[int, int]
    results: Path
    views: int = 1
    which: str = ""


@dataclass(frozen=True)
class Prices:
    """What a query pays: ``ladder`` (S,) is what it has paid in all when it leaves at each exit.

    ``policy_mac`` is what one multiply-add of an exit policy costs in the same unit. ``details`` go on record.
    ``search`` (S,) is what a search costs at each exit, where searches are counted: the ladder has the one at the exit
    where a query leaves, and those at the exits that it passes are added for policies that read what they find.
    """

    ladder: FloatArray
    policy_mac: float = 1.0
    details: Mapping[str, Any] = field(default_factory=dict)
    search: FloatArray | None = None

    def __post_init__(self) -> None:
        """Take whole numbers, too: what is counted often is."""
        object.__setattr__(self, "ladder", self.ladder.astype(float))
        if self.search is not None:
            object.__setattr__(self, "search", self.search.astype(float))


@dataclass(frozen=True)
class Cost:
    """A cost, in ``unit`` (a plural noun).

    ``price(ledger, measurement)`` gives the prices of a run. A cost that is measured says with ``find(network)`` which
    measurement it reads, and raises BenchError where there is none: it is asked before anything is trained. A cost
    that is counted leaves ``find`` out and gets None. ``version`` is raised when what is counted changes: sweeps that
    were recorded under an earlier one are then not found again, nor shown together with today's, and ``earlier`` says
    in a clause what each earlier version did. The module that registers a cost should not import torch: listing loads
    it.
    """

    name: str
    summary: str
    unit: str
    source: str
    price: Callable[[CostLedger, Measurement | None], Prices]
    find: Callable[[PricedNetwork], Measurement] | None = None
    version: int = 1
    earlier: Mapping[int, str] = field(default_factory=dict)

    def measurement(self, network: PricedNetwork) -> Measurement | None:
        """Find what the prices will be read from; None where they are counted.

        Raises BenchError where nothing was measured, or a machine is named for a cost that is the same on all.
        """
        if self.find is not None:
            return self.find(network)
        if network.which:
            raise BenchError(f"cost {self.name} is counted, the same on every machine: --cost {self.name}")
        return None

    def prices(self, ledger: CostLedger, measurement: Measurement | None) -> Prices:
        """Price every exit; raises BenchError where costs are not one for each exit, or do not rise from exit to exit.

        A budget between exits has no meaning where a later exit costs no more than an earlier one.
        """
        # Here, not at the top: requests name a cost, and help should not wait for NumPy.
        import numpy as np

        prices = self.price(ledger, measurement)
        if prices.ladder.shape != (len(ledger.exits),):
            raise BenchError(
                f"cost {self.name} has {prices.ladder.size} values where the network has {len(ledger.exits)} exits"
            )
        if prices.search is not None and prices.search.shape != prices.ladder.shape:
            raise BenchError(
                f"cost {self.name} prices {prices.search.size} searches where the network has {len(ledger.exits)} exits"
            )
        wrong = ~(np.diff(prices.ladder, prepend=0.0) > 0) | ~np.isfinite(prices.ladder)
        if wrong.any():
            index = int(wrong.argmax())
            values = ", ".join(f"{value:.6g}" for value in prices.ladder)
            again = "measure it again, for longer and on a quiet machine, or " if measurement is not None else ""
            raise BenchError(
                f"a budget needs costs that rise from exit to exit; in {self.unit} the exits cost {values}, and "
                f"{ledger.exits[index].name} does not rise over what comes before it: {again}take another --cost"
            )
        return prices

    def header(self, prices: Prices) -> dict[str, Any]:
        """Give what goes on record: name and unit, details, and what differs from a default, a first version too."""
        rate = {} if prices.policy_mac == 1.0 else {"policy_mac": prices.policy_mac}
        search = {} if prices.search is None else {"search": prices.search.tolist()}
        version = {} if self.version == 1 else {"version": self.version}
        return {"name": self.name, "unit": self.unit, **version, **rate, **search, **prices.details}


def stated_search(stated: Mapping[str, Any]) -> FloatArray | None:
    """Read what a search costs at each exit (S,) from the cost in a header; None where searches are not counted."""
    # Here, not at the top, as above.
    import numpy as np

    return np.array(stated["search"], dtype=np.float64) if "search" in stated else None
