"""``bench gallery scale``: a test set's gallery filled up to millions, searched exactly and by indexes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.markup import escape

from bench.cli.options import CacheOption, ResultsOption, choice, words
from bench.cli.terminal import OUT, TerminalReporter, show_table, show_values
from bench.data.cache import default_cache
from bench.errors import BenchError

MOST_IMAGES = 10**9


def scale_command(
    file: Annotated[
        Path, typer.Argument(help="Embeddings of every exit: bench embeddings RUN --out FILE writes them.")
    ],
    images: Annotated[
        str, typer.Option("--images", help="Images in the gallery, with commas: 1e5,1e6,1e7.")
    ] = "1e5,1e6",
    exits: Annotated[
        str, typer.Option("--exits", help="Exits to search at, from 1, with commas; all by default.")
    ] = "",
    index: Annotated[
        str, typer.Option("--index", help="Binary indexes of faiss to measure as well, with commas: flat, hnsw, ivf.")
    ] = "",
    codes: Annotated[
        Path | None,
        typer.Option(help="Packed codes of your own distractors, .npy (N, bytes), for one exit; drawn if none."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of drawn distractors.")] = 0,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Search a gallery of up to millions: accuracy, milliseconds and bytes by its size, and what indexes miss.

    The gallery of the test set is filled up with distractors, whose bits behave as those measured.
    """
    sizes = tuple(sorted({_size(word) for word in words(images)}))
    # Not at the top: help should not wait for scipy.
    from bench import provenance
    from bench.evaluation.file import read_embeddings
    from bench.files import SCHEMA_VERSION, write_json
    from bench.findings.text import file_name
    from bench.report.figures.scale import scale_figure
    from bench.report.folder import write_folder
    from bench.report.tables.scale import scale_tables
    from bench.search.approximate import IndexKind
    from bench.search.filling import ExitCodes, ScaleRequest
    from bench.search.scale import LISTED, measure_scale
    from bench.spec import digest

    kinds = tuple(choice("--index", word, get_args(IndexKind)) for word in words(index))
    embeddings = read_embeddings(file)
    chosen = _chosen(exits, len(embeddings.exits))
    wanted = [
        ExitCodes(spec.name, spec.dim, embeddings.query.codes[number], embeddings.gallery.codes[number])
        for number, spec in enumerate(embeddings.exits)
        if spec.code == "binary" and number in chosen
    ]
    widest = max((one.gallery.shape[1] for one in wanted), default=0)
    about = {"name": file.stem, "dataset": "own", **embeddings.about}
    show_values(
        f"{about['name']} on {about['dataset']}",
        {
            "queries": f"{len(embeddings.query.pids):,}",
            "gallery": f"{len(embeddings.gallery.pids):,} images, filled up to {', '.join(f'{n:,}' for n in sizes)}",
            "exits": ", ".join(f"{one.name} ({one.bits} bits)" for one in wanted) or "none with packed codes",
            "indexes": ", ".join(kinds) or "none; exact search alone",
            "on disk": f"{sizes[-1] * widest / 1e6:,.0f} MB while it runs",
        },
    )
    request = ScaleRequest(sizes, kinds, seed, codes)
    labels = (embeddings.query.pids, embeddings.gallery.pids, embeddings.query.camids, embeddings.gallery.camids)
    found = measure_scale(wanted, labels, request, cache or default_cache(), TerminalReporter())
    values = {
        "schema": SCHEMA_VERSION,
        "name": about["name"],
        "dataset": {"name": about["dataset"], "rendered": bool(about.get("rendered", False))},
        "content": embeddings.content,
        "queries": len(embeddings.query.pids),
        "listed": LISTED,
        "sizes": list(sizes),
        "seed": seed,
        "own_codes": codes is not None,
        **found,
        "provenance": provenance.collect(device="cpu", precision="bits", threads=os.cpu_count() or 1, versions={}),
    }
    tables = {one.name: one for one in scale_tables(values)}
    identity = (embeddings.content, sizes, kinds, seed, [one.name for one in wanted], str(codes or ""))
    # Names out of a file from elsewhere name no folder as they are.
    folder = results / "scale" / file_name(about["dataset"]) / file_name(about["name"], ending=digest(identity)[:8])
    try:
        write_json(folder / "scale.json", values)
    except OSError as problem:
        raise BenchError(
            f"cannot write under {folder}: {problem.strerror or problem}; choose other --results"
        ) from problem
    files = write_folder(folder, tables, {"scale": scale_figure(values)})
    for one in tables.values():
        OUT.print()
        show_table(
            one.title,
            [str(column) for column in one.shown.columns],
            one.shown.to_numpy().tolist(),
            one.note,
            texts=["exit", "index", "measured"],
        )
    for path in files:
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)


def _size(word: str) -> int:
    """Read a number of images: 100000, or 1e5."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not (1 <= value <= MOST_IMAGES and value == int(value)):
        raise BenchError(f"--images takes numbers of images from 1 to 1e9 with commas, as 1e6; found {word!r}")
    return int(value)


def _chosen(text: str, count: int) -> Sequence[int]:
    """Read numbers of exits, from 1, as indices from 0."""
    listed = words(text)
    wrong = [word for word in listed if not (word.isdecimal() and 1 <= int(word) <= count)]
    if wrong:
        raise BenchError(f"--exits takes numbers from 1 to {count} with commas; found {wrong[0]!r}")
    return [int(word) - 1 for word in listed] or range(count)
