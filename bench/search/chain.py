"""Search time of a budgeted run: most queries leave early, and are matched on the first exits' shorter codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import BenchError
from bench.search.timing import LengthTimes


@dataclass(frozen=True)
class Code:
    """The code of one exit: ``binary`` or ``continuous``, and its length."""

    kind: str
    length: int


@dataclass(frozen=True)
class SearchStep:
    """One way of searching, and how long a query takes on average."""

    name: str
    milliseconds: float


def search_chain(
    codes: Sequence[Code], shares: Sequence[float], times: Mapping[int, LengthTimes]
) -> tuple[SearchStep, ...]:
    """Set the search times of HashReID's section 4.4 side by side, for S exits and the shares (S,) that leave at each.

    The paper counts the search at the exit where a query leaves. A policy that looks at distances has to search at
    every exit on the way there too: that is the last step.
    """
    leaving = np.asarray(shares, dtype=float)
    if leaving.shape != (len(codes),) or (leaving < 0).any() or abs(leaving.sum() - 1) > 1e-6:
        raise BenchError(f"shares must be one an exit and add up to 1; found {list(shares)} for {len(codes)} exits")
    reaching = np.cumsum(leaving[::-1])[::-1]
    searches = np.array([times[code.length].search_ms(code.kind) for code in codes])
    last = times[codes[-1].length]
    return (
        SearchStep("everybody, floats of the last exit's length", last.continuous_search_ms),
        SearchStep("everybody, codes of the last exit", float(searches[-1])),
        SearchStep("each query at the exit where it leaves", float(leaving @ searches)),
        SearchStep("each query at every exit on its way", float(reaching @ searches)),
    )
