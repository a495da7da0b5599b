"""What an exit policy brings: the one value that a plug-in of the group ``bench.policies`` registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from bench.retrieval.table import FloatArray, IntArray, Signals


@dataclass(frozen=True)
class Policy:
    """A rule for who leaves first.

    ``confidence(signals, generator)`` gives (N, S) numbers; within an exit, higher leaves earlier. It sees signals
    alone: by type, no label of the test set can reach it. How many leave is the budget's to say.

    ``macs(dims, classes)`` are the multiply-adds (S,) of deciding at each exit, for a policy that computes more than
    comparisons, from the code lengths (S,) and the number of training identities; ``applies(signals)`` is false where
    a method does not give what the policy reads.
    """

    name: str
    summary: str
    source: str
    confidence: Callable[[Signals, np.random.Generator], FloatArray]
    macs: Callable[[IntArray, int], Sequence[int]] = lambda dims, classes: [0] * len(dims)
    applies: Callable[[Signals], bool] = lambda signals: True
