"""The exit tables of a run: of the test queries, and of the calibration identities, each matched once and kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from bench.data.dataset import ImageSample
from bench.data.tracklets import entries
from bench.networks import MultiExitNetwork
from bench.retrieval.classify import class_entropies
from bench.retrieval.drawn import draws_of, scored_counts
from bench.retrieval.embed import Embeddings
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table, save_table
from bench.running.context import RunContext
from bench.running.keep import obtain
from bench.running.matching import ToMatch, match
from bench.running.stages import obtain_embeddings
from bench.spec import EvaluationSpec


def obtain_tables(
    context: RunContext, network: MultiExitNetwork, evaluation: EvaluationSpec
) -> tuple[ExitTable, ExitTable | None]:
    """Give the exit tables: of the test queries, and of the calibration identities if any are held out."""
    embeddings = cache(lambda: obtain_embeddings(context, network, evaluation.views))

    def table_of(split: str, prefix: str, query: Sequence[ImageSample], gallery: Sequence[ImageSample]) -> ExitTable:
        def make() -> ExitTable:
            codes = embeddings()
            context.deadline.check(f"matching the {split} queries")
            context.reporter.note(f"matching every {split} query at every exit")
            started = time.perf_counter()
            table = _table(context, network, codes, prefix, query, gallery, evaluation)
            context.reporter.note(f"matched and scored in {time.perf_counter() - started:.1f} s")
            asked = len(entries(query))
            scored = scored_counts(table, asked, draws_of(gallery)).get("scored queries", asked)
            if scored < asked:
                unmatched = f"{asked - scored:,} of {asked:,} {split} queries"
                context.reporter.note(f"{unmatched} have no match: no score counts them")
            return table

        path = context.folder.table(split, evaluation.key)
        found = f"exit table of {split} queries found"
        return obtain(
            path,
            load_table,
            make,
            save_table,
            context.reporter,
            found=found,
            hold=context.hold,
            source=context.folder.source,
        )

    table = table_of("test", "", context.stores.query.samples, context.stores.gallery.samples)
    if not context.spec.calibration_share:
        return table, None
    return table, table_of("calibration", "calibration_", *context.calibration())


def _table(
    context: RunContext,
    network: MultiExitNetwork,
    embeddings: dict[str, Embeddings],
    prefix: str,
    query: Sequence[ImageSample],
    gallery: Sequence[ImageSample],
    evaluation: EvaluationSpec,
) -> ExitTable:
    query, gallery = entries(query), entries(gallery)
    # Classifiers of weights that were not trained here know nobody.
    entropy = None if context.spec.as_is else class_entropies(network, embeddings[f"{prefix}query"])
    how: dict[str, Any] = {
        "ap": evaluation.ap,
        "signals": evaluation.signals,
        "class_entropy": entropy[0] if entropy else None,
        "classes": entropy[1] if entropy else 0,
    }
    codes = embeddings[f"{prefix}query"], embeddings[f"{prefix}gallery"]
    return match(context, ToMatch(network.exits, *codes, labels_of(query), labels_of(gallery), draws_of(gallery), how))
