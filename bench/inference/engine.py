"""Early exit for real: images in; each query is answered at the exit where its policy lets it go.

After every step the engine searches the gallery's codes of that exit, the policy sees the signals of the exits so far,
and those who leave are answered. The rest goes on by the backend's ``select``. Decisions are those that a sweep over
the exit table simulates (:mod:`bench.budget.sweep`): signals come from the same search.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import Policy
from bench.errors import BenchError
from bench.inference.compaction import Pays, always
from bench.inference.gallery import Gallery, listed
from bench.inference.in_flight import InFlight
from bench.retrieval.table import FloatArray, IntArray

if TYPE_CHECKING:
    from bench.budget.thresholding.contract import Decider
    from bench.inference.backends.backend import Backend

PARTS = ("network", "search", "decision", "compaction")
"""What the time of a batch goes to."""


class Classifier(Protocol):
    """The network's classifiers, for a policy that reads class probabilities."""

    classes: int

    def entropy(self, embedding: NDArray[Any], exit_index: int) -> FloatArray:
        """Entropy (n,) in nats of embeddings (n, …) at an exit."""


@dataclass(frozen=True)
class Answers:
    """What N queries were answered, row by row.

    ``milliseconds`` run from when a query's batch was given to the engine until the query was answered.
    """

    exits: IntArray
    """(N,) where each left."""
    indices: IntArray
    """(N, NEIGHBOURS) nearest gallery images there; −1 where fewer were in sight."""
    distances: FloatArray
    """(N, NEIGHBOURS) their distances: bits, or Euclidean; inf where fewer were in sight."""
    confidence: FloatArray
    """(N, S) of each decision; NaN where none was made."""
    macs: FloatArray
    """(N,) multiply-adds on the way to the exit: network, and the policy's own."""
    milliseconds: FloatArray
    """(N,)"""
    network_milliseconds: FloatArray
    """(N,) of these in the network's steps and in compaction: what is left without search and decision."""
    codes: tuple[NDArray[Any], ...]
    """One array an exit: the embeddings of those who left there, in the order of their rows."""
    runs: Counter[tuple[int, int]]
    """How often each step ran on how many images: (exit, batch size), those carried along included."""
    parts: dict[str, float]
    """Milliseconds in all that went to each of :data:`PARTS`."""

    @property
    def fractions(self) -> FloatArray:
        """(S,) of the queries that left at each exit."""
        return np.bincount(self.exits, minlength=len(self.codes)) / max(1, len(self.exits))

    @classmethod
    def joined(cls, batches: Sequence[Answers]) -> Answers:
        """Put the answers of several batches, at least one, one after another."""
        columns = ("exits", "indices", "distances", "confidence", "macs", "milliseconds", "network_milliseconds")
        return cls(
            **{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in columns},
            codes=tuple(np.concatenate(parts) for parts in zip(*(batch.codes for batch in batches), strict=True)),
            runs=sum((batch.runs for batch in batches), Counter()),
            parts={name: sum(batch.parts[name] for batch in batches) for name in PARTS},
        )


class Engine:
    """A network's steps, a gallery, a policy that is ready, and its thresholds, in one object.

    ``decider()`` begins to decide for one budget (:meth:`bench.budget.thresholding.contract.Thresholding.online`).
    ``costs`` (S,) are cumulative multiply-adds, the policy's own included. ``pays`` decides when those who left are
    taken out of the batch. ``draws`` (N, S) are the confidences of a policy that draws them, a row a query number.
    ``gallery_features`` (G, F) are the first exit's, for a policy that reads them.

    Raises :class:`BenchError` where the parts are not of one network, or the policy lacks what it reads.
    """

    def __init__(
        self,
        backend: Backend,
        gallery: Gallery,
        policy: Policy,
        decider: Callable[[], Decider],
        costs: FloatArray,
        *,
        pays: Pays = always,
        classifier: Classifier | None = None,
        draws: FloatArray | None = None,
        gallery_features: NDArray[np.float16] | None = None,
    ) -> None:
        self.backend, self.gallery, self.policy, self.decider = backend, gallery, policy, decider
        self.costs, self.pays, self.classifier, self.draws = np.asarray(costs, float), pays, classifier, draws
        self.gallery_features = gallery_features
        self.exits = backend.exits
        self.dims = np.array([spec.dim for spec in self.exits], dtype=np.int64)
        self._check()
        self.restart()

    def _check(self) -> None:
        exits = len(self.exits)
        if listed(self.gallery.exits) != listed(self.exits):
            raise BenchError(
                f"the gallery holds codes of {listed(self.gallery.exits)} and the network has {listed(self.exits)}: "
                "build the gallery for this run"
            )
        if len(self.costs) != exits:
            raise BenchError(f"expected the costs of {exits} exits, found {len(self.costs)}")
        if self.policy.drawn and self.draws is None:
            raise BenchError(f"policy {self.policy.name} draws its confidences: the engine needs them in advance")
        if "features" in self.policy.reads:
            if self.gallery_features is None:
                raise BenchError(
                    f"policy {self.policy.name} reads the first exit's features, which this gallery does not hold: "
                    "build it with --features, ask the run's own gallery, or choose another policy"
                )
            if not self.backend.has_features:
                raise BenchError(
                    f"policy {self.policy.name} reads the first exit's features, which backend {self.backend.name} "
                    "does not give: export the run again if its graphs are of an older format (bench model export), "
                    "use --backend torch, or choose another policy"
                )
        if "classes" in self.policy.reads and self.classifier is None:
            raise BenchError(
                f"policy {self.policy.name} reads class probabilities, and this network trains no classifier"
            )

    def restart(self) -> None:
        """Forget the queries that came before: a stream's thresholds begin anew."""
        self.deciding = self.decider()

    def answer(self, images: Any, camids: IntArray, numbers: IntArray | None = None) -> Answers:
        """Answer a batch of normalised images, float32 (B, 3, H, W), of cameras (B,).

        A query whose camera is none of the gallery's sees all of it. ``numbers`` (B,) are the queries' rows among
        ``draws``; by default 0 to B − 1.

        Raises :class:`BenchError` for an empty batch.
        """
        count, last = len(camids), len(self.exits) - 1
        if not count:
            raise BenchError("a batch holds 1 image or more")
        clock = Clock()
        flight = InFlight(np.asarray(camids), self.dims, self.classifier.classes if self.classifier else 0)
        exits = np.full(count, last, dtype=np.int64)
        milliseconds, network = np.empty(count), np.empty(count)
        confidences = np.full((count, len(self.exits)), np.nan)
        codes, runs = [], Counter[tuple[int, int]]()
        staying = carried = np.arange(count)
        state = self.backend.start(images)
        for index in range(last + 1):
            state, embedding = self.backend.step(state, index)
            runs[index, len(carried)] += 1
            if len(staying) < len(carried):
                embedding = embedding[np.searchsorted(carried, staying)]
            clock.note("network")
            previous = flight.nearest(index - 1, staying) if index else None
            seen = self.gallery.indexes[index].search(embedding, camids=flight.camids[staying], previous=previous)
            flight.see(index, staying, seen, self.gallery.pids)
            clock.note("search")
            leaving = np.ones(len(staying), dtype=bool)
            if index < last:
                confidence = self._confidence(index, staying, flight, state, embedding, numbers)
                confidences[staying, index] = confidence
                leaving = self.deciding.leave(confidence, index)
            gone = staying[leaving]
            exits[gone] = index
            milliseconds[gone] = clock.note("decision")
            network[gone] = clock.parts["network"] + clock.parts["compaction"]
            codes.append(embedding[leaving])
            staying = staying[~leaving]
            if not len(staying):
                break
            if len(staying) < len(carried) and self.pays(index, len(carried), len(staying)):
                state = self.backend.select(state, np.searchsorted(carried, staying))
                carried = staying
                clock.note("compaction")
        codes += [self.gallery.indexes[index].codes[:0] for index in range(len(codes), last + 1)]
        at = (np.arange(count), exits)
        found = (flight.indices[at], flight.distances[at])
        times = (milliseconds, network)
        return Answers(exits, *found, confidences, self.costs[exits], *times, tuple(codes), runs, clock.parts)

    def _confidence(
        self,
        exit_index: int,
        rows: IntArray,
        flight: InFlight,
        state: Any,
        embedding: NDArray[Any],
        numbers: IntArray | None,
    ) -> FloatArray:
        """Confidence (k,) of queries ``rows`` (k,) at an exit, of which ``embedding`` (k, …) was computed."""
        if self.draws is not None:
            return self.draws[rows if numbers is None else numbers[rows], exit_index]
        if exit_index == 0 and "features" in self.policy.reads:
            # Everybody is there at the first exit: the rows of the state are those of the batch.
            assert self.gallery_features is not None
            features = self.backend.first_features(state, embedding)
            assert features is not None
            flight.read(features, self.gallery_features)
        if "classes" in self.policy.reads:
            assert self.classifier is not None
            flight.classify(exit_index, rows, self.classifier.entropy(embedding, exit_index))
        return self.policy.confidence_at(flight.signals(rows), exit_index)


class Clock:
    """Milliseconds since the batch came, booked to the parts of its way."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.parts = dict.fromkeys(PARTS, 0.0)

    def note(self, part: str) -> float:
        """Book the time since the last note, and give the time since the start."""
        now = time.perf_counter()
        self.parts[part] += 1e3 * (now - self.last)
        self.last = now
        return 1e3 * (now - self.started)
