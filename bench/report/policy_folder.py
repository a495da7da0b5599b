"""The figure and the table of one run's decisions at the first exit, with pictures, in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.report.figures import Drawing
from bench.report.load import load
from bench.report.outcome_figure import outcome_figure, outcome_table
from bench.report.sections import sections


def write_outcomes(
    results: Path, run_folder: Path, evaluation: Mapping[str, Any], out: Path, drawings: Sequence[Drawing]
) -> tuple[Path, ...]:
    """Write what the records of one run, in ``run_folder`` under ``results``, say, and further drawings, to ``out``.

    ``evaluation`` is that of the records' header: a run may have been evaluated in other ways as well.
    """
    place = run_folder.relative_to(results).as_posix()
    found = load(results, place)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (section,) = (part for part in sections(found) if part.evaluation == evaluation)
        (setup,) = section.setups
        table = outcome_table(section)
        (out / "outcomes.csv").write_text(table.full.to_csv(index=False), encoding="utf-8", newline="\n")
        (out / "outcomes.md").write_text(table.markdown(), encoding="utf-8", newline="\n")
        written = [out / "outcomes.csv", out / "outcomes.md"]
        figures = [("outcomes", outcome_figure(section, setup)), *((drawing.name, drawing) for drawing in drawings)]
        for name, drawing in figures:
            if drawing is not None:
                (out / f"{name}.svg").write_text(drawing.svg(), encoding="utf-8", newline="\n")
                drawing.save_png(out / f"{name}.png")
                written += [out / f"{name}.svg", out / f"{name}.png"]
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot write under {out}: {reason}; choose other --results") from problem
    return tuple(written)
