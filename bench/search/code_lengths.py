"""The binary codes of several lengths of a finished run, of its test images and of its held-out identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from bench.data.dataset import ImageSample
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.retrieval.labels import labels_of
from bench.retrieval.table import IntArray
from bench.running.request import RunRequest
from bench.running.run import Opened
from bench.search.distance_thresholds import distance_counts, f_beta_threshold


@dataclass(frozen=True)
class Labelled:
    """Packed codes of N images in each of L lengths, the shortest first; their identities and cameras (N,)."""

    codes: tuple[NDArray[Any], ...]
    labels: tuple[IntArray, IntArray]


@dataclass(frozen=True)
class CodeLengths:
    """What a coarse-to-fine study reads: L binary codes of every image, the shortest first."""

    lengths: tuple[int, ...]
    query: Labelled
    gallery: Labelled
    held_out_query: Labelled
    held_out_gallery: Labelled

    @classmethod
    def of_run(cls, request: RunRequest, reporter: Reporter = SILENT) -> CodeLengths:
        """Embed a finished run's images by its exits and its extras, or find them embedded.

        The finest code is the last exit's; the coarser ones are all that are shorter. Raises :class:`BenchError` where
        there is none, or no identities were held out.
        """
        from bench.running.stages import obtain_embeddings, obtain_network

        opened = Opened.of(request, reporter)
        with opened.folder.alone():
            context = opened.workbench(reporter)
            network = obtain_network(context)
            views = request.evaluation.views
            found = [
                (spec, {split: parts[index] for split, parts in embedded.items()})
                for specs, embedded in (
                    (network.extras, obtain_embeddings(context, network, views, extras=True)),
                    (network.exits, obtain_embeddings(context, network, views)),
                )
                for index, spec in enumerate(specs)
            ]
            held_out = context.calibration()
        last = network.exits[-1]
        binary = {spec.dim: codes for spec, codes in found if spec.code == "binary" and spec.dim <= last.dim}
        lengths = tuple(sorted(binary))
        if len(lengths) < 2 or last.code != "binary":
            raise BenchError(
                f"{request.method} has no codes that are shorter than its last exit's: a search from coarse to fine "
                "needs binary codes of two lengths; take --method ctf"
            )
        if not held_out[0]:
            raise BenchError(
                "a search from coarse to fine takes its thresholds from held-out identities, and this run has none: "
                "leave out --calibration 0"
            )
        samples: dict[str, Sequence[ImageSample]] = {
            "query": opened.dataset.query,
            "gallery": opened.dataset.gallery,
            "calibration_query": held_out[0],
            "calibration_gallery": held_out[1],
        }
        return cls(
            lengths,
            *(
                Labelled(tuple(binary[length][split] for length in lengths), labels_of(entries(of_split)))
                for split, of_split in samples.items()
            ),
        )

    def thresholds(self, beta: float) -> tuple[int, ...]:
        """Thresholds (L − 1,) by the F-score on the held-out identities. Raises :class:`BenchError` without matches."""
        return tuple(f_beta_threshold(*counts, beta) for counts in self._held_out_counts)

    @cached_property
    def _held_out_counts(self) -> list[tuple[IntArray, IntArray]]:
        """Distances of the held-out pairs by all codes but the longest, which no threshold follows."""
        query, gallery = self.held_out_query, self.held_out_gallery
        return [
            distance_counts(query.codes[level], gallery.codes[level], query.labels, gallery.labels, length)
            for level, length in enumerate(self.lengths[:-1])
        ]
