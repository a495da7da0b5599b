"""Queries to look at: what a policy that has classes sorted into each, and what every exit found first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import query_rows
from bench.retrieval.evaluate import matched_queries
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable, IntArray
from bench.running.request import RunRequest
from bench.running.run import Opened

Picture = NDArray[np.uint8]
"""One image (3, H, W)."""


@dataclass(frozen=True)
class Example:
    """A query with gallery images that were found for it, and whether each shows the same person."""

    query: Picture
    matches: tuple[Picture, ...]
    right: tuple[bool, ...]


@dataclass(frozen=True)
class ExampleClass:
    """Queries of one class: how many there are, how many of them the first exit gets right, and a few of them."""

    name: str
    queries: int
    right: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Examples:
    """The classes of one policy, on one run: queries with their nearest images at the first exit."""

    policy: str
    classes: tuple[ExampleClass, ...]


@dataclass(frozen=True)
class TopMatches:
    """The first match at each of S exits, for queries by the exit from which it is right: HashReID's Figure 6."""

    exits: tuple[str, ...]
    classes: tuple[ExampleClass, ...]


@dataclass(frozen=True)
class Pictures:
    """What there is to look at of one run; of a set of tracklets, which are no single images, nothing."""

    examples: tuple[Examples, ...] = ()
    top_matches: TopMatches | None = None


def collect_pictures(request: RunRequest, reporter: Reporter = SILENT, *, each: int = 3, seed: int = 0) -> Pictures:
    """Draw queries of a finished run: ``each`` of every class of every policy that has classes, and two by exit.

    Matches are those that a decision looks at: from the gallery as deployed, by default.
    """
    from bench.running.fitting import ready_policies
    from bench.running.stages import obtain_network
    from bench.running.tables import obtain_tables

    opened = Opened.of(request, reporter)
    if any(sample.tracklet is not None for sample in (*opened.dataset.query, *opened.dataset.gallery)):
        return Pictures()
    with opened.folder.alone():
        context = opened.workbench(reporter)
        network = obtain_network(context)
        tables = obtain_tables(context, network, request.evaluation)
        fitted = ready_policies(
            context, network, request.policies(), *tables, request.evaluation, leave_out=request.leave_out
        )
    signals = fitted.table.signals
    album = _Album.of(opened, fitted.table, seed)
    examples = []
    for policy in fitted.policies:
        if policy.sorts is not None:
            names, sorted_into = policy.sorts(signals)
            classes = [
                album.draw(name, np.flatnonzero(sorted_into == index), signals.nearest_indices[:, 0], each)
                for index, name in enumerate(names)
            ]
            examples.append(Examples(policy.name, tuple(classes)))
    first = signals.nearest_indices[:, :, 0]
    groups = first_right_exit(album.shows_same(first), fitted.table.exits)
    top = TopMatches(fitted.table.exits, tuple(album.draw(name, rows, first, 2) for name, rows in groups.items()))
    return Pictures(tuple(examples), top)


def first_right_exit(right: NDArray[np.bool_], exits: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Group queries by where their first match comes right: names, with rows of ``right`` (N, S)."""
    # Right from an exit on: there and at all later ones.
    lasting = np.logical_and.accumulate(right[:, ::-1], axis=1)[:, ::-1]
    start = np.where(lasting[:, -1], lasting.argmax(axis=1), -1)
    lost = (start < 0) & right.any(axis=1)
    groups = {
        f"right from\n{name}" if index else "right at\nevery exit": start == index for index, name in enumerate(exits)
    }
    groups |= {"right, then\nlost again": lost, "never right": (start < 0) & ~lost}
    return {name: np.flatnonzero(rows) for name, rows in groups.items()}


@dataclass(frozen=True)
class _Album:
    """Pictures and labels of one evaluation, N queries and their gallery, and the dice to draw some with."""

    queries: NDArray[np.uint8]
    gallery: NDArray[np.uint8]
    rows: IntArray
    """(N,) indices of the table's queries among the pictures."""
    query_pids: IntArray
    gallery_pids: IntArray
    generator: np.random.Generator

    @classmethod
    def of(cls, opened: Opened, table: ExitTable, seed: int) -> _Album:
        _, queries, gallery = opened.stores
        (query_pids, query_camids), (gallery_pids, gallery_camids) = (
            labels_of(store.samples) for store in (queries, gallery)
        )
        rows = query_rows(table, matched_queries(query_pids, query_camids, gallery_pids, gallery_camids))
        pids = table.outcomes.query_pids
        return cls(queries.images, gallery.images, rows, pids, gallery_pids, np.random.default_rng(seed))

    def shows_same(self, images: IntArray) -> NDArray[np.bool_]:
        """Whether gallery images (N, K), −1 for none, show the query's person."""
        return (self.gallery_pids[images] == self.query_pids[:, None]) & (images >= 0)

    def draw(self, name: str, members: IntArray, images: IntArray, count: int) -> ExampleClass:
        """Draw ``count`` of the queries ``members`` with their images (N, K)."""
        same = self.shows_same(images)
        drawn = np.sort(self.generator.permutation(members)[:count])
        examples = tuple(
            Example(
                self.queries[self.rows[row]],
                tuple(self.gallery[image] for image in images[row] if image >= 0),
                tuple(bool(match) for match, image in zip(same[row], images[row], strict=True) if image >= 0),
            )
            for row in drawn
        )
        return ExampleClass(name, len(members), int(same[members, 0].sum()), examples)
