"""``bench search``: code lengths, what they find and how long they take to search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from bench.cli.large_galleries import INDEXES, image_count, search_large_galleries
from bench.cli.options import (
    BackboneOption,
    CacheOption,
    DataOption,
    DataRootOption,
    DatasetOption,
    MethodArgument,
    PresetOption,
    RecipeOption,
    ResultsOption,
    SetOption,
    choice,
    refuse_unused,
    words,
)
from bench.cli.requests import overrides, run_request
from bench.cli.run import seeds_of
from bench.cli.terminal import OUT, TerminalReporter, percent, show_table, show_values
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.files import check_writable
from bench.running.plan import describe

if TYPE_CHECKING:
    from bench.running.request import RunRequest

MARKET_GALLERY = 19_732
TIMED_SECONDS = 1.0


def search_command(
    method: MethodArgument,
    lengths: Annotated[
        str,
        typer.Option(
            help="Code lengths to train, comma-separated; by default those of HashReID's Table 3 for hashreid-noexit, "
            "and the codes as they are for other methods."
        ),
    ] = "",
    dataset: DatasetOption = "synthped",
    preset: PresetOption = "demo",
    recipe: RecipeOption = "own",
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="Training seeds, comma-separated.")] = "0",
    gallery: Annotated[
        str,
        typer.Option(
            help="Gallery images to match with, by default as many as Market-1501 has. With --index, the run's gallery "
            "is filled up to so many: 1e7, or several sizes, comma-separated."
        ),
    ] = "",
    re_rank: Annotated[bool, typer.Option("--re-rank", help="Score k-reciprocal re-ranking as well.")] = False,
    index: Annotated[
        str | None,
        typer.Option(
            help="Hold a binary index of faiss to exact search: flat, hnsw or ivf (extra: search). With --gallery also "
            "ctf; several, comma-separated."
        ),
    ] = None,
    coarse_to_fine: Annotated[
        bool,
        typer.Option(
            "--coarse-to-fine",
            help="Search by short codes first, and compare again by longer ones what is near (CtF): for methods with "
            "codes of several lengths.",
        ),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=86_400, help="How long each way of comparing is timed.", show_default=str(TIMED_SECONDS)
        ),
    ] = None,
    backbone: BackboneOption = None,
    settings: SetOption = None,
    calibration: Annotated[float, typer.Option(help="Share of training identities held out.")] = 0.1,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps: for training; searches run on the CPU.")
    ] = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Measure codes of several lengths: accuracy, time of a comparison and of a search, bytes (HashReID's Table 3).

    Networks are trained first where they are not there. For a method with several exits, the search time of a budgeted
    run stands beside them, where most queries are matched on the first exits' codes.
    """
    sizes = tuple(sorted({image_count("--gallery", word) for word in words(gallery)}))
    large = index is not None and bool(sizes)
    kinds = tuple(choice("--index", word, INDEXES) for word in words(index or ""))
    _check_sizes(sizes, kinds, large=large)
    if large:
        refuse_unused(
            {"--re-rank": re_rank, "--coarse-to-fine": coarse_to_fine, "--seconds": seconds},
            "measured in the run's own gallery alone, and --index with --gallery fills it up; leave out --index or "
            "--gallery, or what is named first",
        )
    check_writable(results)
    # Not at the top: help should not wait for scipy.
    from bench.search.study import SearchRequest, conduct

    request = SearchRequest(
        run=run_request(
            method=method,
            dataset=dataset,
            preset=preset,
            recipe=recipe,
            data_root=data_root,
            data=data,
            settings=overrides(settings, backbone=backbone),
            results=results,
            cache=cache,
            calibration_share=calibration,
            device=device,
        ),
        seeds=tuple(seeds_of(seeds)),
        lengths=tuple(_length(word) for word in words(lengths)),
        gallery_size=sizes[0] if sizes else MARKET_GALLERY,
        seconds=TIMED_SECONDS if seconds is None else seconds,
        re_rank=re_rank,
        index=cast(Any, kinds[0]) if kinds and not large else None,
        coarse_to_fine=coarse_to_fine,
    )
    runs = request.requests()
    show_values(f"{method}, {len(runs)} {'run' if len(runs) == 1 else 'runs'}, the first:", describe(runs[0]))
    reporter = TerminalReporter()
    if large:
        for each in runs:
            _fill_up(each, sizes, kinds, results, cache or default_cache())
        return
    study = conduct(request, reporter)

    from bench.report.figures.coarse_to_fine import coarse_to_fine_figure
    from bench.report.figures.search import search_figure
    from bench.report.folder import write_folder
    from bench.report.tables.search import study_tables

    tables = {table.name: table for table in study_tables(study.values)}
    figures = {"code-length": search_figure(study.values)}
    if study.values["coarse_to_fine"]:
        figures["coarse-to-fine"] = coarse_to_fine_figure(study.values)
    files = write_folder(study.folder, tables, figures)
    for table in tables.values():
        OUT.print()
        columns = [str(column) for column in table.shown.columns]
        show_table(table.title, columns, table.shown.to_numpy().tolist(), table.note, texts=["way", "codes", "search"])
    if study.values["indexes"]:
        OUT.print()
        _show_indexes(study.values["indexes"])
    for path in files:
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)


def _check_sizes(sizes: Sequence[int], kinds: Sequence[str], *, large: bool) -> None:
    if large:
        return
    if "ctf" in kinds:
        raise BenchError(
            "index ctf is held to exact search in a gallery that is filled up: add --gallery 1e6; --coarse-to-fine "
            "searches the run's own gallery"
        )
    for option, found in (("--gallery", sizes), ("--index", kinds)):
        if len(found) > 1:
            raise BenchError(f"{option} takes several values only where --index and --gallery are both given")


def _fill_up(request: RunRequest, sizes: tuple[int, ...], kinds: tuple[str, ...], results: Path, cache: Path) -> None:
    """Train a run or find it, fill up its gallery, and search it exactly and by indexes."""
    from bench.running.run import run
    from bench.search.filling import ScaleRequest
    from bench.search.scale_study import embedded_run

    run(request, TerminalReporter())
    embedded = embedded_run(request, TerminalReporter())
    if not embedded.exit_codes():
        raise BenchError(f"{request.method} has no binary exit: large galleries are for methods that hash")
    search_large_galleries(embedded, ScaleRequest(sizes, cast(Any, kinds)), results, cache)


def _show_indexes(rows: Sequence[Mapping[str, Any]]) -> None:
    columns = ["exit", "bits", "seed", "recall", "rank-1", "exact", "mAP", "exact", "build s", "search s"]
    scores = ("recall", "rank_1", "exact_rank_1", "mean_ap", "exact_mean_ap")
    show_table(
        f"Index {rows[0]['index']} beside exact search",
        columns,
        [
            [row["exit"], str(row["length"]), str(row["seed"])]
            + [percent(row[name]) for name in scores]
            + [f"{row[name]:.3f}" for name in ("build_seconds", "search_seconds")]
            for row in rows
        ],
        "Of the 100 nearest images: an image as near as the last of them counts as found. mAP over these lists.",
    )


def _length(word: str) -> int:
    if not word.isdecimal() or not int(word):
        raise BenchError(f"--lengths takes whole numbers from 1 with commas, found {word!r}")
    return int(word)
