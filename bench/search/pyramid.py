"""Codes of several lengths of a test set, with thresholds between them: what a search from coarse to fine needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.retrieval.table import IntArray
from bench.search.distance_thresholds import BETA, distance_counts, f_beta_threshold

Side = tuple[Sequence[NDArray[Any]], tuple[IntArray, IntArray]]
"""Codes of every exit, and identities and cameras, of some images."""


@dataclass(frozen=True)
class Pyramid:
    """Packed codes of L ``lengths``, the shortest first, of queries (Q, W) and gallery (G, W), and L − 1 thresholds.

    ``name`` is that of the exit with the longest code.
    """

    name: str
    lengths: tuple[int, ...]
    query: tuple[NDArray[np.uint8], ...]
    gallery: tuple[NDArray[np.uint8], ...]
    thresholds: tuple[int, ...]

    @classmethod
    def of_exits(
        cls, exits: Sequence[ExitSpec], query: Side, gallery: Side, held_out: tuple[Side, Side] | None
    ) -> Pyramid:
        """Take the code of the last exit, and all that are shorter; of two of one length, the later exit's.

        ``held_out`` are queries and gallery of identities that are neither in training nor in the test set: they set
        the thresholds. Raises :class:`BenchError` where there are none, or no shorter codes.
        """
        last = exits[-1]
        level = {spec.dim: number for number, spec in enumerate(exits) if spec.code == "binary" and spec.dim < last.dim}
        if last.code != "binary" or not level:
            told = ", ".join(f"{spec.name} {spec.dim} {spec.code}" for spec in exits)
            raise BenchError(
                "index ctf searches from coarse to fine, by binary codes that are shorter than that of the last exit; "
                f"found {told}. A network of method ctf has such codes beside its exit: bench search --method ctf "
                "--gallery 1e6 --index ctf"
            )
        if held_out is None:
            raise BenchError(
                "index ctf takes its thresholds from held-out identities, and there are none: train with --calibration "
                "above 0, or put calibration queries and gallery into the file of embeddings"
            )
        level[last.dim] = len(exits) - 1
        lengths = tuple(sorted(level))
        numbers = [level[length] for length in lengths]
        thresholds = tuple(
            f_beta_threshold(
                *distance_counts(
                    held_out[0][0][number], held_out[1][0][number], held_out[0][1], held_out[1][1], exits[number].dim
                ),
                BETA,
            )
            for number in numbers[:-1]
        )
        own, others = (tuple(np.ascontiguousarray(side[0][number]) for number in numbers) for side in (query, gallery))
        return cls(last.name, lengths, own, others, thresholds)
