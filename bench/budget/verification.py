"""Same person or not: records of what each exit's distances can tell, at thresholds that an operator would set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.retrieval.same_person import AcceptedPairs
from bench.retrieval.table import FloatArray, IntArray

FALSE_ACCEPT_RATES = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
"""Rates whose thresholds are told, by their names in records."""
CURVE_RATES = np.logspace(-5, 0, 41)
"""False-accept rates at which a curve is recorded, as far as there are impostors to tell them apart."""


def verification_records(
    pairs: Sequence[AcceptedPairs], query_pids: IntArray, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Lay out each exit's pairs: one record of kind ``verification``, and one of kind ``roc`` for each point.

    ``query_pids`` (Q,) are the identities of the queries whose rows the pairs name. True-accept rates have intervals
    over the queries' identities, the threshold held fixed. Where no threshold keeps to a rate, it has none.
    """
    records: list[dict[str, Any]] = []
    for index, of_exit in enumerate(pairs):
        about = {"policy": "", "thresholding": "", "a": None, "exit": index}
        record: dict[str, Any] = {
            "kind": "verification",
            **about,
            "genuine_pairs": len(of_exit.distances),
            "impostor_pairs": of_exit.impostors,
            "roc_area": of_exit.area,
            "equal_error_rate": of_exit.equal_error_rate,
        }
        draws = _Draws(of_exit, query_pids, resamples, seed)
        for name, rate in FALSE_ACCEPT_RATES.items():
            accepted, distance = of_exit.at(rate)
            low, high = draws.interval(distance)
            record |= {f"true_accepts_at_{name}": accepted, f"distance_at_{name}": distance}
            record |= {f"true_accepts_at_{name}_low": low, f"true_accepts_at_{name}_high": high}
        records.append(record)
        records += [{"kind": "roc", **about, **point} for point in _curve(of_exit)]
    return records


def _curve(pairs: AcceptedPairs) -> list[dict[str, Any]]:
    """Points of a curve, each at the most lenient threshold that keeps to a rate; first and last ones once."""
    points: list[dict[str, Any]] = []
    for rate in CURVE_RATES[1 / pairs.impostors <= CURVE_RATES]:
        accepted, distance = pairs.at(float(rate))
        point = {"false_accept_rate": float(rate), "true_accept_rate": accepted, "distance": distance}
        points.append(point)
    return points


class _Draws:
    """Draws of the queries' identities, with the genuine pairs of each query."""

    def __init__(self, pairs: AcceptedPairs, query_pids: IntArray, resamples: int, seed: int) -> None:
        self.pairs = pairs
        self.queries, self.rows = np.unique(pairs.rows, return_inverse=True)
        self.bootstrap = IdentityBootstrap.draw(query_pids[self.queries], resamples, seed)

    def interval(self, distance: float | None) -> tuple[float, float]:
        """95 % interval of the fraction of genuine pairs within a distance."""
        if distance is None:
            return 0.0, 0.0
        accepted = (self.pairs.distances <= distance).astype(np.float64)
        counts: FloatArray = np.stack(
            [np.bincount(self.rows, weights) for weights in (accepted, np.ones_like(accepted))], axis=1
        )
        means = self.bootstrap.means(counts)
        low, high = interval(means[:, 0] / means[:, 1])
        return float(low), float(high)
