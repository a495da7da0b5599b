"""``bench gallery scale``: a test set's gallery filled up to millions, searched exactly and by indexes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from bench.cli.large_galleries import INDEXES, image_count, search_large_galleries
from bench.cli.options import CacheOption, ResultsOption, choice, words
from bench.data.cache import default_cache
from bench.errors import BenchError


def scale_command(
    file: Annotated[
        Path, typer.Argument(help="Embeddings of every exit: bench embeddings RUN --out FILE writes them.")
    ],
    images: Annotated[
        str, typer.Option("--images", help="Images in the gallery, comma-separated: 1e5,1e6,1e7.")
    ] = "1e5,1e6",
    exits: Annotated[
        str, typer.Option("--exits", help="Exits to search at, from 1, comma-separated; all by default.")
    ] = "",
    index: Annotated[
        str,
        typer.Option(
            "--index",
            help="Indexes to measure as well, comma-separated: flat, hnsw, ivf (faiss), ctf (coarse to fine).",
        ),
    ] = "",
    codes: Annotated[
        Path | None,
        typer.Option(help="Packed codes of your own distractors, .npy (N, bytes), for one exit (default: drawn)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of drawn distractors.")] = 0,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Search a gallery of up to millions: accuracy, milliseconds and bytes by its size, and what indexes miss.

    The gallery of the test set is filled up with distractors, whose bits behave as those measured.
    """
    sizes = tuple(sorted({image_count("--images", word) for word in words(images)}))
    kinds = tuple(choice("--index", word, INDEXES) for word in words(index))
    # Not at the top: help should not wait for scipy.
    from bench.evaluation.file import read_embeddings
    from bench.search.filling import ScaleRequest
    from bench.search.scale_study import Embedded

    read = read_embeddings(file)
    chosen = _chosen(exits, len(read.exits))
    held_out = None
    if read.calibration:
        query, gallery = read.calibration
        held_out = (query.codes, query.labels), (gallery.codes, gallery.labels)
    embedded = Embedded(
        name=str(read.about.get("name", file.stem)),
        dataset=str(read.about.get("dataset", "own")),
        rendered=bool(read.about.get("rendered", False)),
        fingerprint=read.fingerprint,
        content=read.content,
        exits=read.exits,
        query=(read.query.codes, read.query.labels),
        gallery=(read.gallery.codes, read.gallery.labels),
        held_out=held_out,
    )
    search_large_galleries(
        embedded, ScaleRequest(sizes, cast(Any, kinds), seed, codes), results, cache or default_cache(), chosen
    )


def _chosen(text: str, count: int) -> Sequence[int]:
    """Read numbers of exits, from 1, as indices from 0."""
    listed = words(text)
    wrong = [word for word in listed if not (word.isdecimal() and 1 <= int(word) <= count)]
    if wrong:
        raise BenchError(f"--exits takes numbers from 1 to {count} with commas; found {wrong[0]!r}")
    return [int(word) - 1 for word in listed] or range(count)
