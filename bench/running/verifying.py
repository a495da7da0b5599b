"""Accepted pairs of every exit, counted once and kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.views import Views
from bench.files import read_arrays, write_arrays
from bench.progress import Reporter
from bench.retrieval.labels import JUNK_PID
from bench.retrieval.same_person import AcceptedPairs, accepted_pairs
from bench.retrieval.table import IntArray
from bench.running.keep import obtain
from bench.runs.folder import RunFolder

Codes = Callable[[], tuple[Sequence[NDArray[Any]], Sequence[NDArray[Any]]]]
"""Codes of the queries and of the gallery at each exit, fetched where they are needed."""
Labels = tuple[IntArray, IntArray]
"""Identities and cameras."""


def obtain_pairs(
    folder: RunFolder, views: Views, codes: Codes, query: Labels, gallery: Labels, reporter: Reporter
) -> tuple[AcceptedPairs, ...]:
    """Give the accepted pairs of each exit, of these views of the images; none where all show one person."""
    if len(np.setdiff1d(np.union1d(query[0], gallery[0]), [JUNK_PID])) < 2:
        reporter.note("same person or not: everybody is one person, there is nobody to tell apart")
        return ()

    def make() -> tuple[AcceptedPairs, ...]:
        reporter.note("comparing every query with every gallery image, pair by pair")
        return tuple(accepted_pairs(*of_exit, *query, *gallery) for of_exit in zip(*codes(), strict=True))

    return obtain(folder.pairs(views), _read, make, _write, reporter)


def _write(pairs: Sequence[AcceptedPairs], path: Path) -> None:
    arrays = {f"{name}.{index}": value for index, one in enumerate(pairs) for name, value in asdict(one).items()}
    write_arrays(path, arrays, compressed=True)


def _read(path: Path) -> tuple[AcceptedPairs, ...]:
    stored = read_arrays(path)
    names = ("distances", "rows", "below", "within")
    return tuple(
        AcceptedPairs(
            **{name: stored[f"{name}.{index}"] for name in names}, impostors=int(stored[f"impostors.{index}"])
        )
        for index in range(sum(name.startswith("impostors.") for name in stored))
    )
