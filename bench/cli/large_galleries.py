"""Searches of large galleries: measured, written and shown, whichever command asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from bench.cli.show import size_text
from bench.cli.terminal import OUT, TerminalReporter, show_table, show_values
from bench.errors import BenchError
from bench.files import writing

if TYPE_CHECKING:
    from bench.search.filling import ScaleRequest
    from bench.search.scale_study import Embedded

MOST_IMAGES = 10**9
INDEXES = ("flat", "hnsw", "ivf", "ctf")


def image_count(option: str, word: str) -> int:
    """Read a number of images: 100000, or 1e5. Raises BenchError for what is none."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not (1 <= value <= MOST_IMAGES and value == int(value)):
        raise BenchError(f"{option} takes numbers of images from 1 to 1e9 with commas, as 1e6; found {word!r}")
    return int(value)


def _duration(seconds: float) -> str:
    """Word an estimate, which is no better than its first digits."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:,.0f} {unit}"
    return f"about {max(1, round(seconds))} seconds"


def search_large_galleries(
    embedded: Embedded, request: ScaleRequest, results: Path, working: Path, chosen: Sequence[int] = ()
) -> None:
    """Measure, write tables, figure and record under ``results/scale``, and print the tables.

    Raises BenchError where they cannot be written, or as the measurement does.
    """
    from bench.files import write_json
    from bench.findings.text import file_name
    from bench.report.figures.scale import scale_figure
    from bench.report.folder import write_folder
    from bench.report.tables.scale import scale_tables
    from bench.search.needs import check_needs, scale_needs
    from bench.search.scale_study import measure_embedded
    from bench.spec import digest

    exits = embedded.exit_codes(chosen)
    sizes = request.sizes
    needs = scale_needs(exits, request, embedded.pyramid() if "ctf" in request.indexes else None)
    show_values(
        f"{embedded.name} on {embedded.dataset}",
        {
            "queries": f"{len(embedded.query[1][0]):,}",
            "gallery": f"{len(embedded.gallery[1][0]):,} images, filled up to {', '.join(f'{n:,}' for n in sizes)}",
            "exits": ", ".join(f"{one.name} ({one.bits} bits)" for one in exits) or "none with packed codes",
            "indexes": ", ".join(request.indexes) or "none; exact search alone",
            "distractors": f"codes of {request.codes}" if request.codes else "drawn as measured codes are spread",
            "takes": f"{size_text(needs.disk_bytes)} on disk and {size_text(needs.memory_bytes)} of memory at least, "
            f"{_duration(needs.seconds)}{', builds of indexes beside it' if request.indexes else ''}",
        },
    )
    check_needs(needs, request, working)
    names = [one.name for one in exits]
    key = digest((embedded.content, sizes, request.indexes, request.seed, names, str(request.codes or "")))
    # Names out of a file from elsewhere name no folder as they are.
    folder = results / "scale" / file_name(embedded.dataset) / file_name(embedded.name, ending=key[:8])
    with writing(f"under {folder}"):  # before hours of work
        folder.mkdir(parents=True, exist_ok=True)
    values = {**measure_embedded(embedded, request, working, TerminalReporter(), chosen), "key": key}
    tables = {one.name: one for one in scale_tables(values)}
    with writing(f"under {folder}"):
        write_json(folder / "scale.json", values)
    files = write_folder(folder, tables, {"scale": scale_figure(values)})
    for one in tables.values():
        OUT.print()
        show_table(
            one.title,
            [str(column) for column in one.shown.columns],
            one.shown.to_numpy().tolist(),
            one.note,
            texts=["exit", "index", "search", "measured"],
        )
    for path in files:
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)
