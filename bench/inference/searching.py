"""A gallery as an engine searches it: an index for each exit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.codes import packed_width
from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.table import IntArray

if TYPE_CHECKING:
    from bench.networks import ExitSpec


class GalleryCodes:
    """Codes of every exit (G, …), identities and cameras (G,), and the first exit's features where a policy reads them.

    Raises :class:`BenchError` where codes of an exit are missing, or of another length than the exit's.
    """

    def __init__(
        self,
        exits: Sequence[ExitSpec],
        codes: Sequence[NDArray[Any]],
        pids: IntArray,
        camids: IntArray,
        features: NDArray[np.float16] | None = None,
    ) -> None:
        if len(codes) != len(exits):
            raise BenchError(
                f"the gallery has codes of {len(codes)} exits and the network has {len(exits)}: build it for this run"
            )
        for spec, values in zip(exits, codes, strict=True):
            expected = (len(pids), packed_width(spec.dim) if spec.code == "binary" else spec.dim)
            if values.shape != expected:
                raise BenchError(
                    f"the gallery's codes of {spec.name} must be {expected}, as its images and the network's "
                    f"{spec.dim} {spec.code} places have it; found {values.shape}: build it for this run"
                )
        self.exits = tuple(exits)
        self.indexes = tuple(GalleryIndex(values, pids, camids) for values in codes)
        self.pids, self.camids = self.indexes[0].pids, self.indexes[0].camids
        self.features = features

    def __len__(self) -> int:
        """Count the images."""
        return len(self.pids)
