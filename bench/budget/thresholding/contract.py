"""What a thresholding brings: the one value that a plug-in of the group ``bench.thresholdings`` registers.

A budget says how many queries may leave at each exit, a policy how confident it is of each query. A thresholding turns
both into decisions: for a whole table at once, and query by query as a running system has to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from bench.errors import BenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.budget.distribution import ExitFractions
    from bench.retrieval.table import FloatArray, IntArray

Exits = Callable[["FloatArray", "ExitFractions", "FloatArray | None", "np.random.Generator"], "IntArray"]
"""(confidence (N, S), fractions of K budgets, calibration confidence (M, S) or None, generator) → exits (K, N)."""


class Decider(Protocol):
    """Decisions for one budget, query by query, with whatever it has to remember."""

    def leave(self, confidence: FloatArray, exit_index: int) -> NDArray[np.bool_]:
        """Decide for queries that reach an exit (0 is the first), in order of arrival: confidences (B,) → leave (B,).

        Every query leaves at the last exit. Raises BenchError where a confidence is NaN.
        """


@dataclass(frozen=True)
class Thresholding:
    """A rule for who leaves where.

    ``exits(confidence, fractions, calibration, generator)`` simulates: exits (K, N) for K budgets from confidences
    (N, S) of queries that arrive in the order of the rows. ``decider(q, calibration)`` gives the online form for one
    budget, q (S,), with the same decisions as ``exits``, one for one; it is None where the rule has to know the
    queries still to come, which makes it ``transductive``: a reference, and nothing that can be deployed.

    ``needs`` is "calibration" where thresholds are set on identities held out of training; both forms then get the
    policy's confidences for their queries, (M, S), and None else. ``order_matters`` is true where decisions depend on
    the order of arrival: a sweep then averages over several shuffles of the queries. The module that registers a
    thresholding should not import torch or scipy: listing loads it.
    """

    name: str
    summary: str
    source: str
    exits: Exits
    decider: Callable[[FloatArray, FloatArray | None], Decider] | None
    needs: Literal["", "calibration"] = ""
    order_matters: bool = False

    @property
    def transductive(self) -> bool:
        """Whether it has to know the queries still to come."""
        return self.decider is None

    def online(self, q: FloatArray, calibration: FloatArray | None = None) -> Decider:
        """Begin to decide for the budget of conditional exit fractions q (S,).

        Raises BenchError where the rule is transductive, or where ``calibration`` (M, S) is needed and missing.
        """
        if self.decider is None:
            raise BenchError(
                f"thresholding {self.name} needs to know all queries before it decides on the first: no running system "
                "can; take one of the others (bench list thresholdings)"
            )
        self.check(calibration)
        return self.decider(q, calibration)

    def check(self, calibration: object | None) -> None:
        """Raise BenchError where calibration is needed and missing."""
        if self.needs == "calibration" and calibration is None:
            raise BenchError(
                f"thresholding {self.name} needs identities held out of training: train with --calibration above 0"
            )
