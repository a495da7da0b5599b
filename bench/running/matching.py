"""Matching and scoring of queries, shared by the processes of a run: each has some blocks of queries.

Blocks are those in which one process works through its queries, so that the tables are equal to the last bit. A set
that is scored over drawn galleries is the first process's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray

from bench.exits import ExitSpec
from bench.retrieval.blocks import row_slices
from bench.retrieval.drawn import stacked
from bench.retrieval.evaluate import QUERY_BLOCK, build_table, matched_queries
from bench.retrieval.table import ExitTable, IntArray

Labels = tuple[IntArray, IntArray]
"""Identities (N,) and cameras (N,), or cameras with clothes (N, 2)."""


def build_together(
    exits: Sequence[ExitSpec],
    query: Sequence[NDArray[Any]],
    gallery: Sequence[NDArray[Any]],
    query_labels: Labels,
    gallery_labels: Labels,
    how: dict[str, Any],
) -> ExitTable:
    """Match queries and gallery as :func:`bench.retrieval.evaluate.build_table` does, as one of several processes.

    All processes call this with the same, and all have the whole table. Raises as that function does.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    mine = part_of_table(rank, processes, exits, query, gallery, query_labels, gallery_labels, how)
    parts: list[ExitTable | None] = [None] * processes
    dist.all_gather_object(parts, mine)
    return whole_table(parts)


def part_of_table(
    rank: int,
    processes: int,
    exits: Sequence[ExitSpec],
    query: Sequence[NDArray[Any]],
    gallery: Sequence[NDArray[Any]],
    query_labels: Labels,
    gallery_labels: Labels,
    how: dict[str, Any],
) -> ExitTable | None:
    """Match every n-th block of queries; None where there are fewer blocks than processes."""
    matched = matched_queries(*query_labels, *gallery_labels)
    blocks = row_slices(len(matched), QUERY_BLOCK)[rank::processes]
    if not blocks:
        return None
    rows = np.concatenate([matched[block] for block in blocks])
    entropy = how.get("class_entropy")
    own = how if entropy is None else {**how, "class_entropy": entropy[rows]}
    pids, camids = query_labels
    return build_table(
        exits, [codes[rows] for codes in query], gallery, pids[rows], camids[rows], *gallery_labels, **own
    )


def whole_table(parts: Sequence[ExitTable | None]) -> ExitTable:
    """Put the blocks of all processes in order."""
    tables = [part for part in parts if part is not None]
    at = [
        np.arange(len(part)) // QUERY_BLOCK * len(parts) + rank for rank, part in enumerate(parts) if part is not None
    ]
    return stacked(tables, np.concatenate(at).argsort(kind="stable"))
