"""Matching and scoring of queries, by one process or shared by the processes of a run: each has some blocks of queries.

Blocks are those in which one process works through its queries, so that the tables are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray

from bench.exits import ExitSpec
from bench.retrieval.blocks import row_slices
from bench.retrieval.drawn import Draws, build_drawn_table, matched_in_draws, stacked
from bench.retrieval.evaluate import QUERY_BLOCK
from bench.retrieval.table import ExitTable, IntArray
from bench.running.context import RunContext

Labels = tuple[IntArray, IntArray]
"""Identities (N,) and cameras (N,), or cameras with clothes (N, 2)."""


@dataclass(frozen=True)
class ToMatch:
    """What an exit table is made of: Q queries and G gallery images, embedded at every exit, and how to score them."""

    exits: Sequence[ExitSpec]
    query: Sequence[NDArray[Any]]
    gallery: Sequence[NDArray[Any]]
    query_labels: Labels
    gallery_labels: Labels
    draws: Draws
    """(G, D), which images are in each drawn gallery; D is 0 where there is one gallery."""
    how: dict[str, Any]
    """Options of :func:`bench.retrieval.evaluate.build_table`."""

    def table(self, rows: IntArray | None = None) -> ExitTable:
        """Build the table, of all queries or of some ``rows`` (n,). Raises as :func:`build_drawn_table` does."""
        query, (pids, camids), how = self.query, self.query_labels, self.how
        if rows is not None:
            query, pids, camids = [codes[rows] for codes in query], pids[rows], camids[rows]
            entropy = how.get("class_entropy")
            how = how if entropy is None else {**how, "class_entropy": entropy[rows]}
        return build_drawn_table(self.draws, self.exits, query, self.gallery, pids, camids, *self.gallery_labels, **how)

    def matched(self) -> IntArray:
        """Rows (N,) of the queries with a match. Raises as :func:`bench.retrieval.drawn.matched_in_draws` does."""
        return matched_in_draws(self.draws, *self.query_labels, *self.gallery_labels)

    def part(self, rank: int, processes: int) -> ExitTable | None:
        """Build the table of every n-th block of queries; None where there are fewer blocks than processes."""
        matched = self.matched()
        blocks = row_slices(len(matched), QUERY_BLOCK)[rank::processes]
        return self.table(np.concatenate([matched[block] for block in blocks])) if blocks else None

    def whole(self, parts: Sequence[ExitTable | None]) -> ExitTable:
        """Put the blocks of all processes in order, draw by draw."""
        draws, tables, draw_of, block_of = max(1, self.draws.shape[1]), [], [], []
        for rank, part in enumerate(parts):
            if part is not None:
                draw, row = np.divmod(np.arange(len(part)), len(part) // draws)
                tables.append(part)
                draw_of.append(draw)
                block_of.append(row // QUERY_BLOCK * len(parts) + rank)
        return stacked(tables, np.lexsort((np.concatenate(block_of), np.concatenate(draw_of))))


def match(context: RunContext, to_match: ToMatch) -> ExitTable:
    """Build a table, by this process alone or together with the others of the run. Raises as ``ToMatch.table`` does."""
    if context.fabric.world_size == 1:
        return to_match.table()
    to_match.matched()  # what is wrong with it is told here, and not by every process
    with context.call(context, "match", (to_match,)):
        return match_together(to_match)


def match_together(to_match: ToMatch) -> ExitTable:
    """Build a table as one of several processes: all call this with the same, and all have the whole table."""
    processes = dist.get_world_size()
    parts: list[ExitTable | None] = [None] * processes
    dist.all_gather_object(parts, to_match.part(dist.get_rank(), processes))
    return to_match.whole(parts)
