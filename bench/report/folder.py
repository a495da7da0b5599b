"""Figures and tables of one command in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.files import writing
from bench.findings.costs import Cost
from bench.findings.sections import sections
from bench.findings.table import Table
from bench.report.figures.drawing import Drawing
from bench.report.figures.outcomes import outcome_figure
from bench.report.kinds import FIGURE_FORMATS, MAKING
from bench.report.tables.outcomes import outcome_table
from bench.runs.load import load
from bench.runs.records import cost_of
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


def write_outcomes(
    results: Path, run_folder: Path, header: Mapping[str, Any], out: Path, drawings: Mapping[str, Drawing]
) -> tuple[Path, ...]:
    """Write how one run's policies decided at the first exit, by its records, and further drawings of it, to ``out``.

    The run is in ``run_folder`` under ``results``; ``header`` is that of the records: the run may have been evaluated
    in other ways as well, and swept over other costs. Raises BenchError where the folder cannot be written.
    """
    name = run_folder.relative_to(results).as_posix()
    found = load(results, name)
    of_records = header["evaluation"], Cost.of(cost_of(header))
    (section,) = (part for part in sections(found) if (part.evaluation, part.cost) == of_records)
    (setup,) = section.setups
    outcomes = outcome_figure(section, setup)
    named = {} if outcomes is None else {"outcomes": outcomes}
    return write_folder(out, {"outcomes": outcome_table(section)}, named | dict(drawings))
