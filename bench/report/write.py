"""Write the whole report: figures, tables and the page, from the records under a results folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.cost.profiles import read_latencies
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.report.artists import ALONE, Artists, Drawn, Order
from bench.report.figures.kinds import ENDINGS, LATENCY_FIGURE, SEARCH_FIGURE, SECTION_FIGURES, SETUP_FIGURES
from bench.report.origin import origin_line, origin_of_runs
from bench.report.page import Figure, SearchPart, SectionPart, SetupPart, page
from bench.report.pictures import Picture, picture_files, read_picture
from bench.report.sections import Section, sections
from bench.report.studies import read_studies, studies_of
from bench.report.tables.curves import area_table, comparison_table
from bench.report.tables.latency import Timed, latency_table, timed_setups
from bench.report.tables.latex import latex
from bench.report.tables.methods import method_table
from bench.report.tables.outcomes import outcome_table
from bench.report.tables.pareto import pareto_table
from bench.report.tables.search import Study, search_tables, study_name
from bench.report.tables.table import Table, budget_table, exit_table, overview
from bench.runs.load import load

SEARCHES = -2
"""Place among a section's setups under which the figures of its search studies are kept; :data:`WHOLE` are its own."""
WHOLE = -1

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


def write_report(
    results: Path, out: Path, reporter: Reporter = SILENT, artists: Artists = ALONE, *, pictures: bool = True
) -> Report:
    """Draw up the report on all runs under ``results`` and put it into ``out``; ``pictures`` of queries go into it too.

    The same records give the same bytes. A file takes its place only once all are made; files that the report did not
    make are left alone, and so are those of an earlier report that this one has no successor for.
    """
    found = load(results)
    all_sections = sections(found)
    latencies, broken_latencies = read_latencies(results)
    studies, broken_studies = read_studies(results)
    remarks = (*found.remarks, *broken_latencies, *broken_studies)
    sheets = [_Sheet.of(section, latencies, studies, results if pictures else None) for section in all_sections]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=out) as temporary:
            desk = _Desk(Path(temporary))
            remarks = desk.fill(sheets, remarks, artists, reporter)
            files = tuple(_move(desk.folder, out, name) for name in sorted(desk.names))
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot write the report under {out}: {reason}; choose another --out") from problem
    return Report(out, files, tuple(section.title for section in all_sections), remarks)


def _move(source: Path, target: Path, name: str) -> Path:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    return (source / name).replace(target / name)


@dataclass(frozen=True)
class _Asked:
    """A figure to be made: its place on the sheet, its kind and what it is of, where that is from, what to say then."""

    place: int
    kind: str
    about: tuple[Any, ...]
    origin: str
    status: str


@dataclass(frozen=True)
class _Sheet:
    """A section with what was made apart from its runs: latencies by machine and batch, search studies by slug.

    ``pictures`` are those of each setup's queries: names of runs, and files.
    """

    section: Section
    timed: Mapping[tuple[str, int], Sequence[Timed]]
    studies: Sequence[tuple[str, Study]]
    pictures: Sequence[Sequence[tuple[str, Path]]]

    @classmethod
    def of(
        cls,
        section: Section,
        latencies: Sequence[Mapping[str, Any]],
        studies: Sequence[tuple[str, Study]],
        results: Path | None,
    ) -> _Sheet:
        """Choose what belongs to the section; pictures are looked for under ``results``."""
        pictures = [list(picture_files(results, setup)) if results else [] for setup in section.setups]
        return cls(section, timed_setups(section, latencies), studies_of(section, studies), pictures)

    def asked(self) -> Iterator[_Asked]:
        """List the figures."""
        section = self.section
        runs = [run for setup in section.setups for run in setup.runs]
        for kind in SECTION_FIGURES:
            yield _Asked(WHOLE, kind, (section,), origin_of_runs(runs), section.title)
        for number, ((machine, batch), timed) in enumerate(self.timed.items(), 1):
            times = origin_line((), (one.record["provenance"] for one in timed))
            origin = f"Times: {times} Accuracy: {origin_of_runs(runs)}"
            yield _Asked(WHOLE, LATENCY_FIGURE, (section, machine, batch, timed, number), origin, section.title)
        for slug, study in self.studies:
            origin = origin_line((row.get("run", "") for row in study["accuracy"]), [study["provenance"]])
            yield _Asked(SEARCHES, SEARCH_FIGURE, (study, slug), origin, section.title)
        # A figure of one setup asks the section for what holds for all of it, not for its records.
        alone = replace(section, setups=(), table=section.table.head(0))
        for place, setup in enumerate(section.setups):
            for kind in SETUP_FIGURES:
                yield _Asked(place, kind, (alone, setup), origin_of_runs(setup.runs), setup.label)


class _Desk:
    """The temporary folder, with the names that are taken, and remarks on what could not be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.remarks: list[str] = []
        for part in ("figures", "tables"):
            (folder / part).mkdir()

    def fill(
        self, sheets: Sequence[_Sheet], remarks: tuple[str, ...], artists: Artists, reporter: Reporter
    ) -> tuple[str, ...]:
        """Make everything: figures by the artists, and meanwhile the tables here; gives all remarks."""
        asked = [(at, figure) for at, sheet in enumerate(sheets) for figure in sheet.asked()]
        orders = [
            Order(figure.kind, figure.about, self.folder / "figures" / f"{number}")
            for number, (_, figure) in enumerate(asked)
        ]
        with reporter.task("figures", len(orders), unit="figures") as task:
            drawn: list[Drawn | None] = [None] * len(orders)
            arriving = artists.draw(orders)
            tables = [self._tables(sheet) for sheet in sheets]
            pictures = [[self._pictures(files) for files in sheet.pictures] for sheet in sheets]
            for number, made in arriving:
                drawn[number] = made
                task.advance(status=asked[number][1].status)
        figures: dict[tuple[int, int], list[Figure]] = {}
        for (at, figure), (name, made) in zip(asked, self._named(drawn), strict=True):
            figures.setdefault((at, figure.place), []).extend([Figure(name, made, figure.origin)] if made else [])
        parts = []
        for at, sheet in enumerate(sheets):
            setups = enumerate(sheet.section.setups)
            parts.append(
                SectionPart(
                    section=sheet.section,
                    figures=tuple(figures[at, WHOLE]),
                    setups=tuple(
                        SetupPart(setup, tuple(figures[at, place]), pictures[at][place]) for place, setup in setups
                    ),
                    searches=tuple(
                        SearchPart(study_name(study), figure, search_tables(study, slug))
                        for (slug, study), figure in zip(sheet.studies, figures.get((at, SEARCHES), ()), strict=True)
                    ),
                    **tables[at],
                )
            )
        runs = overview([sheet.section for sheet in sheets])
        self._table(runs)
        remarks = (*remarks, *self.remarks)
        self._text("index.html", page(runs, parts, remarks))
        return remarks

    def _pictures(self, files: Sequence[tuple[str, Path]]) -> tuple[Picture, ...]:
        """Read pictures; those that cannot be read cost a remark."""
        found = []
        for run, path in files:
            try:
                found.append(read_picture(run, path))
            except BenchError as problem:
                self.remarks.append(f"left out: {problem}")
        return tuple(found)

    def _tables(self, sheet: _Sheet) -> dict[str, Any]:
        """Make and write the tables of a section, by their names in :class:`SectionPart`."""
        section = sheet.section
        cut = (*(make(section) for make in SECTION_TABLES), latency_table(section, sheet.timed))
        whole = (method_table(section), *([pareto_table(section)] if len(section.setups) > 1 else []))
        for table in (*cut, *whole, *(table for slug, study in sheet.studies for table in search_tables(study, slug))):
            self._table(table)
        return {"tables": cut, "whole_tables": whole}

    def _named(self, drawn: Iterable[Drawn | None]) -> Iterator[tuple[str, Drawn | None]]:
        """Give the files of each figure its name; where there was nothing to draw, there is none."""
        taken: set[str] = set()
        for figure in drawn:
            if figure is None:
                yield "", None
                continue
            # Names are made of names that may hold hyphens themselves: two figures must not become one file.
            name, copies = figure.name, 1
            while name in taken:
                copies += 1
                name = f"{figure.name}-{copies}"
            taken.add(name)
            for ending in ENDINGS:
                self.names.append(f"figures/{name}.{ending}")
                figure.stem.with_name(f"{figure.stem.name}.{ending}").rename(self.folder / self.names[-1])
            yield name, figure

    def _text(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8", newline="\n")
        self.names.append(name)

    def _table(self, table: Table) -> None:
        if len(table.full):
            self._text(f"tables/{table.name}.csv", table.csv())
            self._text(f"tables/{table.name}.md", table.markdown())
            self._text(f"tables/{table.name}.tex", latex(table))
