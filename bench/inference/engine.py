"""Early exit for real: images in; each query is answered at the exit where its policy lets it go.

After every step the engine searches the gallery's codes of that exit, the policy sees the signals of the exits so far,
and those who leave are answered. The rest goes on by the backend's ``select``. Where the policy reads nothing of what a
search finds, a query is searched for only at the exit where it leaves. Decisions are those that a sweep over the exit
table simulates (:mod:`bench.budget.sweep`): signals come from the same search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import Policy
from bench.errors import BenchError
from bench.inference.answers import Answers
from bench.inference.compaction import Pays, always, in_place
from bench.inference.gallery import Gallery, listed
from bench.inference.journey import Group, Journey
from bench.retrieval.table import FloatArray, IntArray

if TYPE_CHECKING:
    from bench.budget.thresholding.contract import Decider
    from bench.inference.backends.backend import Backend


class Classifier(Protocol):
    """The network's classifiers, for a policy that reads class probabilities."""

    classes: int

    def entropy(self, embedding: NDArray[Any], exit_index: int) -> FloatArray:
        """Entropy (n,) in nats of embeddings (n, …) at an exit."""


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
        way = self._begin(camids, numbers)
        rows = np.arange(len(camids))
        way.enter(rows)
        group: Group | None = Group(self.backend.start(images), rows, rows)
        index = 0
        while group is not None:
            group = self._advance(way, group, index, self.pays)
            index += 1
        return way.answers(self.costs, self._no_codes)

    def answer_all(
        self, batches: Iterable[Any], camids: IntArray, numbers: IntArray | None = None, *, batch: int
    ) -> Answers:
        """Answer N queries of cameras (N,), whose images come in ``batches``, in their order.

        Who goes on waits at the next exit until ``batch`` queries are there, so that no step runs on a few, but at the
        end. An exit sees the queries in their order, as it does in :meth:`answer`.

        Raises :class:`BenchError` where there is no query.
        """
        way = self._begin(camids, numbers)
        waiting: list[list[Group]] = [[] for _ in self.exits]
        begun = 0
        for images in batches:
            rows = np.arange(begun, begun + len(images))
            begun += len(rows)
            way.enter(rows)
            waiting[0] = [Group(self.backend.start(images), rows, rows)]
            self._go_on(way, waiting, batch)
        self._go_on(way, waiting, 1)
        return way.answers(self.costs, self._no_codes)

    def _begin(self, camids: IntArray, numbers: IntArray | None) -> Journey:
        if not len(camids):
            raise BenchError("a batch holds 1 image or more")
        return Journey(np.asarray(camids), self.dims, self.classifier.classes if self.classifier else 0, numbers)

    def _go_on(self, way: Journey, waiting: list[list[Group]], batch: int) -> None:
        """Take a step at each exit at which ``batch`` queries wait, and at the first one at any rate."""
        for index, groups in enumerate(waiting):
            if not groups or (index and sum(len(group.staying) for group in groups) < batch):
                continue
            group = groups[0]
            if len(groups) > 1:
                rows = np.concatenate([group.carried for group in groups])
                group = Group(self.backend.join([group.state for group in groups]), rows, np.sort(rows))
                way.clock.note("compaction")
            groups.clear()
            onward = self._advance(way, group, index, always)
            if onward is not None:
                waiting[index + 1].append(onward)

    def _advance(self, way: Journey, group: Group, index: int, pays: Pays) -> Group | None:
        """Take a group to an exit, answer who leaves there, and give the rest; None where nobody is left."""
        carried, staying = group.carried, group.staying
        state, embedding = self.backend.step(group.state, index)
        way.runs[index, len(carried)] += 1
        embedding = embedding[group.rows(staying)]
        way.clock.note("network")
        if self.policy.searches:
            self._search(way, index, staying, embedding)
        leaving = np.ones(len(staying), dtype=bool)
        if index < len(self.exits) - 1:
            confidence = self._confidence(way, index, staying, state, embedding)
            way.confidences[staying, index] = confidence
            leaving = self.deciding.leave(confidence, index)
        way.clock.note("decision")
        if not self.policy.searches and leaving.any():
            self._search(way, index, staying[leaving], embedding[leaving])
        way.leave(staying[leaving], index, embedding[leaving])
        staying = staying[~leaving]
        if not len(staying):
            return None
        if len(staying) < len(carried) and pays(index, len(carried), len(staying)):
            rows = in_place(np.sort(group.rows(staying)))
            state, carried = self.backend.select(state, rows), carried[rows]
            way.clock.note("compaction")
        return Group(state, carried, staying)

    def _search(self, way: Journey, exit_index: int, rows: IntArray, embedding: NDArray[Any]) -> None:
        """Search the gallery of an exit for queries ``rows`` (k,), of which ``embedding`` (k, …) was computed."""
        flight = way.flight
        previous = flight.nearest(exit_index - 1, rows) if exit_index else None
        seen = self.gallery.indexes[exit_index].search(embedding, camids=flight.camids[rows], previous=previous)
        flight.see(exit_index, rows, seen, self.gallery.pids)
        way.searches[exit_index] += len(rows)
        way.clock.note("search")

    def _confidence(
        self, way: Journey, exit_index: int, rows: IntArray, state: Any, embedding: NDArray[Any]
    ) -> FloatArray:
        """Confidence (k,) of queries ``rows`` (k,) at an exit, of which ``embedding`` (k, …) was computed."""
        if self.draws is not None:
            return self.draws[way.numbers[rows], exit_index]
        if exit_index == 0 and "features" in self.policy.reads:
            # Nobody has left before the first exit: the rows of the state are these.
            assert self.gallery_features is not None
            features = self.backend.first_features(state, embedding)
            if features is None:
                raise BenchError(
                    f"policy {self.policy.name} reads the first exit's features, which the network does not tell: "
                    "choose another policy"
                )
            way.flight.read(rows, features, self.gallery_features)
        if "classes" in self.policy.reads:
            assert self.classifier is not None
            way.flight.classify(exit_index, rows, self.classifier.entropy(embedding, exit_index))
        return self.policy.confidence_at(way.flight.signals(rows), exit_index)

    @property
    def _no_codes(self) -> list[NDArray[Any]]:
        return [index.codes[:0] for index in self.gallery.indexes]
