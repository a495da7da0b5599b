"""Write the whole report: figures, tables and the page, from the records under a results folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.report.budget_figure import budget_figure
from bench.report.comparison import comparison_figure
from bench.report.curve_tables import area_table, comparison_table
from bench.report.detail_figures import cost_figure, shares_figure, training_figure
from bench.report.figures import Drawing
from bench.report.load import load
from bench.report.outcome_figure import outcome_figure, outcome_table
from bench.report.page import Figure, SectionPart, SetupPart, page
from bench.report.reported_table import reported_table
from bench.report.sections import Section, Setup, sections
from bench.report.tables import Table, budget_table, exit_table, overview

SETUP_FIGURES: tuple[Callable[[Section, Setup], Drawing | None], ...] = (
    budget_figure,
    outcome_figure,
    shares_figure,
    cost_figure,
    training_figure,
)
SECTION_TABLES: tuple[Callable[[Section], Table], ...] = (
    exit_table,
    area_table,
    budget_table,
    comparison_table,
    outcome_table,
)


@dataclass(frozen=True)
class Report:
    """What was written: ``files`` in ``folder``, titles of the sections, and remarks on records that were left out."""

    folder: Path
    files: tuple[Path, ...]
    sections: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def page(self) -> Path:
        """The page, to be opened in a browser."""
        return self.folder / "index.html"


def write_report(results: Path, out: Path, reporter: Reporter = SILENT) -> Report:
    """Draw up the report on all runs under ``results`` and put it into ``out``.

    The same records give the same bytes. A file takes its place only once all are made; files that the report did not
    make are left alone, and so are those of an earlier report that this one has no successor for.
    """
    found = load(results)
    all_sections = sections(found)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=out) as temporary:
            desk = _Desk(Path(temporary))
            desk.fill(all_sections, found.remarks, reporter)
            for section in all_sections:
                desk.text(f"tables/{section.slug}-records.csv", section.table.to_csv(index=False))
            files = tuple(_move(desk.folder, out, name) for name in sorted(desk.names))
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot write the report under {out}: {reason}; choose another --out") from problem
    return Report(out, files, tuple(section.title for section in all_sections), found.remarks)


def _move(source: Path, target: Path, name: str) -> Path:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    return (source / name).replace(target / name)


class _Desk:
    """The temporary folder, with the names that are taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self._figure_names: set[str] = set()

    def fill(self, all_sections: tuple[Section, ...], remarks: tuple[str, ...], reporter: Reporter) -> None:
        """Make everything."""
        total = sum(1 + len(SETUP_FIGURES) * len(section.setups) for section in all_sections)
        parts = []
        with reporter.task("figures", total, unit="figures") as task:
            for section in all_sections:
                comparison = self._figure(comparison_figure(section))
                task.advance(status=section.title)
                setups = []
                for setup in section.setups:
                    figures = []
                    for draw in SETUP_FIGURES:
                        figures.append(self._figure(draw(section, setup)))
                        task.advance(status=setup.label)
                    setups.append(SetupPart(setup, tuple(figure for figure in figures if figure)))
                tables = tuple(make(section) for make in SECTION_TABLES)
                parts.append(SectionPart(section, comparison, tuple(setups), tables, reported_table(section)))
        runs = overview(all_sections)
        for table in (runs, *(table for part in parts for table in (*part.tables, part.reported) if table)):
            self._table(table)
        self.text("index.html", page(runs, parts, remarks))

    def text(self, name: str, text: str) -> None:
        """Write one file of text."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        self.names.append(name)

    def _figure(self, drawing: Drawing | None) -> Figure | None:
        if drawing is None:
            return None
        # Names are made of names that may hold hyphens themselves: two figures must not become one file.
        name, copies = drawing.name, 1
        while name in self._figure_names:
            copies += 1
            name = f"{drawing.name}-{copies}"
        self._figure_names.add(name)
        svg = drawing.svg()
        self.text(f"figures/{name}.svg", svg)
        drawing.save_png(self.folder / "figures" / f"{name}.png")
        self.names.append(f"figures/{name}.png")
        return Figure(drawing, name, svg)

    def _table(self, table: Table) -> None:
        if len(table.full):
            self.text(f"tables/{table.name}.csv", table.full.to_csv(index=False))
            self.text(f"tables/{table.name}.md", table.markdown())
