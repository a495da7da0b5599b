"""What an exit policy brings: the one value that a plug-in of the group ``bench.policies`` registers.

A :class:`Policy` is a rule that is ready. A :class:`LearnedPolicy` becomes one by being fitted to a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.retrieval.table import ExitTable, FloatArray, IntArray, Signals

Parameters = Mapping[str, "NDArray[Any]"]
"""What a learned policy arrived at: arrays by name, which are kept with the run."""
Sorted = tuple[Sequence[str], "IntArray"]
"""Names of the classes (C,), and the class (N,) of each query as an index into them."""
Need = Literal["calibration", "training statistics"]
"""What a policy learns from: identities held out of training, or the course of training itself."""
Read = Literal["features", "classes"]
"""What costs an engine extra work to give: the first exit's features, the entropy of the training classes."""


@dataclass(frozen=True)
class Policy:
    """A rule for who leaves first.

    ``confidence(signals, generator)`` gives (N, S) numbers; within an exit, higher leaves earlier. It sees signals
    alone: by type, no label of the test set can reach it. How many leave is the budget's to say.

    ``macs(dims, classes)`` are the multiply-adds (S,) of deciding at each exit, for a policy that computes more than
    comparisons, from the code lengths (S,) and the number of training identities. ``gallery_bytes(features)`` are the
    bytes that it keeps of every gallery image, where the first exit's head reads ``features`` numbers.
    ``applies(signals)`` is false where a method does not give what the policy reads. ``own_threshold`` is the
    confidence at the first exit from which the policy says by itself that a query should leave; None where that has to
    be chosen. ``sorts(signals)`` names the class of every query, for a policy that has classes, so that they can be
    looked at.

    The confidence at an exit depends on signals of the exits up to it alone, as at run time there are no others.
    ``column(signals, exit_index)`` gives it (N,) by itself, where that is less work than all of them. ``reads`` says
    what must be computed for the policy beyond the search; ``drawn`` that confidences come from the generator and not
    from signals, row by row. ``searches`` is false where confidences read nothing of what a search of the gallery finds
    (neighbours, distances, margins): the gallery is then searched for a query only at the exit where it leaves.

    ``least_threshold`` is the lowest threshold at the first exit that a choice may come to: below it are queries that
    the policy never lets go by itself. ``gives_up(signals)`` (N,) are the queries that leave the first exit because the
    policy expects no exit to find them, where it tells them apart. ``readings`` are other readings of the source by
    name: ``gs:second`` is the reading ``second`` of ``gs``.
    """

    name: str
    summary: str
    source: str
    confidence: Callable[[Signals, np.random.Generator], FloatArray]
    macs: Callable[[IntArray, int], Sequence[int]] = lambda dims, classes: [0] * len(dims)
    applies: Callable[[Signals], bool] = lambda signals: True
    own_threshold: float | None = None
    gallery_bytes: Callable[[int], int] = lambda features: 0
    sorts: Callable[[Signals], Sorted] | None = None
    column: Callable[[Signals, int], FloatArray] | None = None
    reads: tuple[Read, ...] = ()
    drawn: bool = False
    searches: bool = True
    least_threshold: float | None = None
    gives_up: Callable[[Signals], NDArray[np.bool_]] | None = None
    readings: Mapping[str, Policy] = field(default_factory=dict)

    def confidence_at(self, signals: Signals, exit_index: int) -> FloatArray:
        """Confidence (N,) at one exit, of signals that are filled up to it; not for a policy that draws."""
        import numpy as np

        if self.column is not None:
            return self.column(signals, exit_index)
        return self.confidence(signals, np.random.default_rng(0))[:, exit_index]


@dataclass(frozen=True)
class TrainingStatistics:
    """How the N training images fared in T measurements during training, and how the first exit sees them now."""

    retrieval_history: NDArray[np.int8]
    """(T, N) whether the nearest other training image showed the same person: 1 right, 0 wrong, −1 nothing to find."""
    features: NDArray[np.float16]
    """(N, F) what the first exit's head starts from."""
    neighbours: IntArray
    """(N, k) the nearest training images of other cameras at the first exit; −1 where there are fewer."""


@dataclass(frozen=True)
class Evidence:
    """What a policy may learn from. Nothing of the test set is in it.

    ``calibration`` is the exit table of the identities held out of training, outcomes included, with features in its
    signals where ``training`` is given. Each is None where the policy does not need it.
    """

    calibration: ExitTable | None = None
    training: TrainingStatistics | None = None


@dataclass(frozen=True)
class LearnedPolicy:
    """A policy that is fitted to every run anew.

    ``fit(evidence, generator)`` gives what it learned as arrays, which are kept with the run; ``load(parameters)``
    makes the policy of them, and ``report(parameters)`` plain values to go on record. ``macs(dims, classes,
    features)`` is what deciding will cost (S,), and ``gallery_bytes(features)`` what it keeps of every gallery image,
    known before anything is fitted, where the first exit's head reads ``features`` numbers. ``fitted_as`` names the
    file: policies that fit the same thing share it. ``version`` is raised when fitting or deciding changes: what was
    fitted and recorded under an earlier one is then not used again, and ``earlier`` says in a clause what each earlier
    version did, for reports of kept records. ``readings`` are other readings of the source by name. The module that
    registers the policy should not import torch: listing policies loads it.
    """

    name: str
    summary: str
    source: str
    needs: Need
    fit: Callable[[Evidence, np.random.Generator], Parameters]
    load: Callable[[Parameters], Policy]
    macs: Callable[[IntArray, int, int], Sequence[int]]
    report: Callable[[Parameters], Mapping[str, Any]] = lambda parameters: {}
    gallery_bytes: Callable[[int], int] = lambda features: 0
    fitted_as: str = ""
    version: int = 1
    earlier: Mapping[int, str] = field(default_factory=dict)
    readings: Mapping[str, LearnedPolicy] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Name of the file of parameters, without its ending."""
        return f"{self.fitted_as or self.name}-v{self.version}"


def squashed(margin: FloatArray) -> FloatArray:
    """Squeeze margins of [0, inf], of any shape, into [0, 1), in their order: for policies that add them to another."""
    # Here, not at the top: lists of policies should not wait for NumPy.
    import numpy as np

    finite = np.where(np.isinf(margin), 0.0, margin)
    return np.where(np.isinf(margin), np.nextafter(1.0, 0.0), finite / (1.0 + finite))
