"""The binary codes of several lengths of a finished run, of its test images and of its held-out identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bench.data.dataset import ImageSample
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import require_plain
from bench.retrieval.labels import labels_of
from bench.retrieval.table import IntArray
from bench.running.request import RunRequest
from bench.running.run import Opened
from bench.search.distance_thresholds import distance_counts, f_beta_threshold

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork


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

    @staticmethod
    def check(request: RunRequest) -> None:
        """Refuse what cannot be searched from coarse to fine before anything is trained. Raises :class:`BenchError`."""
        if not request.calibration_share:
            raise BenchError(
                "a search from coarse to fine takes its thresholds from held-out identities: leave out --calibration 0"
            )
        method, options, recipe = request.resolve()
        _codes(method.build({**options, "weights": "none"}, 2, recipe.input_size), request.method)

    @classmethod
    def of_run(cls, request: RunRequest, reporter: Reporter = SILENT) -> CodeLengths:
        """Embed a finished run's images by its exits and its extras, or find them embedded.

        The finest code is the last exit's; the coarser ones are all that are shorter. Raises :class:`BenchError` where
        there is none.
        """
        from bench.running.stages import obtain_embeddings, obtain_network

        opened = Opened.of(request, reporter)
        require_plain(opened.dataset.query, opened.dataset.gallery, "a study of code lengths", clothes=True)
        with opened.folder.alone():
            context = opened.workbench(reporter)
            network = obtain_network(context)
            wanted = _codes(network, request.method)
            held_out = context.calibration()
            binary: dict[int, dict[str, NDArray[Any]]] = {}
            # Of two codes of one length, the later exit's is the better one.
            for specs, extras in ((network.extras, True), (network.exits, False)):
                views = request.evaluation.views
                embedded = obtain_embeddings(context, network, views, extras=extras) if specs else {}
                for index, spec in enumerate(specs):
                    if spec in wanted:
                        binary[spec.dim] = {split: parts[index] for split, parts in embedded.items()}
        lengths = tuple(sorted(binary))
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


def _codes(network: MultiExitNetwork, method: str) -> list[ExitSpec]:
    """Codes to search by: the last exit's, and all that are shorter. Raises :class:`BenchError` where there is none."""
    last = network.exits[-1]
    shorter = [spec for spec in (*network.extras, *network.exits) if spec.code == "binary" and spec.dim < last.dim]
    if last.code != "binary" or not shorter:
        raise BenchError(
            f"{method} has no binary codes that are shorter than that of its last exit, which a search from coarse to "
            "fine begins with; take --method ctf"
        )
    return [*shorter, last]
