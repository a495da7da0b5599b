"""Embeddings that are no exits, scored beside them: embedded and matched apart, their tables kept."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.data.tracklets import entries
from bench.device import DeviceImages
from bench.networks import MultiExitNetwork
from bench.retrieval.drawn import draws_of
from bench.retrieval.embed import Embeddings, embed_images
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table, save_table
from bench.retrieval.tracklets import pool_tracklets
from bench.running.context import RunContext
from bench.running.keep import obtain
from bench.running.matching import ToMatch, match
from bench.spec import EvaluationSpec


def obtain_extras(
    context: RunContext, network: MultiExitNetwork, evaluation: EvaluationSpec
) -> list[tuple[str, ExitTable]]:
    """Give a table of test queries for each embedding that the network has beside its exits, by its name."""
    stores = {"query": context.stores.query, "gallery": context.stores.gallery}
    query, gallery = entries(stores["query"].samples), entries(stores["gallery"].samples)

    @cache
    def codes() -> dict[str, Embeddings]:
        found = {}
        for name, store in stores.items():
            images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
            embedded = embed_images(
                network,
                images,
                np.arange(len(store.samples)),
                context.fabric,
                extras=True,
                views=evaluation.views,
                title=f"embedding {name} images beside the exits",
                reporter=context.reporter,
            )
            found[name] = pool_tracklets(embedded, store.samples)
        return found

    def table_of(index: int) -> ExitTable:
        def make() -> ExitTable:
            parts = ([codes()["query"][index]], [codes()["gallery"][index]])
            sides = labels_of(query), labels_of(gallery)
            how = {"ap": evaluation.ap, "signals": evaluation.signals}
            return match(context, ToMatch([network.extras[index]], *parts, *sides, draws_of(gallery), how))

        path, source = context.folder.extra(index, evaluation.key), context.folder.source
        return obtain(path, load_table, make, save_table, context.reporter, source=source)

    return [(spec.name, table_of(index)) for index, spec in enumerate(network.extras)]
