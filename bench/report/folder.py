"""Figures and tables of one command in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.files import writing
from bench.findings.table import Table
from bench.report.figures.drawing import Drawing
from bench.report.kinds import FIGURE_FORMATS, MAKING
from bench.temporary import folder_in


def write_folder(folder: Path, tables: Mapping[str, Table], drawings: Mapping[str, Drawing]) -> tuple[Path, ...]:
    """Write tables (CSV, Markdown) and figures (SVG, PNG, PDF) by their file names; gives the paths.

    Raises BenchError where the folder cannot be written.
    """
    with writing(f"under {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with folder_in(folder, MAKING) as made:
            written = []
            for name, table in tables.items():
                for ending, text in {"csv": table.csv(), "md": table.markdown()}.items():
                    written.append(made / f"{name}.{ending}")
                    written[-1].write_text(text, encoding="utf-8", newline="\n")
            for name, drawing in drawings.items():
                written += drawing.save(made / name, FIGURE_FORMATS).values()
            return tuple(path.replace(folder / path.name) for path in written)
