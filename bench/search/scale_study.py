"""A search of large galleries as it is kept: of the embeddings of a file, or of a finished run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import provenance
from bench.data.tracklets import entries
from bench.exits import ExitSpec
from bench.files import SCHEMA_VERSION
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import require_plain
from bench.retrieval.labels import labels_of
from bench.running.request import RunRequest
from bench.running.run import Opened
from bench.search.filling import ExitCodes, ScaleRequest
from bench.search.indexed import LISTED
from bench.search.pyramid import Pyramid, Side
from bench.search.scale import measure_scale


@dataclass(frozen=True)
class Embedded:
    """What is searched: codes of every exit of queries and gallery, with labels, and whose they are.

    ``extras`` are codes that are no exits. ``held_out`` are queries and gallery of identities that are neither in
    training nor in the test set. ``content`` identifies all of it.
    """

    name: str
    dataset: str
    rendered: bool
    fingerprint: str
    content: str
    exits: tuple[ExitSpec, ...]
    query: Side
    gallery: Side
    held_out: tuple[Side, Side] | None = None
    extras: tuple[ExitSpec, ...] = ()

    def exit_codes(self, chosen: Sequence[int] = ()) -> list[ExitCodes]:
        """Give the packed codes of exits, by their numbers from 0; of all, if none is chosen."""
        return [
            ExitCodes(spec.name, spec.dim, self.query[0][number], self.gallery[0][number])
            for number, spec in enumerate(self.exits)
            if spec.code == "binary" and (not chosen or number in chosen)
        ]

    def pyramid(self) -> Pyramid:
        """Give the codes of several lengths. Raises as :meth:`Pyramid.of_exits` does."""
        specs = (*self.extras, *self.exits)
        query, gallery = self._with_extras(self.query), self._with_extras(self.gallery)
        held_out = self.held_out and (self._with_extras(self.held_out[0]), self._with_extras(self.held_out[1]))
        return Pyramid.of_exits(specs, query, gallery, held_out)

    def _with_extras(self, side: Side) -> Side:
        # Codes of exits come first where they are kept, and last where lengths are looked for.
        codes = side[0]
        return [*codes[len(self.exits) :], *codes[: len(self.exits)]], side[1]


def embedded_run(request: RunRequest, reporter: Reporter = SILENT) -> Embedded:
    """Embed a finished run's images by its exits and its extras, or find them embedded."""
    from bench.running.stages import obtain_embeddings, obtain_network

    opened = Opened.of(request, reporter)
    require_plain(opened.dataset.query, opened.dataset.gallery, "a search of large galleries", clothes=True)
    with opened.folder.alone():
        context = opened.workbench(reporter)
        network = obtain_network(context)
        held_out = context.calibration()
        views = request.evaluation.views
        embedded = obtain_embeddings(context, network, views)
        more = obtain_embeddings(context, network, views, extras=True) if network.extras else {}
    samples = {
        "query": opened.dataset.query,
        "gallery": opened.dataset.gallery,
        "calibration_query": held_out[0],
        "calibration_gallery": held_out[1],
    }
    sides: dict[str, Side] = {
        name: ([*embedded[name], *more.get(name, ())], labels_of(entries(of_split)))
        for name, of_split in samples.items()
    }
    dataset = opened.dataset
    return Embedded(
        name=request.method,
        dataset=dataset.name,
        rendered=bool(dataset.rendered),
        fingerprint=opened.spec.fingerprint,
        content=f"run {opened.spec.key}",
        exits=network.exits,
        query=sides["query"],
        gallery=sides["gallery"],
        held_out=(sides["calibration_query"], sides["calibration_gallery"]) if request.calibration_share else None,
        extras=network.extras,
    )


def measure_embedded(
    embedded: Embedded, request: ScaleRequest, working: Path, reporter: Reporter = SILENT, chosen: Sequence[int] = ()
) -> dict[str, Any]:
    """Measure the codes of exits, all or those ``chosen``, as ``scale.json`` keeps it. Raises as measure_scale does."""
    exits = embedded.exit_codes(chosen)
    pyramid = embedded.pyramid() if "ctf" in request.indexes else None
    (query_pids, query_camids), (pids, camids) = embedded.query[1], embedded.gallery[1]
    labels = tuple(np.asarray(values) for values in (query_pids, pids, query_camids, camids))
    found = measure_scale(exits, labels, request, working, reporter, pyramid)
    return {
        "schema": SCHEMA_VERSION,
        "name": embedded.name,
        "dataset": {"name": embedded.dataset, "rendered": embedded.rendered, "fingerprint": embedded.fingerprint},
        "content": embedded.content,
        "queries": len(query_pids),
        "listed": LISTED,
        "sizes": list(request.sizes),
        "seed": request.seed,
        "own_codes": request.codes is not None,
        **found,
        "provenance": provenance.collect(device="cpu", precision="bits", threads=os.cpu_count() or 1, versions={}),
    }
