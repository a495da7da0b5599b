"""The tables and the figure of one search study, in the folder where its numbers lie."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError
from bench.report.search_figure import search_figure
from bench.report.search_tables import Study, search_tables
from bench.report.tables import Table


def write_study(folder: Path, study: Study) -> tuple[tuple[Table, ...], tuple[Path, ...]]:
    """Write tables (CSV, Markdown) and the figure (SVG, PNG) of a study; gives the tables and the files' paths."""
    tables = search_tables(study, "")
    drawing = search_figure(study, "")
    files = []
    try:
        for table in tables:
            name = table.name.removeprefix("-")
            texts = {f"{name}.csv": table.full.to_csv(index=False), f"{name}.md": table.markdown()}
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8", newline="\n")
                files.append(folder / file)
        name = drawing.name.removeprefix("-")
        (folder / f"{name}.svg").write_text(drawing.svg(), encoding="utf-8", newline="\n")
        drawing.save_png(folder / f"{name}.png")
        files += [folder / f"{name}.svg", folder / f"{name}.png"]
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot write under {folder}: {reason}; choose other --results") from problem
    return tables, tuple(files)
