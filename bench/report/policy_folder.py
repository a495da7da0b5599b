"""The figure and the table of one run's decisions at the first exit, with pictures, in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.findings.sections import sections
from bench.report.figures.drawing import Drawing
from bench.report.figures.outcomes import outcome_figure
from bench.report.folder import write_folder
from bench.report.tables.outcomes import outcome_table
from bench.runs.load import load


def write_outcomes(
    results: Path, run_folder: Path, evaluation: Mapping[str, Any], out: Path, drawings: Mapping[str, Drawing]
) -> tuple[Path, ...]:
    """Write what the records of one run in ``run_folder`` under ``results`` say, and further drawings, to ``out``.

    ``evaluation`` is that of the records' header: a run may have been evaluated in other ways as well.
    """
    name = run_folder.relative_to(results).as_posix()
    found = load(results, name)
    (section,) = (part for part in sections(found) if part.evaluation == evaluation)
    (setup,) = section.setups
    outcomes = outcome_figure(section, setup)
    named = {} if outcomes is None else {"outcomes": outcomes}
    return write_folder(out, {"outcomes": outcome_table(section)}, named | dict(drawings))
