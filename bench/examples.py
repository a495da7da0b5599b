"""Queries to look at: what a policy that has classes sorted into each, and what the first exit found for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.progress import SILENT, Reporter
from bench.request import RunRequest
from bench.retrieval.evaluate import matched_queries
from bench.run import Opened

Picture = NDArray[np.uint8]
"""One image (3, H, W)."""


@dataclass(frozen=True)
class Example:
    """A query with its nearest gallery images at the first exit, and whether each shows the same person."""

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
    """The classes of one policy, on one run."""

    policy: str
    classes: tuple[ExampleClass, ...]


def collect_examples(
    request: RunRequest, reporter: Reporter = SILENT, *, each: int = 3, seed: int = 0
) -> tuple[Examples, ...]:
    """Draw ``each`` queries of every class, for every policy of a finished run that has classes.

    Matches are those that a decision looks at: from the gallery as deployed, by default. Only images that are ranked by
    themselves can be shown: of a set of tracklets there are no examples.
    """
    from bench.fitting import ready_policies
    from bench.stages import obtain_network, obtain_tables

    opened = Opened.of(request, reporter)
    if any(frame.tracklet is not None for frame in (*opened.dataset.query, *opened.dataset.gallery)):
        return ()
    with opened.folder.alone():
        bench = opened.workbench(reporter)
        network = obtain_network(bench)
        tables = obtain_tables(bench, network, request.evaluation)
        fitted = ready_policies(
            bench, network, request.policies(), *tables, request.evaluation, leave_out=request.leave_out
        )
    _, queries, gallery = opened.stores
    labels = [
        np.array([getattr(frame, name) for frame in store.frames])
        for store in (queries, gallery)
        for name in ("pid", "camid")
    ]
    rows = matched_queries(*labels)
    nearest, pids = fitted.table.signals.nearest_indices[:, 0], fitted.table.signals.nearest_pids[:, 0]
    same = (pids == fitted.table.outcomes.query_pids[:, None]) & (nearest >= 0)
    generator = np.random.default_rng(seed)
    found = []
    for policy in fitted.policies:
        if policy.sorts is None:
            continue
        names, sorted_into = policy.sorts(fitted.table.signals)
        classes = []
        for place, name in enumerate(names):
            members = np.flatnonzero(sorted_into == place)
            drawn = np.sort(generator.permutation(members)[:each])
            examples = tuple(
                Example(
                    queries.images[rows[row]],
                    tuple(gallery.images[image] for image in nearest[row] if image >= 0),
                    tuple(bool(match) for match, image in zip(same[row], nearest[row], strict=True) if image >= 0),
                )
                for row in drawn
            )
            classes.append(ExampleClass(name, len(members), int(same[members, 0].sum()), examples))
        found.append(Examples(policy.name, tuple(classes)))
    return tuple(found)
