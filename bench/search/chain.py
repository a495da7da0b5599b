"""Search time of a budgeted run: most queries leave early and are matched with the shorter codes of the first exits."""

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
    """One way of searching, and its mean time for a query."""

    name: str
    milliseconds: float


def search_chain(
    codes: Sequence[Code], exit_fractions: Sequence[float], times: Mapping[int, LengthTimes]
) -> tuple[SearchStep, ...]:
    """Search times of HashReID's section 4.4, for S exits and the exit fractions (S,).

    The paper counts the search at the exit where a query leaves. A policy that reads distances also searches at every
    earlier exit: that is the last step. Raises :class:`BenchError` for exit fractions that do not fit the exits or do
    not add up to 1.
    """
    leaving = np.asarray(exit_fractions, dtype=float)
    if leaving.shape != (len(codes),) or (leaving < 0).any() or abs(leaving.sum() - 1) > 1e-6:
        raise BenchError(
            f"exit fractions must be one for each exit and add up to 1; found {list(exit_fractions)} for {len(codes)} "
            "exits"
        )
    reaching = np.cumsum(leaving[::-1])[::-1]
    searches = np.array([times[code.length].search_ms(code.kind) for code in codes])
    last = times[codes[-1].length]
    return (
        SearchStep("everybody, floats of the last exit's length", last.continuous_search_ms),
        SearchStep("everybody, codes of the last exit", float(searches[-1])),
        SearchStep("each query at the exit where it leaves", float(leaving @ searches)),
        SearchStep("each query at every exit on its way", float(reaching @ searches)),
    )
